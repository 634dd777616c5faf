//! Decisions: who let what out, until when, and with what besides; and the rules for that.
//!
//! FORMAT: the field names and words are those of the stored record, of the wire and of the files
//! that describe a disclosure, as those of [`Terms`] are.  They are for ever.
//!
//! What it does *not* protect: the rules see whether the right authority decided, not whether it
//! decided well.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::application::{Application, Request};
use super::id::DisclosureId;
use super::lifecycle::Disclosure;
use super::line::Line;
use super::refusal::{Refusal, Refused, shown_purposes};
use super::routing::{Question, Route, Routing, Source};
use super::terms::Terms;
use super::text::serial_width;
use super::words::{Authority, DecisionKind, Identifiers, Reidentification, SourceKind};
use crate::config::codes::{DisclosurePurpose, OrganisationNumber, RegisterCode, TermCode};
use crate::config::validity::Validity;
use crate::config::words::listed;
use crate::ident::SerialWidth;

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Who decided.
    pub authority: Authority,
    /// What.
    pub kind: DecisionKind,
    /// Its reference in the authority's archive.
    pub reference: Line,
    /// The day on which it was made: the rules of that day say who could.
    pub dated: Date,
    /// The last day on which anything is disclosed on it.
    pub valid_until: Date,
    /// How many digits serials have.
    #[serde(with = "serial_width")]
    pub serial_width: SerialWidth,
    /// The earlier disclosure whose serials go on: the recipient can then join both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<DisclosureId>,
    /// Whether a file of fødselsnummer and serials may go to a linking party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge_out: Option<BridgeOut>,
    /// Whether a project's own IDs are taken from another party and used in place of serials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge_in: Option<BridgeIn>,
    /// Whether a serial may be turned back into a person while the disclosure lives.
    pub reidentification: Reidentification,
    /// The provisions that go before reservations here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<ReservationOverride>,
    /// What is let out.
    pub terms: Terms,
}

/// A party that links, or has linked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LinkingParty {
    /// Its number in Enhetsregisteret.
    pub number: OrganisationNumber,
    /// What it is called.
    pub name: Line,
}

/// A bridge out: fødselsnummer and serials, to one party (D-09, D-10).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeOut {
    /// To whom, and to nobody else.
    pub to: LinkingParty,
    /// The last day by which that party has deleted it.
    pub delete_by: Date,
}

/// A bridge in: a project's own IDs by fødselsnummer, from one party (D-11).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeIn {
    /// From whom, and from nobody else.
    pub from: LinkingParty,
}

/// A provision that goes before reservations (S-10, S-11).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReservationOverride {
    /// Its code in `registers.toml`, such as `statistikkloven_10`.
    pub provision: TermCode,
    /// Whether it also goes before reservations against disclosure with the fødselsnummer.
    pub identifiers: Identifiers,
}

/// What the rules must know of a register; the catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterFacts {
    /// Its code.
    pub code: RegisterCode,
    /// Whether it is on Helsedataservice's list, and when.
    pub kinds: Vec<(SourceKind, Validity)>,
    /// What its data may be used for.
    pub purposes: BTreeSet<DisclosurePurpose>,
    /// Which provisions go before its reservations, and for which purposes; for all if empty.
    pub overrides: Vec<(TermCode, BTreeSet<DisclosurePurpose>)>,
    /// What it keeps of its persons.
    pub identity: Identity,
}

/// What a register keeps of its persons, as far as a disclosure can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// No identity: no bridge and no way back.
    OneWay,
    /// Sealed identities.
    Sealed,
}

/// The rules: who decides, who may receive, and what the registers are.
#[derive(Clone, Copy, Debug)]
pub struct Rulebook<'a> {
    /// `decisions.toml`.
    pub routing: &'a Routing,
    /// The registers of `registers.toml`.
    pub registers: &'a [RegisterFacts],
}

impl Rulebook<'_> {
    fn register(&self, code: &RegisterCode) -> Result<&RegisterFacts, Refusal> {
        let found = self.registers.iter().find(|register| register.code == *code);
        found.ok_or_else(|| Refusal::UnknownRegister(code.clone()))
    }

    /// Who decides on a request, on a kind of decision, on a day.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownRegister`], [`Refusal::NoRule`].
    pub fn route(
        &self,
        request: &Request,
        kind: DecisionKind,
        day: Date,
    ) -> Result<Route<'_>, Refusal> {
        let mut sources = Vec::new();
        for code in &request.registers {
            let mut kinds = self.register(code)?.kinds.iter();
            let kind = kinds.find(|(_, days)| days.contains(day)).map(|(kind, _)| *kind);
            sources.push(Source { name: code.as_str(), kind });
        }
        let others = request.combined_with.iter();
        sources.extend(others.map(|s| Source { name: s.name.as_str(), kind: Some(s.kind) }));
        self.routing.route(&Question { sources, purpose: request.purpose, kind, day })
    }
}

impl Decision {
    /// The key spaces of its surrogates.
    #[must_use]
    pub fn key_spaces(&self) -> BTreeSet<&str> {
        let secondary = self.terms.registers.iter().flat_map(|terms| &terms.secondary);
        secondary.map(|one| one.key_space.as_str()).collect()
    }

