use super::*;
use crate::ident::testing::{
    BEFORE_2032, FROM_2032, assigner, duf_number, felles_number, h_number, rules, synthetic_number,
};
use crate::ident::{Mode, Rules, RulesConfig};
use proptest::prelude::*;

mod local;

type Verdict = Result<(IdKind, Option<Assigner>, String), Reject>;

fn seen(result: &Result<NationalId, Reject>) -> Verdict {
    let id = result.as_ref().map_err(|reject| *reject)?;
    Ok((id.kind(), id.assigner(), id.expose_digits().as_str().to_owned()))
}

fn text_in(mode: Mode, declared: Declared, text: &[u8]) -> Verdict {
    seen(&parse_text(&rules(mode).at(FROM_2032), declared, None, text))
}

/// Goal: every row of the shared vectors. Method: each row in the environment that takes its
/// marker, under the 2032 rule, with an assigner for the H-numbers; invalid rows in both.
#[test]
fn every_vector_has_its_verdict_kind_and_marker() {
    let vectors = include_str!("../../../tests/vectors/identifiers.tsv");
    let mut executed = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [number, verdict, kind, marker, note] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("five columns: {line}")
        };
        let in_mode = |mode| {
            let assigner = Some(assigner());
            parse_text(&rules(mode).at(FROM_2032), Declared::Any, assigner, number.as_bytes())
        };
        if verdict == "invalid" {
            for mode in [Mode::Production, Mode::Test] {
                let reject = in_mode(mode).unwrap_err();
                let (date, digits) = (Reject::Date, Reject::CheckDigits);
                let allowed = match note {
                    "format" => vec![Reject::Format],
                    note if note.contains("digits correct") => vec![date],
                    note if note.starts_with("month") => vec![date],
                    _ => vec![digits],
                };
                assert!(allowed.contains(&reject), "{line}: {reject:?}");
            }
        } else {
            assert_eq!(verdict, "valid");
            let mode = match (kind, marker) {
                (_, "-") | ("HNR", _) => Mode::Production,
                _ => Mode::Test,
            };
            let id = in_mode(mode).unwrap_or_else(|reject| panic!("{line}: {reject:?}"));
            assert_eq!(crate::ident::oid::code_8116_of_kind(id.kind()), Some(kind), "{line}");
            let seen_marker = match id.marker() {
                Marker::Nav40 => "+40",
                Marker::Nav60 => "nav+60",
                Marker::Nhn65 => "nhn+65",
                Marker::None => "-",
                Marker::Tenor80 => "tenor+80",
            };
            assert_eq!(seen_marker, marker, "{line}");
            assert_eq!(id.expose_digits().as_str(), number);
            let needs_2032 = id.passed_rule() == crate::ident::CheckRule::Rule2032;
            assert_eq!(needs_2032, note.contains("2032 rule only"), "{line}");
        }
        executed += 1;
    }
    assert_eq!(executed, 73);
}

#[test]
fn format_rejections_each_by_name() {
    let declared_forms = [Declared::Any, Declared::Kind(IdKind::Fnr), Declared::Kind(IdKind::Duf)];
    let forms: [(&[u8], &str); 21] = [
        (b"", "empty"),
        (b"5840399895", "10 digits: the leading zero is lost"),
        (b"0058403998950", "13 digits"),
        (b"0584039989A", "letter"),
        (b"O5840399895", "letter O for zero"),
        (b"058403 9895", "embedded blank"),
        (b"058403-9895", "embedded dash"),
        (b" 5840399895", "leading blank"),
        (b"5840399895 ", "trailing blank"),
        (b" 05840399895", "leading blank before 11 digits"),
        (b"05840399895 ", "trailing blank after 11 digits"),
        (b"058403 99895", "blank between date and individ number"),
        (b"058403-99895", "dash between date and individ number"),
        (b"05840399895\n", "line feed"),
        (b"+5840399895", "sign"),
        (b"-5840399895", "minus"),
        (b"05840399895\0", "trailing zero byte"),
        ("０５８４０３９９８９５".as_bytes(), "full-width digits"),
        ("٠٥٨٤٠٣٩٩٨٩٥".as_bytes(), "arabic digits"),
        ("٠584039989".as_bytes(), "one arabic digit among 11 bytes"),
        (b"\xFF5840399895", "not utf-8"),
    ];
    for declared in declared_forms {
        for mode in [Mode::Production, Mode::Test] {
            for (text, name) in forms {
                let verdict = text_in(mode, declared, text);
                assert_eq!(verdict, Err(Reject::Format), "{name}, {declared:?}");
            }
        }
    }
}

