//! The kinds of data: whose columns they have, and who is in them how often.

use super::claims::Claims;
use super::hospital::Hospital;
use super::municipal::Municipal;
use super::questionnaire::Questionnaire;
use super::subject::Subject;
use super::table::{Column, Table};
use super::{claims, hospital, municipal, questionnaire};
use crate::cli::random::SplitMix64;

/// What rows are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// Claims of general practice and casualty clinics: KPR, source KUHR.
    Claims,
    /// Hospital episodes: NPR, source HF.
    #[default]
    Hospital,
    /// Municipal health and care services: KPR, source KOMMUNE.
    Municipal,
    /// Patients' answers, with name and address: REHAB.
    Questionnaire,
}

impl Kind {
    #[cfg(test)]
    pub(super) const ALL: [Self; 4] =
        [Self::Claims, Self::Hospital, Self::Municipal, Self::Questionnaire];

    pub(super) const fn columns(self) -> &'static [Column] {
        match self {
            Self::Claims => &claims::COLUMNS,
            Self::Hospital => &hospital::COLUMNS,
            Self::Municipal => &municipal::COLUMNS,
            Self::Questionnaire => &questionnaire::COLUMNS,
        }
    }

    /// What keeps the kinds' random numbers apart.
    pub(super) const fn salt(self) -> u64 {
        match self {
            Self::Claims => 0x5bd1_e995_7b93_c1a5,
            Self::Hospital => 0xc6a4_a793_5bd1_e995,
            Self::Municipal => 0x1b87_3593_cc9e_2d51,
            Self::Questionnaire => 0x85eb_ca6b_c2b2_ae35,
        }
    }

    /// How often in 8 times somebody of an age is in a row rather than somebody else.
    pub(super) const fn use_at_age(self, age: u8) -> usize {
        match (self, age) {
            (Self::Municipal, 80..) => 8,
            (Self::Municipal, 67..80) => 4,
            (Self::Municipal, _) => 1,
            (Self::Questionnaire, 18..80) => 8,
            (Self::Questionnaire, _) => 2,
            (_, 67..) => 8,
            (_, 45..67) => 5,
            (_, 18..45) => 4,
            (_, 2..18) => 3,
            (_, 0..2) => 6,
        }
    }
}

/// What writes the rows of a kind.
pub(super) enum Writer {
    Claims(Claims),
    Hospital(Hospital),
    Municipal(Municipal),
    Questionnaire(Questionnaire),
}

impl Writer {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Claims => Self::Claims(Claims::new()),
            Kind::Hospital => Self::Hospital(Hospital::new()),
            Kind::Municipal => Self::Municipal(Municipal::new()),
            Kind::Questionnaire => Self::Questionnaire(Questionnaire::new()),
        }
    }

    /// Writes the cells of a row.
    pub(super) fn write(&self, subject: Subject<'_>, random: &mut SplitMix64, table: &mut Table) {
        match self {
            Self::Claims(claims) => claims.write(subject, random, table),
            Self::Hospital(hospital) => hospital.write(subject, random, table),
            Self::Municipal(municipal) => municipal.write(subject, random, table),
            Self::Questionnaire(questionnaire) => questionnaire.write(subject, random, table),
        }
    }
}
