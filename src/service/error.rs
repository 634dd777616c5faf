//! What a use case answers when it does not answer: one error type, grouped by what the caller can
//! do.
//!
//! Why: the caller acts on the group (repeat, correct, ask for a right, wait), an operator looks up
//! the code, and the cause stays with us.  `rpc/status.rs` is the only place that turns this into a
//! gRPC status.
//!
//! INVARIANT: a public text is static, or built from a code, an option's name and a limit of ours, or
//! from the caller's own name and budget, or a share's root and number; never from what was sent, but
//! for the names of columns and registers in the rules of disclosure.  Codes are stable: clients and
//! runbooks match on them, so one may be added, and none renamed or given another meaning.
//!
//! What it does *not* protect: the source chain is written to the log.  Whoever attaches a source
//! answers for it having no user data in its `Display`.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use super::SpentBudget;
use crate::policy::Denied;

mod told;

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Somebody else changed the same thing: read again and repeat.
    Conflict,
    /// Ask whoever gives rights.  Also the answer about what one may not know of.
    Denied,
    /// Send less, or later.
    Exhausted,
    /// Report it, with the request id: our bug.
    Internal,
    /// Correct the request.
    Invalid,
    /// Nothing: there is no such thing.
    NotFound,
    /// Bring the server into the state that the text names, then repeat.
    Precondition,
    /// Present a valid certificate.
    Unauthenticated,
    /// Repeat later.
    Unavailable,
}

