//! A request for innsyn, and its answer.

use std::str::FromStr;

use zeroize::Zeroizing;

use super::convert::Violations;
use crate::audit::Recorded;
use crate::rights::representation::Facts;
use crate::rpc::innsyn::message;
use crate::rpc::proto::{GetInnsynRequest, GetInnsynResponse, InnsynFacts, InnsynRegisterIds};
use crate::service::{Error, Innsyn, InnsynRequest, RegisterIds};

/// What is asked.
pub(super) fn request(mut wire: GetInnsynRequest) -> Result<InnsynRequest, Error> {
    let identifier = Zeroizing::new(std::mem::take(&mut wire.identifier));
    let mut violations = Violations::default();
    let kind = violations.kind((wire.r#type(), &wire.assigner), ["type", "assigner"]);
    let stated = violations.need(wire.facts, "facts", "is missing");
    let facts = stated.and_then(|stated| facts(&mut violations, &stated));
    let register_ids = if wire.with_register_ids { RegisterIds::Told } else { RegisterIds::Untold };
    let asked = kind.zip(facts);
    violations.finish(asked.map(|(kind, facts)| InnsynRequest {
        kind,
        identifier,
        facts,
        register_ids,
    }))
}

fn facts(violations: &mut Violations, stated: &InnsynFacts) -> Option<Facts> {
    let must = "must be attorney, kin, parent or self";
    let acting = violations.need(stated.acting.parse().ok(), "facts.acting", must);
    let way = violations.need(stated.way.parse().ok(), "facts.way", "must be digital or manual");
    let InnsynFacts {
        acting: _,
        way: _,
        level,
        age,
        address,
        address_of_actor,
        block,
        life,
        parental_responsibility,
        parent_at_address,
        area_1,
        next_of_kin,
        special_reasons,
    } = stated;
    let responsibility = (parental_responsibility.as_str(), "facts.parental_responsibility");
    let read = Facts {
        level: word(violations, (level, "facts.level"), "must be none, basis, basis_plus or full"),
        age: word(violations, (age, "facts.age"), "must be under_16 or 16_or_over"),
        address: word(violations, (address, "facts.address"), "must be open or protected"),
        address_of_actor: word(
            violations,
            (address_of_actor, "facts.address_of_actor"),
            "must be open or protected",
        ),
        block: word(violations, (block, "facts.block"), "must be open or blocked"),
        life: word(violations, (life, "facts.life"), "must be alive or dead"),
        parental_responsibility: word(violations, responsibility, YES_OR_NO),
        parent_at_address: word(
            violations,
            (parent_at_address, "facts.parent_at_address"),
            YES_OR_NO,
        ),
        area_1: word(violations, (area_1, "facts.area_1"), YES_OR_NO),
        next_of_kin: word(violations, (next_of_kin, "facts.next_of_kin"), YES_OR_NO),
        special_reasons: word(violations, (special_reasons, "facts.special_reasons"), YES_OR_NO),
        ..Facts::new(acting?, way?)
    };
    Some(read)
}

const YES_OR_NO: &str = "must be yes or no";

/// A word that may be left out.
fn word<T: FromStr>(
    violations: &mut Violations,
    (text, field): (&str, &'static str),
    must: &'static str,
) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    violations.need(text.parse().ok(), field, must)
}

/// What is said, which exists only recorded.
pub(super) fn answer(recorded: Recorded<Innsyn>) -> GetInnsynResponse {
    let (Innsyn { report, register_ids }, audit_entry) = recorded.into_answer();
    let register_ids = register_ids.into_iter();
    GetInnsynResponse {
        report: Some(message(report)),
        register_ids: register_ids
            .map(|(register, ids)| InnsynRegisterIds { register, ids })
            .collect(),
        audit_entry,
    }
}
