//! Goal: whatever happens to the stores, a backup and the key file bring them back, no number is ever
//! given to two persons, and nothing that is not whole passes for a backup or serves.
//! Method: the program itself, with real stores: backed up while it serves, wiped, restored, verified.

mod damage;
mod failing_calls;
mod interrupted;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tonic::Code;

use crate::harness::{
    Acknowledged, Installation, PASSPHRASE, PRINCIPALS, Ran, Running, ServerProcess, Stream,
    all_is_there, header, hvelv, log_verifies, packed, people, reason, serve, size, unseal,
};

const USAGE: i32 = 2;
const PRECONDITION: i32 = 5;
const INPUT: i32 = 6;
const VERIFICATION: i32 = 7;

/// An installation with an offline key and somebody who approves.
struct Site {
    installation: Installation,
    recipient: String,
}

impl Site {
    fn new() -> Self {
        let installation = Installation::new();
        let mut principals = PRINCIPALS.to_vec();
        principals.push(("approver", "person", "'approver'"));
        installation.grant(&principals);
        installation.issue(
            &installation.authority,
            "approver",
            "approver",
            crate::harness::validity(-24, 24),
        );
        let mut this = Self { installation, recipient: String::new() };
        this.secret("passphrase", PASSPHRASE);
        let made = hvelv(&["extract", "key", &this.path("offline.key")]).well();
        let key = made.out.split_whitespace().find(|word| word.starts_with("age1"));
        this.recipient = key.unwrap().to_owned();
        this
    }

    fn path(&self, name: &str) -> String {
        self.installation.path(name).to_str().unwrap().to_owned()
    }

    fn secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn connect(&self, server: &ServerProcess, who: &str) -> String {
        self.installation.connect_file(server.address, who).to_str().unwrap().to_owned()
    }

    async fn serve(&self) -> ServerProcess {
        self.unsealed(Running::start(&serve(&self.installation.config_file()))).await
    }

    async fn unsealed(&self, process: Running) -> ServerProcess {
        let server = ServerProcess::reached(process);
        let operator = self.installation.connect(server.address, "operator").await;
        unseal(&operator, PASSPHRASE).await.unwrap();
        server
    }

    /// Ingests people, and remembers which IDs they got.
    async fn ingest(&self, server: &ServerProcess, people: &[u64], known: &mut Acknowledged) {
        let channel = self.installation.connect(server.address, "sender").await;
        let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
        for batch in people.chunks(8192) {
            let result = stream.exchange(packed(batch)).await.unwrap();
            let pairs: Vec<_> = batch.iter().copied().zip(result.ids).collect();
            known.take(&pairs, 0);
        }
        stream.finish().await.unwrap();
    }

    fn back_up(&self, server: &ServerProcess, name: &str, since: Option<&str>) -> Ran {
        hvelv(&self.backing_up(server, name, since))
    }

    fn backing_up(&self, server: &ServerProcess, name: &str, since: Option<&str>) -> Vec<String> {
        let (connect, output) = (self.connect(server, "operator"), self.path(name));
        let words = ["backup", "--connect", &connect, "--recipient", &self.recipient];
        let mut words = [&words[..], &["--output", &output]].concat();
        let since = since.map(|since| self.path(since));
        words.extend(since.iter().flat_map(|since| ["--since", since.as_str()]));
        words.into_iter().map(str::to_owned).collect()
    }

    fn restore(&self, backups: &[&str]) -> Ran {
        self.restore_with(backups, &[])
    }

    fn restore_with(&self, backups: &[&str], more: &[&str]) -> Ran {
        hvelv(&self.restoring(backups, more))
    }

    fn restoring(&self, backups: &[&str], more: &[&str]) -> Vec<String> {
        let (config, key) = (self.path("hvelv.toml"), self.path("offline.key"));
        let passphrase = self.path("passphrase");
        let backups: Vec<String> = backups.iter().map(|name| self.path(name)).collect();
        let mut words = vec!["restore", "--config", &config, "--identity", &key];
        words.extend(["--passphrase-file", &passphrase]);
        words.extend(more);
        words.extend(backups.iter().map(String::as_str));
        words.into_iter().map(str::to_owned).collect()
    }

