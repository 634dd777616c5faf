//! Goal: whenever the server dies, everything that was acknowledged is there and unchanged, no ID is
//! given twice, and the log verifies.  Method: the process is killed with SIGKILL while several
//! streams ingest, after a number of acknowledged batches that a seed chooses, again and again on the
//! same stores.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::harness::{
    Installation, PASSPHRASE, Random, ServerProcess, Stream, audit_entries, bounded, header, hvelv,
    look_up, packed, people, size, unseal,
};

const STREAMS: usize = 4;
const BATCH_ROWS_MAX: usize = 800;

/// What was acknowledged: the ID of each identifier, and back.
#[derive(Default)]
struct Acknowledged {
    ids: HashMap<u64, u64>,
    numbers: HashMap<u64, u64>,
    rows: u64,
}

impl Acknowledged {
    fn take(&mut self, pairs: &[(u64, u64)], seed: u64) {
        for (number, id) in pairs {
            assert_ne!(*id, 0, "seed {seed:#x}: a row without an ID");
            let known = *self.ids.entry(*number).or_insert(*id);
            assert_eq!(known, *id, "seed {seed:#x}: an ID has changed");
            let holder = *self.numbers.entry(*id).or_insert(*number);
            assert_eq!(holder, *number, "seed {seed:#x}: two identifiers have the same ID");
        }
        self.rows += u64::try_from(pairs.len()).unwrap();
    }
}

/// Ingests batch after batch until the server is gone; gives what was acknowledged.
async fn ingest(
    installation: Arc<Installation>,
    server: std::net::SocketAddr,
    numbers: Arc<Vec<u64>>,
    mut random: Random,
    acknowledged: watch::Sender<usize>,
) -> Vec<(u64, u64)> {
    let mut pairs = Vec::new();
    let channel = installation.connect(server, "sender").await;
    let Ok((mut stream, _)) = Stream::open(&channel, header("NPR", "HF")).await else {
        return pairs;
    };
    let mut draw = || -> Vec<u64> {
        // A stretch of the population: some of it known, some new, often another stream's as well.
        let rows = random.below(BATCH_ROWS_MAX) + 1;
        let first = random.below(numbers.len() - rows);
        let mut batch = numbers[first..first + rows].to_vec();
        random.shuffle(&mut batch);
        batch
    };
    let mut ahead = draw();
    stream.send(packed(&ahead)).await;
    loop {
        // One more is always on its way when the answer comes, and so when the server dies.
        let next = draw();
        stream.send(packed(&next)).await;
        let Ok(result) = stream.result().await else { return pairs };
        let asked = std::mem::replace(&mut ahead, next);
        assert_eq!(asked.len(), result.ids.len());
        pairs.extend(asked.into_iter().zip(result.ids));
        acknowledged.send_modify(|count| *count += 1);
    }
}

/// Everything that was acknowledged is found, by a look-up, and is what it was.
async fn all_is_there(
    installation: &Installation,
    server: std::net::SocketAddr,
    known: &Acknowledged,
    seed: u64,
) {
    let channel = installation.connect(server, "pipeline").await;
    let (mut stream, _) = Stream::open(&channel, look_up("NPR", "HF")).await.unwrap();
    let (numbers, ids): (Vec<u64>, Vec<u64>) = known.ids.iter().unzip();
    for (numbers, ids) in numbers.chunks(8192).zip(ids.chunks(8192)) {
        let found = stream.exchange(packed(numbers)).await.unwrap();
        assert!(found.ids == ids, "seed {seed:#x}: what was acknowledged is lost or changed");
    }
    stream.finish().await.unwrap();
}

async fn start(installation: &Installation) -> ServerProcess {
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    server
}

fn log_verifies(installation: &Installation, server: &ServerProcess) {
    let connect = installation.connect_file(server.address, "auditor");
    let verified =
        hvelv(&["audit", "verify", "--live", "--connect", connect.to_str().unwrap()]).well();
    assert!(verified.out.starts_with("verified: "), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_changed_when_the_server_is_killed_again_and_again() {
    let rounds = size("HVELV_CRASH_ROUNDS", 20);
    let seed = u64::try_from(size("HVELV_CRASH_SEED", 0x0c4a_5400)).unwrap();
    let installation = Arc::new(Installation::new());
    let numbers = Arc::new(people(60_000));
    let mut random = Random(seed);
    let mut known = Acknowledged::default();
    for round in 0..rounds {
        let mut server = start(&installation).await;
        all_is_there(&installation, server.address, &known, seed).await;
        log_verifies(&installation, &server);

        let (acknowledged, mut watched) = watch::channel(0);
        let streams: Vec<_> = (0..STREAMS)
            .map(|_| {
                let (installation, numbers) = (Arc::clone(&installation), Arc::clone(&numbers));
                let chance = Random(random.draw());
                let sender = acknowledged.clone();
                tokio::spawn(ingest(installation, server.address, numbers, chance, sender))
            })
            .collect();
        let until = random.below(40) + 1;
        bounded(watched.wait_for(|count| *count >= until)).await.unwrap();
        server.process.kill();
        for stream in streams {
            let pairs = bounded(stream).await.unwrap();
            known.take(&pairs, seed);
        }
        assert!(known.rows > 0, "seed {seed:#x}, round {round}: nothing was acknowledged");
    }

    let server = start(&installation).await;
    all_is_there(&installation, server.address, &known, seed).await;
    // What was never acknowledged gets IDs now, and none that somebody else has.
    let channel = installation.connect(server.address, "sender").await;
    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    for batch in numbers.chunks(8192) {
        let result = stream.exchange(packed(batch)).await.unwrap();
        let pairs: Vec<_> = batch.iter().copied().zip(result.ids).collect();
        known.take(&pairs, seed);
    }
    stream.finish().await.unwrap();
    assert_eq!((known.ids.len(), known.numbers.len()), (60_000, 60_000), "seed {seed:#x}");

    log_verifies(&installation, &server);
    let entries = audit_entries(&installation, server.address).await;
    let recorded: u64 = entries
        .iter()
        .filter(|entry| entry["action"] == "ingest")
        .map(|entry| entry["counts"]["answered"].as_u64().unwrap())
        .sum();
    assert!(recorded >= known.rows, "seed {seed:#x}: {recorded} rows of {}", known.rows);
    drop(channel);
    server.stop();
}
