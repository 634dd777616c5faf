//! Between a report and its messages: the same fields, both ways.
//!
//! A field that is added to one side alone does not compile.

use super::proto;
use crate::rights::report::{self, Report, VERSION};

/// Pairs of a part of the report and its message: fields that are the same, lists of parts, parts that
/// may be absent, and parts that are always there.
macro_rules! mirrored {
    ($( $part:ident = $message:ident {
        $($same:ident),*; $($list:ident),*; $($maybe:ident),*; $($always:ident),*; $($left:ident),*
    } )+) => { $(
        impl From<report::$part> for proto::$message {
            fn from(part: report::$part) -> Self {
                Self {
                    $($same: part.$same,)*
                    $($list: part.$list.into_iter().map(Into::into).collect(),)*
                    $($maybe: part.$maybe.map(Into::into),)*
                    $($always: Some(part.$always.into()),)*
                }
            }
        }

        impl From<proto::$message> for report::$part {
            fn from(message: proto::$message) -> Self {
                Self {
                    $($same: message.$same,)*
                    $($list: message.$list.into_iter().map(Into::into).collect(),)*
                    $($maybe: message.$maybe.map(Into::into),)*
                    $($always: message.$always.map(Into::into).unwrap_or_default(),)*
                    $($left: None,)*
                }
            }
        }
    )+ };
}

mirrored! {
    Organisation = InnsynOrganisation {
        number, name;
        ; ; ;
    }
    Term = InnsynTerm {
        code, name;
        ; ; ;
    }
    Source = InnsynSource {
        code, name, deliveries, first_seen, last_seen, period_from, period_to;
        ; ; ;
    }
    Fact = InnsynFact {
        kind, purposes, at, principal, channel, on;
        ; reserved_use, quality_register; organisation;
    }
    QualityConsent = InnsynQualityConsent {
        said, on;
        ; ; register;
    }
    Kept = InnsynKept {
        fields, since, said;
        ; ; ;
    }
    Register = InnsynRegister {
        code, name, standing, processors, legal_basis, basis, purposes, retention_years, first_seen, last_seen, consented, contact;
        sources, reservations, ledger, reservation_uses, exclusions, quality_consents; kept; controller; records
    }
    Bridge = InnsynBridge {
        issued, delete_by, deleted;
        ; ; to;
    }
    Disclosure = InnsynDisclosure {
        application, applicant, description, recipient_class, purpose, legal_basis, combined_with, delivered_to, authority, decision_kind, decision_reference, decision_dated, reidentification, opened, expires, state, handed_over, closed, deletion_confirmed;
        registers, bridges; ; recipient;
    }
    Access = InnsynAccess {
        entry, at, times, actor, principal, action, attempted, reason, source, purpose, basis, application, details;
        ; register; organisation;
    }
    Case = InnsynCase {
        kind, state, opened, decided, text;
        ; ; register;
    }
}

/// A report as a message; the number of its entry is beside it.
pub(super) fn message(report: Report) -> proto::InnsynReport {
    let Report { v: _, audit_entry: _, made, acting, way, registers, disclosures, accesses, cases } =
        report;
    proto::InnsynReport {
        made,
        acting,
        way,
        registers: registers.into_iter().map(Into::into).collect(),
        disclosures: disclosures.into_iter().map(Into::into).collect(),
        accesses: accesses.into_iter().map(Into::into).collect(),
        cases: cases.into_iter().map(Into::into).collect(),
    }
}

/// A message as a report.
#[must_use]
pub fn report(message: proto::InnsynReport, audit_entry: u64) -> Report {
    Report {
        v: VERSION,
        audit_entry,
        made: message.made,
        acting: message.acting,
        way: message.way,
        registers: message.registers.into_iter().map(Into::into).collect(),
        disclosures: message.disclosures.into_iter().map(Into::into).collect(),
        accesses: message.accesses.into_iter().map(Into::into).collect(),
        cases: message.cases.into_iter().map(Into::into).collect(),
    }
}
