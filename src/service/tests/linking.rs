//! Identifiers that a sender states to be one person's: linked, taken back, and never by guess.

use zeroize::Zeroizing;

use super::bridges::code;
use super::erasure::DECEMBER;
use super::identities::{NUMBER, SPLIT, event};
use super::*;
use crate::ident::{NumberSeries, synthetic};
use crate::registers::{IdChange, LinkReason, Protection};
use crate::rights::cases::Scope;
use crate::vault::PERSONS;

use LinkOutcome::{
    AlreadyOne, BothInRegister, Contradicted, IdentifierRefused, Linked, NeverLinked,
    NothingToLink, SameKind, SeparatedBefore, StillJoined, TooManyJoined, Unlinked, Withheld,
};

fn fnr(nth: usize) -> String {
    format!("{:011}", numbers(nth + 1)[nth])
}

fn dnr(nth: usize) -> String {
    format!("{:011}", synthetic::nth_valid(NumberSeries::Dnr, date(1980, 5, 5), nth).unwrap())
}

fn duf(nth: u64) -> String {
    format!("{:012}", synthetic::duf_number(nth).unwrap())
}

/// Rows of up to three identifiers.
fn rows(register: &str, source: &str, rows: &[&[&str]]) -> StatedRows {
    let cell = |row: &[&str], at: usize| {
        Zeroizing::new(row.get(at).copied().unwrap_or_default().to_owned())
    };
    let column = |at| StatedColumn {
        kind: RowKind { declared: Declared::Any, assigner: None },
        values: rows.iter().map(|row| cell(row, at)).collect(),
    };
    StatedRows {
        register: register.parse().unwrap(),
        source: source.parse().unwrap(),
        columns: (0..3).map(column).collect(),
    }
}

impl World {
    fn try_link(&self, stated: &StatedRows) -> Result<LinkOutcomes, Error> {
        let permit = self.permit("h", stated.right());
        Ok(self.service.link_identifiers(&permit, stated)?.into_answer().0)
    }

    fn link(&self, stated: &[&[&str]]) -> LinkOutcomes {
        self.try_link(&rows("NPR", "HF", stated)).unwrap()
    }

    fn unlink(&self, source: &str, stated: &[&[&str]]) -> LinkOutcomes {
        let stated = rows("NPR", source, stated);
        let permit = self.permit("h", stated.right());
        self.service.unlink_identifiers(&permit, &stated).unwrap().into_answer().0
    }

    /// The IDs of identifiers of any kind, who are unknown getting one.
    fn named(&self, register: &str, source: &str, texts: &[&str]) -> Vec<u64> {
        let request = Self::request(register, source, IngestMode::ResolveOrAssign);
        let delivery =
            self.service.open_delivery(&self.permit("a", request.right()), &request).unwrap();
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        let kind = RowKind { declared: Declared::Any, assigner: None };
        let batch = Batch { kind, column: Column::Text(texts, Vec::new()), contacts: Vec::new() };
        let pending = delivery.submit(delivery.map(batch).unwrap()).unwrap();
        wait(&delivery, pending).unwrap().into_answer().0.ids
    }

    fn known_persons(&self) -> u64 {
        self.service.status(Detail::Full).detail.unwrap().persons
    }
}

#[test]
fn a_row_of_identifiers_is_one_person_under_each_and_its_link_says_who_stated_it() {
    let world = World::identities();
    let (fnr, dnr, duf) = (fnr(0), dnr(0), duf(0));
    let first = world.named("NPR", "HF", &[&dnr])[0];
    let row: &[&str] = &[&fnr, &dnr, &duf];
    assert_eq!(world.link(&[row, row, &[&fnr]]), [Linked, Linked, NothingToLink]);
    for _ in 0..2 {
        assert_eq!(world.named("NPR", "HF", row), [first; 3]);
        let kpr = world.named("KPR", "KUHR", row);
        assert!(kpr.iter().all(|id| *id == kpr[0]), "in every register");
        assert_eq!(world.link(&[&[&duf, &fnr], row]), [AlreadyOne; 2]);
        world.reseal();
    }
    assert!(world.changes("NPR").is_empty(), "nobody's ID was replaced");
    let open = world.service.open_now().unwrap();
    let facts = open.registers.link_facts(PERSONS, &[0, 1]).unwrap();
    for (_, fact) in facts {
        let by = fact.provenance.statement.unwrap();
        assert_eq!((by.register.as_str(), by.source.as_str()), ("NPR", "HF"));
        assert_eq!((fact.reason, fact.provenance.principal.as_str()), (LinkReason::Stated, "h"));
    }
    let bodies = world.bodies();
    let mut entries = bodies.iter().map(|body| Entry::decode(body).unwrap());
    let entry = entries.find(|one| one.action == Action::IdentifiersLinked).unwrap();
    let count = |name: &str| entry.counts.get(name).copied();
    assert_eq!((entry.register.as_deref(), entry.source.as_deref()), (Some("NPR"), Some("HF")));
    assert_eq!([count("rows"), count("linked"), count("nothing_to_link")], [3, 2, 1].map(Some));
    assert!(world.bodies().iter().all(|body| !body.contains(&fnr) && !body.contains(&duf)));
}