    /// Whether anything may be disclosed on it that day.
    ///
    /// # Errors
    ///
    /// [`Refusal::DecisionExpired`], [`Refusal::Dates`].
    pub fn check_day(&self, day: Date) -> Result<(), Refusal> {
        if day < self.dated {
            return Err(Refusal::Dates("the decision is dated after today; correct its date"));
        }
        if self.valid_until < day {
            return Err(Refusal::DecisionExpired { until: self.valid_until, day });
        }
        Ok(())
    }

    /// Whether it may be recorded for an application.
    ///
    /// # Errors
    ///
    /// [`Refused`] with every reason; a recipient that is refused always is the only one then.
    pub fn check(
        &self,
        application: &Application,
        rulebook: &Rulebook<'_>,
        day: Date,
    ) -> Result<(), Refused> {
        let class = application.recipient().class;
        if class.is_refused_always() {
            return Err(Refusal::HardRefusal(class).into());
        }
        let request = application.request();
        let mut reasons: Vec<Refusal> = self.check_day(day).err().into_iter().collect();
        reasons.extend(self.terms.problems().into_iter().map(Refusal::Terms));
        self.check_dates(&mut reasons);
        self.check_authority(request, rulebook, &mut reasons);
        for code in &request.registers {
            // Unknown registers are reported with the authority.
            let Ok(register) = rulebook.register(code) else { continue };
            self.check_register(register, request.purpose, &mut reasons);
            let receives = rulebook.routing.receives(class, code, request.purpose, self.dated);
            reasons.extend(receives.err());
        }
        for terms in &self.terms.registers {
            if !request.registers.iter().any(|code| code.as_str() == terms.register) {
                reasons.push(Refusal::RegisterNotAppliedFor(terms.register.clone()));
            }
        }
        self.check_overrides(request, rulebook, &mut reasons);
        Refused::unless_empty(reasons)
    }

    fn check_dates(&self, reasons: &mut Vec<Refusal>) {
        if self.valid_until < self.dated {
            reasons.push(Refusal::Dates("the decision ends before its date; correct one of them"));
        }
        if self.bridge_out.as_ref().is_some_and(|bridge| bridge.delete_by < self.dated) {
            let text = "the bridge is to be deleted before the decision's date; correct delete_by";
            reasons.push(Refusal::Dates(text));
        }
    }

    fn check_authority(
        &self,
        request: &Request,
        rulebook: &Rulebook<'_>,
        reasons: &mut Vec<Refusal>,
    ) {
        match rulebook.route(request, self.kind, self.dated) {
            Err(refusal) => reasons.push(refusal),
            Ok(route) if route.authority != self.authority => {
                reasons.push(Refusal::WrongAuthority {
                    given: self.authority,
                    kind: self.kind,
                    explanation: route.explanation,
                });
            }
            Ok(_) => {}
        }
    }

    fn check_register(
        &self,
        register: &RegisterFacts,
        purpose: DisclosurePurpose,
        reasons: &mut Vec<Refusal>,
    ) {
        if !register.purposes.contains(&purpose) {
            let purposes = shown_purposes(&register.purposes);
            reasons.push(Refusal::Purpose { register: register.code.clone(), purpose, purposes });
        }
        if register.identity != Identity::OneWay {
            return;
        }
        let wanted = [
            (self.bridge_in.is_some(), "bridge in"),
            (self.bridge_out.is_some(), "bridge out"),
            (self.reidentification == Reidentification::Permitted, "re-identification"),
        ];
        for (_, what) in wanted.into_iter().filter(|(is_wanted, _)| *is_wanted) {
            reasons.push(Refusal::OneWay { register: register.code.clone(), what });
        }
    }

    fn check_overrides(
        &self,
        request: &Request,
        rulebook: &Rulebook<'_>,
        reasons: &mut Vec<Refusal>,
    ) {
        let registers = || request.registers.iter().filter_map(|code| rulebook.register(code).ok());
        for wanted in &self.overrides {
            let concerns = |(code, purposes): &(TermCode, BTreeSet<DisclosurePurpose>)| {
                *code == wanted.provision
                    && (purposes.is_empty() || purposes.contains(&request.purpose))
            };
            if !registers().any(|register| register.overrides.iter().any(concerns)) {
                reasons.push(Refusal::Override {
                    provision: wanted.provision.clone(),
                    registers: listed(&request.registers),
                    purpose: request.purpose,
                });
            }
        }
    }

    /// Whether it may continue the disclosure that it names.
    pub(super) fn check_continued(
        &self,
        application: &Application,
        continued: Option<(&Application, &Disclosure)>,
    ) -> Result<(), Refusal> {
        let refuse = |text| Err(Refusal::Continuation(text));
        let Some(id) = self.continues else { return Ok(()) };
        let Some((earlier, disclosure)) = continued.filter(|(_, one)| one.id() == id) else {
            return refuse("there is not; correct its id");
        };
        if disclosure.application() != earlier.id() {
            return refuse("belongs to another application; correct its id");
        }
        if earlier.recipient().number != application.recipient().number {
            return refuse("has another recipient: two recipients never get the same serials");
        }
        let Ok(first) = earlier.decision(disclosure.decision()) else {
            return refuse("has no decision; correct its id");
        };
        if first.serial_width != self.serial_width {
            return refuse("has serials of another width; decide on the same");
        }
        if disclosure.closing().is_some_and(|closing| closing.closed.day() <= self.dated) {
            return refuse(
                "was closed before the decision was made: its key is destroyed; open one of its own",
            );
        }
        Ok(())
    }
}
