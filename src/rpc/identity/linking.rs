//! Between the wire's rows of identifiers and the service's types.

use zeroize::Zeroizing;

use crate::audit::Recorded;
use crate::ident::Assigner;
use crate::rpc::ingest::convert::declared;
use crate::rpc::proto::{
    IdentifierColumn, LinkIdentifiersRequest, LinkIdentifiersResponse, LinkOutcome as WireOutcome,
    UnlinkIdentifiersRequest, UnlinkIdentifiersResponse,
};
use crate::service::{
    Error, LinkOutcome, LinkOutcomes, RowKind, StatedColumn, StatedRows, Violation,
};

/// What is stated, or everything that is wrong with the request.
pub(super) fn linked_rows(wire: LinkIdentifiersRequest) -> Result<StatedRows, Error> {
    let LinkIdentifiersRequest { register, source, columns } = wire;
    stated((&register, &source), columns)
}

/// What is taken back, or everything that is wrong with the request.
pub(super) fn unlinked_rows(wire: UnlinkIdentifiersRequest) -> Result<StatedRows, Error> {
    let UnlinkIdentifiersRequest { register, source, columns } = wire;
    stated((&register, &source), columns)
}

fn stated(
    (register, source): (&str, &str),
    wire: Vec<IdentifierColumn>,
) -> Result<StatedRows, Error> {
    let mut violations = Vec::new();
    let mut wrong = |field: &'static str, text: &'static str| {
        // Told once, however many columns have it.
        let violation = Violation { field: field.into(), text: text.into() };
        if !violations.contains(&violation) {
            violations.push(violation);
        }
    };
    let (register, source) = (register.parse().ok(), source.parse().ok());
    if register.is_none() {
        wrong("register", "is not a register code");
    }
    if source.is_none() {
        wrong("source", "is not a source code");
    }
    let mut columns = Vec::with_capacity(wire.len());
    for column in wire {
        let declared = declared(column.r#type());
        if declared.is_none() {
            wrong("columns.type", "must be given");
        }
        let assigner = match column.assigner.as_str() {
            "" => Some(None),
            text => Assigner::parse(text.as_bytes()).map(Some),
        };
        if assigner.is_none() {
            wrong("columns.assigner", "is not an organisation number of 9 digits");
        }
        let values = column.values.into_iter().map(Zeroizing::new).collect();
        if let (Some(declared), Some(assigner)) = (declared, assigner) {
            columns.push(StatedColumn { kind: RowKind { declared, assigner }, values });
        }
    }
    match (register, source) {
        (Some(register), Some(source)) if violations.is_empty() => {
            Ok(StatedRows { register, source, columns })
        }
        _ => Err(Error::invalid(violations)),
    }
}

/// What became of rows that were to be linked, which exists only recorded.
pub(super) fn linked(recorded: Recorded<LinkOutcomes>) -> LinkIdentifiersResponse {
    let (outcomes, audit_entry) = recorded.into_answer();
    LinkIdentifiersResponse { outcomes: on_wire(outcomes), audit_entry }
}

/// What became of rows that were taken back, which exists only recorded.
pub(super) fn unlinked(recorded: Recorded<LinkOutcomes>) -> UnlinkIdentifiersResponse {
    let (outcomes, audit_entry) = recorded.into_answer();
    UnlinkIdentifiersResponse { outcomes: on_wire(outcomes), audit_entry }
}

fn on_wire(outcomes: LinkOutcomes) -> Vec<i32> {
    let one = |outcome| match outcome {
        LinkOutcome::AlreadyOne => WireOutcome::AlreadyOne,
        LinkOutcome::BothInRegister => WireOutcome::BothInRegister,
        LinkOutcome::Contradicted => WireOutcome::Contradicted,
        LinkOutcome::IdentifierRefused => WireOutcome::IdentifierRefused,
        LinkOutcome::Linked => WireOutcome::Linked,
        LinkOutcome::NeverLinked => WireOutcome::NeverLinked,
        LinkOutcome::NothingToLink => WireOutcome::NothingToLink,
        LinkOutcome::SameKind => WireOutcome::SameKind,
        LinkOutcome::SeparatedBefore => WireOutcome::SeparatedBefore,
        LinkOutcome::StillJoined => WireOutcome::StillJoined,
        LinkOutcome::TooManyJoined => WireOutcome::TooManyJoined,
        LinkOutcome::Unlinked => WireOutcome::Unlinked,
        LinkOutcome::Withheld => WireOutcome::Withheld,
    };
    outcomes.into_iter().map(|outcome| one(outcome).into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_of_all_columns_come_at_once_and_each_once() {
        let column = IdentifierColumn { assigner: "1".to_owned(), ..IdentifierColumn::default() };
        let columns = vec![column.clone(), column];
        let request = LinkIdentifiersRequest { columns, ..LinkIdentifiersRequest::default() };
        let Err(error) = linked_rows(request) else { panic!("it has no register") };
        let fields: Vec<String> =
            error.violations().iter().map(|one| one.field.to_string()).collect();
        assert_eq!(fields, ["register", "source", "columns.type", "columns.assigner"]);
    }
}
