//! The audit commands: live, exported, and an export that somebody has changed.

use std::fs;
use std::path::PathBuf;

use crate::harness::{
    Installation, PASSPHRASE, ServerProcess, ask, header, hvelv, packed, people, unseal,
};

const PRECONDITION: i32 = 5;
const VERIFICATION: i32 = 7;

/// A server with something in its log.
async fn with_a_log(installation: &Installation) -> (ServerProcess, String) {
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    deliver(installation, &server, 100).await;
    let auditor = installation.connect_file(server.address, "auditor");
    (server, auditor.to_str().unwrap().to_owned())
}

async fn deliver(installation: &Installation, server: &ServerProcess, count: usize) {
    let channel = installation.connect(server.address, "sender").await;
    for batch in people(count).chunks(10) {
        ask(&channel, header("NPR", "HF"), packed(batch)).await.unwrap();
    }
}

/// A changed copy of an export.
fn changed(installation: &Installation, lines: &[String]) -> String {
    let path = installation.path("changed.jsonl");
    fs::write(&path, lines.concat()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_verified_live_exported_and_verified_offline() {
    let installation = Installation::new();
    let (server, auditor) = with_a_log(&installation).await;
    let live = hvelv(&["audit", "verify", "--live", "--connect", &auditor]).well();
    assert!(live.out.starts_with("verified: ") && live.out.contains("localhost/hvelv-test"));
    assert!(live.err.contains("--verifier-key"), "it says how much that is worth");

    let checkpoint = hvelv(&["audit", "checkpoint", "--connect", &auditor]).well();
    let key = checkpoint.err.trim().strip_prefix("verifier key: ").unwrap().to_owned();
    let earlier: PathBuf = installation.path("checkpoint.txt");
    fs::write(&earlier, &checkpoint.out).unwrap();
    deliver(&installation, &server, 50).await;
    let earlier = earlier.to_str().unwrap();
    let live = ["audit", "verify", "--live", "--connect", &auditor, "--verifier-key", &key];
    let grown = hvelv(&[&live[..], &["--earlier", earlier]].concat()).well();
    assert!(grown.out.contains("it continues the log of the earlier checkpoint"), "{grown:?}");

    let export = installation.path("audit.jsonl");
    let export = export.to_str().unwrap();
    hvelv(&["audit", "export", "--connect", &auditor, export]).well();
    hvelv(&["audit", "export", "--connect", &auditor, export])
        .ended(PRECONDITION, "exists already");
    hvelv(&["audit", "export", "--connect", &auditor, "--overwrite", export]).well();
    let entries = hvelv(&["audit", "entries", "--connect", &auditor, "--count", "0"]).well();
    assert!(entries.out.lines().next().unwrap().contains("initialised"));
    assert!(entries.out.lines().count() > 30);
    server.stop();

    // The rest needs no server.
    let offline = ["audit", "verify", "--export", export];
    let verified = hvelv(&offline).well();
    assert!(verified.err.contains("--verifier-key"));
    let trusted = hvelv(&[&offline[..], &["--verifier-key", &key]].concat()).well();
    assert!(!trusted.err.contains("--verifier-key"), "{trusted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_changed_does_not_verify() {
    let installation = Installation::new();
    let (server, auditor) = with_a_log(&installation).await;
    let export = installation.path("audit.jsonl");
    hvelv(&["audit", "export", "--connect", &auditor, export.to_str().unwrap()]).well();
    server.stop();
    let text = fs::read_to_string(&export).unwrap();
    let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let whole = changed(&installation, &lines);
    hvelv(&["audit", "verify", "--export", &whole]).well();

    let place = lines.iter().position(|line| line.contains("sender")).unwrap();
    let mut forged = lines.clone();
    forged[place] = forged[place].replace("sender", "render");
    let mut removed = lines.clone();
    removed.remove(place);
    let mut swapped = lines.clone();
    swapped.swap(place, place + 1);
    let mut doubled = lines.clone();
    doubled.insert(place, lines[place].clone());
    let shortened = lines[..lines.len() - 1].to_vec();
    let headless = lines[1..].to_vec();
    let mut torn = lines;
    let last = torn.pop().unwrap();
    torn.push(last[..last.len() / 2].to_owned());
    for (how, lines) in [
        ("forged", forged),
        ("removed", removed),
        ("swapped", swapped),
        ("doubled", doubled),
        ("shortened", shortened),
        ("headless", headless),
        ("torn", torn),
        ("empty", Vec::new()),
    ] {
        let path = changed(&installation, &lines);
        let ran = hvelv(&["audit", "verify", "--export", &path]);
        assert_eq!(ran.code, Some(VERIFICATION), "{how}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_another_server_is_not_taken_for_this_one() {
    let (installation, other) = (Installation::new(), Installation::new());
    let (server, auditor) = with_a_log(&installation).await;
    let (other_server, other_auditor) = with_a_log(&other).await;
    let checkpoint = hvelv(&["audit", "checkpoint", "--connect", &other_auditor]).well();
    let key = checkpoint.err.trim().strip_prefix("verifier key: ").unwrap().to_owned();
    let earlier = installation.path("checkpoint.txt");
    fs::write(&earlier, &checkpoint.out).unwrap();

    let live = ["audit", "verify", "--live", "--connect", &auditor];
    let ran = hvelv(&[&live[..], &["--verifier-key", &key]].concat());
    ran.ended(VERIFICATION, "another key");
    let ran = hvelv(&[&live[..], &["--earlier", earlier.to_str().unwrap()]].concat());
    ran.ended(VERIFICATION, "the earlier checkpoint does not verify");
    let export = installation.path("audit.jsonl");
    let export = export.to_str().unwrap();
    let ran = hvelv(&["audit", "export", "--connect", &auditor, "--verifier-key", &key, export]);
    ran.ended(VERIFICATION, "another key");
    assert!(!installation.path("audit.jsonl").exists(), "nothing that does not verify is written");
    hvelv(&["audit", "export", "--connect", &auditor, export]).well();
    let ran = hvelv(&["audit", "verify", "--export", export, "--verifier-key", &key]);
    assert_eq!(ran.code, Some(VERIFICATION), "{ran:?}");
    server.stop();
    other_server.stop();
}