#[test]
fn twelve_digits_are_a_matter_of_format_for_every_kind_of_eleven() {
    for kind in [IdKind::Dnr, IdKind::Felles, IdKind::Fnr, IdKind::Hnr] {
        let declared = Declared::Kind(kind);
        for text in [b"200900595509", b"058403998950"] {
            assert_eq!(text_in(Mode::Production, declared, text), Err(Reject::Format));
        }
        let number =
            parse_number(&rules(Mode::Production).at(FROM_2032), declared, None, 200_900_595_509);
        assert_eq!(seen(&number), Err(Reject::Format));
    }
    let duf = Declared::Kind(IdKind::Duf);
    assert_eq!(text_in(Mode::Production, duf, b"05840399895"), Err(Reject::Format));
    assert!(text_in(Mode::Production, duf, b"200900595509").is_ok());
}

#[test]
fn duf_years_outside_two_centuries_are_a_matter_of_format() {
    let rules = rules(Mode::Production);
    let verdict = |year| {
        let number = duf_number(year, 123_456);
        seen(&parse_number(&rules.at(BEFORE_2032), Declared::Any, None, number)).map(|_| ())
    };
    assert_eq!(verdict(1899), Err(Reject::Format));
    assert_eq!(verdict(1900), Ok(()));
    assert_eq!(verdict(2099), Ok(()));
    assert_eq!(verdict(2100), Err(Reject::Format));
}

#[test]
fn numbers_too_large_for_any_kind_are_a_matter_of_format() {
    let rules = rules(Mode::Production);
    for number in [LIMIT_12, u64::MAX] {
        let verdict = parse_number(&rules.at(FROM_2032), Declared::Any, None, number);
        assert_eq!(seen(&verdict), Err(Reject::Format));
    }
}

#[test]
fn a_declared_kind_that_the_value_contradicts_is_a_mismatch() {
    let kinds = [IdKind::Dnr, IdKind::Felles, IdKind::Fnr, IdKind::Hnr];
    let samples = [
        ("41814061033", IdKind::Dnr),
        ("80008621423", IdKind::Felles),
        ("05840399895", IdKind::Fnr),
        ("09448542138", IdKind::Hnr),
    ];
    for (text, kind) in samples {
        for declared in kinds.into_iter().filter(|declared| *declared != kind) {
            // Told before the environment is asked, so in both.
            for mode in [Mode::Production, Mode::Test] {
                let verdict = text_in(mode, Declared::Kind(declared), text.as_bytes());
                assert_eq!(verdict, Err(Reject::KindMismatch), "{text} as {declared:?}");
            }
        }
    }
    let rules = rules(Mode::Test);
    let own = parse_text(&rules.at(FROM_2032), Declared::Kind(IdKind::Fnr), None, b"05840399895");
    assert!(own.is_ok());
}

#[test]
fn the_npid_of_nav_is_refused_as_a_date() {
    for month in 21..=32u64 {
        let rules = rules(Mode::Production);
        let number = (100 + month) * 10_000_000;
        let verdict = parse_number(&rules.at(FROM_2032), Declared::Any, None, number);
        assert_eq!(seen(&verdict), Err(Reject::Date));
    }
}

