//! The service over stores in memory: from identifiers to recorded IDs.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::civil::date;

use super::*;
use crate::audit::Recorded;
use crate::clock::{Clock, MockClock};
use crate::config::budgets::Budgets;
use crate::config::server::Mode;
use crate::config::{Access, Config};
use crate::crypto::{Entropy, Passphrase};
use crate::ident::{Declared, IdKind, RegisterId};
use crate::keyring::{Environment, KeyPlan, PlannedRegister, SealedKeyring, create};
use crate::policy::authorize;
use crate::registers::{Answered, DeliveryState, RowCode};
use crate::service::open::marker;
use crate::store::Store;
use crate::store::faulty::{Fault, FaultyStore};
use crate::store::keys::{Key, Kind};
use crate::store::memory::MemoryStore;
use crate::store::records::Plane;
use crate::testing::{clock, numbers, passphrase, rules};

mod access;
mod alarms;
mod aliases;
mod answers;
mod approvals;
mod bridges;
mod budgets;
mod contacts;
mod conversions;
mod digests;
mod disclosures;
mod erasure;
mod identities;
mod innsyn;
mod linking;
mod loading;
mod model;
mod ordinals;
mod quality;
mod receipts;
mod reissue;
mod reveal;
mod rights;
mod sealing;
mod verify;
mod windows;

/// Two stores in memory; either may be told to fail after some commits.
#[derive(Clone, Default)]
struct MemoryStores {
    vault: Arc<MemoryStore>,
    registers: Arc<MemoryStore>,
    fault: Arc<Mutex<Option<(Plane, u64, Fault)>>>,
}

impl Stores for MemoryStores {
    fn open(&self, plane: Plane) -> Result<Arc<dyn Store>, crate::store::Error> {
        let store: Arc<dyn Store> = match plane {
            Plane::Registers => Arc::clone(&self.registers) as Arc<dyn Store>,
            Plane::Vault => Arc::clone(&self.vault) as Arc<dyn Store>,
        };
        let mut fault = self.fault.lock().unwrap();
        match *fault {
            Some((at, commits, kind)) if at == plane => {
                *fault = None;
                Ok(Arc::new(FaultyStore::after(store, commits, kind)))
            }
            _ => Ok(store),
        }
    }
}

const ACCESS: &str = "[[principal]]\nname = 'a'\nkind = 'system'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/a']\nroles = ['ingest:NPR:HF', 'resolve:NPR:HF', \
    'ingest:KPR:KUHR', 'ingest:REHAB:LOKAL', 'resolve:REHAB:LOKAL', \
    'ingest:IPLOS:KOMMUNE', 'import:IPLOS:KOMMUNE']\n\
    [[principal]]\nname = 'o'\nkind = 'person'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/o']\nroles = ['operator']\n\
    [[principal]]\nname = 'r'\nkind = 'person'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/r']\nroles = ['auditor']\n\
    [[principal]]\nname = 'f'\nkind = 'person'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/f']\nroles = ['officer']\n\
    [[principal]]\nname = 'p'\nkind = 'person'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/p']\nroles = ['rights']\n\
    [[principal]]\nname = 's'\nkind = 'system'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/s']\nroles = ['ingest:NPR:*', 'ingest:KPR:*', \
    'ingest:REHAB:*']\n";

