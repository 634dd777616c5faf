//! How health messages name the kinds: OIDs and the codes of code list 8116.
//!
//! # Why it exists
//!
//! FHIR and KITH messages label an identifier with an OID or a code; [`Declared`](super::Declared)
//! needs our kind. The labels conflict in the wild (DOMAIN B7: `.4.3` used for H-numbers, `.4.4`
//! for felles hjelpenummer), so the value is always classified as well.
//!
//! | kind | OID | 8116 |
//! |---|---|---|
//! | fødselsnummer | 2.16.578.1.12.4.1.4.1 | FNR |
//! | D-number | 2.16.578.1.12.4.1.4.2 | DNR |
//! | felles hjelpenummer | 2.16.578.1.12.4.1.4.3 | FHN |
//! | DUF-number | 2.16.578.1.12.4.1.4.5 | DUF |
//! | H-number | none; no-basis-Patient types it by code list 8327 | HNR |
//!
//! Sources: HL7Norway/basisprofiler-r4 `NamingSystem/no-basis-*`, HL7Norway/kodeverk
//! `no-kodeverk-8116.fsh`.
//!
//! # Invariants
//!
//! The HPR-number, which names health personnel, is never taken for a patient's identifier.

use thiserror::Error;

use super::national::IdKind;

/// OID of the fødselsnummer (`NamingSystem/no-basis-fodselsnummer`).
pub const OID_FNR: &str = "2.16.578.1.12.4.1.4.1";
/// OID of the D-number (`NamingSystem/no-basis-dnummer`).
pub const OID_DNR: &str = "2.16.578.1.12.4.1.4.2";
/// OID of the felles hjelpenummer (`NamingSystem/no-basis-felleshjelpenummer`).
pub const OID_FELLES: &str = "2.16.578.1.12.4.1.4.3";
/// OID of the HPR-number, which names health personnel (`no-basis-helsepersonellnummer`).
pub const OID_HPR: &str = "2.16.578.1.12.4.1.4.4";
/// OID of the DUF-number (`NamingSystem/no-basis-dufnummer`).
pub const OID_DUF: &str = "2.16.578.1.12.4.1.4.5";
/// OID of code list 8116, "ID-type for personer"; its codes are read by [`kind_from_code_8116`].
pub const OID_CODE_LIST_8116: &str = "2.16.578.1.12.4.1.1.8116";
/// OID of code list 8327, by which no-basis-Patient types an H-number.
pub const OID_CODE_LIST_8327: &str = "2.16.578.1.12.4.1.1.8327";

/// Why a label names no kind that the service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OidError {
    /// The OID of a code list, not of a kind.
    #[error("the oid names a code list, not a kind of identifier; send the code from the list")]
    CodeList,
    /// The HPR-number.
    #[error("hpr-numbers name health personnel, not patients; send the patient's own identifier")]
    Personnel,
    /// Anything else.
    #[error(
        "not a kind of identifier that is taken here; fødselsnummer, d-number, h-number, felles \
         hjelpenummer and duf-number are"
    )]
    Unknown,
}

/// The kind that an OID names, with or without `urn:oid:` before it (DOMAIN B7).
///
/// # Errors
///
/// [`OidError`], with its own text for the HPR-number.
pub fn kind_from_oid(oid: &str) -> Result<IdKind, OidError> {
    match oid.strip_prefix("urn:oid:").unwrap_or(oid) {
        OID_FNR => Ok(IdKind::Fnr),
        OID_DNR => Ok(IdKind::Dnr),
        OID_FELLES => Ok(IdKind::Felles),
        OID_DUF => Ok(IdKind::Duf),
        OID_HPR => Err(OidError::Personnel),
        OID_CODE_LIST_8116 | OID_CODE_LIST_8327 => Err(OidError::CodeList),
        _ => Err(OidError::Unknown),
    }
}

/// The OID that names a kind; the H-number has none that is unambiguous (DOMAIN B7), and local
/// numbers have one for each institution.
#[must_use]
pub const fn oid_of_kind(kind: IdKind) -> Option<&'static str> {
    match kind {
        IdKind::Dnr => Some(OID_DNR),
        IdKind::Duf => Some(OID_DUF),
        IdKind::Felles => Some(OID_FELLES),
        IdKind::Fnr => Some(OID_FNR),
        IdKind::Hnr | IdKind::Local => None,
    }
}

/// The kind that a code of list 8116 names, in capitals as the list has it (DOMAIN B7).
///
/// # Errors
///
/// [`OidError`], with its own text for HPR.
pub fn kind_from_code_8116(code: &str) -> Result<IdKind, OidError> {
    match code {
        "DNR" => Ok(IdKind::Dnr),
        "DUF" => Ok(IdKind::Duf),
        "FHN" => Ok(IdKind::Felles),
        "FNR" => Ok(IdKind::Fnr),
        "HNR" => Ok(IdKind::Hnr),
        "HPR" => Err(OidError::Personnel),
        _ => Err(OidError::Unknown),
    }
}

/// The code of list 8116 that names a kind (DOMAIN B7); none names a local number.
#[must_use]
pub const fn code_8116_of_kind(kind: IdKind) -> Option<&'static str> {
    Some(match kind {
        IdKind::Dnr => "DNR",
        IdKind::Duf => "DUF",
        IdKind::Felles => "FHN",
        IdKind::Fnr => "FNR",
        IdKind::Hnr => "HNR",
        IdKind::Local => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [IdKind; 5] = [IdKind::Dnr, IdKind::Duf, IdKind::Felles, IdKind::Fnr, IdKind::Hnr];

    #[test]
    fn oids_and_codes_round_trip_and_only_the_h_number_lacks_an_oid() {
        for kind in KINDS {
            assert_eq!(code_8116_of_kind(kind).map(kind_from_code_8116), Some(Ok(kind)));
            match oid_of_kind(kind) {
                Some(oid) => {
                    assert_eq!(kind_from_oid(oid), Ok(kind));
                    assert_eq!(kind_from_oid(&format!("urn:oid:{oid}")), Ok(kind));
                }
                None => assert_eq!(kind, IdKind::Hnr),
            }
        }
        let local = (oid_of_kind(IdKind::Local), code_8116_of_kind(IdKind::Local));
        assert_eq!(local, (None, None));
    }

    #[test]
    fn personnel_numbers_are_refused_with_their_own_text() {
        assert_eq!(kind_from_oid(OID_HPR), Err(OidError::Personnel));
        assert_eq!(kind_from_code_8116("HPR"), Err(OidError::Personnel));
        assert!(OidError::Personnel.to_string().contains("health personnel"));
    }

    #[test]
    fn other_labels_are_refused() {
        for oid in ["", "urn:oid:", "2.16.578.1.12.4.1.4.101", "2.16.578.1.12.4.1.4.1 ", "FNR"] {
            assert_eq!(kind_from_oid(oid), Err(OidError::Unknown), "{oid:?}");
        }
        assert_eq!(kind_from_oid(OID_CODE_LIST_8116), Err(OidError::CodeList));
        assert_eq!(kind_from_oid(OID_CODE_LIST_8327), Err(OidError::CodeList));
        for code in ["HER", "PNR", "SEF", "DKF", "SSN", "FPN", "UID", "XXX", "fnr", ""] {
            assert_eq!(kind_from_code_8116(code), Err(OidError::Unknown), "{code:?}");
        }
    }
}
