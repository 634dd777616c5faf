//! IDs of IPLOS into those of KPR: for who is in both, in a window alone, and nothing that is stored says
//! who is who.

use super::bridges::code;
use super::identities::{NUMBER, SPLIT};
use super::windows::stored;
use super::*;
use crate::approval::Act;
use crate::rights::cases::Scope;
use crate::vault::PERSONS;

const IPLOS: u16 = 3;
const KPR: u16 = 2;

fn world() -> World {
    let principal = |name: &str, kind: &str, role: &str| {
        format!(
            "[[principal]]\nname = '{name}'\nkind = '{kind}'\norganisation = '983744516'\n\
             certificates = ['uri:spiffe://hvelv.dev/{name}']\nroles = ['{role}']\n"
        )
    };
    let own = [
        principal("second", "person", "approver"),
        principal("v", "system", "convert:IPLOS:KPR"),
        principal("i", "system", "identity"),
    ];
    let world = World::with(Budgets::DEFAULT, &[ACCESS.to_owned(), own.concat()].concat());
    world.unseal();
    world
}

fn line(text: &str) -> LogLine {
    LogLine::parse(text).unwrap()
}

fn pair(from: &str, into: &str) -> Pair {
    Pair { from: from.parse().unwrap(), into: into.parse().unwrap() }
}

fn iplos_to_kpr() -> Pair {
    pair("IPLOS", "KPR")
}

impl World {
    fn try_conversion(&self, pair: Pair, minutes: u32) -> Result<OpenedConversion, Error> {
        let (purpose, provision) = (line("history"), line("KPR-f. § 1"));
        let request = OpenConversion { pair, minutes, purpose, provision };
        Ok(self.service.open_conversion(&self.officer(), &request)?.into_answer().0)
    }

    fn approve_conversion(&self, minutes: &str) {
        let parameters =
            [("minutes", minutes), ("purpose", "history"), ("provision", "KPR-f. § 1")];
        self.approve_as("f", (Act::OpenConversion, "IPLOS:KPR"), &parameters);
    }

    fn conversion(&self) -> OpenedConversion {
        self.approve_conversion("60");
        self.try_conversion(iplos_to_kpr(), 60).unwrap()
    }

    fn convert_one_way(&self, ids: &[u64]) -> Result<Vec<ConvertedRow>, Error> {
        let right = Right::Convert { from: "IPLOS".parse().unwrap(), into: "KPR".parse().unwrap() };
        let permit = self.permit("v", right);
        Ok(self.service.convert(&permit, &iplos_to_kpr(), ids)?.into_answer().0)
    }

    /// The IDs, 0 for none.
    fn converted(&self, ids: &[u64]) -> Vec<u64> {
        let rows = self.convert_one_way(ids).unwrap().into_iter();
        rows.map(|row| if let ConvertedRow::Id(id) = row { id } else { 0 }).collect()
    }

    fn close_conversion(&self) -> Result<u64, Error> {
        Ok(self.service.close_conversion(&self.officer(), &iplos_to_kpr())?.index())
    }

    fn windows(&self) -> usize {
        let open = self.service.open_now().unwrap();
        open.conversions.count()
    }

    /// What a person of a partition, by an ID of one of its registers, is told of acts.
    fn told_at(&self, (register, partition): (u16, u16), id: u64) -> Vec<Action> {
        let open = self.service.open_now().unwrap();
        let person = open.registers.identify(register, &[id]).unwrap()[0].unwrap();
        let entries = open.registers.audit_of(partition, &[person]).unwrap();
        entries.into_iter().map(|(_, entry)| entry.action).collect()
    }
}

/// 30 persons of IPLOS, 30 of KPR; the last 20 of the one are the first of the other.
fn registers(world: &World) -> (Vec<u64>, Vec<u64>) {
    let people = numbers(40);
    // Others, so that numbers of both partitions are in use that mean different persons.
    world.ingest("NPR", "HF", &numbers(100)[40..]);
    (world.import(&people[..30]), world.ingest("KPR", "KUHR", &people[10..]))
}

#[test]
fn a_conversion_gives_the_other_registers_id_for_who_is_in_both_and_nothing_else() {
    let world = world();
    let (iplos, kpr) = registers(&world);
    // In NPR and IPLOS, and so known to the vault, but not in KPR.
    let elsewhere = world.import(&numbers(41)[40..]);
    let opened = world.conversion();
    assert_eq!(opened.looked_at, 30);
    let expected = [vec![0; 10], kpr[..20].to_vec()].concat();
    assert_eq!(world.converted(&iplos), expected);
    // Who is not in KPR, whom IPLOS does not have, and an ID of KPR: alike; what is no ID is told.
    let rows = [elsewhere[0], iplos[0], kpr[0], 7];
    let rows = world.convert_one_way(&rows).unwrap();
    assert!(rows[..3].iter().all(|row| *row == ConvertedRow::NotIn));
    assert!(rows[3] == ConvertedRow::Invalid);
    // As it is now: who is erased is no longer in KPR.
    world.erase("KPR", numbers(11)[10], Scope::Whole);
    assert_eq!(world.converted(&iplos[10..12]), [0, kpr[1]]);
    let max = world.service.parts.config.limits.batch_identifiers_max;
    assert_eq!(code(world.convert_one_way(&vec![iplos[0]; max + 1])), "batch_too_large");
}

