//! Between the wire's messages and the service's types.

use jiff::civil::Date;
use zeroize::Zeroizing;

use crate::audit::Recorded;
use crate::ident::{Assigner, Declared, IdKind, Reject};
use crate::registers::{Answered, RowCode as Code};
use crate::rpc::calendar::read_date;
use crate::rpc::proto::identifier_batch::Column as WireColumn;
use crate::rpc::proto::{
    Contacts as WireContacts, DeliveryHeader, IdentifierBatch,
    IdentifierException as WireException, IdentifierType, IngestPurpose as WirePurpose,
    Mode as WireMode, PseudonymizeRequest, RegisterIds, ReportingPeriod, RowCode, RowNote, RowType,
};
use crate::service::{
    Batch, Column, Contact, ContactFault, DeliveryRequest, EXCEPTIONS_MAX, Error,
    IdentifierException, IngestMode, IngestPurpose, KindWord, LogLine, RowKind, Violation,
};

/// Collects what is wrong with a request.
#[derive(Default)]
struct Violations(Vec<Violation>);

impl Violations {
    fn add(&mut self, field: &'static str, text: &'static str) {
        self.0.push(Violation { field: field.into(), text: text.into() });
    }

    /// The value, or a violation.
    fn need<T>(&mut self, value: Option<T>, field: &'static str, text: &'static str) -> Option<T> {
        if value.is_none() {
            self.add(field, text);
        }
        value
    }

    fn finish<T>(self, value: Option<T>) -> Result<T, Error> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::invalid(self.0)),
        }
    }
}

/// A unary request: a delivery of one batch.
pub(super) fn unary(request: PseudonymizeRequest) -> Result<(DeliveryRequest, Batch), Error> {
    let mut violations = Violations::default();
    let header = violations.need(request.delivery, "delivery", "is missing");
    let batch = violations.need(request.batch, "batch", "is missing");
    let header = header.and_then(|header| read_header(header, &mut violations));
    let batch = batch.and_then(|batch| read_batch(batch, &mut violations));
    violations.finish(header.zip(batch))
}

/// The header of a stream.
pub(super) fn header(header: DeliveryHeader) -> Result<DeliveryRequest, Error> {
    let mut violations = Violations::default();
    let header = read_header(header, &mut violations);
    violations.finish(header)
}

/// A batch of a stream.
pub(in crate::rpc) fn batch(batch: IdentifierBatch) -> Result<Batch, Error> {
    let mut violations = Violations::default();
    let batch = read_batch(batch, &mut violations);
    violations.finish(batch)
}

fn read_header(header: DeliveryHeader, violations: &mut Violations) -> Option<DeliveryRequest> {
    let (purpose, mode) = (header.purpose(), header.mode());
    let register = header.register.parse().ok();
    let register = violations.need(register, "delivery.register", "is not a register code");
    let source = header.source.parse().ok();
    let source = violations.need(source, "delivery.source", "is not a source code");
    let purpose = match purpose {
        WirePurpose::Unspecified => None,
        WirePurpose::Reporting => Some(IngestPurpose::Reporting),
        WirePurpose::Correction => Some(IngestPurpose::Correction),
        WirePurpose::HistoricalImport => Some(IngestPurpose::HistoricalImport),
        WirePurpose::QualityControl => Some(IngestPurpose::QualityControl),
    };
    let purpose = violations.need(purpose, "delivery.purpose", "must be given");
    let mode = match mode {
        WireMode::Unspecified => None,
        WireMode::ResolveOrAssign => Some(IngestMode::ResolveOrAssign),
        WireMode::ResolveOnly => Some(IngestMode::ResolveOnly),
    };
    let mode = violations.need(mode, "delivery.mode", "must be given");
    let is_given = header.period.is_some();
    let period = header.period.and_then(|period| read_period(&period));
    if is_given && period.is_none() {
        violations.add("delivery.period", "must be two dates, the first not after the last");
    } else if !is_given && mode == Some(IngestMode::ResolveOrAssign) {
        violations.add("delivery.period", "must be given when unknown identifiers get a person");
    }
    let exceptions = read_exceptions(&header.identifier_exceptions, violations);
    Some(DeliveryRequest {
        register: register?,
        source: source?,
        purpose: purpose?,
        mode: mode?,
        period,
        exceptions: exceptions?,
    })
}

