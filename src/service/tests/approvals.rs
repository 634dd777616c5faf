//! Approvals over stores in memory: who may, what is recorded, and the act that uses one.

use std::time::Duration;

use super::*;
use crate::approval::{Act, ApprovalId, State, Verdict};
use crate::crypto::sha256;
use crate::registers::Write;
use crate::service::ingest::register_error;

mod using;

const HOUR: Duration = Duration::from_secs(60 * 60);
const SUBJECT: &str = "disclosure 26-0017 to SSB";

/// Name, kind, roles, and what else the access file says.
const PEOPLE: [(&str, &str, &str, &str); 7] = [
    ("kari", "person", "'officer'", ""),
    ("kari.second", "person", "'approver'", "person = 'kari'"),
    ("ola", "person", "'approver', 'officer'", ""),
    ("olga", "person", "'approver'", ""),
    ("o", "person", "'operator'", ""),
    ("r", "person", "'auditor'", ""),
    ("robot", "system", "'operator'", ""),
];

fn access_of(people: &[(&str, &str, &str, &str)]) -> String {
    let principal = |(name, kind, roles, more): &(&str, &str, &str, &str)| {
        format!(
            "[[principal]]\nname = '{name}'\nkind = '{kind}'\norganisation = '983744516'\n\
             certificates = ['uri:spiffe://hvelv.dev/{name}']\nroles = [{roles}]\n{more}\n"
        )
    };
    people.iter().map(principal).collect()
}

fn world() -> World {
    let world = World::with(Budgets::DEFAULT, &access_of(&PEOPLE));
    world.unseal();
    world
}

fn parameters(party: &str) -> Parameters {
    Parameters(vec![("party".into(), party.into()), ("until".into(), "2026-12-31".into())])
}

fn bridge_to(party: &str) -> ApprovalRequest {
    ApprovalRequest {
        act: Act::BridgeOut,
        subject: SUBJECT.into(),
        parameters: parameters(party),
        reason: "linkage, case 26/1234".into(),
        basis: "helseregisterloven § 19 e".into(),
    }
}

impl World {
    fn ask(&self, name: &str, request: &ApprovalRequest) -> Result<ApprovalStatus, Error> {
        let permit = self.permit(name, Right::RequestApprovals);
        Ok(self.service.request_approval(&permit, request.clone())?.0)
    }

    fn asked(&self) -> ApprovalId {
        self.ask("kari", &bridge_to("ssb")).unwrap().approval.id
    }

    fn decide(&self, name: &str, id: ApprovalId, verdict: Verdict) -> Result<State, Error> {
        let permit = self.permit(name, Right::Approve);
        let decision = ApprovalDecision { id, verdict, note: Some("seen".into()) };
        Ok(self.service.decide_approval(&permit, decision)?.0.state)
    }

    fn withdraw(&self, name: &str, id: ApprovalId) -> Result<State, Error> {
        let permit = self.permit(name, Right::RequestApprovals);
        Ok(self.service.withdraw_approval(&permit, &id)?.0.state)
    }

    fn approved(&self) -> ApprovalId {
        let id = self.asked();
        assert_eq!(self.decide("ola", id, Verdict::Approve).unwrap(), State::Approved);
        id
    }

    fn state_of(&self, id: ApprovalId) -> State {
        let permit = self.permit("r", Right::SeeApprovals);
        self.service.approval(&permit, &id).unwrap().state
    }

    fn listed(&self, permit: &Permit, state: Option<State>) -> Vec<ApprovalId> {
        let filter = ApprovalFilter { state, count: 0 };
        let found = self.service.approvals(permit, filter).unwrap();
        found.into_iter().map(|one| one.approval.id).collect()
    }

    /// An act that takes an approval, as later services do: what it writes, its entry, the use of the
    /// approval and the entry of that are one commit.
    fn bridge(&self, name: &str, parameters: &Parameters) -> Result<u64, Error> {
        let permit = self.permit(name, Right::RequestApprovals);
        let open = self.service.open_now()?;
        let act = (Act::BridgeOut, SUBJECT);
        let approved = self.service.take_approval(&open, &permit, act, parameters)?;
        let entry = self.service.entry(actor(&permit), Action::LogExported);
        let writes = vec![Write::Put(bridge_key(), sha256(b"bridge").to_vec())];
        let done = open.registers.record_approved_act_and_wait(entry, writes, approved, ());
        Ok(done.map_err(register_error)?.index())
    }

