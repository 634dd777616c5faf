//! The rules of disclosure: two files, and what the catalogue says of the registers.

use std::path::Path;

use crate::config::Problems;
use crate::disclosure::Rulebook;
use crate::disclosure::decision::{Identity, RegisterFacts};
use crate::disclosure::organisations::Organisations;
use crate::disclosure::routing::Routing;
use crate::disclosure::words::SourceKind;
use crate::registers::catalogue::{Catalogue, DisclosureAuthority, Register};

/// Who decides, who may receive, and what the registers are.
#[derive(Clone, Debug)]
pub struct DisclosureRules {
    routing: Routing,
    organisations: Organisations,
    registers: Vec<RegisterFacts>,
}

impl DisclosureRules {
    /// Reads `decisions.toml` and `organisations.toml`.
    ///
    /// # Errors
    ///
    /// All problems of both files.
    pub fn load(
        decisions: &Path,
        organisations: &Path,
        catalogue: &Catalogue,
    ) -> Result<Self, Problems> {
        let routing = Routing::load(decisions, catalogue);
        let organisations = Organisations::load(organisations);
        let (routing, organisations) = match (routing, organisations) {
            (Ok(routing), Ok(organisations)) => (routing, organisations),
            (Err(problems), Err(more)) => return Err(problems.join(more)),
            (Err(problems), _) | (_, Err(problems)) => return Err(problems),
        };
        let registers = catalogue.iter().map(facts).collect();
        Ok(Self { routing, organisations, registers })
    }

    /// The organisations.
    pub(in crate::service) fn organisations(&self) -> &Organisations {
        &self.organisations
    }

    /// What decisions are held against.
    pub(super) fn rulebook(&self) -> Rulebook<'_> {
        Rulebook { routing: &self.routing, registers: &self.registers }
    }
}

/// What the rules must know of a register.
fn facts(register: &Register) -> RegisterFacts {
    let kinds = register.disclosure_authority.iter().map(|period| {
        let kind = match period.authority {
            DisclosureAuthority::Helsedataservice => SourceKind::Listed,
            DisclosureAuthority::Other => SourceKind::Unlisted,
        };
        (kind, period.validity)
    });
    let overrides = register.reservation.overrides.iter();
    RegisterFacts {
        code: register.code.clone(),
        kinds: kinds.collect(),
        purposes: register.purposes.clone(),
        overrides: overrides.map(|one| (one.code.clone(), one.purposes.clone())).collect(),
        identity: if register.is_one_way() { Identity::OneWay } else { Identity::Sealed },
    }
}
