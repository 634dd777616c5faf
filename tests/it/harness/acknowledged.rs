//! What was acknowledged, and whether it is still so.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Installation, Random, Stream, header, hvelv, look_up, packed};

const BATCH_ROWS_MAX: usize = 800;

/// What was acknowledged: the ID of each identifier, and back.
#[derive(Default)]
pub(crate) struct Acknowledged {
    pub(crate) ids: HashMap<u64, u64>,
    pub(crate) numbers: HashMap<u64, u64>,
    pub(crate) rows: u64,
}

impl Acknowledged {
    /// Takes what was answered; fails when it contradicts what was answered before.
    pub(crate) fn take(&mut self, pairs: &[(u64, u64)], seed: u64) {
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

/// Ingests batches of a part of the numbers until the server is gone; gives what was acknowledged.
pub(crate) async fn ingest_until_gone(
    installation: Arc<Installation>,
    server: SocketAddr,
    (numbers, part): (Arc<Vec<u64>>, Range<usize>),
    mut random: Random,
    acknowledged: watch::Sender<usize>,
) -> Vec<(u64, u64)> {
    let mut pairs = Vec::new();
    let Ok(channel) = installation.try_connect(server, Some("sender")).await else { return pairs };
    let Ok((mut stream, _)) = Stream::open(&channel, header("NPR", "HF")).await else {
        return pairs;
    };
    let mut draw = || -> Vec<u64> {
        // A stretch of the population: some of it known, some new, often another stream's as well.
        let rows = random.below(BATCH_ROWS_MAX) + 1;
        let first = part.start + random.below(part.len() - rows);
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
pub(crate) async fn all_is_there(
    installation: &Installation,
    server: SocketAddr,
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

/// The audit log verifies, as an auditor sees it.
pub(crate) fn log_verifies(installation: &Installation, server: SocketAddr) {
    let connect = installation.connect_file(server, "auditor");
    let verified =
        hvelv(&["audit", "verify", "--live", "--connect", connect.to_str().unwrap()]).well();
    assert!(verified.out.starts_with("verified: "), "{verified:?}");
}
