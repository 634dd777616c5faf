//! Installations, servers, clients and numbers for the tests.

mod acknowledged;
mod client;
mod course;
mod installation;
mod manifest;
mod numbers;
mod preload;
mod process;
mod random;
mod scrape;
mod server;

use std::time::Duration;

pub(crate) use acknowledged::{
    Acknowledged, Answer, all_is_there, ingest_until_gone, log_verifies,
};
pub(crate) use client::{
    Stream, ask, audit_entries, header, integers, look_up, packed, reason, refusal, text, texts,
};
pub(crate) use course::Course;
pub(crate) use installation::{
    Installation, InstallationOptions, PASSPHRASE, PRINCIPALS, copy_directory, validity,
};
pub(crate) use manifest::manifest;
pub(crate) use numbers::{completed, digits, dnr, first_with, people, people_born};
pub(crate) use preload::{days_ahead, library};
pub(crate) use process::{LISTENING, PROGRAM, Ran, Running, ServerProcess, hvelv, run, serve};
pub(crate) use random::Random;
pub(crate) use scrape::{Scraped, exchange, scrape};
pub(crate) use server::{InProcessServer, unseal};

/// How long a test waits for anything.  It is never reached unless something is wrong.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// Waits for a result, with a bound.
pub(crate) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future).await.expect("the result comes within the bound")
}

/// Waits for a state, with a bound.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(BOUND, wait).await.is_ok(), "waited in vain: {what}");
}

/// A size of a test: an environment variable, or what the short run takes.
pub(crate) fn size(variable: &str, short: usize) -> usize {
    std::env::var_os(variable)
        .map_or(short, |value| value.to_str().and_then(|text| text.parse().ok()).unwrap())
}
