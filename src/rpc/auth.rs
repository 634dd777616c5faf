//! Who calls: from a certificate to a principal, per request and per message of a stream.
//!
//! ```text
//! Peer (handshake) + Access (access.toml, now) ─► Caller ─► policy ─► Permit ─► service
//!                                                   │ recheck on each message
//! ```
//!
//! INVARIANT: a [`Caller`] is made here alone, by [`layer::Guard`], which has checked the method
//! table.  A method is reached only through that layer, so a handler always finds one.
//!
//! What it does *not* protect: a stream that waits is told of a withdrawn certificate when its next
//! message arrives, or when `limits.stream_idle_timeout_ms` ends it.

use std::fmt;
use std::sync::Arc;

use tonic::{Request, Status};

use super::status;
use super::tls::peer::{Peer, PeerCertificate};
use crate::config::access::{Access, Principal};
use crate::config::codes::PrincipalName;
use crate::policy::methods::{RoleKind, Rule, Shown};
use crate::policy::{Denied, Permit, Right, authorize};
use crate::service::{Error, ErrorCode};

pub use watch::AccessWatch;

pub mod layer;
mod watch;

/// The number of a request, unique while the server runs; the log and the caller have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u64);

impl RequestId {
    #[cfg(test)]
    pub(super) const fn for_test(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Whom a certificate belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Identity {
    /// There is no certificate.
    Anonymous,
    /// It is this principal's.
    Named(PrincipalName),
    /// It is nobody's, or two principals'.
    Stranger,
}

/// Who calls, as the access file has it now.
///
/// INVARIANT: made by [`layer::Guard`] alone; `identity` is what `access` says of the certificate.
#[derive(Clone)]
pub struct Caller {
    watch: Arc<AccessWatch>,
    access: Arc<Access>,
    certificate: Option<Arc<PeerCertificate>>,
    identity: Identity,
    request: RequestId,
}

/// Whether a caller is still who it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a changed caller needs a new permit"]
pub enum Standing {
    /// The access file was loaded anew: permits must be asked for again.
    Changed,
    /// Nothing has changed.
    Unchanged,
}

impl Caller {
    fn new(watch: &Arc<AccessWatch>, peer: &Peer, request: RequestId) -> Self {
        let access = watch.current();
        let identity = identity(&access, peer.certificate.as_deref());
        let certificate = peer.certificate.clone();
        Self { watch: Arc::clone(watch), access, certificate, identity, request }
    }

    /// The caller of a request, which the layer has put there.
    ///
    /// # Errors
    ///
    /// `internal`, if the layer is missing: a server that was put together wrongly.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| {
            status::from_error(&Error::internal("a request without a caller"), RequestId(0))
        })
    }

    /// The principal, if the certificate belongs to one.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        match &self.identity {
            Identity::Named(name) => self.access.by_name(name),
            Identity::Anonymous | Identity::Stranger => None,
        }
    }

    /// The request's number.
    #[must_use]
    pub const fn request_id(&self) -> RequestId {
        self.request
    }

    /// A permit for a right, as of now.
    ///
    /// # Errors
    ///
    /// `not_allowed`, whatever the reason.
    pub fn permit(&self, right: Right) -> Result<Permit, Error> {
        let principal = self.principal().ok_or(Denied)?;
        let waits = self.access.is_waiting()
            && right.roles().iter().any(|role| principal.withheld().contains(role));
        let permit = authorize(principal, right, self.watch.clock().today());
        permit.map_err(|denied| if waits { sealed() } else { denied.into() })
    }

    /// Whether the server must open before it is known whether the caller may call.
    fn waits_for(&self, rule: Rule) -> bool {
        let withheld = self.principal().map(Principal::withheld);
        let is_meant = |kinds: &[RoleKind]| {
            withheld
                .is_some_and(|roles| roles.iter().any(|role| kinds.contains(&RoleKind::of(role))))
        };
        self.access.is_waiting() && matches!(rule, Rule::Roles(kinds) if is_meant(kinds))
    }

    /// The status of an error, which is logged here, once.
    #[must_use]
    pub fn status(&self, error: &Error) -> Status {
        status::from_error(error, self.request)
    }

    /// Looks again: is the certificate still valid, and whose is it by the access file of now?
    ///
    /// # Errors
    ///
    /// `certificate_expired`; `not_allowed` if the certificate now belongs to somebody else or to
    /// nobody.
    pub fn recheck(&mut self) -> Result<Standing, Error> {
        self.check_certificate()?;
        let access = self.watch.current();
        if Arc::ptr_eq(&access, &self.access) {
            return Ok(Standing::Unchanged);
        }
        if identity(&access, self.certificate.as_deref()) != self.identity {
            return Err(Denied.into());
        }
        self.access = access;
        Ok(Standing::Changed)
    }

    fn check_certificate(&self) -> Result<(), Error> {
        let now = self.watch.clock().now();
        match &self.certificate {
            Some(certificate) if !certificate.is_valid_at(now) => {
                Err(Error::new(ErrorCode::CertificateExpired))
            }
            _ => Ok(()),
        }
    }

    /// The principal's name for the log, or which kind of nobody it is.
    fn shown_name(&self) -> &str {
        match &self.identity {
            Identity::Anonymous => "(no certificate)",
            Identity::Named(name) => name.as_str(),
            Identity::Stranger => "(unknown certificate)",
        }
    }

    fn shown(&self) -> Shown<'_> {
        match (&self.identity, self.principal()) {
            (Identity::Anonymous, _) => Shown::Nothing,
            (_, Some(principal)) => Shown::Principal(principal),
            (_, None) => Shown::Stranger,
        }
    }
}

/// Shows who and which request, and no certificate.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("identity", &self.identity)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// What who has a role is told that has no effect before the server opens.
fn sealed() -> Error {
    Error::new(ErrorCode::ServerSealed)
}

fn identity(access: &Access, certificate: Option<&PeerCertificate>) -> Identity {
    let Some(certificate) = certificate else { return Identity::Anonymous };
    match access.find_only(certificate.identities()) {
        Some(principal) => Identity::Named(principal.name().clone()),
        None => Identity::Stranger,
    }
}

/// A caller with a permit that is kept up to date: what a stream asks before each message.
#[derive(Clone, Debug)]
pub struct StandingPermit {
    caller: Caller,
    permit: Permit,
}

impl StandingPermit {
    /// The caller with a permit for a right.
    ///
    /// # Errors
    ///
    /// `not_allowed`.
    pub fn new(caller: Caller, right: Right) -> Result<Self, Error> {
        let permit = caller.permit(right)?;
        Ok(Self { caller, permit })
    }

    /// The caller.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The permit, if the caller still has the right at this moment.
    ///
    /// # Errors
    ///
    /// `certificate_expired` or `not_allowed`.
    pub fn permit(&mut self) -> Result<&Permit, Error> {
        match self.caller.recheck()? {
            Standing::Unchanged => {
                let principal = self.caller.principal().ok_or(Denied)?;
                if !principal.validity().contains(self.caller.watch.clock().today()) {
                    return Err(Denied.into());
                }
            }
            Standing::Changed => self.permit = self.caller.permit(self.permit.right().clone())?,
        }
        Ok(&self.permit)
    }
}

#[cfg(test)]
mod tests;
