//! Approvals from outside: two natural persons with certificates, the command line, `kill -9`, and
//! what an auditor finds.

use std::fs;
use std::net::SocketAddr;

use hvelv::rpc::proto::approval_service_client::ApprovalServiceClient;
use hvelv::rpc::proto::{
    ApprovalAct, ApprovalParameter, ApprovalState, ApprovalVerdict, DecideApprovalRequest,
    GetApprovalRequest, ListApprovalsRequest, RequestApprovalRequest, WithdrawApprovalRequest,
};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::harness::{
    InProcessServer, Installation, PASSPHRASE, PRINCIPALS, Ran, ServerProcess, audit_entries,
    bounded, hvelv, refusal, unseal, validity,
};

/// A synthetic number: it belongs into no request.
const NUMBER: &str = "41814061033";

/// Officers, approvers, and one human with a second principal.
const PEOPLE: [(&str, &str, &str); 4] = [
    ("kari", "person", "'officer'"),
    ("ola", "person", "'approver'"),
    ("robot", "system", "'operator'"),
    // The last, so that what is written behind it is hers.
    ("kari.second", "person", "'approver'"),
];

fn write_people(installation: &Installation, people: &[(&str, &str, &str)], more: &str) {
    installation.grant(&[&PRINCIPALS[..], people].concat());
    let path = installation.path("access.toml");
    let text = fs::read_to_string(&path).unwrap() + more;
    fs::write(path, text).unwrap();
}

fn installation() -> Installation {
    let installation = Installation::new();
    write_people(&installation, &PEOPLE, "person = 'kari'\n");
    for (name, ..) in PEOPLE {
        installation.issue(&installation.authority, name, name, validity(-24, 24));
    }
    installation
}

