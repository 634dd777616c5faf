use super::*;
use crate::ident::testing::{
    BEFORE_2032, FROM_2032, assert_lacks, assigner, duf_number, felles_number, h_number, read,
    rules, synthetic_number,
};
use crate::ident::{Declared, Mode, Reject, parse_number, parse_text};
use proptest::prelude::*;

assert_lacks!(
    NationalId: Copy, fmt::Display, Ord, PartialEq, PartialOrd, std::hash::Hash, Zeroize,
    serde::Serialize,
);
assert_lacks!(Digits: Clone, fmt::Display, PartialEq, std::hash::Hash, serde::Serialize);

fn tag_input_of(id: &NationalId) -> Vec<u8> {
    let mut out = [0xEE; 32];
    let length = id.tag_input(&mut out);
    assert!(out[length..].iter().all(|byte| *byte == 0xEE));
    out[..length].to_vec()
}

fn in_production(number: u64, assigner: Option<Assigner>) -> NationalId {
    parse_number(&rules(Mode::Production).at(BEFORE_2032), Declared::Any, assigner, number).unwrap()
}

fn any_id() -> impl Strategy<Value = NationalId> {
    let duf = (1900..=2099u64, 0..1_000_000u64).prop_map(|(year, serial)| duf_number(year, serial));
    prop_oneof![
        synthetic_number()
            .prop_map(|number| { read(&rules(Mode::Test).at(BEFORE_2032), number).unwrap() }),
        felles_number().prop_map(|number| in_production(number, Some(assigner()))),
        duf.prop_map(|number| in_production(number, Some(assigner()))),
        (h_number(), prop::sample::select(vec!["310000000", "974760673"])).prop_map(
            |(number, assigner)| in_production(number, Assigner::parse(assigner.as_bytes()))
        ),
    ]
}

#[test]
fn kinds_keep_their_stored_codes() {
    let codes = [
        (IdKind::Fnr, 1),
        (IdKind::Dnr, 2),
        (IdKind::Hnr, 3),
        (IdKind::Felles, 4),
        (IdKind::Duf, 5),
        (IdKind::Local, 6),
    ];
    for (kind, code) in codes {
        assert_eq!((kind.code(), IdKind::from_code(code)), (code, Some(kind)));
    }
    for code in (0..=u8::MAX).filter(|code| !(1..=6).contains(code)) {
        assert_eq!(IdKind::from_code(code), None);
    }
}

#[test]
fn tag_input_keeps_its_golden_bytes() {
    let test = rules(Mode::Test);
    let fnr = read(&test.at(BEFORE_2032), 5_840_399_895).unwrap();
    assert_eq!(tag_input_of(&fnr), b"\x01\x00\x0B05840399895");
    let dnr = read(&test.at(BEFORE_2032), 41_814_061_033).unwrap();
    assert_eq!(tag_input_of(&dnr), b"\x02\x00\x0B41814061033");
    let hnr = in_production(9_448_542_138, Some(assigner()));
    assert_eq!(tag_input_of(&hnr), b"\x03\x09310000000\x0B09448542138");
    let felles = in_production(80_008_621_423, None);
    assert_eq!(tag_input_of(&felles), b"\x04\x00\x0B80008621423");
    let duf = in_production(200_900_595_509, None);
    assert_eq!(tag_input_of(&duf), b"\x05\x00\x0C200900595509");
    let lengths = [&fnr, &dnr, &hnr, &felles, &duf].map(|id| tag_input_of(id).len());
    assert_eq!(lengths, [14, 14, 23, 14, 15]);
}

#[test]
fn a_local_number_keeps_its_golden_bytes_and_is_its_assigners_alone() {
    let rules = rules(Mode::Production);
    let declared = Declared::Kind(IdKind::Local);
    let local = |text: &[u8], assigner| {
        parse_text(&rules.at(BEFORE_2032), declared, assigner, text).unwrap()
    };
    let short = local(b"0", Some(assigner()));
    assert_eq!(tag_input_of(&short), b"\x06\x09310000000\x010");
    let long = local(b"2016/1234-AB", Some(assigner()));
    assert_eq!(tag_input_of(&long), b"\x06\x09310000000\x0C2016/1234-AB");
    assert_eq!(long.expose_digits().as_str(), "2016/1234-AB");
    for id in [&short, &long] {
        assert!(NationalId::decode(&tag_input_of(id)).unwrap().same_as(id));
    }
    let zero = local(b"00", Some(assigner()));
    let other = local(b"0", Assigner::parse(b"974760673"));
    assert!(!short.same_as(&zero) && !short.same_as(&other));
    assert_ne!(tag_input_of(&short), tag_input_of(&other));
    for (bytes, name) in [
        (&b"\x06\x00\x010"[..], "no assigner"),
        (b"\x06\x09310000000\x00", "empty"),
        (b"\x06\x09310000000\x0D2016/1234-ABC", "too long"),
        (b"\x06\x09310000000\x01a", "small letter"),
        (b"\x06\x09310000000\x0200 ", "trailing byte"),
        (b"\x06\x09310000000\x0B05840399895", "a national number"),
        (b"\x06\x09310000000\x0C200900595509", "a DUF-number"),
    ] {
        assert!(NationalId::decode(bytes).is_none(), "{name}");
    }
}

