//! The rows of a statement: their identifiers, and what became of each.

use zeroize::Zeroizing;

use super::super::identifiers::Identifiers;
use crate::config::codes::{RegisterCode, SourceCode};
use crate::config::words::word_enum;
use crate::ident::{IdKind, RulesAt, parse_text};
use crate::policy::Right;
use crate::service::RowKind;

word_enum! {
    /// What became of a row.
    pub enum LinkOutcome {
        /// All its identifiers are one person's already.
        AlreadyOne = "already_one",
        /// Two of them have an ID of their own in the register, and neither goes before the other.
        BothInRegister = "both_in_register",
        /// With what other rows of the request state it cannot be true: none of them is linked.
        Contradicted = "contradicted",
        /// The rules refuse an identifier.
        IdentifierRefused = "identifier_refused",
        /// They are linked.
        Linked = "linked",
        /// The sender has never stated that they are one person's, or has taken it back.
        NeverLinked = "never_linked",
        /// There are fewer than two identifiers in it.
        NothingToLink = "nothing_to_link",
        /// Two fødselsnummer, D-numbers or DUF-numbers: that one has replaced another is the population
        /// register's word.
        SameKind = "same_kind",
        /// They were one person's, and that was taken back.
        SeparatedBefore = "separated_before",
        /// What the sender stated is taken back; by what others stated they are one person's still.
        StillJoined = "still_joined",
        /// More identifiers of one person, or more links of one identifier, than there may be.
        TooManyJoined = "too_many_joined",
        /// What the sender stated is taken back.
        Unlinked = "unlinked",
        /// The person is dead, protected, not to be answered, or known twice elsewhere: which is not
        /// told.
        Withheld = "withheld",
    }
}

/// Identifiers that a sender states to be one person's, row by row.
pub struct StatedRows {
    /// The register that the message is for.
    pub register: RegisterCode,
    /// Its source.
    pub source: SourceCode,
    /// The identifiers, a column for each kind; an empty cell is none.
    pub columns: Vec<StatedColumn>,
}

/// One identifier of each row.  It shows none.
pub struct StatedColumn {
    /// What they are.
    pub kind: RowKind,
    /// The identifiers, as they were sent.
    pub values: Vec<Zeroizing<String>>,
}

/// What became of rows, in their order.
pub type LinkOutcomes = Vec<LinkOutcome>;

/// The places of a row's identifiers, or what is wrong with it.
pub(super) type Row = Result<Vec<usize>, LinkOutcome>;

impl StatedRows {
    /// The right that it takes.
    #[must_use]
    pub fn right(&self) -> Right {
        Right::LinkIdentifiers { register: self.register.clone(), source: self.source.clone() }
    }

    pub(super) fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    pub(super) fn parse(&self, rules: &RulesAt<'_>, identifiers: &mut Identifiers) -> Vec<Row> {
        (0..self.len()).map(|row| self.row(row, rules, identifiers)).collect()
    }

    fn row(&self, row: usize, rules: &RulesAt<'_>, identifiers: &mut Identifiers) -> Row {
        let mut places: Vec<usize> = Vec::with_capacity(self.columns.len());
        let mut parsed = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let text = column.values[row].as_bytes();
            if !text.is_empty() {
                let RowKind { declared, assigner } = column.kind;
                let one = parse_text(rules, declared, assigner, text);
                parsed.push(one.map_err(|_| LinkOutcome::IdentifierRefused)?);
            }
        }
        let mut kinds: Vec<IdKind> = Vec::new();
        for identifier in parsed {
            let kind = identifier.kind();
            let place = identifiers.place(identifier);
            if !places.contains(&place) {
                places.push(place);
                kinds.push(kind);
            }
        }
        let is_alone = |kind: &IdKind| matches!(kind, IdKind::Dnr | IdKind::Duf | IdKind::Fnr);
        let count = |kind: &IdKind| kinds.iter().filter(|one| *one == kind).count();
        if kinds.iter().any(|kind| is_alone(kind) && count(kind) > 1) {
            return Err(LinkOutcome::SameKind);
        }
        if places.len() < 2 { Err(LinkOutcome::NothingToLink) } else { Ok(places) }
    }
}
