//! Service errors as gRPC statuses, and the one place where they are logged.
//!
//! Why: a status that is made in one place says the same about the same error everywhere, and cannot
//! carry more than its error's public text.  Details are `google.rpc` types:
//!
//! ```text
//! ErrorInfo    reason = code, domain = "hvelv", metadata = request_id, limit_option, limit_max,
//!              budget, budget_used, budget_limit, budget_refills_on
//! BadRequest   one violation a field, for INVALID_ARGUMENT
//! RequestInfo  the request id, which the log has too
//! ```
//!
//! INVARIANT: an internal error shows its code and the request id and nothing of its cause.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use super::auth::RequestId;
use crate::service::{Error, ErrorCode, Group, Limit, Violation};

/// The domain of our error codes.
const DOMAIN: &str = "hvelv";

/// Violations that one status lists.  Details travel in a header, and headers are bounded
/// (`http2::HEADER_BYTES_MAX`); a client that gets more sees a broken connection instead.
const VIOLATIONS_MAX: usize = 32;

/// The status of an error.  Logs it: call it once, where the answer is made.
pub(super) fn from_error(error: &Error, request: RequestId) -> Status {
    log(error, request);
    let mut details = ErrorDetails::new();
    details.set_error_info(error.code().as_str(), DOMAIN, metadata(error, request));
    details.set_request_info(request.to_string(), "");
    if !error.violations().is_empty() {
        details.set_bad_request(violations(error.violations()));
    }
    Status::with_error_details(code(error), text(error, request), details)
}

fn violations(all: &[Violation]) -> Vec<FieldViolation> {
    let shown = all.iter().take(VIOLATIONS_MAX);
    let mut fields: Vec<_> =
        shown.map(|one| FieldViolation::new(one.field.as_ref(), one.text.as_ref())).collect();
    let more = all.len().saturating_sub(VIOLATIONS_MAX);
    if more > 0 {
        fields.push(FieldViolation::new("", format!("and {more} more")));
    }
    fields
}

/// The error of a status that tonic made itself, from a message that it could not take; nothing for
/// a status of ours, which has details, and for any other.
///
/// tonic says OUT_OF_RANGE of a message that is too large, and INTERNAL of one that it cannot decode;
/// neither code names the limit or says that the sender is to correct it.
pub(super) fn of_tonic(status: &Status, message_max: Limit) -> Option<Error> {
    if !status.details().is_empty() {
        return None;
    }
    match status.code() {
        Code::OutOfRange => Some(Error::limit(ErrorCode::MessageTooLarge, message_max)),
        Code::Internal => Some(Error::new(ErrorCode::MessageMalformed)),
        _ => None,
    }
}

/// The gRPC code.  Two codes of ours have one that says more than their group's.
fn code(error: &Error) -> Code {
    match (error.code(), error.group()) {
        (ErrorCode::DeadlineExceeded, _) => Code::DeadlineExceeded,
        (ErrorCode::MethodUnknown, _) => Code::Unimplemented,
        (_, Group::Conflict) => Code::Aborted,
        (_, Group::Denied) => Code::PermissionDenied,
        (_, Group::Exhausted) => Code::ResourceExhausted,
        (_, Group::Internal) => Code::Internal,
        (_, Group::Invalid) => Code::InvalidArgument,
        (_, Group::NotFound) => Code::NotFound,
        (_, Group::Precondition) => Code::FailedPrecondition,
        (_, Group::Unauthenticated) => Code::Unauthenticated,
        (_, Group::Unavailable) => Code::Unavailable,
    }
}

fn text(error: &Error, request: RequestId) -> String {
    match error.group() {
        Group::Internal => format!("{} (request {request})", error.code().text()),
        Group::Conflict
        | Group::Denied
        | Group::Exhausted
        | Group::Invalid
        | Group::NotFound
        | Group::Precondition
        | Group::Unauthenticated
        | Group::Unavailable => error.text().to_owned(),
    }
}

fn metadata(error: &Error, request: RequestId) -> HashMap<String, String> {
    let mut metadata = HashMap::from([("request_id".to_owned(), request.to_string())]);
    if let Some(limit) = error.limit_met() {
        metadata.insert("limit_option".to_owned(), limit.option.to_owned());
        metadata.insert("limit_max".to_owned(), limit.max.to_string());
    }
    if let Some(spent) = error.spent_budget() {
        metadata.insert("budget".to_owned(), spent.budget.to_string());
        metadata.insert("budget_used".to_owned(), spent.used.to_string());
        metadata.insert("budget_limit".to_owned(), spent.limit.to_string());
        metadata.insert("budget_refills_on".to_owned(), spent.refills.to_string());
    }
    metadata
}