#[test]
fn a_column_that_ends_inside_a_row_is_refused_whole() {
    let rules = rules(Mode::Test);
    for (declared, row_bytes) in
        [(Declared::Any, 11), (Declared::Kind(IdKind::Fnr), 11), (Declared::Kind(IdKind::Duf), 12)]
    {
        let mut out = vec![Err(Reject::Format)];
        let column = vec![b'0'; row_bytes * 3 + 1];
        let error = ColumnLength { column_bytes: column.len(), row_bytes };
        let at = rules.at(BEFORE_2032);
        assert_eq!(parse_packed_ascii(&at, declared, None, &column, &mut out), Err(error));
        assert_eq!(out.len(), 1);
        let whole = &column[..row_bytes * 3];
        assert_eq!(parse_packed_ascii(&at, declared, None, whole, &mut out), Ok(()));
        assert_eq!(out.len(), 4);
        assert_eq!(parse_packed_ascii(&at, declared, None, &[], &mut out), Ok(()));
        assert_eq!(out.len(), 4);
    }
}

#[test]
fn a_batch_does_not_allocate_for_its_rows() {
    let rules = rules(Mode::Test);
    let mut out = Vec::with_capacity(200);
    let before = out.as_ptr();
    for _ in 0..3 {
        out.clear();
        let column = b"05840399895".repeat(100);
        let at = rules.at(BEFORE_2032);
        parse_packed_ascii(&at, Declared::Any, None, &column, &mut out).unwrap();
        parse_packed_integers(&at, Declared::Any, None, &[5_840_399_895; 100], &mut out);
        assert!(out.len() == 200 && out.iter().all(Result::is_ok));
    }
    assert_eq!(out.as_ptr(), before);
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let modes = vec![Mode::Development, Mode::Production, Mode::Test];
    (prop::sample::select(modes), any::<bool>()).prop_map(|(mode, with_lists)| {
        let mut config = RulesConfig::new(mode);
        if with_lists {
            config.test_assigners.push("310000000".into());
            config.test_felles_prefixes.push("8".into());
            config.test_duf_prefixes.push("20".into());
        }
        Rules::new(&config).unwrap()
    })
}

fn any_declared() -> impl Strategy<Value = Declared> {
    prop::sample::select(vec![
        Declared::Any,
        Declared::Kind(IdKind::Dnr),
        Declared::Kind(IdKind::Duf),
        Declared::Kind(IdKind::Felles),
        Declared::Kind(IdKind::Fnr),
        Declared::Kind(IdKind::Hnr),
        Declared::Kind(IdKind::Local),
    ])
}

/// Integers do not tell the zeros that a local number begins with.
fn is_by_value(declared: &Declared) -> bool {
    !matches!(declared, Declared::Kind(IdKind::Local))
}

fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![
        synthetic_number(),
        felles_number(),
        h_number(),
        (1890..2110u64, 0..1_000_000u64).prop_map(|(year, serial)| duf_number(year, serial)),
        0..LIMIT_11,
        0..LIMIT_12,
        any::<u64>(),
    ]
}

