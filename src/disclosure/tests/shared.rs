//! What the tests of disclosures share: the shipped rules, and objects that are good.

use jiff::Timestamp;
use jiff::civil::date;

use crate::config::codes::DisclosurePurpose;
use crate::disclosure::application::{Application, Environment, Request};
use crate::disclosure::decision::{Decision, Identity, RegisterFacts, Rulebook};
use crate::disclosure::delivery::Extract;
use crate::disclosure::history::Act;
use crate::disclosure::id::{ApplicationId, DisclosureId, Sha256Hex};
use crate::disclosure::lifecycle::{Disclosure, Opening};
use crate::disclosure::organisations::Organisations;
use crate::disclosure::routing::Routing;
use crate::disclosure::terms::{RegisterTerms, Terms, Variable};
use crate::disclosure::words::{Authority, DecisionKind, Reidentification, SourceKind};
use crate::ident::SerialWidth;
use crate::registers::catalogue::{Catalogue, DisclosureAuthority, Register};
use crate::testing::repository;

/// From the documentation of age.
pub(in crate::disclosure) const RECIPIENT_KEY: &str =
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

pub(in crate::disclosure) const UNIVERSITY: &str = "352601810";

fn root(file: &str) -> std::path::PathBuf {
    repository().join(file)
}

/// The rules as they are shipped.
pub(in crate::disclosure) struct Shipped {
    pub(in crate::disclosure) routing: Routing,
    pub(in crate::disclosure) registers: Vec<RegisterFacts>,
    pub(in crate::disclosure) organisations: Organisations,
}

impl Shipped {
    pub(in crate::disclosure) fn load() -> Self {
        let catalogue = Catalogue::load(&root("registers.toml")).unwrap();
        Self {
            routing: Routing::load(&root("decisions.toml"), &catalogue).unwrap(),
            registers: catalogue.iter().map(facts).collect(),
            organisations: Organisations::load(&root("organisations.toml")).unwrap(),
        }
    }

    pub(in crate::disclosure) fn rulebook(&self) -> Rulebook<'_> {
        Rulebook { routing: &self.routing, registers: &self.registers }
    }
}

fn facts(register: &Register) -> RegisterFacts {
    let kind = |authority| match authority {
        DisclosureAuthority::Helsedataservice => SourceKind::Listed,
        DisclosureAuthority::Other => SourceKind::Unlisted,
    };
    let periods = register.disclosure_authority.iter();
    let overrides = register.reservation.overrides.iter();
    RegisterFacts {
        code: register.code.clone(),
        kinds: periods.map(|one| (kind(one.authority), one.validity)).collect(),
        purposes: register.purposes.clone(),
        overrides: overrides.map(|one| (one.code.clone(), one.purposes.clone())).collect(),
        identity: if register.is_one_way() { Identity::OneWay } else { Identity::Sealed },
    }
}

/// Something that Kari does at noon of a day.
pub(in crate::disclosure) fn on(day: &str) -> Act {
    let at: Timestamp = format!("{day}T12:00:00Z").parse().unwrap();
    Act { by: "kari.nordmann".parse().unwrap(), at }
}

pub(in crate::disclosure) fn terms(registers: &[&str]) -> Terms {
    let one = |register: &&str| RegisterTerms {
        register: (*register).to_owned(),
        variables: vec![Variable { name: "sex".into(), generalisation: None }],
        secondary: Vec::new(),
    };
    Terms { registers: registers.iter().map(one).collect(), small_cells: None }
}

pub(in crate::disclosure) fn request(registers: &[&str], purpose: DisclosurePurpose) -> Request {
    Request {
        applicant: "Prosjektleder".parse().unwrap(),
        organisation: UNIVERSITY.parse().unwrap(),
        purpose,
        registers: registers.iter().map(|code| code.parse().unwrap()).collect(),
        combined_with: Vec::new(),
        legal_basis: vec!["helseregisterloven § 19 a".parse().unwrap()],
        delivered_to: Environment::Tsd,
        contact: "prosjekt@uni.example".parse().unwrap(),
        description: "Et prosjekt".parse().unwrap(),
    }
}

pub(in crate::disclosure) fn decision(registers: &[&str]) -> Decision {
    Decision {
        authority: Authority::Helsedataservice,
        kind: DecisionKind::Dispensation,
        reference: "26/04711-9".parse().unwrap(),
        dated: date(2026, 3, 2),
        valid_until: date(2027, 12, 31),
        serial_width: SerialWidth::Nine,
        continues: None,
        bridge_out: None,
        bridge_in: None,
        reidentification: Reidentification::Refused,
        overrides: Vec::new(),
        terms: terms(registers),
    }
}

/// An application for research on NPR, received on 2026-02-01.
pub(in crate::disclosure) fn received(shipped: &Shipped) -> Application {
    let request = request(&["NPR"], DisclosurePurpose::Research);
    let id = ApplicationId::new(2026, 1).unwrap();
    Application::receive(id, request, &shipped.organisations, &on("2026-02-01")).unwrap()
}

/// That application, decided on 2026-03-03.
pub(in crate::disclosure) fn decided(shipped: &Shipped) -> Application {
    let mut application = received(shipped);
    let decision = decision(&["NPR"]);
    application.decide(decision, None, &shipped.rulebook(), &on("2026-03-03")).unwrap();
    application
}

pub(in crate::disclosure) fn opening() -> Opening {
    Opening {
        id: DisclosureId([0x11; 16]),
        decision: 1,
        recipient_key: RECIPIENT_KEY.parse().unwrap(),
        verifier: "hvelv.example+1a2b3c4d+AQID".parse().unwrap(),
        expires: date(2027, 6, 30),
    }
}

/// A disclosure on it, opened on 2026-04-01.
pub(in crate::disclosure) fn opened(shipped: &Shipped) -> (Application, Disclosure) {
    let mut application = decided(shipped);
    let disclosure = Disclosure::open(opening(), &mut application, &on("2026-04-01")).unwrap();
    (application, disclosure)
}

pub(in crate::disclosure) fn extract() -> Extract {
    Extract {
        manifest: Some(Sha256Hex([0x22; 32])),
        manifest_digest: None,
        files: vec!["episodes.csv".parse().unwrap()],
        rows: 1_000,
        persons: 400,
        persons_left_out: 7,
        released: None,
    }
}
