//! Numbers that one institution has given.

use super::*;

/// Goal: a local number is text of its alphabet with its assigner, declared as such, and never a national
/// number under another label.
#[test]
fn local_numbers_are_what_the_sender_declares_and_no_national_number() {
    let declared = Declared::Kind(IdKind::Local);
    let own = Assigner::parse(b"974760673");
    let production = rules(Mode::Production);
    let verdict = |text: &[u8], assigner| {
        seen(&parse_text(&production.at(BEFORE_2032), declared, assigner, text)).map(|one| one.2)
    };
    for text in ["0", "0012345", "P-1234.A/2", "12345678901", "99999999999", "123456789012"] {
        assert_eq!(verdict(text.as_bytes(), own), Ok(text.to_owned()), "{text}");
        assert_eq!(verdict(text.as_bytes(), None), Err(Reject::AssignerMissing), "{text}");
    }
    for text in ["", "1234567890123", "p1", "1 2", " 1", "1_2", "\u{d8}1"] {
        assert_eq!(verdict(text.as_bytes(), own), Err(Reject::Format), "{text:?}");
    }
    // A synthetic fødselsnummer, an H-number, a felles hjelpenummer, a DUF-number.
    for text in ["05840399895", "09448542138", "80008621423", "200900595509"] {
        assert_eq!(verdict(text.as_bytes(), own), Err(Reject::KindMismatch), "{text}");
    }
    // By no value, and out of no integer.
    assert_eq!(text_in(Mode::Production, Declared::Any, b"P-1234"), Err(Reject::Format));
    let number = parse_number(&production.at(BEFORE_2032), declared, own, 1234);
    assert_eq!(seen(&number), Err(Reject::Format));
    let number = parse_number(&production.at(BEFORE_2032), declared, own, 200_900_595_509);
    assert_eq!(seen(&number), Err(Reject::Format));
    // In a test, of an institution that is one of the test alone.
    let test = rules(Mode::Test);
    let in_test = |assigner| seen(&parse_text(&test.at(BEFORE_2032), declared, assigner, b"P1"));
    assert_eq!(in_test(own), Err(Reject::RealInTest));
    // A packed column has those of twelve characters.
    let mut rows = Vec::new();
    let column = b"P-1234567890123456789012";
    parse_packed_ascii(&production.at(BEFORE_2032), declared, own, column, &mut rows).unwrap();
    let texts: Vec<_> = rows.iter().map(|row| seen(row).map(|one| one.2)).collect();
    assert_eq!(texts, [Ok("P-1234567890".to_owned()), Ok("123456789012".to_owned())]);
}

/// Goal: no local number becomes a national one on the day of the new rule, and its rows with it.
/// Method: numbers that only the rule from 2032 passes, declared local on both sides of the day.
#[test]
fn what_is_taken_as_a_local_number_is_the_same_before_and_after_2032() {
    let declared = Declared::Kind(IdKind::Local);
    let production = rules(Mode::Production);
    let only_new = |number: &u64| {
        let parts = Parts::of(*number);
        parts.has_date() && (1..=3).contains(&parts.rest_1()) && parts.rest_2() == 0
    };
    // A fødselsnummer of 2 January 1990, and a felles hjelpenummer.
    for first in [2_019_000_000, 80_000_000_000] {
        let number = (first..).find(only_new).unwrap();
        let text = format!("{number:011}");
        for received in [BEFORE_2032, FROM_2032] {
            let verdict =
                parse_text(&production.at(received), declared, Some(assigner()), text.as_bytes());
            assert_eq!(verdict.unwrap_err(), Reject::KindMismatch, "{first} {received}");
        }
    }
}
