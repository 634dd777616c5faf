//! Goal: whenever the power goes, everything that was acknowledged is there, unchanged, and recorded
//! by the entry that the answer named, no number is given twice, and the log verifies.  Method: the
//! process ends at an I/O call that a seed chooses, while it ingests or while it opens its stores;
//! what was not synced is lost, kept or torn; the next server starts on what is left.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;

use tokio::sync::watch;

use super::disk::Disk;
use super::shim::Shim;
use crate::harness::{
    Acknowledged, Installation, PASSPHRASE, Random, Running, ServerProcess, Stream, all_is_there,
    bounded, header, ingest_until_gone, log_verifies, packed, people, serve, size, unseal,
};

/// Cuts on the same stores, before others are made.
const CUTS_EACH: usize = 10;
const STREAMS: usize = 3;
/// Calls among which one is chosen: while stores are opened and read, and while streams ingest.
const OPENING_CALLS: usize = 160;
const INGEST_CALLS: usize = 120;
/// New numbers of a round, and how many of the round before it sees again.
const NUMBERS: usize = 2500;
const AGAIN: usize = 500;

/// One installation whose power is cut again and again.
struct Cutting {
    installation: Arc<Installation>,
    numbers: Arc<Vec<u64>>,
    known: Acknowledged,
    random: Random,
    seed: u64,
}

impl Cutting {
    fn new(seed: u64) -> Self {
        Self {
            installation: Arc::new(Installation::new()),
            numbers: Arc::new(people(CUTS_EACH * NUMBERS + AGAIN)),
            known: Acknowledged::default(),
            random: Random(seed),
            seed,
        }
    }

    /// Starts a server, cuts its power at some call, and leaves what a disk may hold.
    async fn cut(&mut self, round: usize) {
        let root = self.installation.root().to_owned();
        let mut disk = Disk::read(&root);
        let shim = Shim::over(&root);
        let config = self.installation.config_file();
        let process = Running::spawn(shim.command(&serve(&config)));
        let mut server = ServerProcess::reached(process);
        let while_opening = self.random.below(4) == 0;
        if while_opening {
            shim.cut_at(1 + u64::try_from(self.random.below(OPENING_CALLS)).unwrap());
        }
        let operator = self.installation.connect(server.address, "operator").await;
        let opened = unseal(&operator, PASSPHRASE).await;
        if while_opening {
            // It may be open before the call is made that was chosen.
            if opened.is_ok() {
                self.ingest(&shim, server.address, round).await;
            }
        } else {
            if let Err(status) = opened {
                server.process.signal("TERM");
                server.process.ended();
                panic!("seed {:#x}: {status}, {:?}", self.seed, server.process.said);
            }
            self.known.is_recorded(&self.installation, server.address, self.seed).await;
            all_is_there(&self.installation, server.address, &self.known, self.seed).await;
            log_verifies(&self.installation, server.address);
            self.ingest(&shim, server.address, round).await;
        }
        let ended = server.process.ended();
        assert_eq!(ended.signal(), Some(9), "seed {:#x}: {:?}", self.seed, server.process.said);
        disk.follow(shim.journal());
        disk.is_as_it_looks(self.seed);
        disk.lose_power(&mut self.random);
    }

    /// Ingests until the power is cut.
    async fn ingest(&mut self, shim: &Shim, server: SocketAddr, round: usize) {
        let part = round * NUMBERS..(round + 1) * NUMBERS + AGAIN;
        let (acknowledged, _watched) = watch::channel(0);
        shim.cut_at(1 + u64::try_from(self.random.below(INGEST_CALLS)).unwrap());
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            let numbers = (Arc::clone(&self.numbers), part.clone());
            let chance = Random(self.random.draw());
            let (installation, sender) = (Arc::clone(&self.installation), acknowledged.clone());
            let ingest = ingest_until_gone(installation, server, numbers, chance, sender);
            streams.push(tokio::spawn(ingest));
        }
        for stream in streams {
            self.known.take_answers(&bounded(stream).await.unwrap(), self.seed);
        }
    }

    /// What was acknowledged is there and recorded, and what was not gets IDs that nobody has; gives
    /// how many rows were answered before.
    async fn end(mut self) -> u64 {
        let server = ServerProcess::start(&self.installation.config_file());
        let operator = self.installation.connect(server.address, "operator").await;
        unseal(&operator, PASSPHRASE).await.unwrap();
        let recorded = self.known.is_recorded(&self.installation, server.address, self.seed).await;
        all_is_there(&self.installation, server.address, &self.known, self.seed).await;
        let channel = self.installation.connect(server.address, "sender").await;
        let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
        for batch in self.numbers.chunks(8192) {
            let result = stream.exchange(packed(batch)).await.unwrap();
            let pairs: Vec<_> = batch.iter().copied().zip(result.ids).collect();
            self.known.take(&pairs, self.seed);
        }
        stream.finish().await.unwrap();
        let count = self.numbers.len();
        assert_eq!((self.known.ids.len(), self.known.numbers.len()), (count, count));
        log_verifies(&self.installation, server.address);
        server.stop();
        recorded
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_changed_when_the_power_is_cut_again_and_again() {
    let cuts = size("HVELV_POWER_CUTS", 100);
    let seed = u64::try_from(size("HVELV_POWER_SEED", 0x9077_e4c0)).unwrap();
    let answers = u64::try_from(size("HVELV_FAULT_ANSWERS", 100_000)).unwrap();
    let (mut cut, mut recorded) = (0, 0);
    while cut < cuts || recorded < answers {
        let mut cutting = Cutting::new(seed + u64::try_from(cut).unwrap());
        for round in 0..CUTS_EACH {
            cutting.cut(round).await;
        }
        cut += CUTS_EACH;
        recorded += cutting.end().await;
    }
    assert!(recorded >= answers, "seed {seed:#x}: {recorded} rows were answered");
}
