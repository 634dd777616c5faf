//! `hvelv extract`: the recipient's side, with the program itself and with `age`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hvelv::crypto::note::{Origin, VerifierKey};
use hvelv::crypto::{SecretBytes, SigningKey};
use hvelv::extract::manifest::{
    Column, Content, Decision, DecisionKind, FileEntry, LeftOut, Manifest, Organisation,
};
use hvelv::extract::recipient::Recipients;
use hvelv::extract::seal::{SealedExtract, SealedFile};
use hvelv::files::destination::Existing;
use jiff::civil::date;

use crate::harness::{hvelv, run};

const USAGE: i32 = 2;
const PRECONDITION: i32 = 5;
const INPUT: i32 = 6;
const VERIFICATION: i32 = 7;

const ROWS: &str = "serial,sex\n123456782,1\n223456789,2\n";

struct Extract {
    directory: tempfile::TempDir,
    verifier: String,
}

impl Extract {
    /// An extract for a key that the program has made, until a year.
    fn new(expires: i16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = hvelv(&["extract", "key", &word(&directory.path().join("key"))]).well();
        let to = Recipients::parse(&[made.out.trim()]).unwrap();
        let origin: Origin = "hvelv.example/audit".parse().unwrap();
        let key = SigningKey::from_seed(&SecretBytes::filled(|bytes| *bytes = [9; 32]));
        let verifier = VerifierKey::new(origin.clone(), key.public_key());

        let path = directory.path().join("npr.csv.age");
        let mut output = SealedFile::create(&path, Existing::Keep, &to).unwrap();
        output.write_all(ROWS.as_bytes()).unwrap();
        let complete = output.finish().unwrap();
        let column = |name: &str, content| Column { name: name.into(), content };
        let manifest = Manifest {
            v: 1,
            disclosure: "D-42".into(),
            recipient: Organisation { organisation: "Universitetet".into(), keys: to.texts() },
            purpose: "research".into(),
            legal_basis: "helseregisterloven § 19 a".into(),
            decision: Decision {
                authority: "Helsedataservice".into(),
                reference: "26/1".into(),
                kind: DecisionKind::Access,
                date: date(2019, 1, 1),
            },
            files: vec![FileEntry {
                name: "npr.csv".into(),
                sha256: complete.sha256,
                bytes: complete.bytes,
                rows: 2,
                columns: vec![
                    column("serial", Content::Serial),
                    column("sex", Content::Variable { generalisation: None }),
                ],
            }],
            small_cells: None,
            left_out: LeftOut::shown(0, 0, None),
            expires: date(expires, 12, 31),
            contact: "utlevering@register.example".into(),
            made: date(2019, 2, 1),
            software: "hvelv".into(),
            verifier_key: verifier.to_string(),
        };
        let note = Manifest::sign(&manifest.text().unwrap(), &origin, &key).unwrap();
        let path = directory.path().join("D-42.manifest.age");
        let place = (path.as_path(), Existing::Keep);
        SealedExtract::new(vec![complete], place, &note, &verifier, &to)
            .unwrap()
            .publish()
            .unwrap();
        Self { directory, verifier: verifier.to_string() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command, with files of the directory.
    fn words(&self, verifier: Option<&str>, files: &[&str]) -> Vec<String> {
        let mut words = vec!["extract".into(), "open".into()];
        words.extend(["--identity".into(), word(&self.path("key"))]);
        words.extend(verifier.map(|key| format!("--verifier-key={key}")));
        words.extend(files.iter().map(|name| word(&self.path(name))));
        words.push(word(&self.path("opened")));
        words
    }
}

fn word(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_recipient_makes_a_key_and_opens_what_is_sealed_to_it() {
    let extract = Extract::new(2099);
    let mode = fs::metadata(extract.path("key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = ["extract", "key", &word(&extract.path("key"))];
    hvelv(&again).ended(PRECONDITION, "A key is never replaced");

    let files = ["npr.csv.age", "D-42.manifest.age"];
    let ran = hvelv(&extract.words(Some(&extract.verifier), &files)).well();
    for part in ["D-42", "Helsedataservice", "npr.csv: 2 rows", "2099-12-31", "utlevering@"] {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
    assert!(!ran.err.contains("WARNING") && !ran.err.contains("--verifier-key"), "{ran:?}");
    assert_eq!(fs::read_to_string(extract.path("opened/npr.csv")).unwrap(), ROWS);
    let mode = fs::metadata(extract.path("opened/npr.csv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    hvelv(&extract.words(None, &files)).ended(PRECONDITION, "exists already");
}

#[test]
fn an_expired_extract_is_opened_with_a_warning_and_an_unknown_signer_is_told() {
    let extract = Extract::new(2020);
    let ran = hvelv(&extract.words(None, &["npr.csv.age", "D-42.manifest.age"])).well();
    assert!(ran.err.contains("WARNING: expired on 2020-12-31"), "{ran:?}");
    assert!(ran.err.contains("confirm it to utlevering@register.example"), "{ran:?}");
    assert!(ran.err.contains("give --verifier-key to know whose extract it is"), "{ran:?}");
}

#[test]
fn what_does_not_open_or_verify_ends_with_its_code_and_leaves_nothing() {
    let extract = Extract::new(2099);
    let files = ["npr.csv.age", "D-42.manifest.age"];
    let bad = |code, said: &str, verifier: Option<&str>, files: &[&str]| {
        hvelv(&extract.words(verifier, files)).ended(code, said);
        assert!(!extract.path("opened").exists(), "{said}: something is left behind");
    };
    bad(USAGE, "verifier key is malformed", Some("nonsense"), &files);
    let other = SigningKey::from_seed(&SecretBytes::filled(|bytes| *bytes = [8; 32]));
    let other = VerifierKey::new("hvelv.example/audit".parse().unwrap(), other.public_key());
    bad(VERIFICATION, "not signed by the expected key", Some(&other.to_string()), &files);
    bad(INPUT, "there is no manifest", None, &files[..1]);
    bad(INPUT, "npr.csv.age is missing", None, &files[1..]);

    let whole = fs::read(extract.path("npr.csv.age")).unwrap();
    fs::write(extract.path("npr.csv.age"), &whole[..whole.len() - 5]).unwrap();
    bad(VERIFICATION, "npr.csv.age was changed, or is cut off", None, &files);
    fs::write(extract.path("npr.csv.age"), whole).unwrap();

    fs::remove_file(extract.path("key")).unwrap();
    hvelv(&["extract", "key", &word(&extract.path("key"))]).well();
    bad(INPUT, "is sealed to another key", None, &files);
}

/// What Hvelv seals, others open: the `age` program, with no Hvelv at all.
#[test]
#[expect(clippy::print_stderr, reason = "who runs it must see that nothing was tested")]
fn the_age_program_opens_an_extract_too() {
    let extract = Extract::new(2099);
    let age = |name: &str| {
        let mut command = Command::new("age");
        command.arg("--decrypt").arg("--identity").arg(extract.path("key")).arg(extract.path(name));
        run(command).well().out
    };
    if Command::new("age").arg("--version").output().is_err() {
        eprintln!("skipped: there is no program age here (Debian: apt-get install age)");
        return;
    }
    assert_eq!(age("npr.csv.age"), ROWS);
    let note = age("D-42.manifest.age");
    assert!(Manifest::open(&note, Some(&extract.verifier.parse().unwrap())).is_ok());
}