struct World {
    service: Arc<Service>,
    stores: MemoryStores,
    access: Access,
    clock: MockClock,
    _directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(Budgets::DEFAULT, ACCESS)
    }

    fn with(budgets: Budgets, access: &str) -> Self {
        Self::with_config(budgets, access, |_| {})
    }

    fn with_config(budgets: Budgets, access: &str, change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::load(Path::new("registers.toml")).unwrap();
        let key_file = directory.path().join("test.hvk");
        let mut config = Config { mode: Mode::Development, key_file, budgets, ..Config::default() };
        change(&mut config);
        let planned = |register: &crate::registers::catalogue::Register| PlannedRegister {
            number: register.number,
            one_way: register.is_one_way(),
        };
        let plan = KeyPlan {
            registers: catalogue.iter().map(planned).collect(),
            environment: Environment::Development,
            development: true,
        };
        let entropy = Entropy::os();
        create(&config.key_file, &plan, &passphrase(), &entropy, clock().now()).unwrap();
        let sealed = SealedKeyring::load(&config.key_file, Environment::Development).unwrap();
        let id = *sealed.store_id().as_bytes();
        let stores = MemoryStores::default();
        marker(Plane::Vault, config.mode, id).write(stores.vault.as_ref()).unwrap();
        marker(Plane::Registers, config.mode, id).write(stores.registers.as_ref()).unwrap();
        let access = Access::parse(access, Path::new("access.toml"), &catalogue).unwrap();
        let clock = clock();
        let disclosure = DisclosureRules::load(
            Path::new("decisions.toml"),
            Path::new("organisations.toml"),
            &catalogue,
        );
        let service = Service::new(Parts {
            config: Arc::new(config),
            catalogue: Arc::new(catalogue),
            disclosure: disclosure.unwrap(),
            rules: rules(),
            stores: Box::new(stores.clone()),
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(entropy),
        });
        service.use_access(Arc::new(access.clone()));
        Self { service, stores, access, clock, _directory: directory }
    }

    fn unsealed() -> Self {
        let world = Self::new();
        world.unseal();
        world
    }

    fn permit(&self, name: &str, right: Right) -> Permit {
        let principal = self.access.by_name(&name.parse().unwrap()).unwrap();
        authorize(principal, right, date(2026, 1, 15)).unwrap()
    }

    fn operator(&self) -> Permit {
        self.permit("o", Right::Operate)
    }

    fn unseal(&self) -> Unsealed {
        self.service.unseal(&self.operator(), passphrase()).unwrap()
    }

    fn reseal(&self) {
        self.service.seal(&self.operator()).unwrap();
        self.unseal();
    }

    fn request(register: &str, source: &str, mode: IngestMode) -> DeliveryRequest {
        DeliveryRequest {
            register: register.parse().unwrap(),
            source: source.parse().unwrap(),
            purpose: IngestPurpose::Reporting,
            mode,
            period: Some((date(2026, 1, 1), date(2026, 1, 31))),
            exceptions: Vec::new(),
        }
    }

    fn deliver(&self, request: &DeliveryRequest, numbers: &[u64]) -> Result<Answered, Error> {
        let permit = self.permit("a", request.right());
        let delivery = self.service.open_delivery(&permit, request)?;
        let answered = send(&delivery, numbers)?;
        let _ = wait(&delivery, delivery.finish(DeliveryState::Complete)?)?;
        Ok(answered)
    }

    fn ingest(&self, register: &str, source: &str, numbers: &[u64]) -> Vec<u64> {
        let request = Self::request(register, source, IngestMode::ResolveOrAssign);
        self.deliver(&request, numbers).unwrap().ids
    }

    fn bodies(&self) -> Vec<String> {
        let permit = self.permit("r", Right::ReadAudit);
        let entries = self.service.audit_entries(&permit, 0, 0).unwrap();
        entries.map(|entry| String::from_utf8(entry.unwrap().body).unwrap()).collect()
    }
}

fn batch(numbers: &[u64]) -> Batch {
    let kind = RowKind { declared: Declared::Kind(IdKind::Fnr), assigner: None };
    Batch { kind, column: Column::Integers(numbers.to_vec()), contacts: Vec::new() }
}

fn send(delivery: &Delivery, numbers: &[u64]) -> Result<Answered, Error> {
    let mapped = delivery.map(batch(numbers))?;
    Ok(wait(delivery, delivery.submit(mapped)?)?.into_answer().0)
}

fn wait<T>(delivery: &Delivery, pending: Pending<T>) -> Result<Recorded<T>, Error> {
    let sealed = || Error::new(ErrorCode::ServerSealed);
    pending.blocking_recv().map_err(|_| sealed())?.map_err(|error| delivery.record_failed(error))
}

