//! What is sent: synthetic persons, and messages about them.

use std::sync::Arc;

use jiff::civil::{Date, date};

use hvelv::ident::{NumberSeries, synthetic};
use hvelv::rpc::proto::identifier_batch::Column;
use hvelv::rpc::proto::pseudonymize_stream_request::Message as Inner;
use hvelv::rpc::proto::{
    CalendarDate, DeliveryHeader, IdentifierBatch, IdentifierType, IngestPurpose, IntegerColumn,
    Mode, PseudonymizeStreamRequest, ReportingPeriod, TextColumn,
};

/// Identifiers in a message unless something else is measured: DESIGN.md, section 11.
pub(crate) const BATCH: usize = 4096;

/// What is sent on each stream, in turn.
pub(crate) type Messages = Arc<[PseudonymizeStreamRequest]>;

/// How identifiers are written in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Integers of 8 bytes.
    Integers,
    /// 11 ASCII digits.
    PackedAscii,
    /// One string each.
    Text,
}

impl Form {
    /// Its name in results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Integers => "integers",
            Self::PackedAscii => "packed ASCII",
            Self::Text => "text",
        }
    }

    /// A batch about some persons.
    pub(crate) fn batch(self, numbers: &[u64]) -> IdentifierBatch {
        let column = match self {
            Self::Integers => Column::Integers(IntegerColumn { values: numbers.to_vec() }),
            Self::PackedAscii => {
                let digits: String = numbers.iter().map(|number| format!("{number:011}")).collect();
                Column::PackedAscii(digits.into_bytes().into())
            }
            Self::Text => {
                let values = numbers.iter().map(|number| format!("{number:011}")).collect();
                Column::Text(TextColumn { values, row_types: Vec::new() })
            }
        };
        let kind = IdentifierType::Any.into();
        IdentifierBatch { r#type: kind, column: Some(column), ..IdentifierBatch::default() }
    }
}

/// What one round sends: a delivery on each stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How identifiers are written.
    pub(crate) form: Form,
    /// Streams, each on a connection of its own.
    pub(crate) streams: usize,
    /// Messages on each stream.
    pub(crate) count: usize,
    /// Identifiers in a message.
    pub(crate) batch: usize,
}

impl Load {
    /// Messages about as many of some persons as there is room for.
    pub(crate) fn messages(self, numbers: &[u64]) -> Messages {
        let chunks = numbers.chunks(self.batch).take(self.streams * self.count);
        let message = |numbers| {
            let batch = self.form.batch(numbers);
            PseudonymizeStreamRequest { message: Some(Inner::Batch(batch)) }
        };
        chunks.map(message).collect()
    }
}

/// Different synthetic persons, in no order: a delivery is not sorted by birth. There are 47 million.
pub(crate) fn population(persons: usize) -> Vec<u64> {
    let born = |first: Date, last: Date| {
        let of = move |series| synthetic::numbers_between(series, first, last);
        of(NumberSeries::Fnr).chain(of(NumberSeries::Dnr))
    };
    let all = born(date(1900, 1, 1), date(2019, 12, 31))
        .chain(born(date(1854, 1, 1), date(1899, 12, 31)));
    let mut numbers: Vec<u64> = all.take(persons).collect();
    assert_eq!(numbers.len(), persons, "there are so many synthetic numbers");
    numbers.sort_unstable_by_key(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    numbers
}

/// What opens a delivery.
pub(crate) fn header() -> DeliveryHeader {
    let day = |day| Some(CalendarDate { year: 2026, month: 1, day });
    DeliveryHeader {
        register: "NPR".to_owned(),
        source: "HF".to_owned(),
        purpose: IngestPurpose::Reporting.into(),
        mode: Mode::ResolveOrAssign.into(),
        period: Some(ReportingPeriod { from: day(1), to: day(31) }),
        identifier_exceptions: Vec::new(),
    }
}
