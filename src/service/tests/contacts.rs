//! Names and addresses: kept for registers that have them, told to a custodian alone, and gone with the
//! person.

use super::bridges::{code, world};
use super::rights::quality;
use super::verify::{keys, put, records, verified};
use super::*;
use crate::registers::Fact;
use crate::rights::cases::Scope;
use crate::rights::report::Kept;
use crate::vault::PERSONS;

const NAME: &str = "Kari Kanarifugl";
const ADDRESS: &str = "Fugleveien 7\n0001 Oslo";

impl World {
    fn consents(&self, numbers: &[u64]) {
        for number in numbers {
            self.say("REHAB", *number, quality()).unwrap();
        }
    }

    fn withdraws(&self, number: u64) {
        self.say("REHAB", number, Fact::ConsentWithdrawn).unwrap();
    }

    /// Delivers identifiers with a name and an address each.
    fn tell(
        &self,
        request: &DeliveryRequest,
        rows: &[(u64, &str, &str)],
    ) -> Result<Answered, Error> {
        let permit = self.permit("a", request.right());
        let delivery = self.service.open_delivery(&permit, request)?;
        let numbers: Vec<u64> = rows.iter().map(|row| row.0).collect();
        let parse = |row: &(u64, &str, &str)| Contact::parse(row.1, row.2).unwrap();
        let mut batch = batch(&numbers);
        batch.contacts = rows.iter().map(parse).collect();
        let mapped = delivery.map(batch)?;
        let answered = wait(&delivery, delivery.submit(mapped)?)?;
        let _ = wait(&delivery, delivery.finish(DeliveryState::Complete)?)?;
        Ok(answered.into_answer().0)
    }

    fn tell_rehab(&self, rows: &[(u64, &str, &str)]) -> Result<Answered, Error> {
        self.tell(&Self::request("REHAB", "LOKAL", IngestMode::ResolveOrAssign), rows)
    }

    /// What innsyn says that REHAB keeps of a person.
    fn kept(&self, number: u64) -> Option<Kept> {
        let report = self.innsyn(number);
        report.registers.into_iter().find(|one| one.code == "REHAB").and_then(|one| one.kept)
    }

    /// Contact records of the vault's store.
    fn contacts(&self) -> usize {
        let mut count = 0;
        let visit = &mut |_: &[u8], _: &[u8]| {
            count += 1;
            Ok(crate::store::Step::Continue)
        };
        self.stores.vault.scan(Key::all(Kind::Contact), visit).unwrap();
        count
    }
}