    fn is_bridged(&self) -> bool {
        self.stores.registers.get(&bridge_key()).unwrap().is_some()
    }

    fn use_people(&self, people: &[(&str, &str, &str, &str)]) {
        let catalogue = self.service.catalogue();
        let text = access_of(people);
        let access = Access::parse(&text, Path::new("access.toml"), &**catalogue).unwrap();
        self.service.use_access(Arc::new(access));
    }
}

/// Where the act of these tests writes.
fn bridge_key() -> Key {
    Key::delivery([7; 16])
}

/// The people, with one of them said otherwise.
fn with(
    name: &str,
    roles: &'static str,
    more: &'static str,
) -> [(&'static str, &'static str, &'static str, &'static str); 7] {
    PEOPLE.map(|one| if one.0 == name { (one.0, one.1, roles, more) } else { one })
}

#[track_caller]
fn refused<T>(result: Result<T, Error>, code: ErrorCode) -> Error {
    let error = result.err().expect("it is refused");
    assert_eq!(error.code(), code, "{error:?}");
    error
}

#[test]
fn nobody_approves_what_they_asked_for_under_any_name() {
    let world = world();
    let id = world.asked();
    let error = refused(world.decide("kari.second", id, Verdict::Approve), ErrorCode::SamePerson);
    assert_eq!(error.group(), Group::Denied);
    let own = world.ask("ola", &bridge_to("ssb")).unwrap().approval.id;
    refused(world.decide("ola", own, Verdict::Approve), ErrorCode::SamePerson);
    assert_eq!(world.decide("olga", own, Verdict::Approve).unwrap(), State::Approved);
    assert_eq!(world.state_of(id), State::Requested);
}

#[test]
fn a_system_asks_for_nothing_and_each_asks_for_the_acts_of_their_duty() {
    let world = world();
    let role = ApprovalRequest {
        act: Act::GrantRole,
        subject: "officer to anne (anne), terms abc".into(),
        ..bridge_to("ssb")
    };
    refused(world.ask("robot", &role), ErrorCode::NotAllowed);
    refused(world.ask("o", &role), ErrorCode::NotAllowed);
    refused(world.ask("o", &bridge_to("ssb")), ErrorCode::NotAllowed);
    let other =
        ApprovalRequest { subject: "custodian to anne (anne), terms abc".into(), ..role.clone() };
    refused(world.ask("kari", &other), ErrorCode::NotAllowed);
    for holder in ["kari", "ola", "olga"] {
        assert_eq!(world.ask(holder, &role).unwrap().state, State::Requested, "{holder}");
    }
    // A permit for another right is none for this.
    let auditor = world.permit("r", Right::ReadAudit);
    let other = world.service.request_approval(&auditor, role);
    refused(other, ErrorCode::NotAllowed);
    let decision = ApprovalDecision { id: world.asked(), verdict: Verdict::Approve, note: None };
    refused(world.service.decide_approval(&auditor, decision), ErrorCode::NotAllowed);
    refused(world.service.approvals(&auditor, ApprovalFilter::default()), ErrorCode::NotAllowed);
}

#[test]
fn nothing_becomes_of_an_approval_when_its_time_is_over() {
    let world = world();
    let (waiting, given) = (world.asked(), world.approved());
    world.clock.advance(HOUR * 72 - Duration::from_secs(1));
    assert_eq!(world.state_of(given), State::Approved);
    world.clock.advance(Duration::from_secs(1));
    for id in [waiting, given] {
        assert_eq!(world.state_of(id), State::Expired);
        refused(world.decide("ola", id, Verdict::Approve), ErrorCode::ApprovalClosed);
        refused(world.withdraw("kari", id), ErrorCode::ApprovalClosed);
    }
    refused(world.bridge("kari", &parameters("ssb")), ErrorCode::ApprovalRequired);
    let auditor = world.permit("r", Right::SeeApprovals);
    assert!(world.listed(&auditor, None).is_empty());
    assert_eq!(world.listed(&auditor, Some(State::Expired)).len(), 2);
    world.reseal();
    assert_eq!(world.state_of(given), State::Expired);
}

