//! Faults below the storage engine: power cuts, calls that fail, a disk that is full.
//!
//! ```text
//! the real server ─► shim.c ─► the kernel, the files as they look to a process
//!                       │ journal
//!                       ▼
//!                    disk.rs: what was synced, what was not ─► power cut ─► the files rewritten
//! ```
//!
//! Rules: a seed decides where the power is cut and what is lost, and is in the message of each
//! failure; the model is held against the real files at each cut, so that a call the shim misses
//! fails the test.

mod alerts;
mod disk;
mod failing_calls;
mod failing_steps;
mod full_disk;
mod journal;
mod opening;
mod pending;
mod power_cut;
mod set_up;
pub(crate) mod shim;
