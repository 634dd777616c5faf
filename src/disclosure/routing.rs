//! Who decides, and who may receive: `decisions.toml`, and the answers that follow from it.
//!
//! ```text
//! [[rule]]       combination of sources × purpose × kind × day → authority
//! [[recipient]]  class × register × purpose × day → allowed
//! ```
//!
//! The law's rules are data, with the days on which they hold, because they change: on 15 March 2023
//! most decisions went to Helsedataservice.  What is asked about is the day on which a decision is
//! dated.  Which registers are on Helsedataservice's list is in `registers.toml`, for each day too.
//!
//! INVARIANTS: for one combination, purpose, kind and day there is at most one rule; where there is
//! none nobody decides, and nothing is disclosed; no file lets prosecution, employers or insurers
//! have anything.
//!
//! What this does *not* give: the law.  The shipped file says for each rule where it is from.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::Date;

use super::refusal::Refusal;
use super::words::{Authority, DecisionKind, RecipientClass, SourceKind};
use crate::config::codes::{DisclosurePurpose, RegisterCode, RegisterDirectory, TermCode};
use crate::config::problems::Problems;
use crate::config::reader;
use crate::config::validity::Validity;
use crate::config::words::{listed, word_enum};

mod read;

word_enum! {
    /// Which combinations of sources a rule is about.
    pub enum Combination {
        /// With a register of Helsedataservice's list, alone or beside others.
        WithListed = "with_listed",
        /// Without any.
        WithoutListed = "without_listed",
    }
}

/// Who decides on a combination of sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What the rule is called.
    pub code: TermCode,
    /// Who decides.
    pub authority: Authority,
    /// On what.
    pub kinds: BTreeSet<DecisionKind>,
    /// About which sources.
    pub combination: Combination,
    /// For which purposes.
    pub purposes: BTreeSet<DisclosurePurpose>,
    /// On which days.
    pub validity: Validity,
}

/// A class of recipients that may receive data of some registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientRule {
    /// The class; never one that is refused always.
    pub class: RecipientClass,
    /// Data of these.
    pub registers: BTreeSet<RegisterCode>,
    /// For these purposes.
    pub purposes: BTreeSet<DisclosurePurpose>,
    /// On which days.
    pub validity: Validity,
}

/// A source of data, as far as it matters for who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What it is on the day; `None` if that is not known.
    pub kind: Option<SourceKind>,
}

/// What is asked of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// All sources whose data are combined.
    pub sources: Vec<Source<'a>>,
    /// What for.
    pub purpose: DisclosurePurpose,
    /// What is decided.
    pub kind: DecisionKind,
    /// When.
    pub day: Date,
}

/// Who decides, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route<'r> {
    /// Who.
    pub authority: Authority,
    /// By which rule.
    pub rule: &'r Rule,
    /// Why, such as "NPR for research: Helsedataservice, rule of 2023-03-15".
    pub explanation: String,
}

/// The rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    rules: Vec<Rule>,
    recipients: Vec<RecipientRule>,
}

impl Rule {
    /// Who decides, and by which rule.
    fn cited(&self) -> String {
        let name = self.authority.name();
        let from = self.validity.from();
        from.map_or_else(
            || format!("{name}, rule {}", self.code),
            |day| format!("{name}, rule of {day}"),
        )
    }
}

impl Routing {
    /// Reads `decisions.toml`.
    ///
    /// # Errors
    ///
    /// All problems of the file, at once.
    pub fn load(path: &Path, registers: &impl RegisterDirectory) -> Result<Self, Problems> {
        reader::read_file(path, |top| read::routing(top, registers))
    }

    /// Parses the text of such a file, which problems call `file`.
    ///
    /// # Errors
    ///
    /// All problems of the text, at once.
    pub fn parse(
        text: &str,
        file: &Path,
        registers: &impl RegisterDirectory,
    ) -> Result<Self, Problems> {
        reader::read_document(file, text, |top| read::routing(top, registers))
    }

    /// Who decides.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoRule`], with an explanation, if no rule says who.
    pub fn route(&self, question: &Question<'_>) -> Result<Route<'_>, Refusal> {
        let Question { sources, purpose, kind, day } = question;
        let names = listed(sources.iter().map(|source| source.name));
        if let Some(unknown) = sources.iter().find(|source| source.kind.is_none()) {
            let text = format!(
                "{} for {purpose}: registers.toml does not say who decided on {day}",
                unknown.name
            );
            return Err(Refusal::NoRule(text));
        }
        let on_list = |source: &&Source<'_>| source.kind == Some(SourceKind::Listed);
        let on_list: Vec<&str> = sources.iter().filter(on_list).map(|one| one.name).collect();
        let combination =
            if on_list.is_empty() { Combination::WithoutListed } else { Combination::WithListed };
        let applies = |rule: &&Rule| {
            rule.combination == combination
                && rule.purposes.contains(purpose)
                && rule.validity.contains(*day)
        };
        let rules = || self.rules.iter().filter(applies);
        let Some(rule) = rules().find(|rule| rule.kinds.contains(kind)) else {
            let mut text = format!(
                "{names} for {purpose}: no [[rule]] of decisions.toml says who decides on {kind} on \
                 {day}, so nothing is disclosed on it"
            );
            for rule in rules() {
                text += &format!("; on {}: {}", listed(&rule.kinds), rule.cited());
            }
            return Err(Refusal::NoRule(text));
        };
        let mut explanation = format!("{names} for {purpose}: {}", rule.cited());
        if !on_list.is_empty() && on_list.len() < sources.len() {
            let verb = if on_list.len() == 1 { "is" } else { "are" };
            explanation += &format!(" ({} {verb} on Helsedataservice's list)", listed(on_list));
        }
        Ok(Route { authority: rule.authority, rule, explanation })
    }

    /// Whether a class of recipients may have a register's data.
    ///
    /// # Errors
    ///
    /// [`Refusal::HardRefusal`] before anything else; [`Refusal::Recipient`].
    pub fn receives(
        &self,
        class: RecipientClass,
        register: &RegisterCode,
        purpose: DisclosurePurpose,
        day: Date,
    ) -> Result<(), Refusal> {
        if class.is_refused_always() {
            return Err(Refusal::HardRefusal(class));
        }
        let applies = |rule: &RecipientRule| {
            rule.class == class
                && rule.registers.contains(register)
                && rule.purposes.contains(&purpose)
                && rule.validity.contains(day)
        };
        if self.recipients.iter().any(applies) {
            return Ok(());
        }
        Err(Refusal::Recipient { class, register: register.clone(), purpose, day })
    }
}

#[cfg(test)]
mod tests;
