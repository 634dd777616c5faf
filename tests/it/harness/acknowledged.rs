//! What was acknowledged, and whether it is still so, and recorded.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Installation, Random, Stream, audit_entries, header, hvelv, look_up, packed};

const BATCH_ROWS_MAX: usize = 800;

/// What was acknowledged: the ID of each identifier, and back.
#[derive(Default)]
pub(crate) struct Acknowledged {
    pub(crate) ids: HashMap<u64, u64>,
    pub(crate) numbers: HashMap<u64, u64>,
    pub(crate) rows: u64,
    /// What was answered, by the entry that the answers named.
    entries: BTreeMap<u64, Recorded>,
}

/// An answer to a batch of a stream.
pub(crate) struct Answer {
    pub(crate) pairs: Vec<(u64, u64)>,
    pub(crate) entry: u64,
    pub(crate) delivery: String,
}

/// What an entry must have recorded.
#[derive(Default)]
struct Recorded {
    delivery: String,
    messages: u64,
    rows: u64,
}

impl Acknowledged {
    /// Takes answers of a stream, each of which names its entry.
    pub(crate) fn take_answers(&mut self, answers: &[Answer], seed: u64) {
        for Answer { pairs, entry, delivery } in answers {
            self.take(pairs, seed);
            let recorded = self.entries.entry(*entry).or_default();
            let is_first = recorded.messages == 0;
            assert!(is_first || recorded.delivery == *delivery, "seed {seed:#x}: entry {entry}");
            recorded.delivery.clone_from(delivery);
            recorded.messages += 1;
            recorded.rows += u64::try_from(pairs.len()).unwrap();
        }
    }

    /// Rows that were answered, and are recorded by the entries that their answers named.
    ///
    /// An entry may say more: of a batch whose answer came no more.
    pub(crate) async fn is_recorded(
        &self,
        installation: &Installation,
        server: SocketAddr,
        seed: u64,
    ) -> u64 {
        let log = audit_entries(installation, server).await;
        let mut rows = 0;
        for (index, said) in &self.entries {
            let what = format!("seed {seed:#x}: answered without a record, entry {index}");
            let entry = log.get(usize::try_from(*index).unwrap());
            let entry = entry.unwrap_or_else(|| panic!("{what}: there is none"));
            let count = |name: &str| entry["counts"][name].as_u64().unwrap_or(0);
            assert_eq!(entry["action"], "ingest", "{what}");
            assert_eq!(entry["delivery"], *said.delivery, "{what}");
            let messages = entry["messages"].as_u64().unwrap();
            assert!(messages >= said.messages, "{what}: {messages} messages");
            assert!(count("rows") >= said.rows && count("answered") >= said.rows, "{what}");
            rows += said.rows;
        }
        rows
    }

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

/// Ingests batches of a part of the numbers until the server is gone; gives what was answered.
pub(crate) async fn ingest_until_gone(
    installation: Arc<Installation>,
    server: SocketAddr,
    (numbers, part): (Arc<Vec<u64>>, Range<usize>),
    mut random: Random,
    acknowledged: watch::Sender<usize>,
) -> Vec<Answer> {
    let mut answers = Vec::new();
    let Ok(channel) = installation.try_connect(server, Some("sender")).await else {
        return answers;
    };
    let Ok((mut stream, opened)) = Stream::open(&channel, header("NPR", "HF")).await else {
        return answers;
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
        let Ok(result) = stream.result().await else { return answers };
        let asked = std::mem::replace(&mut ahead, next);
        assert_eq!(asked.len(), result.ids.len());
        let pairs = asked.into_iter().zip(result.ids).collect();
        let delivery = opened.delivery_id.clone();
        answers.push(Answer { pairs, entry: result.audit_entry, delivery });
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