fn bridge() -> RequestApprovalRequest {
    let parameter = |name: &str, value: &str| ApprovalParameter {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    RequestApprovalRequest {
        act: ApprovalAct::BridgeOut.into(),
        subject: "disclosure 26-0017 to SSB".into(),
        // What is about a person may be in a parameter, and is kept nowhere.
        parameters: vec![parameter("party", "ssb"), parameter("serial", NUMBER)],
        reason: "linkage, case 26/1234".into(),
        legal_basis: "helseregisterloven § 19 e".into(),
    }
}

struct Client(ApprovalServiceClient<Channel>);

impl Client {
    async fn new(installation: &Installation, server: SocketAddr, name: &str) -> Self {
        Self(ApprovalServiceClient::new(installation.connect(server, name).await))
    }

    async fn ask(&mut self, request: RequestApprovalRequest) -> Result<String, Status> {
        let asked = bounded(self.0.request_approval(request)).await?.into_inner();
        Ok(asked.approval.unwrap().id)
    }

    async fn decide(&mut self, id: &str, verdict: ApprovalVerdict) -> Result<i32, Status> {
        let (id, note) = (id.to_owned(), String::new());
        let request = DecideApprovalRequest { id, verdict: verdict.into(), note };
        let decided = bounded(self.0.decide_approval(request)).await?.into_inner();
        Ok(decided.approval.unwrap().state)
    }

    async fn state(&mut self, id: &str) -> Result<i32, Status> {
        let request = GetApprovalRequest { id: id.to_owned() };
        Ok(bounded(self.0.get_approval(request)).await?.into_inner().approval.unwrap().state)
    }

    async fn withdraw(&mut self, id: &str) -> Result<i32, Status> {
        let request = WithdrawApprovalRequest { id: id.to_owned() };
        let withdrawn = bounded(self.0.withdraw_approval(request)).await?.into_inner();
        Ok(withdrawn.approval.unwrap().state)
    }

    async fn list(&mut self) -> Result<usize, Status> {
        let request = ListApprovalsRequest::default();
        Ok(bounded(self.0.list_approvals(request)).await?.into_inner().approvals.len())
    }
}

fn refused(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_natural_persons_are_needed_and_one_with_two_certificates_is_one() {
    let installation = installation();
    let server = InProcessServer::open(&installation).await;
    let mut kari = Client::new(&installation, server.address, "kari").await;
    let mut second = Client::new(&installation, server.address, "kari.second").await;
    let mut ola = Client::new(&installation, server.address, "ola").await;
    let id = kari.ask(bridge()).await.unwrap();

    let denied = refused(Code::PermissionDenied, "not_allowed");
    assert_eq!(refusal(kari.decide(&id, ApprovalVerdict::Approve).await), denied);
    let same = refused(Code::PermissionDenied, "same_person");
    assert_eq!(refusal(second.decide(&id, ApprovalVerdict::Approve).await), same);
    let approved = ola.decide(&id, ApprovalVerdict::Approve).await.unwrap();
    assert_eq!(approved, ApprovalState::Approved as i32);
    let closed = refused(Code::Aborted, "approval_closed");
    assert_eq!(refusal(ola.decide(&id, ApprovalVerdict::Refuse).await), closed);
    assert_eq!(kari.withdraw(&id).await.unwrap(), ApprovalState::Withdrawn as i32);
    assert_eq!(refusal(kari.withdraw(&id).await), closed);

    // A system has the role of an operator, and asks for nothing all the same.
    let mut robot = Client::new(&installation, server.address, "robot").await;
    let role = RequestApprovalRequest { act: ApprovalAct::GrantRole.into(), ..bridge() };
    assert_eq!(refusal(robot.ask(role).await), denied);
    let restore = RequestApprovalRequest { act: ApprovalAct::AcceptRestore.into(), ..bridge() };
    assert_eq!(refusal(robot.ask(restore.clone()).await), denied);
    assert_eq!(refusal(kari.ask(restore.clone()).await), denied, "not an officer's duty");
    let mut operator = Client::new(&installation, server.address, "operator").await;
    let granted = operator.ask(restore).await.unwrap();
    // What is not one's own and what there is not get the same answer.
    for other in [granted.as_str(), "0000-0000-0000-0000"] {
        assert_eq!(refusal(kari.state(other).await), denied);
        assert_eq!(refusal(kari.withdraw(other).await), denied);
    }
    assert_eq!(refusal(ola.decide("0000-0000-0000-0000", ApprovalVerdict::Refuse).await), denied);
    assert_eq!((kari.list().await.unwrap(), operator.list().await.unwrap()), (0, 1));
    let mut auditor = Client::new(&installation, server.address, "auditor").await;
    assert_eq!((ola.list().await.unwrap(), auditor.list().await.unwrap()), (1, 1));
    assert_eq!(auditor.state(&id).await.unwrap(), ApprovalState::Withdrawn as i32);
    let mut sender = Client::new(&installation, server.address, "sender").await;
    assert_eq!(refusal(sender.list().await), denied);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_are_lost_meanwhile_count_at_once() {
    let installation = installation();
    let server = InProcessServer::open(&installation).await;
    let mut kari = Client::new(&installation, server.address, "kari").await;
    let mut ola = Client::new(&installation, server.address, "ola").await;
    let (one, two) = (kari.ask(bridge()).await.unwrap(), kari.ask(bridge()).await.unwrap());

    let officer_no_more = PEOPLE.map(|one| match one.0 {
        "kari" => ("kari", "person", "'rights'"),
        _ => one,
    });
    write_people(&installation, &officer_no_more, "person = 'kari'\n");
    assert!(bounded(server.handle.reload()).await.unwrap().access);
    let void = refused(Code::FailedPrecondition, "approval_void");
    assert_eq!(refusal(ola.decide(&one, ApprovalVerdict::Approve).await), void);
    let refused_one = ola.decide(&one, ApprovalVerdict::Refuse).await.unwrap();
    assert_eq!(refused_one, ApprovalState::Refused as i32);
    let denied = refused(Code::PermissionDenied, "not_allowed");
    assert_eq!(refusal(kari.ask(bridge()).await), denied);

    // Ola's days are over, and Kari is an officer again.
    let more = "person = 'kari'\n";
    write_people(&installation, &PEOPLE, more);
    let path = installation.path("access.toml");
    let text = fs::read_to_string(&path).unwrap();
    let over = text.replacen("name = 'ola'\n", "name = 'ola'\nvalid_to = '2026-01-01'\n", 1);
    fs::write(path, over).unwrap();
    assert!(bounded(server.handle.reload()).await.unwrap().access);
    assert_eq!(refusal(ola.decide(&two, ApprovalVerdict::Approve).await), denied);
    // What was taken from Kari is not hers again because the file says so: it waits for two.
    assert_eq!(refusal(kari.ask(bridge()).await), denied);
    let mut auditor = Client::new(&installation, server.address, "auditor").await;
    assert_eq!(auditor.state(&two).await.unwrap(), ApprovalState::Requested as i32);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_is_told_all_that_is_wrong_and_nothing_of_it_is_repeated() {
    let installation = installation();
    let server = InProcessServer::sealed(&installation).await;
    let mut kari = Client::new(&installation, server.address, "kari").await;
    let sealed = refused(Code::FailedPrecondition, "server_sealed");
    assert_eq!(refusal(kari.ask(bridge()).await), sealed);
    assert_eq!(refusal(kari.list().await), sealed);
    server.unseal(&installation).await.unwrap();
    let invalid = refused(Code::InvalidArgument, "request_invalid");
    let many = vec![ApprovalParameter { name: "a".into(), value: NUMBER.into() }; 33];
    for bad in [
        RequestApprovalRequest { act: 0, ..bridge() },
        RequestApprovalRequest { act: 77, ..bridge() },
        RequestApprovalRequest { subject: NUMBER.into(), ..bridge() },
        RequestApprovalRequest { subject: "x".repeat(201), ..bridge() },
        RequestApprovalRequest { reason: format!("for {NUMBER}"), ..bridge() },
        RequestApprovalRequest { legal_basis: String::new(), ..bridge() },
        RequestApprovalRequest { parameters: many, ..bridge() },
    ] {
        let status = kari.ask(bad).await.unwrap_err();
        assert!(!format!("{status:?}").contains(NUMBER), "{status:?}");
        assert_eq!(refusal::<()>(Err(status)), invalid);
    }
    for id in ["", NUMBER, "iiii-llll-oooo-uuuu"] {
        assert_eq!(refusal(kari.state(id).await), invalid);
        assert_eq!(refusal(kari.withdraw(id).await), invalid);
    }
    assert_eq!(kari.list().await.unwrap(), 0);
    server.stop().await;
}

/// A command as somebody.
fn run(installation: &Installation, server: SocketAddr, name: &str, arguments: &[&str]) -> Ran {
    let file = installation.connect_file(server, name);
    let connect = ["--connect", file.to_str().unwrap()];
    hvelv(&[&["approval"][..], arguments, &connect].concat())
}

async fn start(installation: &Installation) -> ServerProcess {
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_given_at_the_command_line_and_survives_a_kill() {
    let installation = installation();
    let mut server = start(&installation).await;
    let parameters = installation.path("parameters");
    fs::write(&parameters, format!("serial={NUMBER}\n\n")).unwrap();
    let request = |act: &'static str, reason: &'static str| {
        let what = ["request", "--act", act, "--subject", "disclosure 26-0017", "--reason", reason];
        let how = ["--basis", "§ 19 e", "--parameter", "party=ssb", "--json", "--parameters"];
        [&what[..], &how, &[parameters.to_str().unwrap()]].concat()
    };
    let address = server.address;
    run(&installation, address, "kari", &request("bridge", "case")).ended(2, "bridge_out");
    run(&installation, address, "kari", &request("bridge_out", NUMBER)).ended(2, "reason");
    let asked = run(&installation, address, "kari", &request("bridge_out", "case 26/1")).well();
    assert!(asked.err.contains("of the audit log"), "{asked:?}");
    let asked: serde_json::Value = serde_json::from_str(&asked.out).unwrap();
    let id = asked["id"].as_str().unwrap();
    assert_eq!(
        (&asked["state"], asked["moves"].as_array().unwrap().len()),
        (&"requested".into(), 0)
    );

    let second = run(&installation, address, "kari.second", &["approve", id]);
    second.ended(4, "same_person");
    run(&installation, address, "kari", &["approve", id]).ended(4, "not_allowed");
    let given = run(&installation, address, "ola", &["approve", id, "--note", "as decided"]).well();
    assert!(given.out.contains("by ola: as decided"), "{given:?}");
    server.process.kill();

    let server = start(&installation).await;
    let address = server.address;
    let listed = run(&installation, address, "ola", &["list"]).well().out;
    let line = listed.lines().find(|line| line.contains(id)).unwrap();
    assert!(line.contains("approved") && line.contains("bridge_out") && line.contains("kari"));
    let shown = run(&installation, address, "kari", &["show", id, "--json"]).well().out;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["state"], &shown["digest"]), (&"approved".into(), &asked["digest"]));
    assert_eq!(shown["moves"][0]["by"]["person"], "ola");
    run(&installation, address, "ola", &["refuse", id]).ended(5, "approval_closed");
    let withdrawn = run(&installation, address, "kari", &["withdraw", id]).well();
    assert!(withdrawn.out.contains("withdrawn"), "{withdrawn:?}");
    let none = run(&installation, address, "ola", &["list"]).well();
    assert!(none.out.is_empty() && none.err.contains("no such approvals"), "{none:?}");
    let state = ["list", "--state", "withdrawn", "--json"];
    assert!(run(&installation, address, "auditor", &state).well().out.contains(id));

    let entries = audit_entries(&installation, address).await;
    let of = |action: &str| {
        let found: Vec<_> = entries.iter().filter(|one| one["action"] == action).collect();
        assert_eq!(found.len(), 1, "{action}");
        found[0].clone()
    };
    let requested = of("approval_requested");
    assert_eq!((&requested["basis"], &requested["digest"]), (&"§ 19 e".into(), &asked["digest"]));
    assert_eq!(requested["actor"]["principal"], "kari");
    assert_eq!(of("approval_given")["actor"]["principal"], "ola");
    assert_eq!(
        of("approval_withdrawn")["changes"][0],
        format!("approval {id} of bridge_out: withdrawn")
    );
    assert!(entries.iter().all(|entry| !entry.to_string().contains(NUMBER)));
    let auditor = installation.connect_file(address, "auditor");
    let verify = ["audit", "verify", "--live", "--connect", auditor.to_str().unwrap()];
    hvelv(&verify).well();
    server.stop();
}
