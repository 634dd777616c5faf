//! What the process does so that its memory stays its own: no core dump, no debugger, no swap.
//!
//! ```text
//! keep_to_itself   PR_SET_DUMPABLE 0: no core dump, and no other process of the same user reads
//!                  its memory; RLIMIT_CORE 0 besides             every command, at once
//! lock_all         mlockall, on fault, what is mapped later too  the server, as configured
//! ```
//!
//! Why both: `dumpable` alone keeps a core from handlers that pass over the limit, and the limit holds
//! where the flag is reset by the system.  Why all memory and not the keys alone: ciphers keep their
//! key schedules, and the index its tags, on the ordinary heap.
//!
//! What it does *not* protect: root reads any memory; hibernation and snapshots of a virtual machine
//! write locked memory as well.

use std::io;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{CapabilitySet, capabilities};

/// Why memory cannot be locked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// The limit would be met later, in the midst of work.
    #[error("the limit on locked memory is {} KiB, and locking all of it takes no limit", .bytes / 1024)]
    Limit {
        /// The limit.
        bytes: u64,
    },
    /// The system refused.
    #[error("the system does not lock this process's memory")]
    Refused(#[source] io::Error),
}

/// No core dumps, and no other process of the same user may look into this one.
///
/// # Errors
/// What the system says.
pub(crate) fn keep_to_itself() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none)?;
    Ok(())
}

/// Keeps all memory, also what is mapped later, out of swap.  Pages that are not touched are not
/// mapped for it.
///
/// # Errors
/// [`LockError`].  Where the limit on locked memory is finite nothing is locked: the first allocation
/// beyond it would end the process.
pub(crate) fn lock_all() -> Result<(), LockError> {
    let limit = getrlimit(Resource::Memlock).current;
    let is_exempt =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    if let Some(bytes) = limit.filter(|_| !is_exempt) {
        return Err(LockError::Limit { bytes });
    }
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    mlockall(all).map_err(|error| LockError::Refused(error.into()))
}
