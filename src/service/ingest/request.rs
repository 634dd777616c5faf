//! What a sender asks for: which register, from which source, why, about when.

use jiff::civil::Date;

use super::exception::IdentifierException;
use crate::config::codes::{RegisterCode, SourceCode};
use crate::policy::Right;

/// Whether unknown identifiers get a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IngestMode {
    /// Look-up.
    ResolveOnly,
    /// Ingest.
    ResolveOrAssign,
}

/// Why a delivery is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IngestPurpose {
    /// Corrects an earlier delivery.
    Correction,
    /// A historical import.
    HistoricalImport,
    /// Quality control.
    QualityControl,
    /// Ordinary reporting.
    Reporting,
}

impl IngestPurpose {
    /// Name in audit entries and stored deliveries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Correction => "correction",
            Self::HistoricalImport => "historical_import",
            Self::QualityControl => "quality_control",
            Self::Reporting => "reporting",
        }
    }
}

/// Names a delivery.
#[derive(Clone, Debug)]
pub struct DeliveryRequest {
    /// Register.
    pub register: RegisterCode,
    /// Source.
    pub source: SourceCode,
    /// Why.
    pub purpose: IngestPurpose,
    /// Whether unknown identifiers get a person.
    pub mode: IngestMode,
    /// First and last day reported about.
    pub period: Option<(Date, Date)>,
    /// What stays in the sender's file although it holds identifiers.
    pub exceptions: Vec<IdentifierException>,
}

impl DeliveryRequest {
    /// The right that the delivery needs.
    pub fn right(&self) -> Right {
        let (register, source) = (self.register.clone(), self.source.clone());
        match (self.mode, self.purpose) {
            (IngestMode::ResolveOnly, _) => Right::Resolve { register, source },
            (_, IngestPurpose::HistoricalImport) => Right::Import { register, source },
            _ => Right::Ingest { register, source },
        }
    }
}
