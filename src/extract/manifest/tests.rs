use super::*;
use crate::extract::testing::sealing::{manifest, signing_key, verifier_key};

/// Signed by the key of 32 times the byte 01.
const GOLDEN: &str = include_str!("../../../tests/vectors/extract_manifest_v1.note");

const KEY: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

fn sample() -> Manifest {
    manifest(&["npr.csv", "kpr.parquet"], vec![KEY.into()])
}

fn name() -> Origin {
    "hvelv.example/extracts".parse().unwrap()
}

fn sign(manifest: &Manifest) -> Result<String, ManifestError> {
    Manifest::sign(&manifest.text()?, &name(), &signing_key(1))
}

/// Goal: who reads a manifest years later reads what was written.  Never written anew.
#[test]
fn a_manifest_keeps_its_golden_bytes() {
    assert_eq!(sign(&sample()).unwrap(), GOLDEN);
    let (read, trust) = Manifest::open(GOLDEN, Some(&verifier_key(1))).unwrap();
    assert_eq!((read, trust), (sample(), Trust::ExpectedKey));
    let (read, trust) = Manifest::open(GOLDEN, None).unwrap();
    assert_eq!((read, trust), (sample(), Trust::ManifestItself));
}

#[test]
fn a_changed_manifest_or_one_of_another_key_is_refused() {
    for (from, to) in [
        ("\"rows\": 56", "\"rows\": 57"),
        ("2031-12-31", "2041-12-31"),
        ("npr.csv", "npr.cvs"),
        ("Universitetet", "universitetet"),
    ] {
        let changed = GOLDEN.replacen(from, to, 1);
        let expected = Err(ManifestError::Note(NoteError::Signature));
        assert_eq!(Manifest::open(&changed, Some(&verifier_key(1))), expected, "{from}");
        assert_eq!(Manifest::open(&changed, None), expected, "{from}");
    }
    let other = Manifest::open(GOLDEN, Some(&verifier_key(2)));
    assert_eq!(other, Err(ManifestError::Note(NoteError::NotSigned)));
    // Signed by one key, and naming another.
    let forged = sample().text().unwrap();
    let forged = sign_note(&forged, &name(), &signing_key(2)).unwrap();
    assert_eq!(Manifest::open(&forged, Some(&verifier_key(2))), Err(ManifestError::Key));
    assert!(Manifest::open(&forged, None).is_err());
    for cut in ["", "\n\n", "{}\n\n", &GOLDEN[..GOLDEN.len() - 40]] {
        assert!(Manifest::open(cut, None).is_err());
        assert!(Manifest::open(cut, Some(&verifier_key(1))).is_err());
    }
}

#[test]
fn nothing_is_signed_but_a_manifest_in_its_one_form_that_names_the_key() {
    let sign = |text: &str| Manifest::sign(text, &name(), &signing_key(1));
    let text = sample().text().unwrap();
    assert!(sign(&text).is_ok());
    let checkpoint = "hvelv.example/extracts\n1\nAAAA\n";
    assert_eq!(sign(checkpoint), Err(ManifestError::NotAManifest));
    let compact = serde_json::to_string(&sample()).unwrap() + "\n";
    assert_eq!(sign(&compact), Err(ManifestError::Form));
    let more = text.replacen("\"v\": 1,", "\"v\": 1,\n  \"more\": true,", 1);
    assert_eq!(sign(&more), Err(ManifestError::Form));
    assert!(Manifest::parse(&more).is_ok(), "a field of a later version is passed over");
    let later = text.replacen("\"v\": 1", "\"v\": 2", 1);
    assert_eq!(sign(&later), Err(ManifestError::Version));
    let other = Manifest { verifier_key: verifier_key(2).to_string(), ..sample() };
    assert_eq!(sign(&other.text().unwrap()), Err(ManifestError::Key));
}

#[test]
fn fewer_than_k_left_out_persons_are_not_told_nor_their_rows() {
    for (persons, persons_min, shown) in [
        (0, Some(5), r#"{"persons_fewer_than":5}"#),
        (4, Some(5), r#"{"persons_fewer_than":5}"#),
        (5, Some(5), r#"{"persons":5,"rows":77}"#),
        (4, None, r#"{"persons_fewer_than":5}"#),
        (5, Some(10), r#"{"persons_fewer_than":10}"#),
    ] {
        let left_out = LeftOut::shown(persons, 77, persons_min);
        assert_eq!(serde_json::to_string(&left_out).unwrap(), shown);
        let manifest = Manifest { left_out, ..sample() };
        assert!(!manifest.summary().contains("77") || persons == 5);
    }
    // Nor if somebody fills it in by hand.
    let manifest = Manifest { left_out: LeftOut::Counted { persons: 4, rows: 9 }, ..sample() };
    assert!(matches!(manifest.text(), Err(ManifestError::Field { at, .. }) if at == "left_out"));
}

#[test]
fn what_no_manifest_may_say_is_refused_by_field() {
    let mut cases: Vec<(&str, Manifest)> = vec![
        ("purpose", Manifest { purpose: " ".into(), ..sample() }),
        ("contact", Manifest { contact: "a\nb".into(), ..sample() }),
        ("disclosure", Manifest { disclosure: "\u{9b}2J".into(), ..sample() }),
        ("legal_basis", Manifest { legal_basis: "x".repeat(2001), ..sample() }),
        ("files", Manifest { files: vec![], ..sample() }),
    ];
    let mut case = |at, change: &dyn Fn(&mut Manifest)| {
        let mut manifest = sample();
        change(&mut manifest);
        cases.push((at, manifest));
    };
    case("small_cells", &|m| m.small_cells.as_mut().unwrap().guarantee = "\u{1b}[2J".into());
    case("recipient.keys", &|m| m.recipient.keys.clear());
    case("files[1].columns[2]", &|m| m.files[1].columns[2].name = "serial".into());
    case("files[1].name", &|m| m.files[1].name = "NPR.csv".into());
    for bad in ["", "../x.csv", "/etc/x", "a/b", ".x", "-x", "a\\b", "x.age", "X.manifest", "ø.csv"]
    {
        case("files[0].name", &|m| m.files[0].name = bad.into());
    }
    for (expected, manifest) in cases {
        let error = manifest.text().unwrap_err();
        let ManifestError::Field { at, .. } = &error else { panic!("{error}") };
        assert_eq!(at, expected, "{error}");
        // Nor is it read.
        let text = serde_json::to_string(&manifest).unwrap();
        assert_eq!(Manifest::parse(&text), Err(error));
    }
}

#[test]
fn a_manifest_has_no_time_of_day() {
    let text = sample().text().unwrap();
    assert!(text.contains("\"made\": \"2026-11-22\""), "{text}");
    assert!(!text.contains("T0") && !text.contains("Z\""), "{text}");
}

#[test]
fn a_summary_says_what_when_and_whom_to_ask() {
    let said = sample().summary();
    for part in [
        "D-2026-0042",
        "access: Helsedataservice, 26/01234-5, 2026-10-01",
        "npr.csv: 56 rows, 5 columns",
        "fewer than 5 persons",
        "at least 5 of 4321 persons",
        "Nothing more is guaranteed",
        "utlevering@register.example",
        "2031-12-31",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let unscreened = Manifest { small_cells: None, ..sample() };
    assert!(unscreened.summary().contains("not screened"));
}
