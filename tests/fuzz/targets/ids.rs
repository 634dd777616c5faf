//! Identifiers, alone and in packed columns.

use std::sync::OnceLock;

use hvelv::ident::{
    Assigner, Declared, IdKind, Mode, RULE_2032_FROM, RegisterId, Rules, RulesAt, RulesConfig,
    Serial, SerialWidth, oid, parse_number, parse_packed_ascii, parse_packed_integers, parse_text,
};

const DECLARED: [Declared; 7] = [
    Declared::Any,
    Declared::Kind(IdKind::Dnr),
    Declared::Kind(IdKind::Duf),
    Declared::Kind(IdKind::Felles),
    Declared::Kind(IdKind::Fnr),
    Declared::Kind(IdKind::Hnr),
    Declared::Kind(IdKind::Local),
];

fn rules() -> RulesAt<'static> {
    static RULES: OnceLock<Rules> = OnceLock::new();
    let new = || Rules::new(&RulesConfig::new(Mode::Test)).unwrap();
    RULES.get_or_init(new).at(RULE_2032_FROM)
}

/// One identifier, register ID, serial, assigner or OID.
pub(super) fn identifiers(data: &[u8]) {
    let (rules, assigner) = (rules(), Assigner::from_number(999_999_999));
    for declared in DECLARED {
        if let Ok(id) = parse_text(&rules, declared, assigner, data) {
            assert_eq!(id.expose_digits().as_bytes(), data);
            if id.kind() == IdKind::Local {
                continue;
            }
            let number = id.expose_digits().as_str().parse().unwrap();
            let again = parse_number(&rules, declared, assigner, number).unwrap();
            assert!(again.same_as(&id));
        }
    }
    if let Ok(id) = RegisterId::parse(data) {
        assert_eq!(id.digits().as_bytes(), data);
    }
    for width in SerialWidth::ALL {
        if let Ok(serial) = Serial::parse(width, data) {
            assert_eq!(serial.digits().as_bytes(), data);
        }
    }
    if let Some(assigner) = Assigner::parse(data) {
        assert_eq!(assigner.digits(), data);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = (oid::kind_from_oid(text), oid::kind_from_code_8116(text));
    }
}

/// A column of them: what its rows are one by one.
pub(super) fn packed(data: &[u8]) {
    let rules = rules();
    for declared in DECLARED {
        let mut rows = Vec::new();
        let taken = parse_packed_ascii(&rules, declared, None, data, &mut rows);
        assert_eq!(taken.is_ok(), data.len().is_multiple_of(declared.row_bytes()));
        for (row, text) in rows.iter().zip(data.chunks(declared.row_bytes())) {
            match (row, parse_text(&rules, declared, None, text)) {
                (Ok(row), Ok(alone)) => assert!(row.same_as(&alone)),
                (row, alone) => assert_eq!(row.as_ref().err(), alone.as_ref().err()),
            }
        }
        let (words, _) = data.as_chunks();
        let numbers: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let mut rows = Vec::new();
        parse_packed_integers(&rules, declared, None, &numbers, &mut rows);
        assert_eq!(rows.len(), numbers.len());
    }
}
