//! The whole server from outside: real gRPC over mutual TLS, the real stores, the real program.
//!
//! Rules: loopback only, on ports that the system picks; nothing sleeps; whatever is waited for has a
//! bound and is a state; what is drawn at random is drawn from a seed that a failure shows.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]
#![expect(clippy::panic, reason = "a test fails by panicking, in a helper as in its own body")]

mod access;
mod alarms;
mod approvals;
mod backup;
mod bad_requests;
mod bad_rows;
mod bridge_in;
mod bridges;
mod budgets;
mod cli;
mod cli_audit;
mod cli_disclosure;
mod cli_proofs;
mod concurrency;
mod crash;
mod disclosure;
mod erasure;
mod extract;
mod extract_make;
mod faults;
mod files;
mod grants;
mod greedy_clients;
mod harness;
mod identity;
mod ingest;
mod joint;
mod linking;
mod memory;
mod metrics;
mod old_ids;
mod pruning;
mod pseudonymize;
mod resealing;
mod reveal;
mod rights;
mod sealing;
mod shares;
mod stores;
mod synth;
mod terminal;
