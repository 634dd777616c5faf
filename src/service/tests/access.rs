//! Loads of the access file: what has effect at once, what waits for two holders, and what a copy of
//! the file alone is worth.

use arc_swap::ArcSwap;

use super::*;
use crate::approval::{Act, ApprovalId, Verdict};
use crate::config::access::Role;
use crate::service::{AccessNow, AccessStatus};

const PEOPLE: [(&str, &str, &str); 6] = [
    ("anne", "'custodian'", ""),
    ("kari", "'custodian'", ""),
    ("o", "'operator'", ""),
    ("ola", "'approver'", ""),
    ("per", "'auditor'", ""),
    ("r", "'auditor', 'rights'", ""),
];

/// A world whose access is what the service says of the file.
struct Managed {
    world: World,
    now: AccessNow,
}

fn text(people: &[(&str, &str, &str)]) -> String {
    let principal = |(name, roles, more): &(&str, &str, &str)| {
        format!(
            "[[principal]]\nname = '{name}'\nkind = 'person'\norganisation = '983744516'\n\
             roles = [{roles}]\n{more}\n"
        ) + &if more.contains("certificates") {
            String::new()
        } else {
            format!("certificates = ['uri:spiffe://hvelv.dev/{name}']\n")
        }
    };
    people.iter().map(principal).collect()
}

/// The people, with one of them said otherwise.
fn with(
    name: &str,
    roles: &'static str,
    more: &'static str,
) -> Vec<(&'static str, &'static str, &'static str)> {
    PEOPLE.map(|one| if one.0 == name { (one.0, roles, more) } else { one }).to_vec()
}

impl Managed {
    fn new() -> Self {
        let world = World::with(Budgets::DEFAULT, &text(&PEOPLE));
        let managed = Self { world, now: Arc::new(ArcSwap::default()) };
        managed.load(&PEOPLE);
        managed
    }

    fn open() -> Self {
        let managed = Self::new();
        managed.world.unseal();
        managed
    }

    fn load(&self, people: &[(&str, &str, &str)]) {
        let service = &self.world.service;
        let file = Access::parse(&text(people), Path::new("access.toml"), &**service.catalogue());
        service.load_access(Arc::new(file.unwrap()), Arc::clone(&self.now));
    }

    /// The roles that somebody has now.
    fn roles(&self, name: &str) -> String {
        let now = self.now.load();
        let found = now.by_name(&name.parse().unwrap()).map(|one| one.roles().clone());
        found.unwrap_or_default().iter().map(|role| format!("{role} ")).collect::<String>()
    }

    fn permit(&self, name: &str, right: Right) -> Permit {
        let now = self.now.load();
        authorize(now.by_name(&name.parse().unwrap()).unwrap(), right, date(2026, 1, 15)).unwrap()
    }

    fn status(&self) -> AccessStatus {
        self.world.service.access_status(&self.permit("ola", Right::SeeApprovals)).unwrap()
    }

    fn waiting(&self) -> Vec<String> {
        self.status().waiting.iter().map(|one| format!("{} {}", one.role, one.principal)).collect()
    }

    fn ask(&self, name: &str, subject: &str) -> Result<ApprovalId, Error> {
        let request = ApprovalRequest {
            act: Act::GrantRole,
            subject: subject.to_owned(),
            parameters: Parameters::default(),
            reason: "new custodian".into(),
            basis: "delegation 2026-4".into(),
        };
        let permit = self.permit(name, Right::RequestApprovals);
        Ok(self.world.service.request_approval(&permit, request)?.0.approval.id)
    }

    fn approve(&self, name: &str, id: ApprovalId) -> Result<(), Error> {
        let decision = ApprovalDecision { id, verdict: Verdict::Approve, note: None };
        self.world.service.decide_approval(&self.permit(name, Right::Approve), decision).map(drop)
    }

    fn grant(&self, by: &str, name: &str, role: &Role) -> Result<u64, Error> {
        let permit = self.permit(by, Right::RequestApprovals);
        let granted = self.world.service.grant_role(&permit, &name.parse().unwrap(), role);
        Ok(granted?.index())
    }

    /// Kari asks, Ola approves, Kari grants, whatever waits for a principal.
    fn granted(&self, name: &str) {
        let status = self.status();
        let one = status.waiting.iter().find(|one| one.principal.as_str() == name).unwrap();
        let id = self.ask("kari", &one.subject()).unwrap();
        self.approve("ola", id).unwrap();
        self.grant("kari", name, &one.role).unwrap();
    }

