//! Goal: keys that seal get successors, and what the older ones have sealed is sealed anew while
//! streams ingest and the server is killed, until the older ones can be destroyed; nothing that was
//! acknowledged is lost or changed.
//!
//! Method: the real program, with stores on disk.  `hvelv keys rotate` for both planes; SIGKILL while it
//! works, several times; then load until the log says that everything is sealed anew; `hvelv keys destroy`,
//! which was refused before; and `hvelv verify`, which opens every record with the keys that are left.
//!
//! ```text
//! HVELV_RESEAL_PERSONS   persons: 20,000; 1,000,000 is the drill
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::harness::{
    Acknowledged, Installation, PASSPHRASE, Ran, Random, ServerProcess, Stream, all_is_there,
    audit_entries, bounded, header, hvelv, ingest_until_gone, log_verifies, packed, people, size,
    unseal,
};

const PRECONDITION: i32 = 5;
const KILLS: usize = 4;
const STREAMS: usize = 2;
const SEED: u64 = 0x05ea_1ed0;

struct Site {
    installation: Arc<Installation>,
    numbers: Arc<Vec<u64>>,
    known: Acknowledged,
    random: Random,
}

/// Streams that ingest until the server is gone, and how often they were answered.
struct Load {
    streams: Vec<tokio::task::JoinHandle<Vec<crate::harness::Answer>>>,
    answered: watch::Receiver<usize>,
}

impl Site {
    async fn start(&self) -> ServerProcess {
        let server = ServerProcess::start(&self.installation.config_file());
        let operator = self.installation.connect(server.address, "operator").await;
        unseal(&operator, PASSPHRASE).await.unwrap();
        server
    }

    /// A command about keys, on the server's host.
    fn keys(&self, words: &[&str]) -> Ran {
        let path = |name: &str| self.installation.path(name).to_str().unwrap().to_owned();
        let (config, passphrase) = (path("hvelv.toml"), path("passphrase"));
        let given = ["--config", &config, "--passphrase-file", &passphrase];
        hvelv(&[words, &given].concat())
    }

    fn load(&mut self, server: &ServerProcess) -> Load {
        let (acknowledged, answered) = watch::channel(0);
        let streams = (0..STREAMS).map(|_| {
            let chance = Random(self.random.draw());
            let numbers = (Arc::clone(&self.numbers), 0..self.numbers.len());
            let installation = Arc::clone(&self.installation);
            let (address, sender) = (server.address, acknowledged.clone());
            tokio::spawn(ingest_until_gone(installation, address, numbers, chance, sender))
        });
        Load { streams: streams.collect(), answered }
    }

    async fn take(&mut self, load: Load) {
        for stream in load.streams {
            self.known.take_answers(&bounded(stream).await.unwrap(), SEED);
        }
    }

    async fn all_is_well(&self, server: &ServerProcess) {
        let (installation, address) = (&self.installation, server.address);
        self.known.is_recorded(installation, address, SEED).await;
        all_is_there(installation, address, &self.known, SEED).await;
        log_verifies(installation, address);
    }

    async fn is_resealed(&self, server: &ServerProcess) -> bool {
        let entries = audit_entries(&self.installation, server.address).await;
        entries.iter().any(|entry| entry["action"] == "records_resealed")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_keys_come_to_their_end_under_load_and_kills_and_nothing_acknowledged_is_lost() {
    let installation = Arc::new(Installation::new());
    let passphrase = installation.path("passphrase");
    std::fs::write(&passphrase, PASSPHRASE).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&passphrase, private).unwrap();
    let numbers = Arc::new(people(size("HVELV_RESEAL_PERSONS", 20_000)));
    let (known, random) = (Acknowledged::default(), Random(SEED));
    let mut site = Site { installation, numbers, known, random };

    let server = site.start().await;
    let sender = site.installation.connect(server.address, "sender").await;
    let (mut stream, _) = Stream::open(&sender, header("NPR", "HF")).await.unwrap();
    for batch in Arc::clone(&site.numbers).chunks(8192) {
        let answered = stream.exchange(packed(batch)).await.unwrap();
        let pairs: Vec<_> = batch.iter().copied().zip(answered.ids).collect();
        site.known.take(&pairs, SEED);
    }
    stream.finish().await.unwrap();
    drop(sender);
    server.stop();

    for plane in ["registers-sealing", "vault-sealing"] {
        site.keys(&["keys", "rotate", plane]).well();
        let refused = site.keys(&["keys", "destroy", plane]);
        refused.ended(PRECONDITION, "older keys still seal");
    }
    for _ in 0..KILLS {
        let mut server = site.start().await;
        site.all_is_well(&server).await;
        let mut load = site.load(&server);
        bounded(load.answered.wait_for(|count| *count > 0)).await.unwrap();
        // Somewhere in the first two of its moments of work.
        tokio::time::sleep(Duration::from_millis(900 + site.random.draw() % 1400)).await;
        server.process.kill();
        site.take(load).await;
    }
    let mut server = site.start().await;
    let load = site.load(&server);
    let limit = Duration::from_secs(60 + site.numbers.len() as u64 / 1000);
    let resealed = async {
        while !site.is_resealed(&server).await {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(limit, resealed).await.expect("all is sealed anew in time");
    server.process.kill();
    site.take(load).await;

    for plane in ["registers-sealing", "vault-sealing"] {
        site.keys(&["keys", "destroy", plane]).well();
        site.keys(&["keys", "destroy", plane]).ended(PRECONDITION, "there is no older key");
    }
    site.keys(&["verify"]).well();
    let server = site.start().await;
    site.all_is_well(&server).await;
    server.stop();
}