#[test]
fn a_request_is_decided_once() {
    let world = world();
    for verdict in [Verdict::Approve, Verdict::Refuse] {
        let id = world.asked();
        world.decide("ola", id, verdict).unwrap();
        for (name, again) in
            [("ola", verdict), ("olga", Verdict::Approve), ("olga", Verdict::Refuse)]
        {
            let error = refused(world.decide(name, id, again), ErrorCode::ApprovalClosed);
            assert_eq!(error.group(), Group::Conflict);
        }
        world.withdraw("kari", id).ok();
    }
    refused(world.bridge("kari", &parameters("ssb")), ErrorCode::ApprovalRequired);
}

#[test]
fn who_asked_takes_it_back_approved_or_not() {
    let world = world();
    for id in [world.asked(), world.approved()] {
        refused(world.withdraw("ola", id), ErrorCode::NotAllowed);
        assert_eq!(world.withdraw("kari", id).unwrap(), State::Withdrawn);
        refused(world.withdraw("kari", id), ErrorCode::ApprovalClosed);
        refused(world.decide("ola", id, Verdict::Approve), ErrorCode::ApprovalClosed);
    }
    refused(world.bridge("kari", &parameters("ssb")), ErrorCode::ApprovalRequired);
}

#[test]
fn an_approval_that_is_not_there_and_one_that_is_not_ones_own_get_the_same_answer() {
    let world = world();
    let id = world.asked();
    let operator = world.permit("o", Right::RequestApprovals);
    let unknown = ApprovalId([9; 10]);
    let texts = [id, unknown].map(|one| {
        refused(world.service.approval(&operator, &one), ErrorCode::NotAllowed).to_string()
    });
    assert_eq!(texts[0], texts[1]);
    refused(world.withdraw("kari", unknown), ErrorCode::NotAllowed);
    refused(world.decide("ola", unknown, Verdict::Approve), ErrorCode::NotAllowed);
    assert!(world.listed(&operator, None).is_empty());
    let kari = world.permit("kari", Right::RequestApprovals);
    assert_eq!(world.listed(&kari, None), [id]);
    for (name, right) in [("ola", Right::SeeApprovals), ("r", Right::SeeApprovals)] {
        assert_eq!(world.listed(&world.permit(name, right), None), [id], "{name} sees all");
    }
}

#[test]
fn what_is_wrong_with_a_request_is_all_told_and_never_repeated() {
    let world = world();
    let number = numbers(1)[0].to_string();
    let bad = ApprovalRequest {
        subject: number.clone(),
        reason: String::new(),
        basis: "a\nb".into(),
        parameters: Parameters(vec![("Person".into(), number.clone())]),
        ..bridge_to("ssb")
    };
    let error = refused(world.ask("kari", &bad), ErrorCode::RequestInvalid);
    let fields: Vec<&str> = error.violations().iter().map(|one| one.field.as_ref()).collect();
    assert_eq!(fields, ["subject", "reason", "legal_basis", "parameters"]);
    assert!(!format!("{error:?} {bad:?}").contains(&format!("\"{number}\"), ")));
    let permit = world.permit("ola", Right::Approve);
    let note = Some(number);
    let decision = ApprovalDecision { id: world.asked(), verdict: Verdict::Approve, note };
    refused(world.service.decide_approval(&permit, decision), ErrorCode::RequestInvalid);
}