    fn verify(&self) -> Ran {
        let (config, passphrase) = (self.path("hvelv.toml"), self.path("passphrase"));
        hvelv(&["verify", "--config", &config, "--passphrase-file", &passphrase])
    }

    /// The disk is lost; the key file lies elsewhere.
    fn wipe(&self) {
        fs::remove_dir_all(self.path("data")).unwrap();
    }

    /// Two persons accept what is lost.
    fn accept(&self, server: &ServerProcess) {
        let (operator, approver) =
            (self.connect(server, "operator"), self.connect(server, "approver"));
        let shown = hvelv(&["restored", "--connect", &operator]).well();
        let subject = shown.err.split('\'').nth(1).unwrap();
        hvelv(&["restored", "--connect", &operator, "--accept"])
            .ended(PRECONDITION, "another person's approval");
        let words = ["approval", "request", "--connect", &operator, "--act", "accept_restore"];
        let about = ["--subject", subject, "--reason", "disk lost", "--basis", "case 1", "--json"];
        let asked = hvelv(&[&words[..], &about].concat()).well();
        let id = asked.out.split("\"id\": \"").nth(1).and_then(|rest| rest.split('"').next());
        let id = id.unwrap().to_owned();
        hvelv(&["approval", "approve", "--connect", &approver, &id]).well();
        hvelv(&["restored", "--connect", &operator, "--accept"]).well();
    }
}

