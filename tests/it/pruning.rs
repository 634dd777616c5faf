//! Goal: five years later two persons prune the audit log, and nothing that it has ever proven is lost.
//!
//! Method: the real program, with stores on disk and a clock that is ahead (`harness/clock.c`): what
//! is delivered today is old then, and what is delivered then is young. Everything is read and verified
//! again after the pruning: by the live server, from an export, and after a restart.

use std::collections::BTreeSet;
use std::path::Path;

use hvelv::rpc::proto::GetInclusionProofRequest;
use hvelv::rpc::proto::audit_service_client::AuditServiceClient;

use crate::harness::{
    Installation, InstallationOptions, PASSPHRASE, PRINCIPALS, Ran, Running, ServerProcess, ask,
    bounded, days_ahead, header, packed, people, run, serve, unseal,
};

const USAGE: i32 = 2;
const DENIED: i32 = 4;
const PRECONDITION: i32 = 5;

/// A little more than the retention.
const LATER: u32 = 1830;
const ABOUT: &str = "entries older than 1827 days";

struct Site {
    installation: Installation,
    server: ServerProcess,
}

impl Site {
    /// A server so many days from now, unsealed.
    async fn serving(installation: Installation, days: u32) -> Self {
        let command = days_ahead(days, &serve(&installation.config_file()));
        let server = ServerProcess::reached(Running::spawn(command));
        let operator = installation.connect(server.address, "operator").await;
        unseal(&operator, PASSPHRASE).await.unwrap();
        Self { installation, server }
    }

    async fn deliver(&self, deliveries: usize) {
        let sender = self.installation.connect(self.server.address, "sender").await;
        for part in people(10 * deliveries).chunks(10) {
            ask(&sender, header("NPR", "HF"), packed(part)).await.unwrap();
        }
    }

    /// A command of somebody, later.
    fn run_as(&self, who: &str, words: &[&str]) -> Ran {
        let file = self.installation.connect_file(self.server.address, who);
        let connect = ["--connect", file.to_str().unwrap()];
        run(days_ahead(LATER, &[words, &connect].concat()))
    }

    fn prune(&self, who: &str) -> Ran {
        self.run_as(who, &["audit", "prune"])
    }

    /// Asks for an approval, which another gives.
    fn approve(&self, subject: &str) {
        let words = ["approval", "request", "--act", "prune_audit", "--subject", subject, "--json"];
        let why = ["--reason", "retention", "--basis", "rule 4"];
        let asked = self.run_as("operator", &[&words[..], &why].concat()).well();
        let asked: serde_json::Value = serde_json::from_str(&asked.out).unwrap();
        self.run_as("approver", &["approval", "approve", asked["id"].as_str().unwrap()]).well();
    }

