//! What the process does so that its memory stays its own: no core dump, no debugger, no swap.
//!
//! ```text
//! keep_to_itself   PR_SET_DUMPABLE 0: no core dump, and no other process of the same user reads
//!                  its memory; RLIMIT_CORE 0 besides             every command, at once
//! lock_all         mlockall, on fault, what is mapped later too  the server, as configured
//! ALLOCATOR        what is given back is wiped first             every command, always
//! ```
//!
//! Why all that is given back: a value that is moved takes along what lay in its gaps, and so brings
//! round keys from the stack to wherever it comes to lie; and names and addresses pass through many
//! buffers that are not ours.
//!
//! Why both: `dumpable` alone keeps a core from handlers that pass over the limit, and the limit holds
//! where the flag is reset by the system.  Why all memory and not the keys alone: ciphers keep their
//! key schedules, and the index its tags, on the ordinary heap.
//!
//! What it does *not* protect: root reads any memory; hibernation and snapshots of a virtual machine
//! write locked memory as well.

use std::alloc::System;
use std::io;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{CapabilitySet, capabilities};
use zeroizing_alloc::ZeroAlloc;

/// Of everything that links this library with its `server`: benches and tests measure and see what is
/// shipped.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn memory_that_is_given_back_is_wiped() {
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        let mut bytes = vec![0; 4096];
        let mut count = |place: usize| {
            // What the allocator has given back to the system has nothing.
            bytes.fill(0);
            let _ = memory.read_exact_at(&mut bytes, place as u64);
            bytes.iter().filter(|byte| **byte == 0xa5).count()
        };
        let given = std::hint::black_box(vec![0xa5_u8; 4096]);
        let place = given.as_ptr() as usize;
        // The control.
        assert_eq!(count(place), 4096);
        drop(given);
        // Whoever has it next may have written single bytes of that value.
        assert!(count(place) < 64);

        let mut grown = std::hint::black_box(vec![0xa5_u8; 4096]);
        let place = grown.as_ptr() as usize;
        grown.reserve_exact(1 << 20);
        assert_ne!(grown.as_ptr() as usize, place);
        assert!(count(place) < 64, "growing leaves nothing behind");
    }
}