    /// The changes of the last entry of an action.
    fn changes(&self, action: &str) -> Vec<String> {
        let permit = self.world.permit("r", Right::ReadAudit);
        let entries = self.world.service.audit_entries(&permit, 0, 0).unwrap();
        let bodies = entries.map(|one| String::from_utf8(one.unwrap().body).unwrap());
        let found = bodies.filter(|body| body.contains(&format!("\"action\":\"{action}\""))).last();
        let body: serde_json::Value = serde_json::from_str(&found.unwrap()).unwrap();
        let changes = body["changes"].as_array().cloned().unwrap_or_default();
        changes.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    fn code<T>(result: Result<T, Error>) -> ErrorCode {
        result.err().expect("it is refused").code()
    }
}

#[test]
fn the_first_load_makes_the_first_holders_and_a_sealed_server_has_none() {
    let managed = Managed::new();
    assert!(managed.now.load().is_waiting());
    assert_eq!((managed.roles("kari"), managed.roles("o")), (String::new(), "operator ".into()));
    managed.world.unseal();
    assert_eq!(
        (managed.roles("kari"), managed.roles("ola")),
        ("custodian ".into(), "approver ".into())
    );
    assert_eq!((managed.status().holders.len(), managed.waiting().len()), (3, 0));
    let changes = managed.changes("access_loaded");
    assert!(changes.contains(&"added kari: custodian".to_owned()), "{changes:?}");
    assert!(changes.contains(&"first custodian: kari (kari)".to_owned()), "{changes:?}");
    // Opened again, nothing is recorded anew; a restart's load has no difference.
    let count = managed.world.bodies().len();
    managed.world.reseal();
    assert_eq!(managed.changes("access_loaded"), changes);
    managed.load(&PEOPLE);
    assert_eq!(managed.changes("access_loaded"), Vec::<String>::new());
    assert!(managed.world.bodies().len() > count);
}

#[test]
fn a_new_holder_waits_for_two_and_what_is_taken_away_ends_at_once() {
    let managed = Managed::open();
    managed.load(&with("per", "'auditor', 'custodian', 'rights'", ""));
    assert_eq!(managed.roles("per"), "auditor rights ", "ordinary roles as they are loaded");
    assert_eq!(managed.waiting(), ["custodian per"]);
    assert_eq!(managed.world.service.reading().open.unwrap().roles_waiting, 1);
    let changes = managed.changes("access_loaded");
    assert!(changes[1].starts_with("waits: custodian to per (per), terms "), "{changes:?}");
    managed.granted("per");
    assert_eq!(
        (managed.roles("per").as_str(), managed.waiting().len()),
        ("auditor custodian rights ", 0)
    );
    assert_eq!(managed.changes("role_granted"), [changes[1].trim_start_matches("waits: ")]);
    managed.world.reseal();
    assert_eq!(managed.roles("per"), "auditor custodian rights ", "also after a restart");

    managed.load(&PEOPLE);
    assert_eq!(managed.roles("per"), "auditor ");
    managed.load(&with("per", "'auditor', 'custodian'", ""));
    assert_eq!((managed.roles("per").as_str(), managed.waiting().len()), ("auditor ", 1), "as new");
}

#[test]
fn another_person_or_certificate_is_as_a_new_holder() {
    let managed = Managed::open();
    managed.load(&with("anne", "'custodian'", "person = 'eva'"));
    assert_eq!((managed.roles("anne").as_str(), managed.waiting().len()), ("", 1));
    managed.granted("anne");
    assert_eq!(managed.roles("anne"), "custodian ");
    let two =
        "person = 'eva'\ncertificates = ['uri:spiffe://hvelv.dev/anne', 'uri:spiffe://x/new']";
    managed.load(&with("anne", "'custodian'", two));
    assert_eq!((managed.roles("anne").as_str(), managed.waiting().len()), ("custodian ", 1));
    let certificates = |managed: &Managed| {
        managed.now.load().by_name(&"anne".parse().unwrap()).unwrap().certificates().len()
    };
    assert_eq!(certificates(&managed), 1, "the further certificate opens nothing yet");
    managed.granted("anne");
    assert_eq!((certificates(&managed), managed.waiting().len()), (2, 0));
    let other = "person = 'eva'\ncertificates = ['uri:spiffe://x/other']";
    managed.load(&with("anne", "'custodian'", other));
    assert_eq!((managed.roles("anne").as_str(), managed.waiting().len()), ("", 1));
}

#[test]
fn two_different_holders_are_needed_for_exactly_what_waits() {
    let managed = Managed::open();
    let mut people = with("per", "'auditor', 'custodian'", "");
    people.push(("ola.second", "'approver'", "person = 'ola'"));
    managed.load(&people);
    assert_eq!(managed.waiting(), ["approver ola.second", "custodian per"]);
    let subject = managed.status().waiting[1].subject();
    // Nobody without a role in force, and nobody alone.
    assert_eq!(Managed::code(managed.ask("o", &subject)), ErrorCode::NotAllowed);
    let own = managed.ask("ola", &subject).unwrap();
    assert_eq!(Managed::code(managed.approve("ola", own)), ErrorCode::SamePerson);
    assert_eq!(
        Managed::code(managed.grant("ola", "per", &Role::Custodian)),
        ErrorCode::ApprovalRequired
    );
    assert_eq!(
        Managed::code(managed.grant("kari", "anne", &Role::Custodian)),
        ErrorCode::RoleNotWaiting
    );
    assert_eq!(
        Managed::code(managed.grant("kari", "per", &Role::Officer)),
        ErrorCode::RoleNotWaiting
    );
    // Approved, and then the file says otherwise.
    let id = managed.ask("kari", &subject).unwrap();
    managed.approve("ola", id).unwrap();
    managed.load(&with("per", "'auditor', 'custodian'", "person = 'eva'"));
    assert_eq!(
        Managed::code(managed.grant("kari", "per", &Role::Custodian)),
        ErrorCode::ApprovalRequired
    );
    managed.load(&people);
    assert_eq!(
        Managed::code(managed.grant("anne", "per", &Role::Custodian)),
        ErrorCode::ApprovalRequired
    );
    managed.grant("kari", "per", &Role::Custodian).unwrap();
    assert_eq!(managed.roles("per"), "auditor custodian ");
    let bodies = managed.world.bodies().join("\n");
    assert!(bodies.contains("\"attempted\":\"role_granted\",\"reason\":\"role_not_waiting\""));
}

/// Goal: who can write the file and the store, and has no key, gains nothing.
#[test]
fn without_the_record_nobody_holds_anything_and_a_changed_one_does_not_open() {
    let managed = Managed::open();
    managed.world.service.seal(&managed.world.operator()).unwrap();
    let key = Key::access();
    let stored = managed.world.stores.registers.get(&key).unwrap().unwrap();
    let mut batch = crate::store::Batch::new();
    batch.remove(key);
    let commit = |batch| {
        let store = &managed.world.stores.registers;
        store.commit("test", batch, crate::store::Durability::Synced).unwrap();
    };
    commit(batch);
    managed.world.unseal();
    assert_eq!((managed.roles("kari").as_str(), managed.roles("o").as_str()), ("", "operator "));
    managed.load(&PEOPLE);
    assert_eq!(managed.roles("ola"), "", "a load makes no holder");
    managed.world.service.seal(&managed.world.operator()).unwrap();

    let mut changed = stored.clone();
    *changed.last_mut().unwrap() ^= 1;
    let mut batch = crate::store::Batch::new();
    batch.put(key, changed);
    commit(batch);
    let refused = managed.world.service.unseal(&managed.world.operator(), passphrase());
    assert_eq!(Managed::code(refused), ErrorCode::StoreUnusable);
    let mut batch = crate::store::Batch::new();
    batch.put(key, stored);
    commit(batch);
    managed.world.unseal();
    assert_eq!(managed.roles("ola"), "approver ");
}

/// Method: each commit fails in turn, lost or done; the stores are opened anew by the server.
#[test]
fn a_grant_whose_commit_fails_is_done_with_its_entry_or_not_at_all() {
    for (fault, commits) in [Fault::Lost, Fault::Uncertain]
        .into_iter()
        .flat_map(|fault| (0..5).map(move |at| (fault, at)))
    {
        let managed = Managed::open();
        managed.load(&with("per", "'auditor', 'custodian'", ""));
        let subject = managed.status().waiting[0].subject();
        let id = managed.ask("kari", &subject).unwrap();
        managed.approve("ola", id).unwrap();
        let world = &managed.world;
        world.service.seal(&world.operator()).unwrap();
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, commits, fault));
        while world.service.unseal(&world.operator(), passphrase()).is_err() {}
        loop {
            match managed.grant("kari", "per", &Role::Custodian) {
                Ok(_) => break,
                // An uncertain grant was durable after all.
                Err(error) if error.code() == ErrorCode::RoleNotWaiting => break,
                Err(error) => assert_ne!(error.code(), ErrorCode::Internal, "{error:?}"),
            }
            std::thread::yield_now();
        }
        assert_eq!(managed.roles("per"), "auditor custodian ", "{fault:?} {commits}");
        // Reading the log is recorded, and that commit may be the one that fails.
        let auditor = world.permit("r", Right::ReadAudit);
        let bodies = loop {
            let read = world.service.audit_entries(&auditor, 0, 0);
            if let Ok(Ok(read)) = read.map(|all| all.collect::<Result<Vec<_>, _>>()) {
                break read;
            }
            std::thread::yield_now();
        };
        let granted = "\"action\":\"role_granted\"";
        let is_grant = |body: &[u8]| String::from_utf8_lossy(body).contains(granted);
        let count = bodies.iter().filter(|entry| is_grant(&entry.body)).count();
        assert_eq!(count, 1, "{fault:?} {commits}");
    }
}
