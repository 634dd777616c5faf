//! IDs that a register had before: loaded, converted, followed, and no more than that.

use zeroize::Zeroizing;

use super::bridges::code;
use super::disclosures::done;
use super::erasure::{DECEMBER, LATER};
use super::identities::{NUMBER, SPLIT};
use super::*;
use crate::config::budgets::BudgetLimits;
use crate::config::codes::RegisterCode;
use crate::disclosure::DisclosureId;
use crate::registers::{AliasProblem, LoadedAliases, More, ReissueReason, RowCode};
use crate::rights::cases::Scope;

impl World {
    fn try_load_pairs(
        &self,
        register: &str,
        pairs: &[(u64, &str)],
    ) -> Result<LoadedAliases, Error> {
        let register: RegisterCode = register.parse().unwrap();
        let permit = self.permit("l", Right::LoadAliases { register: register.clone() });
        let pair = |(id, text): &(u64, &str)| {
            let existing = Zeroizing::new((*text).to_owned());
            AliasPair { id: *id, existing }
        };
        let pairs = pairs.iter().map(pair).collect();
        Ok(self.service.load_aliases(&permit, &register, pairs)?.into_answer().0)
    }

    fn load_pairs(
        &self,
        register: &str,
        pairs: &[(u64, &str)],
    ) -> (u64, u64, Vec<(u32, AliasProblem)>) {
        let LoadedAliases { loaded, unchanged, refused } =
            self.try_load_pairs(register, pairs).unwrap();
        (loaded, unchanged, refused)
    }

    fn convert(&self, register: &str, existing: &[&str]) -> Answered {
        let register: RegisterCode = register.parse().unwrap();
        let permit = self.permit("n", Right::FollowIds { register: register.clone() });
        let texts: Vec<_> = existing.iter().map(|one| Zeroizing::new((*one).to_owned())).collect();
        self.service.convert_ids(&permit, &register, &texts).unwrap().into_answer().0
    }

    fn alias_pairs(&self, register: &str, at_once: usize) -> Vec<(u64, String, u64)> {
        let register: RegisterCode = register.parse().unwrap();
        let permit = self.permit("n", Right::FollowIds { register: register.clone() });
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let read = self.service.alias_pairs(&permit, &register, (after, at_once)).unwrap();
            let read = read.into_answer().0;
            let pairs = read.pairs.into_iter();
            all.extend(pairs.map(|(number, text, id)| (number, text.as_str().to_owned(), id)));
            after = read.last;
            if read.more == More::No {
                return all;
            }
        }
    }

    fn serials_by_existing(&self, id: DisclosureId, register: &str, ids: &[&str]) -> Answered {
        let issuing = self.service.open_serials(&self.officer(), id).unwrap();
        let mapped = issuing.map_existing(register, ids).unwrap();
        done(&issuing, issuing.submit(mapped).unwrap()).unwrap().into_answer().0
    }
}

fn codes(answered: &Answered) -> Vec<(u32, RowCode)> {
    answered.notes.iter().map(|note| (note.row, note.code)).collect()
}

