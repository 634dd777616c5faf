//! Receipts, the witness and tiles: with the program, against a real server.

use std::fs;

use crate::harness::{
    Installation, PASSPHRASE, Ran, ServerProcess, ask, copy_directory, header, hvelv, packed,
    people, unseal,
};

const DENIED: i32 = 4;
const PRECONDITION: i32 = 5;
const INPUT: i32 = 6;
const VERIFICATION: i32 = 7;

struct World {
    installation: Installation,
    server: ServerProcess,
}

impl World {
    async fn new() -> Self {
        let installation = Installation::new();
        let server = started(&installation).await;
        Self { installation, server }
    }

    /// Delivers, and gives the entry that records the answer.
    async fn deliver(&self, count: usize) -> u64 {
        let channel = self.installation.connect(self.server.address, "sender").await;
        let answer = ask(&channel, header("NPR", "HF"), packed(&people(count))).await.unwrap();
        answer.result.unwrap().audit_entry
    }

    fn path(&self, name: &str) -> String {
        self.installation.path(name).to_str().unwrap().to_owned()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.installation.path(name)).unwrap()
    }

    fn run(&self, who: &str, words: &[&str]) -> Ran {
        let file = self.installation.connect_file(self.server.address, who);
        let file = file.to_str().unwrap();
        hvelv(&[&["audit"], words, &["--connect", file]].concat())
    }

    fn verifier_key(&self) -> String {
        let checkpoint = self.run("auditor", &["checkpoint"]).well();
        checkpoint.err.trim().strip_prefix("verifier key: ").unwrap().to_owned()
    }

    fn witness(&self) -> (String, String) {
        let (directory, key) = (self.path("witness"), self.verifier_key());
        let words = ["audit", "witness", "init", &directory, "--name", "witness.example/w1"];
        let made = hvelv(&[&words[..], &["--log-key", &key]].concat()).well();
        (directory, made.out.trim().to_owned())
    }
}

