//! Exit codes and the error of the command line.
//!
//! Every error says what was wrong and, where something can be done, what to do. It never holds the
//! value of an identifier, a key or a passphrase.

use std::fmt;
use std::path::Path;

use crate::files::{self, ErrorKind};

/// How a command ended. The numbers are for ever: scripts test them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Success = 0,
    /// A fault in Hvelv itself, on either side.
    Internal = 1,
    /// The command line or a configuration file is wrong.
    Usage = 2,
    /// No connection, or the server is not available or over a limit: try again later.
    Unavailable = 3,
    /// The server knows the caller and says no, or does not know the caller.
    Denied = 4,
    /// Something has to be done first: the server is sealed, the output exists.
    Precondition = 5,
    /// The input file cannot be used: a ragged row, an unclosed quote, no such column.
    Input = 6,
    /// The log, a store, a backup or an extract does not verify, or a scan or the guard found what it
    /// looked for.
    Verification = 7,
    /// Complete, but rows were rejected, and `--fail-on-rejects` was given.
    Rejects = 8,
    /// Interrupted from the terminal or by a signal.
    Interrupted = 130,
}

impl Exit {
    /// All of them, in order of number.
    pub const ALL: [Self; 10] = [
        Self::Success,
        Self::Internal,
        Self::Usage,
        Self::Unavailable,
        Self::Denied,
        Self::Precondition,
        Self::Input,
        Self::Verification,
        Self::Rejects,
        Self::Interrupted,
    ];

    /// The number that the process exits with.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for the help text.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "done",
            Self::Internal => "a fault in hvelv itself",
            Self::Usage => "command line or configuration is wrong",
            Self::Unavailable => "no connection, or the server is unavailable or over a limit",
            Self::Denied => "denied",
            Self::Precondition => "something comes first: the server is sealed, the output exists",
            Self::Input => "the input file cannot be used",
            Self::Verification => {
                "the log, a store, a backup or an extract does not verify, or something was found"
            }
            Self::Rejects => "complete, but rows were rejected (only with --fail-on-rejects)",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub struct Error {
    exit: Exit,
    what: String,
    advice: Vec<String>,
}

impl Error {
    /// An error of a kind: `what` is a clause without a full stop.
    #[must_use]
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), advice: Vec::new() }
    }

    /// The command line or a configuration file is wrong.
    #[must_use]
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// The input file cannot be used.
    #[must_use]
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(Exit::Input, what)
    }

    /// A fault in Hvelv itself.
    #[must_use]
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(Exit::Internal, what)
    }

    /// A file operation failed. `doing` is a verb, for example `read`.
    #[must_use]
    pub fn file(doing: &str, path: &Path, cause: &std::io::Error) -> Self {
        Self::usage(format!("cannot {doing} {}: {cause}", path.display()))
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }

    /// Ends the process in another way, where the command knows better.
    #[must_use]
    pub fn ending(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Says what it is about: a file among several.
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        self.what = format!("{what}: {}", self.what);
        self
    }

    /// How the process exits.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What to do, line by line.
    #[must_use]
    pub fn advice(&self) -> &[String] {
        &self.advice
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

/// An error of a library with its causes, in one line.
pub(super) fn with_sources(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl From<files::Error> for Error {
    fn from(error: files::Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Exists | ErrorKind::Stale => Exit::Precondition,
            ErrorKind::Found | ErrorKind::Verification => Exit::Verification,
            ErrorKind::Input => Exit::Input,
            ErrorKind::Internal => Exit::Internal,
            ErrorKind::System => Exit::Usage,
        };
        let advice = error.advice().to_vec();
        Self { exit, what: error.to_string(), advice }
    }
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        from_status(&status)
    }
}

/// Says what the server answered, and what to do about it.
fn from_status(status: &tonic::Status) -> Error {
    use tonic::Code;
    use tonic_types::StatusExt;

    let details = status.get_error_details();
    let reason = details.error_info().map_or("", |info| info.reason.as_str());
    if reason.is_empty() && is_broken_connection(status) {
        let what = format!("the connection to the server was lost: {}", status.message());
        return Error::new(Exit::Unavailable, what)
            .advise("Check that the server runs: hvelv status. Then try again.");
    }
    let exit = match status.code() {
        Code::Ok => Exit::Success,
        Code::InvalidArgument | Code::NotFound | Code::OutOfRange => Exit::Usage,
        Code::PermissionDenied | Code::Unauthenticated => Exit::Denied,
        Code::FailedPrecondition | Code::AlreadyExists | Code::Aborted => Exit::Precondition,
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Cancelled => {
            Exit::Unavailable
        }
        Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => Exit::Internal,
    };
    let mut error = Error::new(exit, what_happened(status, reason));
    if let Some(request) = details.bad_request() {
        for violation in &request.field_violations {
            error = error.advise(format!("{}: {}", violation.field, violation.description));
        }
    }
    match advice_for(status.code(), reason) {
        Some(advice) => error.advise(advice),
        None => error,
    }
}

