//! Goal: whenever the server dies, everything that was acknowledged is there, unchanged, and recorded
//! by the entry that the answer named, no ID is given twice, and the log verifies.  Method: the
//! process is killed with SIGKILL while several streams ingest, after a number of acknowledged batches
//! that a seed chooses, again and again on the same stores.

use std::sync::Arc;

use tokio::sync::watch;

use crate::harness::{
    Acknowledged, Installation, PASSPHRASE, Random, ServerProcess, Stream, all_is_there, bounded,
    header, ingest_until_gone, log_verifies, packed, people, size, unseal,
};

const STREAMS: usize = 4;

async fn start(installation: &Installation) -> ServerProcess {
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_changed_when_the_server_is_killed_again_and_again() {
    let rounds = size("HVELV_CRASH_ROUNDS", 20);
    let answers = u64::try_from(size("HVELV_FAULT_ANSWERS", 100_000)).unwrap();
    let seed = u64::try_from(size("HVELV_CRASH_SEED", 0x0c4a_5400)).unwrap();
    let installation = Arc::new(Installation::new());
    let numbers = Arc::new(people(60_000));
    let mut random = Random(seed);
    let mut known = Acknowledged::default();
    let mut round = 0;
    while round < rounds || known.rows < answers {
        let mut server = start(&installation).await;
        known.is_recorded(&installation, server.address, seed).await;
        all_is_there(&installation, server.address, &known, seed).await;
        log_verifies(&installation, server.address);

        let (acknowledged, mut watched) = watch::channel(0);
        let streams: Vec<_> = (0..STREAMS)
            .map(|_| {
                let (installation, all) = (Arc::clone(&installation), 0..numbers.len());
                let numbers = (Arc::clone(&numbers), all);
                let chance = Random(random.draw());
                let sender = acknowledged.clone();
                let address = server.address;
                tokio::spawn(ingest_until_gone(installation, address, numbers, chance, sender))
            })
            .collect();
        let until = random.below(40) + 1;
        bounded(watched.wait_for(|count| *count >= until)).await.unwrap();
        server.process.kill();
        for stream in streams {
            known.take_answers(&bounded(stream).await.unwrap(), seed);
        }
        assert!(known.rows > 0, "seed {seed:#x}, round {round}: nothing was acknowledged");
        round += 1;
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

    log_verifies(&installation, server.address);
    let recorded = known.is_recorded(&installation, server.address, seed).await;
    assert!(recorded >= answers, "seed {seed:#x}: {recorded} rows were answered");
    drop(channel);
    server.stop();
}