fn read_exceptions(
    exceptions: &[WireException],
    violations: &mut Violations,
) -> Option<Vec<IdentifierException>> {
    const COLUMN: &str = "delivery.identifier_exceptions.column";
    const REASON: &str = "delivery.identifier_exceptions.reason";
    const KIND: &str = "delivery.identifier_exceptions.kind";
    const LINE: &str = "must be one line of 1 to 200 printable characters, without ten digits in \
                        a row, grouped or not";
    if exceptions.len() > EXCEPTIONS_MAX {
        violations.add("delivery.identifier_exceptions", "must be at most 32");
        return None;
    }
    let mut read = |exception: &WireException| {
        let WireException { column, kind, reason } = exception;
        let column = violations.need(LogLine::parse(column), COLUMN, LINE);
        let word = KindWord::parse(kind);
        let kind = violations.need(word, KIND, "must be a word of 1 to 32 of a-z and _");
        let reason = violations.need(LogLine::parse(reason), REASON, LINE);
        Some(IdentifierException { column: column?, kind: kind?, reason: reason? })
    };
    // All of them, so that everything that is wrong is told at once.
    let read: Vec<_> = exceptions.iter().map(&mut read).collect();
    read.into_iter().collect()
}

fn read_period(period: &ReportingPeriod) -> Option<(Date, Date)> {
    let from = read_date(period.from.as_ref()?)?;
    let to = read_date(period.to.as_ref()?)?;
    (from <= to).then_some((from, to))
}