proptest! {
    #[test]
    fn packed_rows_agree_with_single_rows_on_any_bytes(
        rules in any_rules(), declared in any_declared(), with_assigner in any::<bool>(),
        late in any::<bool>(),
        rows in prop::collection::vec(
            (any_number(), any::<prop::sample::Index>(), prop::option::weighted(0.2, any::<u8>())),
            0..20,
        ),
    ) {
        let rules = rules.at(if late { FROM_2032 } else { BEFORE_2032 });
        let assigner = with_assigner.then(assigner);
        let width = declared.row_bytes();
        let texts: Vec<Vec<u8>> = rows
            .iter()
            .map(|(number, place, byte)| {
                let mut text = format!("{:0width$}", number % 10u64.pow(u32::try_from(width).unwrap())).into_bytes();
                if let Some(byte) = byte {
                    let place = place.index(width);
                    text[place] = *byte;
                }
                text
            })
            .collect();
        let mut out = Vec::new();
        parse_packed_ascii(&rules, declared, assigner, &texts.concat(), &mut out).unwrap();
        let packed: Vec<Verdict> = out.iter().map(seen).collect();
        let single: Vec<Verdict> = texts
            .iter()
            .map(|text| seen(&parse_text(&rules, declared, assigner, text)))
            .collect();
        prop_assert_eq!(packed, single);
    }

    #[test]
    fn packed_integers_agree_with_text(
        rules in any_rules(), declared in any_declared().prop_filter("text alone", is_by_value),
        with_assigner in any::<bool>(), numbers in prop::collection::vec(any_number(), 0..20),
    ) {
        let rules = rules.at(BEFORE_2032);
        let assigner = with_assigner.then(assigner);
        let mut out = Vec::new();
        parse_packed_integers(&rules, declared, assigner, &numbers, &mut out);
        let packed: Vec<Verdict> = out.iter().map(seen).collect();
        let text: Vec<Verdict> = numbers
            .iter()
            .map(|number| {
                let text = format!("{number:011}");
                seen(&parse_text(&rules, declared, assigner, text.as_bytes()))
            })
            .collect();
        prop_assert_eq!(packed, text);
    }

    #[test]
    fn any_bytes_parse_without_panic(
        rules in any_rules(), declared in any_declared(),
        text in prop::collection::vec(any::<u8>(), 0..16),
    ) {
        let result = parse_text(&rules.at(FROM_2032), declared, None, &text);
        if let Ok(id) = result {
            let digits = id.expose_digits();
            prop_assert_eq!(digits.as_bytes(), text.as_slice());
        }
    }

    #[test]
    fn valid_numbers_round_trip_in_the_environment_that_takes_them(number in synthetic_number()) {
        let text = format!("{number:011}");
        let verdict = text_in(Mode::Test, Declared::Any, text.as_bytes());
        let kind = if number >= 40_000_000_000 { IdKind::Dnr } else { IdKind::Fnr };
        prop_assert_eq!(verdict, Ok((kind, None, text)));
    }

    /// Both rules: the second sum has a weight for every digit, none of them 0 mod 11.
    #[test]
    fn any_single_changed_digit_is_refused(
        number in prop_oneof![synthetic_number(), felles_number(), h_number()],
        place in 0..11usize, shift in 1..10u8,
    ) {
        let mut text = format!("{number:011}").into_bytes();
        text[place] = b'0' + (text[place] - b'0' + shift) % 10;
        for received in [BEFORE_2032, FROM_2032] {
            for mode in [Mode::Production, Mode::Test] {
                let rules = rules(mode);
                let verdict =
                    parse_text(&rules.at(received), Declared::Any, Some(assigner()), &text);
                let reject = verdict.unwrap_err();
                prop_assert!(matches!(reject, Reject::CheckDigits | Reject::Date), "{reject:?}");
            }
        }
    }

    #[test]
    fn any_single_changed_digit_of_a_duf_number_is_refused(
        year in 1900..=2099u64, serial in 0..1_000_000u64, place in 0..12usize, shift in 1..10u8,
    ) {
        let mut text = duf_number(year, serial).to_string().into_bytes();
        text[place] = b'0' + (text[place] - b'0' + shift) % 10;
        prop_assert!(text_in(Mode::Production, Declared::Any, &text).is_err());
    }

    /// K1 alone: a first check digit with another rest, and a second one made to match it.
    #[test]
    fn only_rests_up_to_three_pass_and_only_from_2032(number in synthetic_number()) {
        let head = number / 100 * 100;
        for check in 0..100 {
            let changed = head + check;
            let parts = Parts::of(changed);
            if parts.rest_2() != 0 {
                continue;
            }
            let rest = parts.rest_1();
            let rules = rules(Mode::Test);
            let taken = |received| {
                parse_number(&rules.at(received), Declared::Any, None, changed).is_ok()
            };
            prop_assert_eq!(taken(BEFORE_2032), rest == 0);
            prop_assert_eq!(taken(FROM_2032), rest <= 3);
        }
    }
}