/// Whether any file of a directory holds these bytes.
fn holds(directory: &Path, needle: &[u8]) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_installation_comes_back_and_gives_no_number_again() {
    let count = size("HVELV_DRILL_PERSONS", 20_000);
    let site = Site::new();
    let everybody = people(count + 3_000);
    let (before, since) = everybody.split_at(count);
    let (mut known, mut lost) = (Acknowledged::default(), Acknowledged::default());
    let server = site.serve().await;
    site.ingest(&server, before, &mut known).await;
    site.back_up(&server, "backup-1", None).well();
    // These are answered, and lost.
    site.ingest(&server, &since[..2_000], &mut lost).await;
    server.stop();

    site.wipe();
    let restored = site.restore(&["backup-1"]).well();
    assert!(restored.err.contains("may be lost"), "{restored:?}");
    let verified = site.verify().well();
    assert!(verified.out.contains(&format!("persons     {count}")), "{verified:?}");

    let server = site.serve().await;
    let sender = site.installation.connect(server.address, "sender").await;
    let refused = Stream::open(&sender, header("NPR", "HF")).await.err().unwrap();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "restore_not_accepted");
    site.accept(&server);

    all_is_there(&site.installation, server.address, &known, 0).await;
    site.ingest(&server, since, &mut known).await;
    for id in lost.numbers.keys() {
        assert!(!known.numbers.contains_key(id), "an ID that was lost is given again");
    }
    log_verifies(&site.installation, server.address);
    server.stop();
    site.verify().well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_goes_on_from_another_is_small_and_restores_with_it_alone() {
    let site = Site::new();
    let everybody = people(12_000);
    let mut known = Acknowledged::default();
    let server = site.serve().await;
    site.ingest(&server, &everybody[..10_000], &mut known).await;
    site.back_up(&server, "full", None).well();
    site.ingest(&server, &everybody[10_000..], &mut known).await;
    let second = site.back_up(&server, "second", Some("full")).well();
    assert!(second.err.contains("the others lie in earlier backups"), "{second:?}");
    let bytes = |name: &str| -> u64 {
        let files = fs::read_dir(site.path(name)).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    };
    assert!(bytes("second") < bytes("full") / 2, "{} of {}", bytes("second"), bytes("full"));
    // A third goes on from the second, and names files of the first.
    site.back_up(&server, "third", Some("second")).well();
    server.stop();
    site.wipe();
    site.restore(&["third"]).ended(VERIFICATION, "name it too");
    site.restore(&["third", "second", "full"]).well();
    site.verify().well();
    let server = site.serve().await;
    site.accept(&server);
    all_is_there(&site.installation, server.address, &known, 0).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_whose_log_reaches_the_witnesss_head_serves_at_once() {
    let site = Site::new();
    let server = site.serve().await;
    let auditor = site.connect(&server, "auditor");
    let witness = site.path("witness");
    let export = site.path("log.jsonl");
    hvelv(&["audit", "export", "--connect", &auditor, &export]).well();
    let export = fs::read_to_string(export).unwrap();
    let key = export.split("\"verifier_key\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let words = ["audit", "witness", "init", &witness, "--name", "witness.example/w"];
    let made = hvelv(&[&words[..], &["--log-key", key.unwrap()]].concat()).well();
    let witness_key = made.out.trim().to_owned();
    let cosign = ["audit", "witness", "run", &witness, "--connect", &auditor];
    hvelv(&cosign).well();
    site.back_up(&server, "early", None).well();
    let head = format!("{witness}/head");
    let seen = ["--witness-head", &head, "--witness-key", &witness_key];
    fs::copy(&head, site.path("head-1")).unwrap();
    let mut known = Acknowledged::default();
    site.ingest(&server, &people(500), &mut known).await;
    hvelv(&cosign).well();
    server.stop();

    site.wipe();
    let restored = site.restore_with(&["early"], &seen).well();
    assert!(restored.err.contains("of the log are lost"), "{restored:?}");
    site.wipe();
    let older = site.path("head-1");
    let seen = ["--witness-head", older.as_str(), "--witness-key", &witness_key];
    let restored = site.restore_with(&["early"], &seen).well();
    assert!(restored.err.contains("nothing is to be accepted"), "{restored:?}");
    let server = site.serve().await;
    site.ingest(&server, &people(5), &mut Acknowledged::default()).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_file_is_in_no_backup_and_nothing_in_one_is_readable() {
    let site = Site::new();
    let server = site.serve().await;
    let numbers = people(300);
    site.ingest(&server, &numbers, &mut Acknowledged::default()).await;
    site.back_up(&server, "backup", None).well();
    server.stop();
    let (backup, keys) = (PathBuf::from(site.path("backup")), fs::read(site.path("test.hvk")));
    let keys = String::from_utf8(keys.unwrap()).unwrap();
    let wrapped: Vec<&str> = keys.split('"').filter(|word| word.len() > 60).collect();
    assert!(wrapped.len() > 10);
    for needle in wrapped {
        assert!(!holds(&backup, needle.as_bytes()), "a wrapped key is in the backup");
    }
    for number in numbers.iter().take(20) {
        assert!(!holds(&backup, format!("{number:011}").as_bytes()));
    }
    let mode = fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    for entry in fs::read_dir(&backup).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let head = fs::read(entry.path()).unwrap();
        assert!(name == "manifest" || head.starts_with(b"age-encryption.org/v1"), "{name}");
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_may_not_be_made_is_refused_with_its_reason() {
    let site = Site::new();
    let server = site.serve().await;
    let output = site.path("backup");
    let connect = site.connect(&server, "operator");
    let with = |key: &str, connect: &str| {
        hvelv(&["backup", "--connect", connect, "--recipient", key, "--output", &output])
    };
    with("age1nonsense", &connect).ended(USAGE, "age");
    with(&site.recipient, &site.connect(&server, "auditor")).ended(4, "not allowed");
    fs::create_dir(&output).unwrap();
    with(&site.recipient, &connect).ended(PRECONDITION, "exists already");
    fs::remove_dir(&output).unwrap();
    // The manifest of another server.
    let other = Site::new();
    let elsewhere = other.serve().await;
    other.back_up(&elsewhere, "backup", None).well();
    elsewhere.stop();
    fs::rename(other.path("backup"), site.path("others")).unwrap();
    site.back_up(&server, "backup", Some("others")).ended(PRECONDITION, "not one of this server");
    site.back_up(&server, "backup", None).well();
    server.stop();
    assert!(!Path::new(&site.path("data/vault/snapshot")).exists(), "copies go with the backup");
    site.wipe();
    site.restore(&["others"]).ended(VERIFICATION, "refused");
}