#[test]
fn existing_ids_answer_like_the_registers_own_and_are_loaded_once() {
    let world = World::identities();
    let people = numbers(4);
    let npr = world.ingest("NPR", "HF", &people);
    let pairs = [(npr[0], "A-1"), (npr[1], "A-2"), (npr[2], "gammel løpe 3"), (npr[0], "A-1b")];
    assert_eq!(world.load_pairs("NPR", &pairs), (4, 0, vec![]));
    // Sent again as a whole, and from somewhere, with something new.
    assert_eq!(world.load_pairs("NPR", &pairs), (0, 4, vec![]));
    assert_eq!(
        world.load_pairs("NPR", &[pairs[3], (npr[3], "A-4"), (npr[3], "A-4")]),
        (1, 2, vec![])
    );
    let disclosure = world.disclosure();
    let serials = world.serials(disclosure, "NPR", &npr).unwrap().ids;
    for _ in 0..2 {
        let asked = ["A-2", "A-1b", "A-1", "nobody", "gammel løpe 3", "a-1"];
        let answered = world.convert("NPR", &asked);
        assert_eq!(answered.ids, [npr[1], npr[0], npr[0], 0, npr[2], 0]);
        assert_eq!(codes(&answered), [(3, RowCode::Unknown), (5, RowCode::Unknown)]);
        assert_eq!(world.convert("KPR", &["A-1"]).ids, [0], "another register's");
        let by_old = world.serials_by_existing(disclosure, "NPR", &asked);
        assert_eq!(by_old.ids, [serials[1], serials[0], serials[0], 0, serials[2], 0]);
        assert_eq!(codes(&by_old), codes(&answered));
        let expected = pairs.iter().copied().chain([(npr[3], "A-4")]);
        let expected: Vec<(u64, (u64, &str))> = (1..).zip(expected).collect();
        for at_once in [1, 2, 3, 100] {
            let told = world.alias_pairs("NPR", at_once);
            let told: Vec<_> =
                told.iter().map(|(number, text, id)| (*number, (*id, text.as_str()))).collect();
            assert_eq!(told, expected.clone());
        }
        world.reseal();
    }
    assert_eq!(world.load_pairs("NPR", &pairs), (0, 4, vec![]), "and after a restart");
}

