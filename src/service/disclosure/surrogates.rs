//! Surrogates: values of secondary identifiers in, what stands for them in one disclosure out.
//!
//! ```text
//! surrogate = HMAC-SHA-256(K_surrogates, frame(key space, institution, value)), first 16 bytes
//! ```
//!
//! Invariants: a key space is one that the decision names; the values go nowhere but into the
//! surrogates; each batch has its entry before it is answered, with a digest of the surrogates that
//! nobody can search once the disclosure is closed, and that no other entry has.

use std::sync::{Arc, PoisonError, Weak};

use bytes::Bytes;
use jiff::civil::Date;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, ErrorCode, Limit, Service, Violation};
use super::book::{Handle, closed, ready};
use super::serials::Using;
use crate::audit::{Action, Entry, Recorded};
use crate::disclosure::DisclosureId;
use crate::disclosure::lifecycle::DisclosureUse;
use crate::keyring::SURROGATE_BYTES;
use crate::policy::Permit;

/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 1024;

/// Values of one key space.
pub struct SurrogateBatch {
    /// The key space.
    pub key_space: String,
    /// The values.
    pub values: Vec<Bytes>,
    /// Where each was given; empty where values are unique without it.
    pub institutions: Vec<Bytes>,
}

/// An open stream of surrogates.
pub struct SurrogateIssuing {
    service: Arc<Service>,
    key_spaces: Vec<String>,
    base: Entry,
    last_day: Date,
    open: Weak<Open>,
    /// Held weakly, so that sealing wipes the keys although the stream is open.
    in_use: Handle,
}

impl Service {
    /// Opens a stream of surrogates.
    ///
    /// # Errors
    ///
    /// As [`Service::open_serials`].
    pub fn open_surrogates(
        self: &Arc<Self>,
        permit: &Permit,
        id: DisclosureId,
    ) -> Result<SurrogateIssuing, Error> {
        let Using { open, decided, entry: base, in_use, last_day, .. } =
            self.use_disclosure(permit, id, DisclosureUse::Issue, Action::SurrogatesIssued)?;
        let key_spaces = decided.key_spaces().into_iter().map(str::to_owned).collect();
        let (open, in_use) = (Arc::downgrade(&open), in_use.handle());
        Ok(SurrogateIssuing { service: Arc::clone(self), key_spaces, base, last_day, open, in_use })
    }
}

impl SurrogateIssuing {
    /// The surrogates of a batch, 16 bytes each, in order, once that is recorded. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// `batch_too_large`, `request_invalid`, `disclosure_closed`, `server_sealed`,
    /// `commit_uncertain`.
    pub fn issue(&self, batch: &SurrogateBatch) -> Result<Recorded<Vec<u8>>, Error> {
        self.check(batch)?;
        let open = self.service.still_open(&self.open)?;
        let in_use = ready(&self.in_use)?;
        // Held until it is recorded: a disclosure is not closed between the entry and the answer.
        let held = in_use.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys = held.as_ref().ok_or_else(closed)?;
        in_use.check_issues()?;
        self.service.check_last_day(self.last_day)?;
        let mut surrogates = Vec::with_capacity(batch.values.len() * SURROGATE_BYTES);
        for (row, value) in batch.values.iter().enumerate() {
            let institution = batch.institutions.get(row).map_or(&[][..], |one| one);
            surrogates.extend(keys.surrogate(&batch.key_space, institution, value));
        }
        let mut entry = self.base.clone();
        entry.time = self.service.parts.clock.now();
        entry.counts.insert("rows".into(), batch.values.len() as u64);
        let digest = keys.digests().digest_parts(&[&surrogates]);
        open.registers.record_digested_and_wait((entry, digest), surrogates).map_err(|error| {
            self.service.reopen_if_failed(&open);
            register_error(error)
        })
    }

    fn check(&self, batch: &SurrogateBatch) -> Result<(), Error> {
        let max = self.service.parts.config.limits.batch_identifiers_max;
        if batch.values.len() > max {
            let limit = Limit { option: "limits.batch_identifiers_max", max: max as u64 };
            return Err(Error::limit(ErrorCode::BatchTooLarge, limit));
        }
        let mut violations = Vec::new();
        let mut add = |field: &'static str, text: &'static str| {
            violations.push(Violation { field: field.into(), text: text.into() });
        };
        if !self.key_spaces.contains(&batch.key_space) {
            add("batch.key_space", "is not one that the decision names");
        }
        if !batch.institutions.is_empty() && batch.institutions.len() != batch.values.len() {
            add("batch.institutions", "must be as many as values, or none");
        }
        let too_long = |all: &[Bytes]| all.iter().any(|one| one.len() > VALUE_BYTES_MAX);
        if too_long(&batch.values) {
            add("batch.values", "has a value of more than 1024 bytes");
        }
        if too_long(&batch.institutions) {
            add("batch.institutions", "has one of more than 1024 bytes");
        }
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
    }
}
