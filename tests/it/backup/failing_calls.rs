//! Goal: whichever I/O call fails while a backup is made or restored, what has the name of one is
//! whole, and the next attempt works.  Method: the n-th call of the server, of the client, and of the
//! restore fails, for n from the first on, until one passes without.

use super::*;
use crate::faults::shim::{EIO, EVERYTHING, READS, Shim};
use crate::harness::{Random, run};

const ROWS: usize = 400;
/// More calls than a backup makes; a test that gets here does not fail what it means to.
const CALLS_MAX: u64 = 3_000;
/// Calls of the short run of a restore.
const SAMPLE: usize = 24;

/// Ran without a panic, and says so if it did not do what it was to.
fn says_what_is_wrong(ran: &Ran, about: &str) {
    assert!(ran.code.is_some_and(|code| code > 0), "{about}: {ran:?}");
    assert!(ran.err.contains("hvelv: ") && !ran.err.contains("panicked"), "{about}: {ran:?}");
}

/// Whether a backup with a call that failed was made all the same; else it has no name.
fn was_made(site: &Site, ran: &Ran, about: &str) -> bool {
    let is_there = Path::new(&site.path("tried")).exists();
    if ran.code != Some(0) {
        says_what_is_wrong(ran, about);
    }
    // The last call of all: whether the name is durable is not known.
    let is_whole = ran.code == Some(0) || ran.err.contains("The backup is there and whole");
    assert_eq!(is_there, is_whole, "{about}: {ran:?}");
    is_there
}

/// A backup, tried until the server has noticed that the one before was given up.
fn tried(mut back_up: impl FnMut() -> (Ran, u64)) -> (Ran, u64) {
    (0..200)
        .map(|_| back_up())
        .find(|(ran, _)| !ran.err.contains("backup_running"))
        .expect("a backup that nobody takes ends")
}

/// What was made although a call failed is as whole as any: it restores elsewhere.
fn is_whole(site: &Site, backups: &[String]) {
    for backup in backups {
        site.wipe();
        site.restore(&[backup]).well();
        site.verify().well();
    }
}

/// Keeps a backup under a name of its own.
fn keep(site: &Site, made: &mut Vec<String>) {
    let name = format!("made-{}", made.len());
    fs::rename(site.path("tried"), site.path(&name)).unwrap();
    made.push(name);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_call_of_the_server_may_fail_while_it_is_backed_up() {
    let site = Site::new();
    let shim = Shim::over(site.installation.root());
    let process = Running::spawn(shim.command(&serve(&site.installation.config_file())));
    let server = site.unsealed(process).await;
    let mut known = Acknowledged::default();
    site.ingest(&server, &people(ROWS), &mut known).await;
    let (mut made, mut refused) = (Vec::new(), 0);
    for kinds in [EVERYTHING, READS] {
        for call in 1.. {
            assert!(call < CALLS_MAX, "a backup makes more calls");
            let about = format!("kinds {kinds}, call {call}");
            let (ran, failed) = tried(|| {
                let before = shim.refused();
                shim.fail_of(kinds, call..call + 1, EIO);
                let ran = site.back_up(&server, "tried", None);
                shim.heal();
                (ran, shim.refused() - before)
            });
            let is_made = was_made(&site, &ran, &about);
            if is_made {
                keep(&site, &mut made);
            }
            served_again(&site, &server).await;
            if failed == 0 {
                assert!(is_made && call > 5, "{about}: {ran:?}");
                break;
            }
            refused += usize::from(!is_made);
        }
    }
    all_is_there(&site.installation, server.address, &known, 0).await;
    log_verifies(&site.installation, server.address);
    assert!(refused > 15, "{refused} refused");
    server.stop();
    assert!(!Path::new(&site.path("data/vault/snapshot")).exists(), "copies go with the backup");
    is_whole(&site, &made);
}

/// Waits until a server that had to reopen its stores answers.
async fn served_again(site: &Site, server: &ServerProcess) {
    let channel = site.installation.connect(server.address, "sender").await;
    let wait = async {
        while let Err(status) = Stream::open(&channel, header("NPR", "HF")).await {
            let told = reason(&status);
            assert!(["commit_uncertain", "server_degraded"].contains(&told.as_str()), "{told}");
            tokio::task::yield_now().await;
        }
    };
    crate::harness::bounded(wait).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_call_of_the_client_may_fail_while_it_writes_a_backup() {
    let site = Site::new();
    let server = site.serve().await;
    site.ingest(&server, &people(ROWS), &mut Acknowledged::default()).await;
    let (mut made, mut refused) = (Vec::new(), 0);
    for call in 1.. {
        assert!(call < CALLS_MAX, "a backup makes more calls");
        let (ran, failed) = tried(|| {
            let shim = Shim::over(site.installation.root());
            shim.fail_of(EVERYTHING | READS, call..call + 1, EIO);
            (run(shim.command(&site.backing_up(&server, "tried", None))), shim.refused())
        });
        let is_made = was_made(&site, &ran, &format!("call {call}"));
        if is_made {
            keep(&site, &mut made);
        }
        if failed == 0 {
            assert!(is_made && call > 20, "call {call}: {ran:?}");
            break;
        }
        refused += usize::from(!is_made);
    }
    assert!(refused > 15, "{refused} refused");
    server.stop();
    is_whole(&site, &made);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_call_may_fail_while_a_backup_is_restored() {
    let site = Site::new();
    let mut known = Acknowledged::default();
    let server = site.serve().await;
    site.ingest(&server, &people(ROWS), &mut known).await;
    site.back_up(&server, "backup", None).well();
    server.stop();
    site.wipe();
    let shim = Shim::over(site.installation.root());
    shim.count(EVERYTHING | READS);
    run(shim.command(&site.restoring(&["backup"], &[]))).well();
    let count = shim.counted();
    assert!((50..CALLS_MAX).contains(&count), "a restore makes {count} calls");
    let mut calls: Vec<u64> = (1..=count).collect();
    if size("HVELV_LONG", 0) == 0 {
        Random(0x4e57_0007).shuffle(&mut calls);
        calls.truncate(SAMPLE);
    }
    let mut refused = 0;
    for call in calls {
        site.wipe();
        let shim = Shim::over(site.installation.root());
        shim.fail_of(EVERYTHING | READS, call..call + 1, EIO);
        let ran = run(shim.command(&site.restoring(&["backup"], &[])));
        let is_whole = Path::new(&site.path("data/vault")).exists();
        if ran.code != Some(0) {
            says_what_is_wrong(&ran, &format!("call {call}"));
            refused += 1;
        }
        if !is_whole {
            assert!(ran.code != Some(0), "call {call}: {ran:?}");
            // Between the two names: the operator moves it aside, as the text says.
            if Path::new(&site.path("data/registers")).exists() {
                site.restore(&["backup"]).ended(PRECONDITION, "is not empty");
                fs::remove_dir_all(site.path("data/registers")).unwrap();
            }
            site.restore(&["backup"]).well();
        }
        site.verify().well();
    }
    assert!(refused > SAMPLE / 2, "{refused} refused");
    let server = site.serve().await;
    site.accept(&server);
    all_is_there(&site.installation, server.address, &known, 0).await;
    server.stop();
}