#[test]
fn a_sealed_server_refuses_and_an_unsealed_one_answers() {
    let world = World::new();
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let refused = world.deliver(&request, &numbers(1)).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::ServerSealed);
    world.unseal();
    let again = world.service.unseal(&world.operator(), passphrase()).err().unwrap();
    assert_eq!(again.code(), ErrorCode::AlreadyUnsealed);
    assert_eq!(world.ingest("NPR", "HF", &numbers(1)).len(), 1);
    world.service.seal(&world.operator()).unwrap();
    assert_eq!(world.service.status(Detail::Full).state, State::Sealed);
    let refused = world.deliver(&request, &numbers(1)).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::ServerSealed);
}

#[test]
fn a_wrong_passphrase_leaves_the_server_sealed() {
    let world = World::new();
    let wrong = Passphrase::new(b"wrong".to_vec()).unwrap();
    let refused = world.service.unseal(&world.operator(), wrong).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::PassphraseWrong);
    assert_eq!(world.service.status(Detail::Public).state, State::Sealed);
    world.unseal();
}

#[test]
fn ids_are_stable_valid_and_of_their_register_alone() {
    let world = World::unsealed();
    let people = numbers(500);
    let npr = world.ingest("NPR", "HF", &people);
    let kpr = world.ingest("KPR", "KUHR", &people);
    for id in npr.iter().chain(&kpr) {
        assert_eq!(RegisterId::try_from_u64(*id).unwrap().parts().0.get(), 1);
    }
    assert_eq!(npr.iter().collect::<HashSet<_>>().len(), people.len());
    assert!(npr.iter().zip(&kpr).all(|(npr, kpr)| npr != kpr));
    assert_eq!(world.ingest("NPR", "HF", &people), npr);
    world.reseal();
    assert_eq!(world.ingest("NPR", "HF", &people), npr, "also after a restart");
    assert_eq!(world.ingest("KPR", "KUHR", &people), kpr);
    let detail = world.service.status(Detail::Full).detail.unwrap();
    assert_eq!(detail.persons, 500);
    assert_eq!(detail.registers[0], ("NPR".to_owned(), 500));
    assert_eq!(detail.open_deliveries, 0);
}

#[test]
fn a_look_up_knows_members_only_and_records_whom_it_asked_about() {
    let world = World::unsealed();
    let people = numbers(3);
    let npr = world.ingest("NPR", "HF", &people[..1]);
    world.ingest("KPR", "KUHR", &people[1..2]);
    let request = World::request("NPR", "HF", IngestMode::ResolveOnly);
    let answered = world.deliver(&request, &people).unwrap();
    assert_eq!(answered.ids, [npr[0], 0, 0]);
    let codes: Vec<RowCode> = answered.notes.iter().map(|note| note.code).collect();
    assert_eq!(codes, [RowCode::Unknown, RowCode::Unknown]);
    let mut asked = 0;
    world
        .stores
        .registers
        .scan(Key::all(Kind::AuditPersons), &mut |_, _| {
            asked += 1;
            Ok(crate::store::Step::Continue)
        })
        .unwrap();
    assert_eq!(asked, 1);
    let detail = world.service.status(Detail::Full).detail.unwrap();
    assert_eq!(detail.persons, 2, "a look-up makes nobody");
}

#[test]
fn a_summary_tells_a_look_up_nothing_about_persons_of_other_registers() {
    let world = World::unsealed();
    let people = numbers(3);
    world.ingest("NPR", "HF", &people[..1]);
    world.ingest("KPR", "KUHR", &people[1..2]);
    let request = World::request("NPR", "HF", IngestMode::ResolveOnly);
    let permit = world.permit("a", request.right());
    let delivery = world.service.open_delivery(&permit, &request).unwrap();
    send(&delivery, &people).unwrap();
    let finished = delivery.finish(DeliveryState::Complete).unwrap();
    let summary = delivery.summary(&wait(&delivery, finished).unwrap());
    assert_eq!(summary, Summary { rows: 3, answered: 1, new_members: 0, persons: 0 });
}

#[test]
fn a_register_on_consent_records_nobody_without_it() {
    let world = World::unsealed();
    let people = numbers(2);
    world.ingest("NPR", "HF", &people[..1]);
    let request = World::request("REHAB", "LOKAL", IngestMode::ResolveOrAssign);
    let answered = world.deliver(&request, &people).unwrap();
    assert_eq!(answered.ids, [0, 0]);
    assert!(answered.notes.iter().all(|note| note.code == RowCode::Suppressed));
    assert_eq!(world.service.status(Detail::Full).detail.unwrap().persons, 1);
}