#[test]
fn every_step_is_in_the_log_and_no_parameter_is_anywhere() {
    let world = world();
    let number = numbers(1)[0].to_string();
    let used = world.ask("kari", &bridge_to(&number)).unwrap().approval;
    world.decide("ola", used.id, Verdict::Approve).unwrap();
    world.bridge("kari", &parameters(&number)).unwrap();
    let refused = world.asked();
    world.decide("olga", refused, Verdict::Refuse).unwrap();
    let withdrawn = world.asked();
    world.withdraw("kari", withdrawn).unwrap();
    let entries: Vec<Entry> = world
        .bodies()
        .iter()
        .inspect(|body| assert!(!body.contains(&number), "{body}"))
        .map(|body| Entry::decode(body).unwrap())
        .filter(|entry| entry.changes.first().is_some_and(|line| line.starts_with("approval ")))
        .collect();
    let told: Vec<(Action, String)> =
        entries.iter().map(|entry| (entry.action, entry.changes[0].clone())).collect();
    let line = |id, state| format!("approval {id} of bridge_out: {state}");
    let expected = [
        (Action::ApprovalRequested, line(used.id, "requested")),
        (Action::ApprovalGiven, line(used.id, "approved")),
        (Action::ApprovalUsed, line(used.id, "used")),
        (Action::ApprovalRequested, line(refused, "requested")),
        (Action::ApprovalRefused, line(refused, "refused")),
        (Action::ApprovalRequested, line(withdrawn, "requested")),
        (Action::ApprovalWithdrawn, line(withdrawn, "withdrawn")),
    ];
    assert_eq!(told, expected);
    let (asked, given) = (&entries[0], &entries[1]);
    assert_eq!(
        asked.changes[1..],
        [
            "for disclosure 26-0017 to SSB",
            "until 2026-01-18T12:00:00Z",
            "reason: linkage, case 26/1234",
        ]
    );
    assert_eq!(
        asked.actor,
        Actor::Person { principal: "kari".into(), organisation: "983744516".into() }
    );
    assert_eq!(given.changes[2..], ["requested by kari", "note: seen"]);
    assert!(entries.iter().all(|one| one.basis.as_deref() == Some("helseregisterloven § 19 e")));
    assert_eq!((asked.digest, given.digest), (Some(used.wanted.digest), asked.digest));
    assert_ne!(entries[3].digest, asked.digest, "another parameter is another digest");
    let permit = world.permit("r", Right::ReadAudit);
    assert!(world.service.audit_checkpoint(&permit).is_ok(), "the log verifies");
}

#[test]
fn what_somebody_asks_for_is_bounded_at_once_and_by_day() {
    let world = world();
    let ids: Vec<ApprovalId> = (0..20).map(|_| world.asked()).collect();
    let error = refused(world.ask("kari", &bridge_to("ssb")), ErrorCode::TooManyApprovals);
    assert_eq!(error.text(), "too many approvals were asked for (approvals.open_max = 20)");
    assert!(world.ask("ola", &bridge_to("ssb")).is_ok(), "another has bounds of their own");
    world.reseal();
    refused(world.ask("kari", &bridge_to("ssb")), ErrorCode::TooManyApprovals);
    for id in ids {
        world.withdraw("kari", id).unwrap();
    }
    for _ in 20..200 {
        let id = world.asked();
        world.withdraw("kari", id).unwrap();
    }
    let error = refused(world.ask("kari", &bridge_to("ssb")), ErrorCode::TooManyApprovals);
    assert!(error.text().contains("approvals.requests_per_day_max = 200"), "{error}");
    world.clock.advance(HOUR * 24);
    assert!(world.ask("kari", &bridge_to("ssb")).is_ok());
    let auditor = world.permit("r", Right::SeeApprovals);
    assert_eq!(world.listed(&auditor, Some(State::Withdrawn)).len(), 100, "a listing has an end");
}

/// Goal: no act without its approval used up, and none used up without the act. Method: commits fail
/// in turn, before or after they reach the store; the caller repeats until the act is done, or there
/// is nothing approved left.
#[test]
fn a_damaged_approval_keeps_the_server_closed() {
    let world = world();
    let id = world.asked();
    world.service.seal(&world.operator()).unwrap();
    let (key, moved) = (Key::approval(id.0), Key::approval([1; 10]));
    let value = world.stores.registers.get(&key).unwrap().unwrap();
    let mut batch = crate::store::Batch::new();
    batch.remove(key);
    batch.put(moved, value);
    world.stores.registers.commit("test", batch, crate::store::Durability::Synced).unwrap();
    let refused = world.service.unseal(&world.operator(), passphrase()).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::StoreUnusable);
}