/// Whether a status was made on this side, of an error of the connection. The server's own have the
/// same codes, and no cause here.
fn is_broken_connection(status: &tonic::Status) -> bool {
    use tonic::Code;
    let is_vague = matches!(status.code(), Code::Cancelled | Code::Internal | Code::Unknown);
    is_vague && std::error::Error::source(status).is_some()
}

/// The server's words, or ours where it has none.
fn what_happened(status: &tonic::Status, reason: &str) -> String {
    let said = status.message();
    match (said.is_empty(), reason.is_empty()) {
        (true, true) => format!("the server answered {:?}", status.code()),
        (true, false) => format!("the server answered {reason}"),
        (false, true) => said.to_owned(),
        (false, false) => format!("{said} ({reason})"),
    }
}

fn advice_for(code: tonic::Code, reason: &str) -> Option<&'static str> {
    use tonic::Code;
    match (code, reason) {
        (_, "server_sealed") => Some("Open it first: hvelv unseal."),
        (_, "budget_spent") => Some(
            "Ask the operator for a grant, then send everything again: what was answered costs \
             nothing the second time.",
        ),
        (_, "approval_closed") => Some("Look what became of it: hvelv approval show ID."),
        (_, "same_person") => Some("Ask another person who has the role approver."),
        (_, "too_many_approvals") => {
            Some("Withdraw what is no longer needed: hvelv approval list, withdraw.")
        }
        (_, "passphrase_wrong") => Some("Try again. Nothing was changed."),
        (_, "server_degraded") => {
            Some("An operator looks at its log, then seals and unseals it: hvelv seal, unseal.")
        }
        (Code::Unauthenticated, _) => {
            Some("Give a client certificate: --connect FILE, or --certificate and --key.")
        }
        (Code::PermissionDenied, _) => {
            Some("Check the certificate that you use, and its roles in the server's access.toml.")
        }
        (Code::Unavailable | Code::DeadlineExceeded, _) => {
            Some("Check --server, and that the server runs: hvelv status. Then try again.")
        }
        (Code::ResourceExhausted, _) => Some("Wait, or ask the operator about the limit."),
        (Code::Internal | Code::Unknown, _) => Some("Look in the server's log for the request id."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    #[test]
    fn exit_codes_are_distinct_and_in_order() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 130]);
    }

    #[test]
    fn every_status_has_the_exit_code_of_its_cause() {
        let expected = [
            (Code::InvalidArgument, Exit::Usage),
            (Code::NotFound, Exit::Usage),
            (Code::Unauthenticated, Exit::Denied),
            (Code::PermissionDenied, Exit::Denied),
            (Code::FailedPrecondition, Exit::Precondition),
            (Code::Unavailable, Exit::Unavailable),
            (Code::DeadlineExceeded, Exit::Unavailable),
            (Code::ResourceExhausted, Exit::Unavailable),
            (Code::Internal, Exit::Internal),
        ];
        for (code, exit) in expected {
            assert_eq!(Error::from(Status::new(code, "x")).exit(), exit, "{code:?}");
        }
    }

    #[test]
    fn a_sealed_server_is_advised_to_be_unsealed() {
        let details = ErrorDetails::with_error_info("server_sealed", "hvelv", []);
        let status =
            Status::with_error_details(Code::FailedPrecondition, "the server is sealed", details);
        let error = Error::from(status);
        assert_eq!(error.exit(), Exit::Precondition);
        assert_eq!(error.advice(), ["Open it first: hvelv unseal."]);
    }

    #[test]
    fn field_violations_are_listed() {
        let details = ErrorDetails::with_bad_request_violation("delivery.source", "no such source");
        let status = Status::with_error_details(Code::InvalidArgument, "bad request", details);
        assert_eq!(Error::from(status).advice(), ["delivery.source: no such source"]);
    }
}
