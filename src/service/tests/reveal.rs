//! Who a person of a register is: for a custodian with another person's approval, and never of IPLOS.

use zeroize::Zeroizing;

use super::bridges::{code, world};
use super::*;
use crate::approval::Act;

const WHY: [(&str, &str); 2] = [("purpose", "wrong merge"), ("provision", "NPR-forskriften § 2-3")];

impl World {
    pub(super) fn reveal_person(&self, register: &str, id: u64) -> Result<RevealedPerson, Error> {
        let request = RevealIdentity {
            register: register.parse().unwrap(),
            id: Zeroizing::new(id.to_string()),
            purpose: LogLine::parse(WHY[0].1).unwrap(),
            provision: LogLine::parse(WHY[1].1).unwrap(),
        };
        let recorded = self.service.reveal_identity(&self.permit("c", Right::Reveal), &request)?;
        Ok(recorded.into_answer().0)
    }

    pub(super) fn reveal(&self, register: &str, id: u64) -> Result<Vec<String>, Error> {
        let known = self.reveal_person(register, id)?.identifiers;
        Ok(known.iter().map(|one| one.number.as_str().to_owned()).collect())
    }

    pub(super) fn approve_reveal(&self, register: &str, id: u64) {
        let id = id.to_string();
        let parameters = [("id", id.as_str()), WHY[0], WHY[1]];
        self.approve_as("c", (Act::RevealIdentity, register), &parameters);
    }
}

#[test]
fn a_custodian_is_told_once_who_an_id_is_when_another_person_allowed_exactly_that() {
    let world = world();
    let people = numbers(5);
    let npr = world.ingest("NPR", "HF", &people);
    assert_eq!(code(world.reveal("NPR", npr[2])), "approval_required");
    world.approve_reveal("NPR", npr[2]);
    assert_eq!(code(world.reveal("NPR", npr[3])), "approval_required", "another ID");
    assert_eq!(code(world.reveal("KPR", npr[2])), "approval_required", "another register");
    assert_eq!(world.reveal("NPR", npr[2]).unwrap(), [format!("{:011}", people[2])]);
    assert_eq!(code(world.reveal("NPR", npr[2])), "approval_required", "it is used up");
    let told: Vec<Entry> = world
        .bodies()
        .iter()
        .map(|body| Entry::decode(body).unwrap())
        .filter(|entry| entry.action == Action::IdentityRevealed)
        .collect();
    let [told] = &told[..] else { panic!("there is one entry") };
    assert_eq!(told.register.as_deref(), Some("NPR"));
    assert_eq!((told.purpose.as_deref(), told.basis.as_deref()), (Some(WHY[0].1), Some(WHY[1].1)));
    let open = world.service.open_now().unwrap();
    let person = open.registers.person_of_audit(told.reference.unwrap()).unwrap().unwrap();
    let expected = open.registers.identify(1, &npr[2..3]).unwrap()[0].unwrap();
    assert_eq!(person, (crate::vault::PERSONS, expected), "for innsyn");
    drop(open);
    assert_eq!(world.entries_with(r#""attempted":"identity_revealed""#), 4);
    let secrets = [npr[2].to_string(), format!("{:011}", people[2])];
    assert!(secrets.iter().all(|secret| world.entries_with(secret) == 0));
}

#[test]
fn an_id_of_nobody_and_one_of_another_register_are_answered_alike() {
    let world = world();
    let npr = world.ingest("NPR", "HF", &numbers(2));
    let kpr = world.ingest("KPR", "KUHR", &numbers(2));
    let epoch = crate::ident::KeyEpochDigit::new(1).unwrap();
    let nobody = RegisterId::from_parts(epoch, 7).unwrap().as_u64();
    let mut told = Vec::new();
    for id in [kpr[0], nobody] {
        world.approve_reveal("NPR", id);
        let refused = world.reveal("NPR", id).err().unwrap();
        told.push((refused.code(), refused.text().to_owned()));
    }
    assert_eq!((told[0].0, &told[0]), (ErrorCode::PersonNotInRegister, &told[1]));
    assert_eq!(code(world.reveal("NPR", npr[0] ^ 1)), "request_invalid");
    let officer = RevealIdentity {
        register: "NPR".parse().unwrap(),
        id: Zeroizing::new(npr[0].to_string()),
        purpose: LogLine::parse("x").unwrap(),
        provision: LogLine::parse("y").unwrap(),
    };
    let refused = world.service.reveal_identity(&world.officer(), &officer);
    assert_eq!(code(refused), "not_allowed");
}

/// Goal: no code path leads to an identity of IPLOS.  Method: every use of the service that opens
/// identities is tried with approvals for it; then the vault itself, with the permit of an approved act;
/// then its store, in which there is no identity to open.
#[test]
fn nobody_is_told_an_identity_of_a_one_way_register_by_any_path() {
    let world = world();
    let people = numbers(20);
    let mut request = World::request("IPLOS", "KOMMUNE", IngestMode::ResolveOrAssign);
    request.purpose = IngestPurpose::HistoricalImport;
    let iplos = world.deliver(&request, &people).unwrap().ids;
    world.approve_reveal("IPLOS", iplos[0]);
    let refused = world.reveal("IPLOS", iplos[0]).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::RuleRefuses);
    assert!(refused.text().contains("one-way register"), "{}", refused.text());
    // An ID of IPLOS is nobody's elsewhere.
    world.approve_reveal("NPR", iplos[0]);
    assert_eq!(code(world.reveal("NPR", iplos[0])), "person_not_in_register");
    assert_eq!(world.entries_with(r#""attempted":"identity_revealed""#), 2);
    let open = world.service.open_now().unwrap();
    let person = open.registers.identify(3, &iplos[..1]).unwrap()[0].unwrap();
    let npr = world.ingest("NPR", "HF", &people[..1]);
    world.approve_reveal("NPR", npr[0]);
    let id = npr[0].to_string();
    let parameters = [("id", id.as_str()), WHY[0], WHY[1]];
    let pairs = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let approved = world.service.take_approval(
        &open,
        &world.permit("c", Right::Reveal),
        (Act::RevealIdentity, "NPR"),
        &Parameters(pairs.into()),
    );
    let approved = approved.unwrap();
    let reveal = approved.reveal().unwrap();
    assert!(open.vault.reveal(&reveal, 3, person).is_err(), "there is none to open");
    let mut opened = 0;
    let each = |_, _| {
        opened += 1;
        crate::store::Step::Continue
    };
    assert!(open.vault.reveal_each(&reveal, 3, |_| true, each).is_err());
    assert_eq!(opened, 0);
    // A group of the partition ends after its tags.
    let mut groups = 0;
    world
        .stores
        .vault
        .scan(Key::groups_from(3, 0), &mut |_, value| {
            let (head, _) = value[1..].split_first_chunk::<4>().unwrap();
            assert_eq!(value.len(), 5 + u32::from_be_bytes(*head) as usize);
            groups += 1;
            Ok(crate::store::Step::Continue)
        })
        .unwrap();
    assert!(groups > 0);
}