/// Level `error` is for our bugs alone, so that an alert on it means one.
fn log(error: &Error, request: RequestId) {
    let code = error.code().as_str();
    let causes = error.causes();
    // A client that comes to its bound may be a thief: that is worth a look.
    if error.code() == ErrorCode::BudgetSpent {
        return tracing::warn!(code, %request, text = error.text(), "request refused");
    }
    // Whoever gets one of these is told that the log says why, so it says so at the usual level.
    if matches!(
        error.code(),
        ErrorCode::DevelopmentKeys | ErrorCode::KeyFileUnusable | ErrorCode::StoreUnusable
    ) {
        return tracing::warn!(code, %request, causes, "request refused");
    }
    match error.group() {
        Group::Internal => tracing::error!(code, %request, causes, "request failed"),
        Group::Unavailable => tracing::warn!(code, %request, causes, "request failed"),
        Group::Denied => tracing::info!(code, %request, causes, "request refused"),
        // Anybody can be unauthenticated as often as they like; that must not fill the log.
        Group::Conflict
        | Group::Exhausted
        | Group::Invalid
        | Group::NotFound
        | Group::Precondition
        | Group::Unauthenticated => tracing::debug!(code, %request, causes, "request refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(error: &Error) -> Status {
        from_error(error, RequestId::for_test(0xab))
    }

    #[test]
    fn every_code_has_its_status_with_the_code_as_reason() {
        for code in ErrorCode::ALL.iter().copied() {
            let status = status(&Error::new(code));
            let expected = match code.group() {
                _ if code == ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
                _ if code == ErrorCode::MethodUnknown => Code::Unimplemented,
                Group::Conflict => Code::Aborted,
                Group::Denied => Code::PermissionDenied,
                Group::Exhausted => Code::ResourceExhausted,
                Group::Internal => Code::Internal,
                Group::Invalid => Code::InvalidArgument,
                Group::NotFound => Code::NotFound,
                Group::Precondition => Code::FailedPrecondition,
                Group::Unauthenticated => Code::Unauthenticated,
                Group::Unavailable => Code::Unavailable,
            };
            assert_eq!(status.code(), expected, "{code}");
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (code.as_str(), DOMAIN));
            assert_eq!(details.request_info().unwrap().request_id, "00000000000000ab");
        }
    }

    #[test]
    fn an_internal_error_shows_its_request_and_not_its_cause() {
        let cause = std::io::Error::other("canary in a cause");
        let status = status(&Error::internal(cause).with_text("canary in a text"));
        assert_eq!(status.message(), "internal error (request 00000000000000ab)");
        assert!(!format!("{status:?}").contains("canary"));
    }

    #[test]
    fn violations_become_a_bad_request_with_every_field() {
        let violations =
            ["a", "b"].map(|field| Violation { field: field.into(), text: "x".into() });
        let details = status(&Error::invalid(violations.to_vec())).get_error_details();
        let fields: Vec<_> = details.bad_request().unwrap().field_violations.clone();
        assert_eq!(fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_status_with_very_many_violations_still_fits_in_a_header() {
        let one = Violation { field: "delivery.period.from".into(), text: "x".repeat(100).into() };
        let status = status(&Error::invalid(vec![one; 5000]));
        let fields = status.get_error_details().bad_request().unwrap().field_violations.clone();
        assert_eq!(fields.len(), VIOLATIONS_MAX + 1);
        assert_eq!(fields.last().unwrap().description, "and 4968 more");
        let header_bytes = status.details().len() * 4 / 3;
        assert!(header_bytes < usize::try_from(crate::rpc::http2::HEADER_BYTES_MAX).unwrap() / 2);
    }

    #[test]
    fn a_limit_is_named_in_text_and_metadata() {
        let limit = Limit { option: "limits.streams_max", max: 4 };
        let status = status(&Error::limit(ErrorCode::TooManyStreams, limit));
        assert!(status.message().contains("limits.streams_max = 4"));
        let metadata = status.get_error_details().error_info().unwrap().metadata.clone();
        assert_eq!(metadata["limit_option"], "limits.streams_max");
        assert_eq!(metadata["limit_max"], "4");
    }

    #[test]
    fn the_causes_are_listed_outermost_first() {
        let error = Error::new(ErrorCode::StoreUnusable)
            .with_source(Error::internal(std::io::Error::other("inner")));
        assert_eq!(error.causes(), "internal error: inner");
    }
}