#[test]
fn one_person_has_one_tag_whoever_sent_the_number() {
    let with = in_production(80_008_621_423, Some(assigner()));
    let without = in_production(80_008_621_423, None);
    assert!(with.same_as(&without) && with.assigner().is_none());
    assert_eq!(tag_input_of(&with), tag_input_of(&without));
}

#[test]
fn an_h_number_of_another_assigner_is_another_identifier() {
    let one = in_production(9_448_542_138, Some(assigner()));
    let other = in_production(9_448_542_138, Assigner::parse(b"974760673"));
    assert!(!one.same_as(&other));
    assert_ne!(tag_input_of(&one), tag_input_of(&other));
}

#[test]
fn decode_refuses_what_tag_input_never_wrote() {
    let good: &[u8] = b"\x01\x00\x0B05840399895";
    assert!(NationalId::decode(good).is_some());
    for (bytes, name) in [
        (&b""[..], "empty"),
        (b"\x01", "one byte"),
        (b"\x01\x00", "no number"),
        (b"\x00\x00\x0B05840399895", "unknown kind"),
        (b"\x02\x00\x0B05840399895", "kind against value"),
        (b"\x01\x00\x0A05840399895", "number length too small"),
        (b"\x01\x00\x0C05840399895", "number length too large"),
        (b"\x01\x00\x0A5840399895", "a digit missing"),
        (b"\x01\x00\x0B05840399896", "check digits"),
        (b"\x01\x00\x0B0584039989A", "letter"),
        (b"\x01\x00\x0B058403998950", "trailing byte"),
        (b"\x01\x09310000000\x0B05840399895", "assigner on a fnr"),
        (b"\x03\x09310000001\x0B09448542138", "assigner's check digit"),
        (b"\x03\x08310000000\x0B09448542138", "assigner length"),
        (b"\x01\xFF\x0B05840399895", "assigner longer than the rest"),
        (b"\x05\x00\x0B05840399895", "duf with eleven digits"),
    ] {
        assert!(NationalId::decode(bytes).is_none(), "{name}");
    }
}

#[test]
fn passed_rule_tells_the_two_rules_apart() {
    let test = rules(Mode::Test);
    let id = |number| read(&test.at(FROM_2032), number).unwrap();
    assert_eq!(id(30_908_299_902).passed_rule(), CheckRule::Rule2032);
    assert_eq!(id(5_840_399_895).passed_rule(), CheckRule::Rule1964);
    let duf = in_production(200_900_595_509, None);
    assert_eq!(duf.passed_rule(), CheckRule::Rule1964);
}

#[test]
fn organisation_numbers_need_nine_digits_and_their_check_digit() {
    // Public numbers of public bodies: Brønnøysundregistrene, Helsedirektoratet, Skatteetaten.
    for text in ["974760673", "983544622", "974761076", "310000000"] {
        let assigner = Assigner::parse(text.as_bytes()).unwrap();
        assert_eq!(assigner.digits().as_slice(), text.as_bytes());
        assert_eq!(assigner.to_string(), text);
        assert_eq!(Assigner::from_number(assigner.number()), Some(assigner));
        for place in 0..9 {
            for shift in 1..10 {
                let mut wrong = text.as_bytes().to_vec();
                wrong[place] = b'0' + (wrong[place] - b'0' + shift) % 10;
                assert_eq!(Assigner::parse(&wrong), None);
            }
        }
    }
    for text in ["", "97476067", "9747606731", "97476067A", "974 76067", "000000000", "+74760673"] {
        assert_eq!(Assigner::parse(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn debug_says_nothing_about_the_value() {
    let id = in_production(9_448_542_138, Some(assigner()));
    assert_eq!(format!("{id:?}"), "NationalId(..)");
    assert_eq!(format!("{:#?}", Some(&id)).matches("NationalId(..)").count(), 1);
    assert_eq!(format!("{:?}", id.expose_digits()), "Digits(..)");
    assert_eq!(id.expose_digits().as_str(), "09448542138");
}

#[test]
fn an_identifier_is_sixteen_bytes_also_in_a_result() {
    assert_eq!(size_of::<NationalId>(), 16);
    assert_eq!(size_of::<Result<NationalId, Reject>>(), 16);
}

proptest! {
    #[test]
    fn tag_input_is_injective(one in any_id(), other in any_id()) {
        prop_assert_eq!(one.same_as(&other), tag_input_of(&one) == tag_input_of(&other));
        prop_assert!(one.same_as(&one.clone()));
    }

    /// Injective because it decodes: the lengths tell where each part ends.
    #[test]
    fn tag_input_decodes_to_the_same_identifier(id in any_id()) {
        let decoded = NationalId::decode(&tag_input_of(&id)).unwrap();
        prop_assert!(decoded.same_as(&id));
        prop_assert_eq!(decoded.kind(), id.kind());
        prop_assert_eq!(decoded.assigner(), id.assigner());
    }

    #[test]
    fn no_tag_input_is_a_prefix_of_another(one in any_id(), other in any_id()) {
        prop_assume!(!one.same_as(&other));
        prop_assert!(!tag_input_of(&one).starts_with(&tag_input_of(&other)));
    }

    #[test]
    fn decode_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some(id) = NationalId::decode(&bytes) {
            prop_assert_eq!(tag_input_of(&id), bytes);
        }
    }
}
