//! Who gives rights, from outside: an edited access file, two holders at the command line, `kill -9`,
//! and the ceremony that begins anew.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

use hvelv::rpc::proto::ListReissuesRequest;
use hvelv::rpc::proto::identity_service_client::IdentityServiceClient;
use tonic::Code;

use crate::harness::{
    Installation, PASSPHRASE, PRINCIPALS, Ran, ServerProcess, audit_entries, bounded, hvelv,
    refusal, unseal, validity,
};

/// Holders beside the custodian: an approver, and somebody who is nothing yet.
const PEOPLE: [(&str, &str, &str); 2] =
    [("ola", "person", "'approver'"), ("mallory", "person", "'auditor'")];

/// What Mallory, who may write the file, makes of it.
const GREEDY: [(&str, &str, &str); 2] =
    [("ola", "person", "'approver'"), ("mallory", "person", "'auditor', 'custodian'")];

fn write(installation: &Installation, people: &[(&str, &str, &str)]) {
    installation.grant(&[&PRINCIPALS[..], people].concat());
}

async fn start(installation: &Installation) -> ServerProcess {
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    server
}

fn run(installation: &Installation, server: SocketAddr, name: &str, words: &[&str]) -> Ran {
    let file = installation.connect_file(server, name);
    hvelv(&[words, &["--connect", file.to_str().unwrap()]].concat())
}

/// Whether somebody may do what a custodian does.
async fn is_custodian(installation: &Installation, server: SocketAddr, name: &str) -> bool {
    let channel = installation.connect(server, name).await;
    let request = ListReissuesRequest { register: "NPR".into(), ..ListReissuesRequest::default() };
    let listed = bounded(IdentityServiceClient::new(channel).list_reissues(request)).await;
    match listed {
        Ok(_) => true,
        Err(status) => {
            let refused = refusal::<()>(Err(status));
            assert_eq!(refused, (Code::PermissionDenied, "not_allowed".to_owned()));
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_access_file_gives_no_sensitive_role_before_two_holders_have_granted_it() {
    let installation = Installation::new();
    write(&installation, &PEOPLE);
    for (name, ..) in PEOPLE {
        installation.issue(&installation.authority, name, name, validity(-24, 24));
    }
    let mut server = start(&installation).await;
    assert!(is_custodian(&installation, server.address, "custodian").await);

    write(&installation, &GREEDY);
    server.process.signal("HUP");
    server.process.wait_for("access file loaded");
    assert!(!is_custodian(&installation, server.address, "mallory").await);
    let ask = ["access", "ask", "--principal", "mallory", "--role", "custodian", "--reason", "new"];
    let ask = [&ask[..], &["--basis", "delegation 4"]].concat();
    run(&installation, server.address, "mallory", &ask).ended(4, "not_allowed");
    let shown = run(&installation, server.address, "ola", &["access", "status"]).well();
    assert!(shown.out.contains("waits: custodian to mallory (mallory), terms "), "{shown:?}");

    // Neither does a restart with the edited file, however the server ended.
    server.process.kill();
    let mut server = start(&installation).await;
    let address = server.address;
    assert!(!is_custodian(&installation, address, "mallory").await);
    let asked = run(&installation, address, "custodian", &ask).well();
    let id = asked.out.split(' ').next().unwrap().to_owned();
    let grant = ["access", "grant", "--principal", "mallory", "--role", "custodian"];
    run(&installation, address, "custodian", &grant).ended(5, "approval_required");
    run(&installation, address, "ola", &["approval", "approve", &id]).well();
    run(&installation, address, "mallory", &grant).ended(4, "not_allowed");
    run(&installation, address, "custodian", &grant).well();
    assert!(is_custodian(&installation, address, "mallory").await);
    run(&installation, address, "custodian", &grant).ended(5, "role_not_waiting");
    server.process.kill();

    let mut server = start(&installation).await;
    assert!(is_custodian(&installation, server.address, "mallory").await, "after a kill");
    let shown = run(&installation, server.address, "ola", &["access", "status", "--json"]).well();
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(
        (shown["holders"].as_array().unwrap().len(), &shown["waiting"]),
        (4, &serde_json::json!([]))
    );
    // What is taken away ends at once.
    write(&installation, &PEOPLE);
    server.process.signal("HUP");
    server.process.wait_for("access file loaded");
    assert!(!is_custodian(&installation, server.address, "mallory").await);
    let entries = audit_entries(&installation, server.address).await;
    let granted: Vec<_> = entries.iter().filter(|one| one["action"] == "role_granted").collect();
    assert_eq!((granted.len(), &granted[0]["actor"]["principal"]), (1, &"custodian".into()));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_holders_begin_anew_with_what_opens_both_roots() {
    let installation = Installation::new();
    let server = start(&installation).await;
    server.stop();
    write(&installation, &GREEDY);
    installation.issue(&installation.authority, "mallory", "mallory", validity(-24, 24));
    let config = installation.config_file();
    let bootstrap = |passphrase: &str| {
        let file = installation.path("passphrase");
        fs::write(&file, passphrase).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let config = ["access", "bootstrap", "--config", config.to_str().unwrap()];
        hvelv(&[&config[..], &["--passphrase-file", file.to_str().unwrap()]].concat())
    };
    bootstrap("wrong").ended(5, "wrong passphrase");
    bootstrap(PASSPHRASE).well();
    let server = start(&installation).await;
    assert!(is_custodian(&installation, server.address, "mallory").await);
    let entries = audit_entries(&installation, server.address).await;
    let found = entries.iter().find(|one| one["action"] == "access_bootstrapped").unwrap();
    assert!(found["changes"].to_string().contains("first custodian: mallory (mallory)"));
    server.stop();
}