#[test]
fn conflicts_are_told_by_row_and_never_guessed() {
    let world = World::identities();
    let people = numbers(5);
    let npr = world.ingest("NPR", "HF", &people);
    let kpr = world.ingest("KPR", "KUHR", &people);
    assert_eq!(world.load_pairs("NPR", &[(npr[0], "old-0")]).0, 1);
    let fnr = format!("{:011}", people[0]);
    // A felles hjelpenummer that no list lets in: this environment refuses it.
    let refused = "80005484026";
    let long = "x".repeat(65);
    let rows = [
        (npr[1], "old-0"),
        (npr[1], "twice"),
        (npr[2], "twice"),
        (npr[1], ""),
        (npr[1], " a"),
        (npr[1], "a\u{7}"),
        (npr[1], long.as_str()),
        (npr[1], fnr.as_str()),
        (npr[1], refused),
        (kpr[1], "other register"),
        (7, "no ID"),
        (npr[3], "good"),
    ];
    use AliasProblem::{Contradicted, LooksLikeIdentifier, Malformed, Taken, UnknownId};
    let expected = [
        Taken,
        Contradicted,
        Contradicted,
        Malformed,
        Malformed,
        Malformed,
        Malformed,
        LooksLikeIdentifier,
        LooksLikeIdentifier,
        UnknownId,
        UnknownId,
    ];
    let (loaded, unchanged, refused) = world.load_pairs("NPR", &rows);
    assert_eq!((loaded, unchanged), (1, 0));
    assert_eq!(refused, (0..).zip(expected).collect::<Vec<_>>());
    let answered = world.convert("NPR", &["old-0", "twice", "good"]);
    assert_eq!(answered.ids, [npr[0], 0, npr[3]]);
    let permit = world.permit("a", World::request("NPR", "HF", IngestMode::ResolveOnly).right());
    let refused = world.service.load_aliases(&permit, &"NPR".parse().unwrap(), Vec::new());
    assert_eq!(code(refused), "not_allowed");
    let secrets = ["old-0", "good", fnr.as_str()];
    assert!(secrets.iter().all(|secret| world.entries_with(&format!("\"{secret}\"")) == 0));
    assert!(world.entries_with(r#""contradicted":2"#) == 1);
}

#[test]
fn an_existing_id_follows_its_person_through_links_splits_and_new_ids() {
    let world = World::identities();
    let people = numbers(3);
    let npr = world.ingest("NPR", "HF", &people);
    world.load_pairs("NPR", &[(npr[0], "zero"), (npr[1], "one"), (npr[2], "two")]);
    world.happens(NUMBER, people[1], &people[..1]);
    assert_eq!(world.convert("NPR", &["zero", "one"]).ids, [npr[0]; 2], "one person");
    // Two persons who are one contradict nothing.
    assert_eq!(
        world.load_pairs("NPR", &[(npr[0], "one"), (npr[0], "n"), (npr[1], "n")]),
        (1, 2, vec![])
    );
    world.happens(SPLIT, people[1], &people[..1]);
    assert_eq!(world.convert("NPR", &["zero", "one"]).ids, npr[..2]);
    let new = world.reissue("NPR", npr[2], ReissueReason::Leaked)[0][1];
    assert_eq!(world.convert("NPR", &["two"]).ids, [new]);
    let hidden = world.reissue("NPR", new, ReissueReason::Protected)[0][1];
    for _ in 0..2 {
        assert_eq!(world.convert("NPR", &["two"]).ids, [0], "it would show the link");
        assert!(world.alias_pairs("NPR", 0).iter().all(|pair| pair.1 != "two"));
        let refused = world.load_pairs("NPR", &[(hidden, "two")]);
        assert_eq!(refused, (0, 0, vec![(0, AliasProblem::Taken)]));
        world.reseal();
    }
}

#[test]
fn an_erasure_ends_existing_ids_and_what_comes_later_can_have_them_anew() {
    let world = World::identities();
    let people = numbers(2);
    let npr = world.report("NPR", DECEMBER, &people).ids;
    world.load_pairs("NPR", &[(npr[0], "zero"), (npr[1], "one")]);
    world.erase("NPR", people[0], Scope::Whole);
    assert_eq!(world.convert("NPR", &["zero", "one"]).ids, [0, npr[1]]);
    let later = world.report("NPR", LATER, &people).ids;
    assert_eq!(world.convert("NPR", &["zero"]).ids, [0], "that was the past");
    assert_eq!(world.alias_pairs("NPR", 0).len(), 1);
    assert_eq!(world.load_pairs("NPR", &[(npr[0], "zero")]).2, [(0, AliasProblem::UnknownId)]);
    assert_eq!(world.load_pairs("NPR", &[(later[0], "zero")]), (1, 0, vec![]));
    for _ in 0..2 {
        assert_eq!(world.convert("NPR", &["zero", "one"]).ids, [later[0], npr[1]]);
        let told: Vec<u64> = world.alias_pairs("NPR", 1).iter().map(|pair| pair.0).collect();
        assert_eq!(told, [2, 3]);
        world.reseal();
    }
}

#[test]
fn a_conversion_is_budgeted_and_recorded_as_a_look_up_is() {
    let limits = BudgetLimits { misses_max: 2, ..Budgets::DEFAULT.limits };
    let budgets = Budgets { limits, ..Budgets::DEFAULT };
    let world = World::with(budgets, &identities::access());
    world.unseal();
    let npr = world.ingest("NPR", "HF", &numbers(3));
    world.load_pairs("NPR", &[(npr[0], "zero"), (npr[1], "one"), (npr[2], "two")]);
    let answered = world.convert("NPR", &["zero", "x", "zero", "y"]);
    assert_eq!(answered.ids, [npr[0], 0, npr[0], 0]);
    // Misses are spent: whether anybody stands behind the others is not told.
    let answered = world.convert("NPR", &["zero", "one", "z"]);
    assert_eq!(answered.ids, [npr[0], 0, 0]);
    assert_eq!(codes(&answered), [(1, RowCode::BudgetSpent), (2, RowCode::BudgetSpent)]);
    let told: Vec<String> =
        world.bodies().into_iter().filter(|body| body.contains("ids_converted")).collect();
    assert_eq!(told.len(), 2);
    assert!(told[1].contains(r#""answered":1"#) && told[1].contains(r#""budget_spent":2"#));
    let accesses = world.innsyn(numbers(1)[0]).accesses;
    assert_eq!(accesses.iter().filter(|one| one.action == "ids_converted").count(), 2);
}