#[test]
fn identifiers_that_nobody_is_known_by_are_one_when_they_come() {
    let world = World::identities();
    let (fnr, dnr) = (fnr(0), dnr(0));
    assert_eq!(world.link(&[&[&fnr, &dnr]]), [Linked], "whether they are known is not told");
    let ids = world.named("NPR", "HF", &[&dnr, &fnr]);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(world.members("NPR"), 2, "each has an ID of its own beside the person's");
}

/// Each conflict, by what was there before; nothing has come of the row.
#[test]
fn conflicts_of_rows_are_told_by_their_code_and_leave_nothing() {
    let world = World::identities();
    let people = numbers(8);
    let f: Vec<String> = (0..8).map(fnr).collect();
    let d: Vec<String> = (0..8).map(dnr).collect();
    let own = world.named("NPR", "HF", &[&f[0], &d[0]]);
    world.named("KPR", "KUHR", &[&f[1], &d[1]]);
    let known = world.named("NPR", "HF", &[&f[2], &f[3], &f[4]]);
    let mut died = event(1, IdentityEventType::Died, people[2], &[]);
    died.died = Some(date(2026, 1, 2));
    let mut adopted = event(2, NUMBER, people[3], &people[5..6]);
    adopted.protection = Protection::Protected;
    world.apply(&[died, adopted]);
    world.report("NPR", DECEMBER, &people[6..7]);
    world.erase("NPR", people[6], Scope::Whole);
    assert_eq!(world.link(&[&[&f[4], &d[4]]]), [Linked]);
    world.happens(SPLIT, people[4], &[d[4].parse().unwrap()]);
    let (before, links) = (world.known_persons(), world.changes("NPR").len());
    let new = dnr(7);
    for (row, expected) in [
        (&[&f[0], &d[0]][..], BothInRegister),
        (&[&f[1], &d[1]], Withheld),
        (&[&f[2], &new], Withheld),
        (&[&f[3], &new], Withheld),
        (&[&f[6], &new], Withheld),
        (&[&f[4], &d[4]], SeparatedBefore),
        (&[&f[4], &f[7]], SameKind),
        (&[&f[4], &"12345678901".to_owned()], IdentifierRefused),
        (&[&f[4], &f[4]], NothingToLink),
    ] {
        let row: Vec<&str> = row.iter().map(|one| one.as_str()).collect();
        assert_eq!(world.link(&[&row]), [expected], "{expected}");
    }
    assert_eq!(world.known_persons(), before, "nobody has become known by a row that was refused");
    assert_eq!(world.changes("NPR").len(), links);
    assert_eq!(world.named("NPR", "HF", &[&f[0], &d[0]]), own);
    assert_eq!(world.named("NPR", "HF", &[&f[3], &f[4]]), known[1..]);
}

#[test]
fn a_person_has_no_more_identifiers_by_rows_than_by_events() {
    let world = World::identities();
    let people = numbers(64);
    world.ingest("NPR", "HF", &people[..1]);
    for (at, others) in (1..).zip(people[1..].chunks(16)) {
        world.apply(&[event(at, NUMBER, people[0], others)]);
    }
    assert_eq!(world.link(&[&[&fnr(63), &dnr(0)]]), [TooManyJoined]);
}

/// Goal: what comes of rows does not depend on which comes first.  Method: two rows that cannot both be
/// true, in both orders, and with one between that has nothing to do with them.
#[test]
fn rows_that_contradict_each_other_are_not_linked_in_any_order() {
    let world = World::identities();
    let (one, other, both) = (dnr(0), duf(0), fnr(0));
    let ids = world.named("NPR", "HF", &[&one, &other]);
    let (first, second): (&[&str], &[&str]) = (&[&both, &one], &[&other, &both]);
    let (fnr, dnr) = (fnr(1), dnr(1));
    assert_eq!(world.link(&[first, &[&fnr, &dnr], second]), [Contradicted, Linked, Contradicted]);
    assert_eq!(world.link(&[second, first]), [Contradicted; 2]);
    assert_eq!(world.named("NPR", "HF", &[&one, &other]), ids);
    // Of one alone there is nothing to be said against, and then against the other there is.
    assert_eq!(world.link(&[first]), [Linked]);
    assert_eq!(world.link(&[second]), [BothInRegister]);
    assert_eq!(world.named("NPR", "HF", &[&one, &other, &both]), [ids[0], ids[1], ids[0]]);
}