#[test]
fn what_is_said_is_kept_and_replaced_and_innsyn_tells_that_and_since_when() {
    let world = world();
    let people = numbers(3);
    world.consents(&people);
    let first = world.tell_rehab(&[(people[0], NAME, ADDRESS), (people[1], "", "")]).unwrap();
    assert_eq!((first.contacts, world.contacts()), (1, 1));
    let kept = world.kept(people[0]).unwrap();
    assert_eq!((kept.fields.join(" "), &kept.since), ("address name".to_owned(), &kept.said));
    assert_eq!(world.kept(people[1]), None);
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(world.tell_rehab(&[(people[0], NAME, "")]).unwrap().contacts, 0, "the same again");
    assert_eq!(world.kept(people[0]).unwrap(), kept);
    let moved = world.tell_rehab(&[(people[0], "", "Nyveien 1")]).unwrap();
    assert_eq!((moved.contacts, moved.ids[0]), (1, first.ids[0]));
    world.reseal();
    let after = world.kept(people[0]).unwrap();
    assert!(after.since == kept.since && after.said > kept.said, "{after:?}");
    assert_eq!(world.entries_with(r#""contacts":1"#), 2);
    for text in [NAME, "Fugleveien", "Nyveien"] {
        assert_eq!(world.entries_with(text), 0);
    }
}

#[test]
fn names_and_addresses_are_refused_where_the_register_keeps_none_and_nothing_of_the_batch_is_taken()
{
    let world = world();
    let people = numbers(2);
    world.consents(&people[..1]);
    let rows = [(people[0], NAME, ADDRESS)];
    let request = |register, source, mode| World::request(register, source, mode);
    let assign = IngestMode::ResolveOrAssign;
    for (register, source, mode, fields) in [
        ("NPR", "HF", assign, &["batch.contacts.names", "batch.contacts.addresses"][..]),
        ("REHAB", "LOKAL", IngestMode::ResolveOnly, &["batch.contacts"]),
    ] {
        let refused = world.tell(&request(register, source, mode), &rows).err().unwrap();
        let told: Vec<_> = refused.violations().iter().map(|one| one.field.as_ref()).collect();
        assert_eq!((refused.code(), &told[..]), (ErrorCode::RequestInvalid, fields));
        assert!(!refused.to_string().contains(NAME));
    }
    let mut import = request("IPLOS", "KOMMUNE", assign);
    import.purpose = IngestPurpose::HistoricalImport;
    let refused = world.tell(&import, &rows).err().unwrap();
    assert_eq!(refused.violations().len(), 3, "a one-way register, and the past");
    assert_eq!(world.contacts(), 0);
    let open = world.service.open_now().unwrap();
    assert_eq!(open.vault.identifier_count(PERSONS), 1, "the one who has consented");
}

#[test]
fn a_row_without_an_id_keeps_nothing() {
    let world = world();
    let people = numbers(2);
    world.consents(&people[..1]);
    let rows = [(people[1], NAME, ADDRESS), (people[0], NAME, "")];
    let answered = world.tell_rehab(&rows).unwrap();
    assert_eq!((answered.ids[0], answered.contacts), (0, 1));
    assert_eq!(world.contacts(), 1);
    // Whose consent ends between mapping and recording leaves none either.
    let request = World::request("REHAB", "LOKAL", IngestMode::ResolveOrAssign);
    let permit = world.permit("a", request.right());
    let delivery = world.service.open_delivery(&permit, &request).unwrap();
    let mut batch = batch(&people[..1]);
    batch.contacts = vec![Contact::parse(NAME, "Nyveien 1").unwrap()];
    let mapped = delivery.map(batch).unwrap();
    world.withdraws(people[0]);
    assert_eq!(world.contacts(), 0);
    let answered = wait(&delivery, delivery.submit(mapped).unwrap()).unwrap();
    assert_eq!((answered.peek().ids[0], answered.peek().contacts, world.contacts()), (0, 0, 0));
}

#[test]
fn a_custodian_is_told_name_and_address_of_that_register_alone() {
    let world = world();
    let people = numbers(1);
    world.consents(&people);
    let rehab = world.tell_rehab(&[(people[0], NAME, ADDRESS)]).unwrap().ids[0];
    let npr = world.ingest("NPR", "HF", &people)[0];
    for (register, id, expected) in [("REHAB", rehab, Some((NAME, ADDRESS))), ("NPR", npr, None)] {
        world.approve_reveal(register, id);
        let revealed = world.reveal_person(register, id).unwrap();
        assert_eq!(revealed.identifiers[0].number.as_str(), format!("{:011}", people[0]));
        let told = revealed.contacts.first().map(|one| &one.contact);
        let told = told.map(|one| (one.expose_name(), one.expose_address()));
        assert_eq!(told, expected);
        assert!(!format!("{revealed:?}").contains(NAME));
    }
}

#[test]
fn an_erasure_of_everything_takes_name_and_address_and_one_of_a_period_leaves_them() {
    let world = world();
    let people = numbers(3);
    world.consents(&people);
    let rows: Vec<_> = people.iter().map(|number| (*number, NAME, ADDRESS)).collect();
    world.tell_rehab(&rows).unwrap();
    world.erase("REHAB", people[0], Scope::Period { up_to: date(2026, 1, 1) });
    assert_eq!(world.contacts(), 3);
    world.erase("REHAB", people[0], Scope::Whole);
    assert_eq!(world.contacts(), 2);
    assert_eq!(world.kept(people[0]), None);
    assert_eq!(world.entries_with(r#""action":"identities_erased","register":"REHAB""#), 1);
    world.withdraws(people[1]);
    assert_eq!(world.contacts(), 1);
    let open = world.service.open_now().unwrap();
    assert!(open.registers.to_forget().unwrap().is_empty());
    drop(open);
    world.reseal();
    assert!(world.kept(people[2]).is_some(), "nobody else's");
}

/// Goal: what is erased is gone although the server stops between the two stores.  Method: the vault
/// fails right after the register plane has recorded the erasure; the server opens it again by itself.
#[test]
fn an_erasure_that_the_vault_has_not_done_is_done_when_it_is_opened_again() {
    for fault in [Fault::Lost, Fault::Uncertain, Fault::Unpurged] {
        let world = world();
        let people = numbers(2);
        world.consents(&people);
        let rows: Vec<_> = people.iter().map(|number| (*number, NAME, ADDRESS)).collect();
        world.tell_rehab(&rows).unwrap();
        *world.stores.fault.lock().unwrap() = Some((Plane::Vault, 0, fault));
        world.reseal();
        let outcome = world.say("REHAB", people[0], Fact::ConsentWithdrawn);
        assert_eq!(code(outcome), "commit_uncertain");
        world.reseal();
        assert_eq!(world.contacts(), 1, "{fault:?}");
        let open = world.service.open_now().unwrap();
        assert!(open.registers.to_forget().unwrap().is_empty());
        let person =
            open.registers.is_forgotten(PERSONS, crate::vault::PersonNo::from_number(0).unwrap());
        assert!(!person, "nobody is kept out for it");
        drop(open);
        world.consents(&people[..1]);
        assert_eq!(
            world.tell_rehab(&rows[..1]).unwrap().contacts,
            1,
            "with a new consent it may come"
        );
    }
}

/// Goal: a failing vault answers nothing, and what was answered is there.
#[test]
fn a_name_whose_commit_failed_is_not_answered_and_the_batch_can_be_sent_again() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        let world = world();
        let people = numbers(1);
        world.consents(&people);
        *world.stores.fault.lock().unwrap() = Some((Plane::Vault, 0, fault));
        world.reseal();
        let rows = [(people[0], NAME, ADDRESS)];
        assert_eq!(code(world.tell_rehab(&rows)), "commit_uncertain");
        world.reseal();
        assert!(world.tell_rehab(&rows).is_ok());
        assert_eq!(world.contacts(), 1);
        assert!(world.kept(people[0]).is_some());
    }
}

#[test]
fn a_disclosure_knows_nothing_of_names_and_addresses() {
    // Extracts are made of columns that the register has, and of serials; the vault is asked for
    // identifiers by a bridge alone.
    let callers = ["src/disclosure", "src/extract", "src/service/disclosure"];
    for directory in callers {
        let mut left = vec![crate::testing::repository().join(directory)];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(std::fs::read_dir(&path).unwrap().map(|one| one.unwrap().path()));
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for word in ["reveal_contact", "has_contact", "keep_contacts", "KeptContact"] {
                assert!(!text.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn a_record_is_opened_when_the_stores_are_verified() {
    let world = world();
    let people = numbers(1);
    world.consents(&people);
    assert_eq!(world.tell_rehab(&[(people[0], NAME, ADDRESS)]).unwrap().contacts, 1);
    world.service.seal(&world.operator()).unwrap();
    let keys = keys(&world);
    assert_eq!(verified(&world, &keys).1, [""; 0]);
    let is_contact = |(key, _): &(Vec<u8>, _)| Key::parse(key).unwrap().0 == Kind::Contact;
    let (key, mut value) = records(&world.stores.vault).into_iter().find(is_contact).unwrap();
    *value.last_mut().unwrap() ^= 1;
    put(&world.stores.vault, &key, Some(value));
    assert_eq!(verified(&world, &keys).1.len(), 1);
}
