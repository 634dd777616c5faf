//! Goal: whichever I/O call fails while new persons get their numbers, the caller is told so, the
//! server comes back by itself, and nothing that was acknowledged is lost.  Method: the first call of
//! an assigning batch fails, then the second, and so on, until one passes without; each server then
//! loses its power.

use std::os::unix::process::ExitStatusExt as _;

use tonic::{Code, Status};

use super::disk::Disk;
use super::shim::{EIO, Shim};
use crate::harness::{
    Acknowledged, BOUND, Installation, PASSPHRASE, Random, Running, ServerProcess, all_is_there,
    ask, header, log_verifies, look_up, packed, people, reason, serve, size, unseal,
};

/// New persons of a batch.
const ROWS: usize = 400;
/// More calls than a batch makes; a test that gets here does not fail what it means to.
const CALLS_MAX: usize = 400;

/// A server on the stores of an installation, with the shim, open.
pub(super) struct Failing {
    pub(super) shim: Shim,
    pub(super) server: ServerProcess,
    disk: Disk,
}

impl Failing {
    pub(super) async fn start(installation: &Installation) -> Self {
        let disk = Disk::read(installation.root());
        let shim = Shim::over(installation.root());
        let process = Running::spawn(shim.command(&serve(&installation.config_file())));
        let server = ServerProcess::reached(process);
        let operator = installation.connect(server.address, "operator").await;
        unseal(&operator, PASSPHRASE).await.unwrap();
        Self { shim, server, disk }
    }

    /// Sends a batch until it is answered, and counts the refusals.
    pub(super) async fn send(
        &mut self,
        installation: &Installation,
        numbers: &[u64],
        known: &mut Acknowledged,
        seed: u64,
    ) -> usize {
        let channel = installation.connect(self.server.address, "sender").await;
        let sending = async {
            let mut refusals = 0;
            loop {
                match ask(&channel, header("NPR", "HF"), packed(numbers)).await {
                    Ok(answer) => break (answer.result.unwrap().ids, refusals),
                    Err(status) => says_to_repeat(&status, seed),
                }
                refusals += 1;
                tokio::task::yield_now().await;
            }
        };
        let Ok((ids, refusals)) = tokio::time::timeout(BOUND, sending).await else {
            self.server.process.kill();
            self.server.process.ended();
            let said: Vec<_> = self
                .server
                .process
                .said
                .iter()
                .filter(|l| !l.contains("request refused"))
                .collect();
            panic!("seed {seed:#x}: not served again: {said:?}");
        };
        let pairs: Vec<_> = numbers.iter().copied().zip(ids).collect();
        known.take(&pairs, seed);
        refusals
    }

    /// Ends the process at its next call, and loses what was not synced.
    pub(super) async fn lose_power(
        mut self,
        installation: &Installation,
        known: &Acknowledged,
        random: &mut Random,
        seed: u64,
    ) {
        self.shim.cut_at(1);
        // The record of a look-up is such a call; the engine may have made one before.
        let numbers: Vec<u64> = known.ids.keys().copied().take(1).collect();
        let pipeline = installation.try_connect(self.server.address, Some("pipeline")).await;
        if let Ok(channel) = pipeline {
            let asked = ask(&channel, look_up("NPR", "HF"), packed(&numbers)).await;
            assert!(asked.is_err(), "seed {seed:#x}: answered without a record");
        }
        let ended = self.server.process.ended();
        assert_eq!(ended.signal(), Some(9), "seed {seed:#x}: {:?}", self.server.process.said);
        self.disk.follow(self.shim.journal());
        self.disk.is_as_it_looks(seed);
        self.disk.lose_power(random);
    }
}

/// A refusal after which the sender repeats, in words that say so.
pub(super) fn says_to_repeat(status: &Status, seed: u64) {
    let told = reason(status);
    let says = ["commit_uncertain", "server_degraded"].contains(&told.as_str());
    assert!(says && status.code() == Code::Unavailable, "seed {seed:#x}: {status:?}");
    assert!(status.message().contains("send the batch again"), "seed {seed:#x}: {status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_call_may_fail_while_persons_get_their_numbers() {
    let seed = u64::try_from(size("HVELV_POWER_SEED", 0xfa11_0001)).unwrap();
    let mut random = Random(seed);
    let installation = Installation::new();
    let numbers = people(ROWS * CALLS_MAX);
    let mut known = Acknowledged::default();
    let mut told = 0;
    for (call, batch) in (1..).zip(numbers.chunks(ROWS)) {
        let mut failing = Failing::start(&installation).await;
        all_is_there(&installation, failing.server.address, &known, seed).await;
        failing.shim.fail(call..call + 1, EIO);
        let refusals = failing.send(&installation, batch, &mut known, seed).await;
        told += usize::from(refusals > 0);
        failing.shim.heal();
        all_is_there(&installation, failing.server.address, &known, seed).await;
        log_verifies(&installation, failing.server.address);
        let has_failed = failing.shim.refused() > 0;
        failing.lose_power(&installation, &known, &mut random, seed).await;
        if !has_failed {
            // Each synced commit, of the stores and of the key file, has failed once.
            assert!(call > 20 && told > 15, "seed {seed:#x}: {told} refusals in {call} calls");
            return;
        }
    }
    panic!("seed {seed:#x}: a batch makes more than {CALLS_MAX} calls");
}

/// The disk stays away: the server says so, stays up, and is back when the disk is.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_goes_away_and_comes_back_needs_no_restart() {
    let seed = u64::try_from(size("HVELV_POWER_SEED", 0xfa11_0002)).unwrap();
    let mut random = Random(seed);
    let installation = Installation::new();
    let numbers = people(20 * ROWS);
    let mut known = Acknowledged::default();
    for (call, batch) in (1..).step_by(5).zip(numbers.chunks(ROWS)).take(4) {
        let mut failing = Failing::start(&installation).await;
        failing.shim.fail(call..u64::MAX, EIO);
        let channel = installation.connect(failing.server.address, "sender").await;
        let ask = || ask(&channel, header("NPR", "HF"), packed(batch));
        says_to_repeat(&ask().await.unwrap_err(), seed);
        failing.server.process.wait_for("the stores cannot be reopened yet");
        let status = ask().await.unwrap_err();
        assert_eq!(reason(&status), "server_degraded", "seed {seed:#x}");
        failing.shim.heal();
        failing.send(&installation, batch, &mut known, seed).await;
        all_is_there(&installation, failing.server.address, &known, seed).await;
        log_verifies(&installation, failing.server.address);
        failing.lose_power(&installation, &known, &mut random, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_are_cut_short_are_finished() {
    let installation = Installation::new();
    let numbers = people(ROWS);
    let mut known = Acknowledged::default();
    let mut failing = Failing::start(&installation).await;
    failing.shim.cut_writes_short();
    let refusals = failing.send(&installation, &numbers, &mut known, 0).await;
    assert_eq!(refusals, 0, "a short write is no error");
    assert!(failing.shim.refused() > 20, "writes were cut short");
    failing.shim.heal();
    failing.lose_power(&installation, &known, &mut Random(0), 0).await;
    let failing = Failing::start(&installation).await;
    all_is_there(&installation, failing.server.address, &known, 0).await;
    log_verifies(&installation, failing.server.address);
    failing.server.stop();
}