#[test]
fn a_closed_register_takes_a_historical_import_only_and_under_its_own_right() {
    let world = World::unsealed();
    let people = numbers(20);
    let mut request = World::request("IPLOS", "KOMMUNE", IngestMode::ResolveOrAssign);
    let refused = world.deliver(&request, &people).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::RegisterClosed);
    request.purpose = IngestPurpose::HistoricalImport;
    let imported = world.deliver(&request, &people).unwrap().ids;
    assert!(imported.iter().all(|id| *id != 0));
    world.reseal();
    assert_eq!(world.deliver(&request, &people).unwrap().ids, imported);
    let permit = world.permit(
        "a",
        Right::Ingest { register: "IPLOS".parse().unwrap(), source: "KOMMUNE".parse().unwrap() },
    );
    let refused = world.service.open_delivery(&permit, &request).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::NotAllowed);
}

#[test]
fn unknown_registers_and_sources_are_refused() {
    let world = World::unsealed();
    let permit = world.permit(
        "a",
        Right::Ingest { register: "NPR".parse().unwrap(), source: "HF".parse().unwrap() },
    );
    for (register, source, code) in
        [("XXX", "HF", ErrorCode::RegisterUnknown), ("NPR", "KUHR", ErrorCode::SourceUnknown)]
    {
        let request = World::request(register, source, IngestMode::ResolveOrAssign);
        // A permit for what does not exist cannot be had; the catalogue answers first in any case.
        assert_eq!(world.service.check_register(&request).err().unwrap().code(), code);
        let refused = world.service.open_delivery(&permit, &request).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::NotAllowed);
    }
}

#[test]
fn bad_rows_never_fail_their_batch() {
    let world = World::unsealed();
    let mut people = numbers(3);
    people[1] += 1;
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let answered = world.deliver(&request, &people).unwrap();
    assert!(answered.ids[0] != 0 && answered.ids[1] == 0 && answered.ids[2] != 0);
    assert_eq!(answered.notes.len(), 1);
    assert_eq!(answered.notes[0].row, 1);
    assert!(world.deliver(&request, &[]).unwrap().ids.is_empty(), "a batch of nothing is answered");
}

#[test]
fn a_batch_over_the_limit_is_refused_by_name() {
    let world = World::unsealed();
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let max = world.service.parts.config.limits.batch_identifiers_max;
    let answered = world.deliver(&request, &vec![1; max]).unwrap();
    assert_eq!(answered.notes.len(), max, "the largest batch is answered");
    let refused = world.deliver(&request, &vec![1; max + 1]).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::BatchTooLarge);
    assert!(refused.text().contains("limits.batch_identifiers_max"));
}

#[test]
fn every_answer_has_an_entry_and_messages_of_a_commit_share_one() {
    let world = World::unsealed();
    let people = numbers(40);
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let permit = world.permit("a", request.right());
    let delivery = world.service.open_delivery(&permit, &request).unwrap();
    let mut pending = Vec::new();
    for chunk in people.chunks(10) {
        let mapped = delivery.map(batch(chunk)).unwrap();
        pending.push(delivery.submit(mapped).unwrap());
    }
    for pending in pending {
        let _ = wait(&delivery, pending).unwrap();
    }
    let finished = delivery.finish(DeliveryState::Complete).unwrap();
    let summary = delivery.summary(&wait(&delivery, finished).unwrap());
    assert_eq!(summary, Summary { rows: 40, answered: 40, new_members: 40, persons: 40 });
    let ingest: Vec<String> =
        world.bodies().into_iter().filter(|body| body.contains("\"ingest\"")).collect();
    let messages = |body: &String| {
        let entry = Entry::decode(body).unwrap();
        (entry.messages.unwrap(), entry.counts["rows"], entry.counts["new_members"])
    };
    let total = ingest
        .iter()
        .map(messages)
        .fold((0, 0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1, sum.2 + each.2));
    assert_eq!(total, (4, 40, 40));
}

