//! Budgets: how much a client may learn of a register, counted for ever and per period.
//!
//! ```text
//! batch ─ whom was the account told about?   one bit a row                        (account.rs)
//!           │ the others are fresh
//!           ▼
//!         admit: row by row, while each budget that the answer may need has something left
//!           │ refused rows say so, known or unknown alike   │ new persons: held, assigned, settled
//!           ▼                                               ▼
//!         recorder: what is spent, and who was told about, in the batch of the audit entry
//!           ▼ after the commit
//!         the bits, then the answer
//! ```
//!
//! An *account* is one principal in one register.  Three budgets, each with a limit a period:
//!
//! | Budget | One is spent by |
//! |---|---|
//! | persons | the first answer about a person, ever |
//! | misses | each look-up that finds nobody; a number that the rules refuse is none: it tells its sender nothing |
//! | assignments | the first answer about a person who is new in the register, or new at all |
//!
//! Invariants: what was answered is counted, durably, before the answer leaves; what was counted is
//! never given back by a crash; a row is refused before it shows whether anybody is known by it, so a
//! refusal says the same of everybody; no number of streams together spends more than there is.
//!
//! What it does *not* protect: whoever sets the clock of the host forward refills the budgets; two
//! principals of one thief have two budgets; a record that is put back in its old place opens.

use std::sync::Arc;

use super::queue::With;
use super::{Error, Registers};
use crate::audit::{Entry, Recorded};

mod account;
pub(super) mod bits;
mod ledger;
mod purse;
mod record;

pub use account::{About, Account, Admission, Asking, FreshRow, Hold, Repeats, Spending};
pub(super) use ledger::{Ledger, Touched};
pub use purse::{Grant, Level, NewGrant, Terms};

impl Registers {
    /// The budgets of a principal in a register.
    pub fn account(&self, principal: &str, register: u16) -> Arc<Account> {
        self.ledger.account(principal, register)
    }

    /// All accounts, by register and principal.
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        self.ledger.accounts()
    }

    /// Adds a grant to an account together with its audit entry, and waits until it is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`].
    pub fn record_grant_and_wait(
        &self,
        account: Arc<Account>,
        grant: NewGrant,
        entry: Entry,
    ) -> Result<Recorded<()>, Error> {
        let with = With { grant: Some((account, grant)), ..With::default() };
        self.send_and_wait(entry, with, ())
    }
}