/// Declares the codes: group, variant, word on the wire, public text.
macro_rules! error_codes {
    ($( $(#[doc = $doc:literal])+ $group:ident $variant:ident = $word:literal, $text:literal; )+) => {
        /// What went wrong, as clients, runbooks and metrics name it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode { $( $(#[doc = $doc])+ $variant, )+ }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code on the wire: stable, snake_case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What the caller can do about it.
            #[must_use]
            pub const fn group(self) -> Group {
                match self { $(Self::$variant => Group::$group),+ }
            }

            /// The text that the caller gets, unless the error has one of its own.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

error_codes! {
    /// The server is open already.
    Precondition AlreadyUnsealed = "already_unsealed", "the server is already unsealed";
    /// There is no such application.
    NotFound ApplicationUnknown = "application_unknown", "no such application; `hvelv application list` has them all";
    /// An approval cannot be moved any more, or not now.
    Conflict ApprovalClosed = "approval_closed", "the approval is not open: it was decided, withdrawn or used, its time is over, or somebody is changing it now";
    /// The act takes an approval, and there is none for exactly that.
    Precondition ApprovalRequired = "approval_required", "this takes another person's approval, and none is open for exactly this; ask for one with `hvelv approval request`";
    /// Who asked for an approval, or gave it, has lost the role since.
    Precondition ApprovalVoid = "approval_void", "whoever asked for the approval, or gave it, no longer has the role for it; ask for another";
    /// A backup is being made already.
    Precondition BackupRunning = "backup_running", "a backup is being made already; wait until it ends";
    /// A backup that another is to go on from is not one of this server.
    Precondition BackupUnknown = "backup_unknown", "the earlier backup is not one of this server; make one without --since";
    /// A batch has more rows than one may have.
    Exhausted BatchTooLarge = "batch_too_large", "the batch has too many identifiers";
    /// There is no such bridge.
    NotFound BridgeUnknown = "bridge_unknown", "no such bridge; `hvelv bridge list` has them all";
    /// A budget is spent.
    Exhausted BudgetSpent = "budget_spent", "a budget is spent";
    /// There is no such case.
    NotFound CaseUnknown = "case_unknown", "no such case; `hvelv case list` has them all";
    /// The certificate's time is over.
    Unauthenticated CertificateExpired = "certificate_expired", "the client certificate is not valid at this time";
    /// The method needs a certificate and there is none.
    Unauthenticated CertificateRequired = "certificate_required", "this method needs a client certificate";
    /// A commit failed and its fate is unknown; repeating it gives the same answer.
    Unavailable CommitUncertain = "commit_uncertain", "a commit failed and its fate is unknown; send the batch again";
    /// The person has no consent in force in the register.
    Precondition ConsentNotGiven = "consent_not_given", "the person has no consent in force in this register; `hvelv reservation show` has what is in force";
    /// The request did not end in its time.
    Unavailable DeadlineExceeded = "deadline_exceeded", "the request took longer than it may";
    /// The stream's first message did not open a delivery, or a later one did.
    Invalid DeliveryOrder = "delivery_order", "the first message, and only the first, opens the delivery";
    /// The keys are marked as development keys and the mode is another.
    Precondition DevelopmentKeys = "development_keys", "the keys are development keys, which this mode refuses";
    /// The disclosure was closed, also while a stream was running.
    Precondition DisclosureClosed = "disclosure_closed", "the disclosure is closed and its key destroyed; more needs a new disclosure";
    /// There is no such disclosure.
    NotFound DisclosureUnknown = "disclosure_unknown", "no such disclosure; `hvelv disclosure list` has them all";
    /// The key file is older than extracts are.
    Precondition ExtractKeyMissing = "extract_key_missing", "the key file has no key that signs extracts; stop the server and run `hvelv init --add-registers`";
    /// Our bug.
    Internal Internal = "internal", "internal error";
    /// The key file is missing, damaged or not the stores' own.
    Precondition KeyFileUnusable = "key_file_unusable", "the key file cannot be used; the server's log says why";
    /// A message is not what the protos say.
    Invalid MessageMalformed = "message_malformed", "a message cannot be decoded";
    /// A message is longer than one may be.
    Exhausted MessageTooLarge = "message_too_large", "the message is too large";
    /// There is no such method, or this server does not offer it.
    NotFound MethodUnknown = "method_unknown", "no such method";
    /// Not allowed, or there is no such thing: the same answer, so that it tells nothing.
    Denied NotAllowed = "not_allowed", "not allowed, or no such thing";
    /// The register has confirmed the order before.
    Conflict OrderConfirmed = "order_confirmed", "the order was confirmed before; there is nothing more to do about it";
    /// There is no such order to the register.
    NotFound OrderUnknown = "order_unknown", "the register has no such order; `hvelv order list` has them all";
    /// The roots that are still closed are opened by shares alone.
    Precondition PassphraseNotInUse = "passphrase_not_in_use", "no root that is still closed has a passphrase; it takes shares: `hvelv unseal --share`";
    /// The key file does not open with that passphrase.
    Denied PassphraseWrong = "passphrase_wrong", "the key file does not open with this passphrase";
    /// What there was about the person was erased.
    NotFound PersonErased = "person_erased", "what there was about this person was erased; `hvelv case list` has the cases";
    /// Nobody is known by the identifier, or the person is not in this register: the same answer.
    NotFound PersonNotInRegister = "person_not_in_register", "the register has nobody by this identifier";
    /// What is to be done is no longer what was listed.
    Conflict PlanChanged = "plan_changed", "what is to be done is no longer what was listed; list it again with `hvelv retention plan`";
    /// The person has no consent to the quality register in force.
    Precondition QualityConsentNotGiven = "quality_consent_not_given", "the person has no consent to this quality register in force; `hvelv reservation show` has what was said";
    /// The register keeps no consents to such a quality register today (the catalogue is open).
    NotFound QualityRegisterUnknown = "quality_register_unknown", "the register keeps no consents to such a quality register today; `hvelv registers` has those that it does";
    /// The person is not reserved against the quality register.
    Precondition QualityReservationNotSet = "quality_reservation_not_set", "the person is not reserved against this quality register; `hvelv reservation show` has what was said";
    /// The person has said something to the quality register on a later day.
    Precondition QualityStatementEarlier = "quality_statement_earlier", "the person has said something to this quality register on a later day, which counts; `hvelv reservation show` has it";
    /// The register takes no such rows.
    Precondition RegisterClosed = "register_closed", "the register takes no new data";
    /// Consent was given to a register that holds persons by law.
    Precondition RegisterNotOnConsent = "register_not_on_consent", "the register holds persons by law and takes no consents";
    /// There is no such register (the catalogue is open).
    NotFound RegisterUnknown = "register_unknown", "no such register";
    /// Who asks for a person may not, by what was stated.
    Precondition RepresentationRefused = "representation_refused", "who asks may not ask for this person";
    /// The request is not valid; the violations say where.
    Invalid RequestInvalid = "request_invalid", "the request is not valid";
    /// The person is not reserved against this use.
    Precondition ReservationNotSet = "reservation_not_set", "the person is not reserved against this use; `hvelv reservation show` has what is in force";
    /// The register has no such use (the catalogue is open).
    NotFound ReservationUseUnknown = "reservation_use_unknown", "the register knows no such use; `hvelv registers` has those that persons can be reserved against";
    /// A restore lost something, and two persons have not accepted that yet.
    Precondition RestoreNotAccepted = "restore_not_accepted", "the stores were restored, and two persons have not accepted what is lost: `hvelv restored`";
    /// There is nothing to accept.
    Precondition RestoreUnknown = "restore_unknown", "no restore waits to be accepted";
    /// The root that a share is for is open already.
    Precondition RootOpen = "root_open", "this root is open already; no more shares of it are needed";
    /// Who would approve is who asked.
    Denied SamePerson = "same_person", "an approval is given by another natural person than the one who asked";
    /// A commit failed, and the server is reopening its stores by itself.
    Unavailable ServerDegraded = "server_degraded", "the server is reopening its stores after a failed commit; send the batch again later";
    /// The access file proposes no such role that is without effect.
    Precondition RoleNotWaiting = "role_not_waiting", "no such role waits to be granted; look with `hvelv access status`";
    /// The rules of disclosure are against it; the text says which and what to do.
    Precondition RuleRefuses = "rule_refuses", "the rules of disclosure refuse this";
    /// The server is sealed, and batches that were under way still hold keys.
    Unavailable SealUnfinished = "seal_unfinished", "nothing more is answered, but what was under way still holds keys in memory: they are wiped when it ends; stop the server to be sure";
    /// Nobody in the disclosure has the serial.
    NotFound SerialUnknown = "serial_unknown", "nobody in the disclosure has this serial";
    /// The server is sealed.
    Precondition ServerSealed = "server_sealed", "the server is sealed";
    /// The server stops.
    Unavailable ServerStopping = "server_stopping", "the server is stopping";
    /// The server is being opened.
    Unavailable ServerUnsealing = "server_unsealing", "the server is being unsealed";
    /// The same share was given already.
    Precondition ShareGivenAlready = "share_given_already", "this share was given already; another one is needed";
    /// What was given is no share, or is damaged.
    Invalid ShareMalformed = "share_malformed", "this is no share, or it has a typing error; compare it with the paper";
    /// A share is of another store, or of a set that was replaced.
    Precondition ShareNotInUse = "share_not_in_use", "the share belongs to another store, or to a set that is not in use";
    /// Who gives a share has given another one of the same root.
    Denied ShareSamePerson = "share_same_person", "a share of this root was given by the same person; another holder is needed";
    /// A share is not the one that was made.
    Denied ShareWrong = "share_wrong", "the share is wrong; ask its holder for the paper";
    /// The register has no such source today (the catalogue is open).
    NotFound SourceUnknown = "source_unknown", "the register has no such source today";
    /// The state does not allow the step; the text says what is possible.
    Precondition StepOutOfOrder = "step_out_of_order", "the state does not allow this step";
    /// A store is missing, damaged, older than its marks, or of another mode.
    Precondition StoreUnusable = "store_unusable", "a store cannot be used; the server's log says which and why";
    /// The connection broke, or the client went away.
    Unavailable StreamBroken = "stream_broken", "the stream was broken off";
    /// A stream was silent for too long.
    Unavailable StreamIdle = "stream_idle", "the stream was silent for too long";
    /// A stream has more messages or rows than one may have.
    Exhausted StreamTooLong = "stream_too_long", "the stream is too long";
    /// The caller asked for too many approvals.
    Exhausted TooManyApprovals = "too_many_approvals", "too many approvals were asked for";
    /// The caller has too many connections open.
    Exhausted TooManyConnections = "too_many_connections", "too many connections are open";
    /// The caller has too many batches under way.
    Exhausted TooManyInFlight = "too_many_in_flight", "too many batches are under way";
    /// The caller has too many streams open.
    Exhausted TooManyStreams = "too_many_streams", "too many streams are open";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, as the protos name it: `delivery.period.from`.
    pub field: Cow<'static, str>,
    /// What is wrong with it, without its value.
    pub text: Cow<'static, str>,
}

/// A limit of ours that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The option that sets it, such as `limits.streams_max`.
    pub option: &'static str,
    /// Its value.
    pub max: u64,
}

/// An error of a use case.
pub struct Error {
    code: ErrorCode,
    text: Cow<'static, str>,
    violations: Vec<Violation>,
    limit: Option<Limit>,
    budget: Option<Box<SpentBudget>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with the code's own text.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        let text = Cow::Borrowed(code.text());
        Self { code, text, violations: Vec::new(), limit: None, budget: None, source: None }
    }

    /// Our bug; the caller sees the code and the request id, the log the source.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Internal).with_source(source)
    }

    /// A request with violations, all of them.
    #[must_use]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        Self { violations, ..Self::new(ErrorCode::RequestInvalid) }
    }

    /// A limit that was met; the text names the option and its value.
    #[must_use]
    pub fn limit(code: ErrorCode, limit: Limit) -> Self {
        let text = format!("{} ({} = {})", code.text(), limit.option, limit.max);
        Self { text: text.into(), limit: Some(limit), ..Self::new(code) }
    }

    /// A budget that is spent; the text says which, when it is full again, and who can grant more.
    #[must_use]
    pub fn budget(spent: SpentBudget) -> Self {
        let SpentBudget { budget, principal, register, used, limit, refills } = &spent;
        let text = format!(
            "a budget is spent: {budget} of {principal} in {register}, {used} of {limit}; it refills \
             on {refills}, and an operator can grant more with `hvelv budget grant`"
        );
        let code = ErrorCode::BudgetSpent;
        Self { text: text.into(), budget: Some(Box::new(spent)), ..Self::new(code) }
    }

    /// Another text: static, so that nothing that was sent can be in it.
    #[must_use]
    pub fn with_text(mut self, text: &'static str) -> Self {
        self.text = text.into();
        self
    }

    /// The cause, for the log.  Its `Display` must not show user data.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the caller can do.
    #[must_use]
    pub const fn group(&self) -> Group {
        self.code.group()
    }

    /// What the caller is told.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong with the request, for [`Group::Invalid`].
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The limit that was met, for [`Group::Exhausted`].
    #[must_use]
    pub const fn limit_met(&self) -> Option<Limit> {
        self.limit
    }

    /// The budget that is spent, for [`ErrorCode::BudgetSpent`].
    #[must_use]
    pub fn spent_budget(&self) -> Option<&SpentBudget> {
        self.budget.as_deref()
    }
}

impl Error {
    /// The causes, outermost first, by their `Display`, which by house rule shows no user data.
    #[must_use]
    pub fn causes(&self) -> String {
        let mut causes = Vec::new();
        let mut next = self.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes.join(": ")
    }
}

impl From<Denied> for Error {
    fn from(_: Denied) -> Self {
        Self::new(ErrorCode::NotAllowed)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Shows the code and the public text; the source only by its `Display`, since the `Debug` of a
/// dependency's error may hold anything.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.source.as_ref().map(ToString::to_string);
        f.debug_struct("Error")
            .field("code", &self.code)
            .field("text", &self.text)
            .field("violations", &self.violations)
            .field("source", &source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests;