#[test]
fn a_person_of_several_identifiers_is_converted_by_each_to_the_id_of_now() {
    let world = world();
    let people = numbers(2);
    let iplos = world.import(&people);
    let kpr = world.ingest("KPR", "KUHR", &people);
    world.happens(NUMBER, people[0], &people[1..]);
    world.conversion();
    assert_eq!(world.converted(&iplos), [kpr[0]; 2], "the root's");
    world.happens(SPLIT, people[0], &people[1..]);
    assert_eq!(world.converted(&iplos), kpr, "each their own again");
}

#[test]
fn a_conversion_takes_two_persons_a_right_of_its_own_and_a_one_way_register() {
    let world = world();
    let (iplos, _) = registers(&world);
    assert_eq!(code(world.convert_one_way(&iplos)), "step_out_of_order");
    assert_eq!(code(world.try_conversion(iplos_to_kpr(), 60)), "approval_required");
    world.approve_conversion("60");
    assert_eq!(code(world.try_conversion(iplos_to_kpr(), 61)), "approval_required", "for longer");
    for minutes in [0, 481] {
        assert_eq!(code(world.try_conversion(iplos_to_kpr(), minutes)), "request_invalid");
    }
    for (from, into) in [("KPR", "IPLOS"), ("KPR", "NPR"), ("IPLOS", "IPLOS")] {
        assert_eq!(code(world.try_conversion(pair(from, into), 60)), "rule_refuses");
    }
    assert_eq!(code(world.try_conversion(pair("IPLOS", "NONE"), 60)), "register_unknown");
    world.try_conversion(iplos_to_kpr(), 60).unwrap();
    assert_eq!(code(world.try_conversion(iplos_to_kpr(), 60)), "step_out_of_order", "one is open");
    world.convert_one_way(&iplos).unwrap();
    world.close_conversion().unwrap();
    assert_eq!(code(world.try_conversion(iplos_to_kpr(), 60)), "approval_required", "used up");
    let principal = world.access.by_name(&"v".parse().unwrap()).unwrap();
    let right = |from: &str, into: &str| {
        let (from, into) = (from.parse().unwrap(), into.parse().unwrap());
        authorize(principal, Right::Convert { from, into }, date(2026, 1, 15))
    };
    assert!(right("IPLOS", "KPR").is_ok() && right("IPLOS", "NPR").is_err());
    assert!(authorize(principal, Right::Disclose, date(2026, 1, 15)).is_err());
    let officer = world.access.by_name(&"f".parse().unwrap()).unwrap();
    let (from, into) = ("IPLOS".parse().unwrap(), "KPR".parse().unwrap());
    let right = Right::Convert { from, into };
    assert!(authorize(officer, right, date(2026, 1, 15)).is_err(), "nor who opens it");
    let opened = world.last_with("conversion_opened");
    let changes = serde_json::json!(["from IPLOS", "into KPR", "until 2026-01-15T13:00:00Z"]);
    assert_eq!(opened["changes"], changes);
    assert_eq!((&opened["purpose"], &opened["basis"]), (&"history".into(), &"KPR-f. § 1".into()));
    assert_eq!(opened["counts"], serde_json::json!({ "looked_at": 30 }));
    let closed = world.last_with("conversion_closed");
    assert_eq!(closed["counts"], serde_json::json!({ "batches": 1, "rows": 30 }));
    assert_eq!(closed["changes"][2], "ended: by hand");
    assert_eq!(world.entries_with(r#""attempted":"conversion_opened""#), 7);
    assert_eq!(world.entries_with(r#""attempted":"conversion_answered""#), 1);
}

#[test]
fn a_conversion_ends_by_its_time_by_hand_and_by_sealing() {
    for how in ["its time was over", "by hand", "the server was sealed"] {
        let world = world();
        let (iplos, _) = registers(&world);
        world.conversion();
        world.convert_one_way(&iplos[..3]).unwrap();
        match how {
            "its time was over" => {
                let later = jiff::SignedDuration::from_mins(60);
                world.clock.set(world.service.parts.clock.now().checked_add(later).unwrap());
                world.service.sign_due_checkpoint();
            }
            "by hand" => drop(world.close_conversion().unwrap()),
            _ => world.reseal(),
        }
        assert_eq!(world.windows(), 0, "{how}: the pairs are gone");
        assert_eq!(code(world.convert_one_way(&iplos)), "step_out_of_order", "{how}");
        assert_eq!(code(world.close_conversion()), "step_out_of_order", "{how}");
        assert_eq!(world.entries_with(r#""action":"conversion_closed""#), 1, "{how}");
        assert_eq!(world.entries_with(&format!("ended: {how}")), 1);
        let closed = world.last_with("conversion_closed");
        assert_eq!(closed["counts"], serde_json::json!({ "batches": 1, "rows": 3 }), "{how}");
    }
}

/// Goal: nothing that is stored links the two registers' persons.  Method: somebody in both and somebody in
/// IPLOS alone are converted, each alone; what that has written is the same but for whom, of IPLOS, it
/// is about, and has no digest and no person of KPR.
#[test]
fn nothing_that_is_stored_of_a_conversion_says_who_is_who() {
    let world = world();
    let (iplos, kpr) = registers(&world);
    world.conversion();
    let mut written = Vec::new();
    for one in [iplos[10], iplos[0]] {
        let before = stored(&world);
        let is_in_both = one == iplos[10];
        assert_eq!(world.converted(&[one]), [if is_in_both { kpr[0] } else { 0 }]);
        let after = stored(&world).into_iter();
        let new = after.filter(|key| !before.contains(key));
        let kinds: Vec<Kind> = new.map(|key| Key::parse(&key).unwrap().0).collect();
        written.push(kinds);
    }
    let expected = vec![Kind::AuditBody, Kind::AuditLeaf, Kind::AuditPersons];
    assert_eq!(written, [expected.clone(), expected]);
    let entries = world.entries_of(Action::ConversionAnswered);
    let (both, alone) = (&entries[0].1, &entries[1].1);
    assert_eq!(both, alone, "one entry says as much as the other");
    assert!(both.digest.is_none() && both.reference.is_none());
    assert_eq!(both.register.as_deref(), Some("IPLOS"));
    assert_eq!(both.counts.len(), 1, "rows, and not how many are in KPR");
    world.close_conversion().unwrap();
    // By person: of IPLOS who was asked about, of KPR everybody whose identity was opened, alike.
    let (of_iplos, of_kpr) = ((IPLOS, IPLOS), (KPR, PERSONS));
    assert_eq!(world.told_at(of_iplos, iplos[10]), [Action::ConversionAnswered]);
    assert_eq!(world.told_at(of_iplos, iplos[0]), [Action::ConversionAnswered]);
    assert_eq!(world.told_at(of_iplos, iplos[11]), []);
    for id in [kpr[0], kpr[1], kpr[29]] {
        assert_eq!(world.told_at(of_kpr, id), [Action::ConversionOpened]);
    }
    for body in world.bodies() {
        let ids = iplos.iter().chain(&kpr);
        assert!(ids.into_iter().all(|id| !body.contains(&id.to_string())));
    }
}

#[test]
fn whoever_is_looked_at_or_asked_about_in_a_conversion_is_told() {
    let world = world();
    let (iplos, _) = registers(&world);
    world.conversion();
    world.convert_one_way(&iplos[10..11]).unwrap();
    // By fødselsnummer both are told, since innsyn asks the one-way register by tag.
    let report = world.innsyn(numbers(11)[10]);
    let told = |action: &str| report.accesses.iter().find(|one| one.action == action).unwrap();
    let opened = told("conversion_opened");
    assert_eq!((opened.purpose.as_str(), opened.basis.as_str()), ("history", "KPR-f. § 1"));
    assert_eq!(opened.details[..2], ["from IPLOS", "into KPR"]);
    let answered = told("conversion_answered");
    assert_eq!(answered.register.as_ref().unwrap().code, "IPLOS");
    assert_eq!((answered.principal.as_str(), answered.purpose.as_str()), ("v", "history"));
    let page = crate::rights::page::page(&report);
    for text in [
        "Fødselsnummeret ditt ble åpnet for å finne ut om du er i et annet register",
        "Koden din her ble sendt inn for å få vite hvilken kode du har i et annet register",
        "Fra register: IPLOS.",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn a_conversion_whose_record_failed_is_not_open() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        let world = world();
        let (iplos, _) = registers(&world);
        world.approve_conversion("60");
        world.service.seal(&world.operator()).unwrap();
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, fault));
        world.unseal();
        assert_eq!(code(world.try_conversion(iplos_to_kpr(), 60)), "commit_uncertain");
        world.wait_until_open();
        assert_eq!(world.windows(), 0);
        assert_eq!(code(world.convert_one_way(&iplos)), "step_out_of_order");
    }
}