#[test]
fn a_sender_takes_back_its_own_statements_and_no_others() {
    let world = World::identities();
    let (fnr, dnr, duf) = (fnr(0), dnr(0), duf(0));
    let row: &[&str] = &[&fnr, &dnr, &duf];
    let first = world.named("NPR", "HF", &[&fnr])[0];
    assert_eq!(world.link(&[row]), [Linked]);
    let before = world.named("NPR", "HF", row);
    assert_eq!(before, [first; 3]);
    assert_eq!(world.unlink("AVTALE", &[row]), [NeverLinked], "another source");
    assert_eq!(world.unlink("HF", &[&[&fnr, &duf], &[&fnr]]), [Unlinked, NothingToLink]);
    let apart = world.named("NPR", "HF", row);
    assert_eq!((apart[0], apart[1]), (first, first), "the other statement is as it was");
    assert_ne!(apart[2], first);
    let restored =
        |change: &IdChange| matches!(change, IdChange::Restored { id } if *id == apart[2]);
    assert!(world.changes("NPR").iter().any(restored));
    assert_eq!(world.unlink("HF", &[&[&fnr, &duf]]), [NeverLinked], "once");
    // The population register says so too; that stays.
    world.happens(NUMBER, fnr.parse().unwrap(), &[dnr.parse().unwrap()]);
    assert_eq!(world.unlink("HF", &[&[&fnr, &dnr]]), [StillJoined]);
    assert_eq!(world.named("NPR", "HF", &[&dnr]), [first]);
    world.reseal();
    assert_eq!(world.link(&[&[&dnr, &duf]]), [BothInRegister], "both have an ID by now");
}

#[test]
fn a_split_undoes_what_a_sender_has_stated_and_the_sender_does_not_state_it_again() {
    let world = World::identities();
    let (fnr, dnr) = (fnr(0), dnr(0));
    let first = world.named("NPR", "HF", &[&fnr])[0];
    let row: &[&str] = &[&fnr, &dnr];
    assert_eq!(world.link(&[row]), [Linked]);
    world.happens(SPLIT, fnr.parse().unwrap(), &[dnr.parse().unwrap()]);
    for _ in 0..2 {
        assert_eq!(world.link(&[row]), [SeparatedBefore]);
        assert_eq!(world.unlink("HF", &[row]), [NeverLinked]);
        world.reseal();
    }
    let ids = world.named("NPR", "HF", row);
    assert!(ids[0] == first && ids[1] != first);
}

#[test]
fn who_may_not_state_is_refused_and_so_is_what_cannot_be_stated() {
    let world = World::identities();
    let (fnr, dnr) = (fnr(0), dnr(0));
    let row: &[&[&str]] = &[&[&fnr, &dnr]];
    let stated = rows("NPR", "HF", row);
    for (name, right) in [
        ("a", World::request("NPR", "HF", IngestMode::ResolveOrAssign).right()),
        ("i", Right::ApplyEvents),
        ("h", rows("NPR", "AVTALE", row).right()),
    ] {
        let refused = world.service.link_identifiers(&world.permit(name, right), &stated);
        assert_eq!(code(refused), "not_allowed", "{name}");
    }
    let principal = |name: &str| world.access.by_name(&name.parse().unwrap()).unwrap();
    for name in ["a", "i", "c", "n", "l", "o", "p", "r", "s"] {
        assert!(authorize(principal(name), stated.right(), date(2026, 1, 15)).is_err(), "{name}");
    }
    for (register, source, expected) in
        [("IPLOS", "KOMMUNE", "request_invalid"), ("NPR", "XX", "source_unknown")]
    {
        assert_eq!(code(world.try_link(&rows(register, source, row))), expected, "{register}");
    }
    let mut uneven = rows("NPR", "HF", row);
    uneven.columns[1].values.clear();
    assert_eq!(code(world.try_link(&uneven)), "request_invalid");
    let mut single = rows("NPR", "HF", row);
    single.columns.truncate(1);
    assert_eq!(code(world.try_link(&single)), "request_invalid");
    world.service.seal(&world.operator()).unwrap();
    assert_eq!(code(world.try_link(&stated)), "server_sealed");
}