async fn started(installation: &Installation) -> ServerProcess {
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_fetches_a_receipt_that_is_checked_offline_with_the_public_key_alone() {
    let world = World::new().await;
    let entry = world.deliver(20).await.to_string();
    let key = world.verifier_key();
    let receipt = world.path("entry.tlog-proof");
    world.run("sender", &["receipt", "--entry", &entry, "--verifier-key", &key, &receipt]).well();
    world
        .run("sender", &["receipt", "--entry", &entry, &receipt])
        .ended(PRECONDITION, "exists already");
    let other = world.path("other");
    world.run("operator", &["receipt", "--entry", &entry, &other]).ended(DENIED, "another's");
    world.run("sender", &["receipt", "--entry", "99999", &other]).ended(DENIED, "another's");
    // An auditor proves any entry, in the same form.
    let proof = world.path("proof");
    world.run("auditor", &["prove", "--entry", &entry, "--verifier-key", &key, &proof]).well();
    world.run("sender", &["prove", "--entry", &entry, &other]).ended(DENIED, "");
    world.server.stop();

    for file in [&receipt, &proof] {
        let words = ["audit", "verify-receipt", file, "--verifier-key", &key];
        let verified = hvelv(&words).well();
        assert!(verified.out.contains(&format!("entry {entry} is in the log")), "{verified:?}");
        assert!(verified.out.contains("\"action\":\"ingest\""), "{verified:?}");
    }
    let stranger = "hvelv.example.no/npr+8f711245+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
    let words = ["audit", "verify-receipt", &receipt, "--verifier-key", stranger];
    hvelv(&words).ended(VERIFICATION, "does not verify");
    let forged = fs::read_to_string(&receipt).unwrap().replacen("index ", "index 1", 1);
    fs::write(&receipt, forged).unwrap();
    let words = ["audit", "verify-receipt", &receipt, "--verifier-key", &key];
    hvelv(&words).ended(VERIFICATION, "not in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_follows_a_log_and_refuses_one_that_was_put_back() {
    let installation = Installation::new();
    let server = started(&installation).await;
    let mut world = World { installation, server };
    world.deliver(10).await;
    let (directory, witness_key) = world.witness();
    let first = world.run("auditor", &["witness", "run", &directory]).well();
    assert!(first.out.contains("— witness.example/w1 "), "{first:?}");
    assert_eq!(world.text("witness/head").trim_end(), first.out.trim_end());
    world.server.stop();
    // The log as it was then: stores, key file, everything.
    let root = world.installation.root().to_owned();
    copy_directory(&root.join("data"), &root.join("before"));
    fs::copy(root.join("test.hvk"), root.join("before.hvk")).unwrap();

    world.server = started(&world.installation).await;
    world.deliver(20).await;
    world.run("auditor", &["witness", "run", &directory]).well();
    // By a file, as for a witness without a network; the cosigned head verifies as a checkpoint.
    let (head, request) = (world.path("witness/head"), world.path("request"));
    world.deliver(5).await;
    world.run("auditor", &["consistency", "--earlier", &head, &request]).well();
    let added = hvelv(&["audit", "witness", "add", &directory, &request]).well();
    assert!(added.out.contains("— witness.example/w1 "));
    let key = world.verifier_key();
    let live = ["verify", "--live", "--earlier", &head, "--verifier-key", &key];
    assert!(world.run("auditor", &live).well().out.contains("it continues the log"));
    assert!(witness_key.starts_with("witness.example/w1+"));
    a_request_that_is_old_or_damaged_accuses_nobody(&world, &directory, &request);
    world.server.stop();

    fs::remove_dir_all(root.join("data")).unwrap();
    copy_directory(&root.join("before"), &root.join("data"));
    fs::copy(root.join("before.hvk"), root.join("test.hvk")).unwrap();
    world.server = started(&world.installation).await;
    let refused = world.run("auditor", &["witness", "run", &directory]);
    refused.ended(VERIFICATION, "log has gone back");
    // Also once the other history has become longer than what was witnessed.
    for _ in 0..12 {
        world.deliver(3).await;
    }
    let refused = world.run("auditor", &["witness", "run", &directory]);
    refused.ended(VERIFICATION, "log does not continue the one of");
    let evidence = fs::read_dir(root.join("witness")).unwrap();
    let names: Vec<_> = evidence.map(|name| name.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| name.to_str().unwrap().starts_with("refused-")), "{names:?}");

    // A witness without its head does not begin anew.
    fs::remove_file(root.join("witness/head")).unwrap();
    let lost = world.run("auditor", &["witness", "run", &directory]);
    lost.ended(2, "head");
    world.server.stop();
}

/// The request is one that the witness has cosigned.
fn a_request_that_is_old_or_damaged_accuses_nobody(world: &World, directory: &str, request: &str) {
    let head = world.text("witness/head");
    world.run("auditor", &["witness", "run", directory]).well();
    hvelv(&["audit", "witness", "add", directory, request]).ended(INPUT, "older than the head");
    let (now, next) = (world.path("witness/head"), world.path("next"));
    world.run("auditor", &["consistency", "--earlier", &now, &next]).well();
    let text = world.text("next");
    let proof = text.lines().nth(1).unwrap();
    let flipped = if proof.starts_with('A') { "B" } else { "A" };
    let damaged = text.replacen(proof, &format!("{flipped}{}", &proof[1..]), 1);
    fs::write(world.path("damaged"), damaged).unwrap();
    let damaged = world.path("damaged");
    hvelv(&["audit", "witness", "add", directory, &damaged]).ended(INPUT, "does not lead from");
    assert_ne!(world.text("witness/head"), head);
    let names = fs::read_dir(world.installation.path("witness")).unwrap();
    let mut names = names.map(|name| name.unwrap().file_name());
    assert!(!names.any(|name| name.to_str().unwrap().starts_with("refused-")));
    hvelv(&["audit", "witness", "add", directory, &next]).well();
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_are_written_once_and_name_the_first_entry_that_differs() {
    let world = World::new().await;
    world.deliver(5).await;
    let (tiles, key) = (world.path("tiles"), world.verifier_key());
    let words = ["tiles", &tiles, "--entries", "--verifier-key", &key];
    world.run("auditor", &words).well();
    world.deliver(6).await;
    world.run("auditor", &words).well();
    assert!(world.text("tiles/checkpoint").contains("localhost/hvelv-test"));
    let partial = |kind: &str| {
        let directory = world.installation.path(&format!("tiles/tile/{kind}/000.p"));
        let mut names: Vec<u64> = fs::read_dir(directory)
            .unwrap()
            .map(|name| name.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect();
        names.sort_unstable();
        names
    };
    let widths = partial("0");
    assert_eq!((widths.len(), partial("entries")), (2, widths.clone()));
    // A hash that was kept, of an entry that is now another.
    let newest = format!("tiles/tile/0/000.p/{}", widths[1]);
    let path = world.installation.path(&newest);
    let mut hashes = fs::read(&path).unwrap();
    hashes[3 * 32] ^= 1;
    fs::write(&path, hashes).unwrap();
    world.run("auditor", &words).ended(VERIFICATION, "entry 3 is another than the one");
    world.server.stop();
}