#[test]
fn a_delivery_is_stored_with_its_persons_complete_or_broken() {
    let world = World::unsealed();
    let people = numbers(10);
    world.ingest("NPR", "HF", &people);
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let permit = world.permit("a", request.right());
    let delivery = world.service.open_delivery(&permit, &request).unwrap();
    send(&delivery, &people[..4]).unwrap();
    drop(delivery);
    world.reseal();
    let stored = world.service.open_now().unwrap().registers.deliveries().unwrap();
    let mut seen: Vec<_> = stored
        .iter()
        .map(|(record, persons)| (record.state, record.persons, persons.len(), record.period_to))
        .collect();
    seen.sort_by_key(|(_, persons, ..)| *persons);
    assert_eq!(
        seen,
        [(DeliveryState::Broken, 4, 4, 20_260_131), (DeliveryState::Complete, 10, 10, 20_260_131)]
    );
}

#[test]
fn sealing_ends_a_delivery_that_is_open() {
    let world = World::unsealed();
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let permit = world.permit("a", request.right());
    let delivery = world.service.open_delivery(&permit, &request).unwrap();
    send(&delivery, &numbers(1)).unwrap();
    world.service.seal(&world.operator()).unwrap();
    let refused = send(&delivery, &numbers(1)).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::ServerSealed);
}

#[test]
fn the_log_verifies_and_a_checkpoint_holds_it() {
    let world = World::unsealed();
    world.ingest("NPR", "HF", &numbers(10));
    let permit = world.permit("r", Right::ReadAudit);
    let first = world.service.audit_checkpoint(&permit).unwrap();
    assert!(first.note.starts_with(world.service.parts.config.audit.origin.as_str()));
    let proof = world.service.audit_inclusion(&permit, 1, 0).unwrap();
    assert!(proof.tree_size > 4 && !proof.path.is_empty());
    assert!(world.service.audit_consistency(&permit, 2, 0).is_ok());
    assert!(world.service.audit_inclusion(&permit, 1 << 40, 0).is_err());
    world.reseal();
    // A log that lost its last entry contradicts the checkpoint that was signed when it was sealed.
    world.service.seal(&world.operator()).unwrap();
    let mut last = None;
    let mut find = |key: &[u8], _: &[u8]| {
        last = Some(Key::parse(key)?.1);
        Ok(crate::store::Step::Continue)
    };
    world.stores.registers.scan(Key::all(Kind::AuditLeaf), &mut find).unwrap();
    let mut batch = crate::store::Batch::new();
    batch.remove(last.unwrap());
    world.stores.registers.commit("test", batch, crate::store::Durability::Synced).unwrap();
    let refused = world.service.unseal(&world.operator(), passphrase()).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::StoreUnusable);
}

#[test]
fn a_failed_commit_is_told_and_the_stores_are_reopened_by_themselves() {
    for plane in [Plane::Vault, Plane::Registers] {
        for fault in [Fault::Lost, Fault::Uncertain] {
            for commits in 2..12 {
                let world = World::new();
                *world.stores.fault.lock().unwrap() = Some((plane, commits, fault));
                if world.service.unseal(&world.operator(), passphrase()).is_err() {
                    world.unseal();
                }
                let people = numbers(60);
                let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
                let mut answered = Vec::new();
                for chunk in people.chunks(20) {
                    match world.deliver(&request, chunk) {
                        Ok(done) => answered.push((chunk.to_vec(), done.ids)),
                        Err(error) => assert_ne!(error.code(), ErrorCode::Internal, "{error:?}"),
                    }
                }
                let ids = loop {
                    match world.deliver(&request, &people) {
                        Ok(done) => break done.ids,
                        Err(error) => assert_ne!(error.code(), ErrorCode::Internal, "{error:?}"),
                    }
                    std::thread::yield_now();
                };
                assert_eq!(ids.iter().collect::<HashSet<_>>().len(), people.len());
                for (chunk, before) in answered {
                    let at = people.iter().position(|number| *number == chunk[0]).unwrap();
                    assert_eq!(ids[at..at + chunk.len()], before, "what was answered stays");
                }
            }
        }
    }
}