    fn entries(&self) -> Vec<serde_json::Value> {
        let listed = self.run_as("auditor", &["audit", "entries", "--count", "0", "--json"]).well();
        listed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The path that proves an entry to be in the tree of a size.
    async fn proof(&self, index: u64, tree_size: u64) -> Vec<Vec<u8>> {
        let auditor = self.installation.connect(self.server.address, "auditor").await;
        let request = GetInclusionProofRequest { index, tree_size };
        let proof = bounded(AuditServiceClient::new(auditor).get_inclusion_proof(request)).await;
        proof.unwrap().into_inner().path
    }
}

fn installation() -> Installation {
    // Certificates are valid then, too.
    let options =
        InstallationOptions { valid_hours: 24 * 366 * 6, ..InstallationOptions::default() };
    let installation = Installation::with(&options);
    let mut principals = PRINCIPALS.to_vec();
    principals.push(("approver", "person", "'approver'"));
    installation.grant(&principals);
    let validity = crate::harness::validity(-24, options.valid_hours);
    installation.issue(&installation.authority, "approver", "approver", validity);
    installation
}

fn numbers(
    entries: &[serde_json::Value],
    is_wanted: impl Fn(&serde_json::Value) -> bool,
) -> BTreeSet<u64> {
    entries.iter().filter(|one| is_wanted(one)).map(|one| one["i"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn old_bodies_are_pruned_by_two_persons_and_every_proof_still_holds() {
    let now = Site::serving(installation(), 0).await;
    now.deliver(6).await;
    let Site { installation, server } = now;
    server.stop();
    let site = Site::serving(installation, LATER).await;
    site.deliver(3).await;
    let before = site.entries();
    let is_bulk = |one: &serde_json::Value| one["body"]["action"] == "ingest";
    let opened_again = before.iter().rposition(|one| one["body"]["action"] == "unsealed").unwrap();
    let young = u64::try_from(opened_again).unwrap();
    let old = numbers(&before, |one| is_bulk(one) && one["i"].as_u64().unwrap() < young);
    assert_eq!(old.len(), 6);
    let size = u64::try_from(before.len()).unwrap();
    let some_old = *old.first().unwrap();
    let proof = site.proof(some_old, size).await;
    let checkpoint = site.run_as("auditor", &["audit", "checkpoint"]).well().out;
    let earlier = site.installation.path("earlier.txt");
    std::fs::write(&earlier, checkpoint).unwrap();

    // Nobody alone, and nobody else.
    for who in ["auditor", "sender"] {
        site.prune(who).ended(DENIED, "not allowed");
    }
    site.prune("operator").ended(PRECONDITION, "another person's approval");
    site.run_as("operator", &["audit", "prune", "--retention-days", "1826"]).ended(USAGE, "1827");
    assert!(site.entries().iter().all(|one| !one["body"].is_null()), "nothing is pruned");
    site.approve(ABOUT);
    let pruned = site.prune("operator").well();
    assert!(pruned.err.contains("recorded: entry "), "{pruned:?}");
    site.prune("operator").ended(PRECONDITION, "another person's approval");

    let after = site.entries();
    for (old, new) in before.iter().zip(&after) {
        assert_eq!((&old["i"], &old["leaf_hash"]), (&new["i"], &new["leaf_hash"]));
        assert!(new["body"].is_null() || new["body"] == old["body"]);
    }
    let gone = numbers(&after, |one| one["body"].is_null());
    assert_eq!(pruned.out, format!("pruned: {} bodies\n", gone.len()));
    assert!(gone.is_subset(&old) && gone.len() >= 5, "{gone:?} of {old:?}");
    let by = after.iter().find(|one| one["body"]["action"] == "entries_pruned").unwrap();
    assert_eq!(by["body"]["actor"]["principal"], "operator");
    assert_eq!(by["body"]["counts"]["bodies"], gone.len());
    let refused = |one: &serde_json::Value| one["body"]["attempted"] == "entries_pruned";
    assert_eq!(numbers(&after, refused).len(), 2, "what had no approval is recorded too");
    assert!(after.iter().any(|one| one["body"]["action"] == "approval_used"));

    assert_eq!(site.proof(some_old, size).await, proof);
    still_verifies(&site, &earlier);
    let Site { installation, server } = site;
    server.stop();
    let site = Site::serving(installation, LATER).await;
    still_verifies(&site, &earlier);
    assert_eq!(numbers(&site.entries(), |one| one["body"].is_null()), gone);
    site.server.stop();
}

/// The live log, as it continues an earlier checkpoint, and an export of it, offline.
fn still_verifies(site: &Site, earlier: &Path) {
    let earlier = earlier.to_str().unwrap();
    let live = site.run_as("auditor", &["audit", "verify", "--live", "--earlier", earlier]).well();
    assert!(live.out.contains("of them pruned"), "{live:?}");
    let export = site.installation.path("export.jsonl");
    let export = export.to_str().unwrap();
    site.run_as("auditor", &["audit", "export", "--overwrite", export]).well();
    let offline = run(days_ahead(LATER, &["audit", "verify", "--export", export])).well();
    assert!(offline.out.starts_with("verified: "), "{offline:?}");
}
