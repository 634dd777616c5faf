//! Closing the server: by an operator, by a signal, because nobody uses it, or when it stops.
//!
//! INVARIANT: whatever closes it, the stores are closed and keys, index and columns wiped, also when
//! the entry that says so cannot be written: the server must be closable always.
//!
//! What it does *not* do: batches that are under way hold what they use until they end.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::ingest::register_error;
use super::open::CLOSE_TIMEOUT;
use super::{Error, ErrorCode, Service, State, actor, allow};
use crate::audit::{Action, Actor};
use crate::memory::stack::wiped;
use crate::policy::{Permit, Right};

/// Why a server seals itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unasked {
    Idle { minutes: u16 },
    Signal,
}

impl Unasked {
    fn text(self) -> String {
        match self {
            Self::Idle { minutes } => format!("nobody has used it for {minutes} minutes"),
            Self::Signal => "by signal".to_owned(),
        }
    }
}

impl Service {
    /// Closes the stores and wipes keys, index and columns from memory; of a sealed server, the shares
    /// that were given so far.
    ///
    /// # Errors
    ///
    /// `server_sealed` when there was nothing to close or forget; `seal_unfinished` when batches that are
    /// under way still hold keys: nothing more is answered, and they are wiped when those end.
    pub fn seal(&self, permit: &Permit) -> Result<(), Error> {
        allow(permit, &Right::Operate)?;
        self.close(actor(permit), None)
    }

    /// As [`Self::seal`], because the process was told to by a signal.
    pub fn seal_by_signal(&self) {
        self.seal_unasked(Unasked::Signal);
    }

    /// Seals a server that nobody has used for as long as configured, and forgets shares that were
    /// given too long ago.
    pub fn seal_if_idle(&self) {
        self.forget_late_shares();
        let seal = self.parts.config.seal;
        let minutes = seal.idle_after_minutes;
        let last = Duration::from_millis(self.last_used_ms.load(Ordering::Relaxed));
        let idle = self.parts.clock.monotonic().saturating_sub(last);
        let is_idle = idle >= Duration::from_secs(u64::from(minutes) * 60);
        if seal.idle_enabled && is_idle && *self.state.borrow() == State::Open {
            self.seal_unasked(Unasked::Idle { minutes });
        }
    }

    /// Seals for good, when the process ends.
    pub fn shutdown(&self) {
        self.stopping.lock().unwrap_or_else(PoisonError::into_inner).take();
        match self.close(Actor::Server, None) {
            Err(error) if error.code() != ErrorCode::ServerSealed => {
                tracing::warn!(error = %error, "the server did not close in order");
            }
            _ => {}
        }
    }

    /// Somebody uses the server.
    pub(super) fn touch(&self) {
        let now = self.parts.clock.monotonic().as_millis();
        self.last_used_ms.store(u64::try_from(now).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn seal_unasked(&self, why: Unasked) {
        tracing::info!(why = why.text(), "sealing");
        match self.close(Actor::Server, Some(why)) {
            Err(error) if error.code() != ErrorCode::ServerSealed => {
                tracing::error!(error = %error, causes = %error.causes(),
                    "the server is sealed, and that could not be recorded");
            }
            _ => {}
        }
    }

    fn close(&self, actor: Actor, why: Option<Unasked>) -> Result<(), Error> {
        let transition = self.begin_transition();
        let mut entry = self.entry(actor, Action::Sealed);
        entry.changes = why.map(Unasked::text).into_iter().collect();
        let forgotten = self.forget_shares(&entry);
        // A server that is reopening its stores is sealed by saying so: the attempts end.
        let was = self.state.send_replace(State::Sealed);
        let Some(current) = self.install(None) else {
            if was == State::Degraded {
                // There is no log to write to until it is opened again.
                self.record_at_opening(entry);
                drop(transition);
                return self.until_reopening_ends();
            }
            return if forgotten { Ok(()) } else { Err(Error::new(ErrorCode::ServerSealed)) };
        };
        current.open.begin_closing();
        self.end_windows(&current.open);
        self.end_conversions(&current.open);
        // Without its record sealing happens all the same: the server must be closable always.  What
        // this leaves on the stack is gone before anybody is told that the server is sealed.
        let (recorded, signed, is_closed) = wiped(|| {
            let recorded = current.open.registers.record_act_and_wait(entry);
            let signed = self.sign_checkpoint(&current.open);
            (recorded, signed, current.close())
        });
        if !is_closed {
            tracing::error!("batches are still under way; keys are wiped when they end");
            return Err(Error::new(ErrorCode::SealUnfinished));
        }
        tracing::info!("sealed: keys, index and columns are wiped");
        let _ = recorded.map_err(register_error)?;
        signed.map(|_| ())
    }

    /// Waits for the thread that reopens the stores, which has the keys until it ends.
    fn until_reopening_ends(&self) -> Result<(), Error> {
        let reopening = self.reopening.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = reopening.is_none_or(|ended| {
            ended.recv_timeout(CLOSE_TIMEOUT) != Err(RecvTimeoutError::Timeout)
        });
        if ended { Ok(()) } else { Err(Error::new(ErrorCode::SealUnfinished)) }
    }
}