fn read_batch(batch: IdentifierBatch, violations: &mut Violations) -> Option<Batch> {
    let declared = violations.need(declared(batch.r#type()), "batch.type", "must be given");
    let assigner = read_assigner(&batch.assigner, "batch.assigner", violations);
    let contacts =
        batch.contacts.map_or_else(|| Some(Vec::new()), |one| read_contacts(one, violations));
    let column = violations.need(batch.column, "batch.column", "must be given in one of its forms");
    let column = match column? {
        WireColumn::Text(text) => {
            let rows = text.values.len();
            let kinds = read_row_types(&text.row_types, rows, violations)?;
            Column::Text(text.values, kinds)
        }
        WireColumn::PackedAscii(bytes) => Column::PackedAscii(bytes),
        WireColumn::Integers(integers) => Column::Integers(integers.values),
    };
    let kind = RowKind { declared: declared?, assigner: assigner? };
    Some(Batch { kind, column, contacts: contacts? })
}

/// Names and addresses, a row each; what came is wiped.
fn read_contacts(wire: WireContacts, violations: &mut Violations) -> Option<Vec<Contact>> {
    const NAMES: &str = "batch.contacts.names";
    const ADDRESSES: &str = "batch.contacts.addresses";
    let names: Vec<Zeroizing<String>> = wire.names.into_iter().map(Zeroizing::new).collect();
    let addresses: Vec<Zeroizing<String>> =
        wire.addresses.into_iter().map(Zeroizing::new).collect();
    let rows = names.len().max(addresses.len());
    for (field, texts) in [(NAMES, &names), (ADDRESSES, &addresses)] {
        if !texts.is_empty() && texts.len() != rows {
            violations.add(field, "must say one a row, or none at all");
            return None;
        }
    }
    let contact = |row: usize| {
        let (name, address) = (names.get(row), addresses.get(row));
        let name = name.map_or("", |text| text.as_str());
        let address = address.map_or("", |text| text.as_str());
        match Contact::parse(name, address) {
            Ok(contact) => Some(contact),
            Err(fault) => {
                let field = match fault {
                    ContactFault::Address => ADDRESSES,
                    ContactFault::Name => NAMES,
                };
                let text = format!("row {row} is refused: {fault}");
                violations.0.push(Violation { field: field.into(), text: text.into() });
                None
            }
        }
    };
    // The first that is wrong is told, not a batch of them.
    (0..rows).map(contact).collect()
}

fn read_row_types(
    row_types: &[RowType],
    rows: usize,
    violations: &mut Violations,
) -> Option<Vec<(u32, RowKind)>> {
    const FIELD: &str = "batch.text.row_types";
    let ascending = row_types.windows(2).all(|pair| pair[0].row < pair[1].row);
    if !ascending || row_types.last().is_some_and(|last| last.row as usize >= rows) {
        violations.add(FIELD, "must be ascending by row, each row within the column");
        return None;
    }
    let mut kinds = Vec::with_capacity(row_types.len());
    for row_type in row_types {
        let declared = violations.need(declared(row_type.r#type()), FIELD, "must give a type")?;
        let assigner = read_assigner(&row_type.assigner, FIELD, violations)?;
        kinds.push((row_type.row, RowKind { declared, assigner }));
    }
    Some(kinds)
}

/// An assigner, `Some(None)` when none is given.
fn read_assigner(
    text: &str,
    field: &'static str,
    violations: &mut Violations,
) -> Option<Option<Assigner>> {
    if text.is_empty() {
        return Some(None);
    }
    let assigner = Assigner::parse(text.as_bytes());
    violations.need(assigner, field, "is not an organisation number of 9 digits").map(Some)
}

/// What the sender says an identifier is.
pub(in crate::rpc) fn declared(wire: IdentifierType) -> Option<Declared> {
    Some(match wire {
        IdentifierType::Unspecified => return None,
        IdentifierType::Fnr => Declared::Kind(IdKind::Fnr),
        IdentifierType::Dnr => Declared::Kind(IdKind::Dnr),
        IdentifierType::Hnr => Declared::Kind(IdKind::Hnr),
        IdentifierType::Local => Declared::Kind(IdKind::Local),
        IdentifierType::Felles => Declared::Kind(IdKind::Felles),
        IdentifierType::Duf => Declared::Kind(IdKind::Duf),
        IdentifierType::Any => Declared::Any,
    })
}

/// The reply to a batch, which exists only recorded.
pub(super) fn answer(answered: Recorded<Answered>) -> RegisterIds {
    let (answered, audit_entry) = answered.into_answer();
    RegisterIds {
        notes: notes(&answered),
        ids: answered.ids,
        audit_entry,
        new_members: answered.new_members,
    }
}

/// The rows without an ID, or without a serial, and those of leaves that are joined to another.
pub(in crate::rpc) fn notes(answered: &Answered) -> Vec<RowNote> {
    let note = |note: &crate::registers::RowNote| RowNote {
        row: note.row,
        code: row_code(note.code).into(),
        own_id: 0,
    };
    let mut notes: Vec<RowNote> = answered.notes.iter().map(note).collect();
    let joined = answered.leaf_ids.iter().map(|leaf| RowNote {
        row: leaf.row,
        code: RowCode::Joined.into(),
        own_id: leaf.id,
    });
    notes.extend(joined);
    if !answered.leaf_ids.is_empty() {
        notes.sort_unstable_by_key(|note| note.row);
    }
    notes
}

fn row_code(code: Code) -> RowCode {
    match code {
        Code::BudgetSpent => RowCode::BudgetSpent,
        Code::OutsideDisclosure => RowCode::OutsideDisclosure,
        Code::Rejected(Reject::AssignerMissing) => RowCode::AssignerMissing,
        Code::Rejected(Reject::CheckDigits) => RowCode::CheckDigits,
        Code::Rejected(Reject::Date) => RowCode::Date,
        Code::Rejected(Reject::Format) => RowCode::Format,
        Code::Rejected(Reject::KindMismatch) => RowCode::KindMismatch,
        Code::Rejected(Reject::RealInTest) => RowCode::RealInTest,
        Code::Rejected(Reject::SyntheticInProduction) => RowCode::SyntheticInProduction,
        Code::Suppressed => RowCode::Suppressed,
        Code::Unknown => RowCode::Unknown,
    }
}
