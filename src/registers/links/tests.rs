//! Golden bytes, and the graph against its definition.

use proptest::prelude::*;

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::{Batch, Durability};
use crate::testing::Keys;

fn person(number: u64) -> PersonNo {
    PersonNo::from_number(number).unwrap()
}

/// A leaf whose number says nothing of when it was drawn.
fn leaf(drawn: u64) -> Leaf {
    Leaf { person: person(997 - drawn * 31 % 997), drawn }
}

fn at(drawn: u64) -> PersonNo {
    leaf(drawn).person
}

fn event(sequence: u64) -> Option<EventId> {
    Some(EventId { feed: "folkeregisteret".parse().unwrap(), sequence })
}

fn known_by(sequence: u64) -> Provenance {
    Provenance {
        event: event(sequence),
        effective: Some("2026-02-01".parse().unwrap()),
        at: "2026-03-01T12:00:00Z".parse().unwrap(),
        principal: "freg".parse().unwrap(),
        organisation: "983744516".parse().unwrap(),
        statement: None,
    }
}

fn join(graph: &mut Graph, one: u64, other: u64) -> Joining {
    let event = event(graph.next());
    graph.join([leaf(one), leaf(other)], event, Protection::Shown)
}

fn split(graph: &mut Graph, one: u64, other: u64) {
    for link in graph.links_between([at(one), at(other)]) {
        graph.separate(link).unwrap();
    }
}

#[test]
fn a_link_fact_is_the_golden_bytes() {
    let tail = concat!(
        r#""provenance":{"feed":"folkeregisteret","event":41,"effective":"2026-02-01","#,
        r#""at":"2026-03-01T12:00:00Z","principal":"freg","organisation":"983744516"}}"#,
    );
    let leaves = [Leaf { person: person(9), drawn: 4 }, Leaf { person: person(5), drawn: 7 }];
    let cases = [
        (
            LinkChange::Joined(leaves, Protection::Shown),
            LinkReason::IdentifierChanged,
            concat!(
                r#""kind":"joined","leaves":[9,5],"drawn":[4,7],"protection":"shown","#,
                r#""reason":"endringIIdentifikasjonsnummer","#,
            ),
        ),
        (
            LinkChange::Separated(3),
            LinkReason::SplitRestored,
            r#""kind":"separated","link":3,"reason":"personErGjenopprettetVedSplitting","#,
        ),
    ];
    for (change, reason, words) in cases {
        let golden = format!(r#"{{"v":1,{words}{tail}"#);
        let fact = LinkFact { change, reason, provenance: known_by(41) };
        assert_eq!(std::str::from_utf8(&fact.encode()).unwrap(), golden);
        assert_eq!(LinkFact::decode(golden.as_bytes()).unwrap(), fact);
    }
}

#[test]
fn a_link_that_a_sender_stated_is_the_golden_bytes() {
    let leaves = [Leaf { person: person(9), drawn: 4 }, Leaf { person: person(5), drawn: 7 }];
    let statement = Statement { register: "NPR".parse().unwrap(), source: "HF".parse().unwrap() };
    let known = known_by(41);
    let provenance =
        Provenance { event: None, effective: None, statement: Some(statement), ..known };
    let change = LinkChange::Joined(leaves, Protection::Shown);
    let fact = LinkFact { change, reason: LinkReason::Stated, provenance };
    let golden = concat!(
        r#"{"v":1,"kind":"joined","leaves":[9,5],"drawn":[4,7],"protection":"shown","#,
        r#""reason":"stated","provenance":{"at":"2026-03-01T12:00:00Z","principal":"freg","#,
        r#""organisation":"983744516","register":"NPR","source":"HF"}}"#,
    );
    assert_eq!(std::str::from_utf8(&fact.encode()).unwrap(), golden);
    assert_eq!(LinkFact::decode(golden.as_bytes()).unwrap(), fact);
    assert!(LinkFact::decode(golden.replace(r#","source":"HF""#, "").as_bytes()).is_none());
}

#[test]
fn what_is_no_link_fact_is_refused() {
    let change = LinkChange::Joined([leaf(1), leaf(2)], Protection::Protected);
    let reason = LinkReason::MergedAway;
    let good = LinkFact { change, reason, provenance: known_by(5) }.encode();
    let good = std::str::from_utf8(&good).unwrap();
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"joined\"", "\"separated\""),
        ("\"joined\"", "\"tied\""),
        ("\"drawn\":[1,2],", ""),
        ("\"protected\"", "\"secret\""),
        ("personErOpphoertSomDublett", "personErOpphoert"),
        ("\"event\":5,", ""),
        ("2026-02-01", "2026-02-30"),
        ("\"leaves\":[", "\"leaves\":[1099511627775,"),
        ("}}", "},\"more\":1}"),
        ("}}", ",\"more\":1}}"),
    ] {
        assert!(good.contains(from), "{from}");
        let bad = good.replacen(from, to, 1);
        assert!(LinkFact::decode(bad.as_bytes()).is_none(), "{bad}");
    }
}

#[test]
fn the_root_is_the_leaf_that_was_drawn_first_in_whatever_order_links_come() {
    let links = [(7, 3), (3, 5), (9, 7), (2, 9)];
    for turn in 0..links.len() {
        let mut graph = Graph::default();
        for place in 0..links.len() {
            let (one, other) = links[(turn + place) % links.len()];
            join(&mut graph, one, other);
        }
        for drawn in [2, 3, 5, 7, 9] {
            assert_eq!(graph.root_of(at(drawn)), at(2));
            assert_eq!(graph.leaves_of(at(drawn), Reach::All), [2, 3, 5, 7, 9].map(at));
            assert_eq!(graph.is_superseded(at(drawn)), drawn != 2);
        }
        assert_eq!(graph.leaves_of(at(4), Reach::All), [at(4)]);
        assert!(!graph.is_superseded(at(4)));
    }
}

#[test]
fn a_chain_of_identifiers_has_the_root_of_the_first_and_a_split_gives_the_rest_back() {
    let mut graph = Graph::default();
    let moved = |leaf, root| Moved { leaf: at(leaf), root: at(root) };
    assert_eq!(join(&mut graph, 1, 2), Joining::Made(vec![moved(2, 1)]));
    join(&mut graph, 2, 3);
    assert_eq!(join(&mut graph, 3, 4), Joining::Made(vec![moved(4, 1)]));
    // The chain is cut in the middle: the younger part has a root of its own.
    let link = graph.links_between([at(2), at(3)])[0];
    assert_eq!(graph.separate(link).unwrap(), [moved(3, 3), moved(4, 3)]);
    assert!(graph.separate(link).is_none(), "it ends once");
    assert_eq!(graph.leaves_of(at(1), Reach::All), [at(1), at(2)]);
    assert_eq!(graph.leaves_of(at(4), Reach::All), [at(3), at(4)]);
}

#[test]
fn an_event_that_comes_again_changes_nothing_and_another_gives_one_more_reason() {
    let mut graph = Graph::default();
    let leaves = [leaf(1), leaf(2)];
    assert!(matches!(graph.join(leaves, event(1), Protection::Shown), Joining::Made(_)));
    assert_eq!(graph.join(leaves, event(1), Protection::Shown), Joining::Repeated);
    let [one, other] = leaves;
    assert_eq!(graph.join([other, one], event(1), Protection::Shown), Joining::Repeated);
    assert_eq!(graph.join([one, one], event(9), Protection::Shown), Joining::Repeated);
    assert_eq!(graph.join(leaves, event(2), Protection::Shown), Joining::Made(Vec::new()));
    assert_eq!(graph.links_between([at(1), at(2)]), [0, 1]);
    // One of two reasons ends: still one person.
    assert_eq!(graph.separate(0).unwrap(), []);
    assert_eq!(graph.root_of(at(2)), at(1));
    assert_eq!(graph.separate(1).unwrap(), [Moved { leaf: at(2), root: at(2) }]);
    assert_eq!(graph.join(leaves, event(1), Protection::Shown), Joining::Repeated, "for ever");
}

#[test]
fn links_that_go_round_are_harmless() {
    let mut graph = Graph::default();
    for (one, other) in [(1, 2), (2, 3), (3, 1)] {
        join(&mut graph, one, other);
    }
    split(&mut graph, 1, 2);
    assert_eq!(graph.leaves_of(at(2), Reach::All), [1, 2, 3].map(at), "by way of 3");
    split(&mut graph, 2, 3);
    assert_eq!(graph.root_of(at(2)), at(2));
    assert_eq!(graph.root_of(at(3)), at(1));
}

#[test]
fn a_protected_link_counts_for_the_person_and_shows_to_nobody() {
    let mut graph = Graph::default();
    let joining = graph.join([leaf(1), leaf(2)], event(1), Protection::Protected);
    assert_eq!(joining, Joining::Made(Vec::new()));
    assert!(!graph.any());
    assert_eq!(graph.root_of(at(2)), at(2));
    assert_eq!(graph.leaves_of(at(2), Reach::Shown), [at(2)]);
    assert_eq!(graph.leaves_of(at(2), Reach::All), [at(1), at(2)]);
    assert_eq!(graph.protected().collect::<Vec<_>>(), [0]);
    join(&mut graph, 2, 3);
    assert_eq!(graph.root_of(at(3)), at(2), "not by way of what is protected");
    assert_eq!(graph.leaves_of(at(3), Reach::All), [1, 2, 3].map(at));
}

#[test]
fn links_come_back_from_the_store_and_a_gap_is_refused() {
    let key_file = Keys::new();
    let keys = PlaneKeys::new(key_file.open());
    let store = MemoryStore::new();
    let joined = |one, other| LinkChange::Joined([leaf(one), leaf(other)], Protection::Shown);
    let changes = [joined(1, 2), joined(2, 3), LinkChange::Separated(0)];
    let entropy = crate::crypto::Entropy::os();
    let put = |sequence: u64, change: &LinkChange| {
        let reason = LinkReason::MergedInto;
        let change = change.clone();
        let fact = LinkFact { change, reason, provenance: known_by(sequence) };
        let key = Key::link(0, sequence);
        let sealed = keys.storage().seal(&entropy, &record_place(&key), &fact.encode()).unwrap();
        let mut batch = Batch::new();
        batch.put(key, sealed);
        store.commit("test", batch, Durability::Synced).unwrap();
    };
    (0..).zip(&changes).for_each(|(sequence, change)| put(sequence, change));
    let (links, count) = Links::load(&store, &keys).unwrap();
    assert_eq!(count, 3);
    let held = HeldLinks(links.0.read().unwrap());
    assert_eq!(held.root_of(0, at(2)), at(2));
    assert_eq!(held.root_of(0, at(3)), at(2));
    assert_eq!(held.leaves_of(1, at(3), Reach::All), [at(3)], "another partition");
    put(5, &joined(5, 6));
    assert!(matches!(Links::load(&store, &keys), Err(Error::Damaged { .. })));
}

proptest! {
    /// The graph against its definition: components of the links in force, by repeated relabelling.
    #[test]
    fn persons_are_the_components_of_the_links_in_force(
        steps in proptest::collection::vec((0_u64..12, 0_u64..12, 0_u8..4), 1..60),
    ) {
        let mut graph = Graph::default();
        let mut links: Vec<(u64, u64, bool)> = Vec::new();
        for (one, other, step) in steps {
            if step == 0 {
                split(&mut graph, one, other);
                links.retain(|(a, b, _)| [(*a, *b), (*b, *a)].iter().all(|p| *p != (one, other)));
            } else if one != other {
                let is_shown = step < 3;
                let protection =
                    if is_shown { Protection::Shown } else { Protection::Protected };
                let event = event(graph.next());
                graph.join([leaf(one), leaf(other)], event, protection);
                links.push((one, other, is_shown));
            }
        }
        let place = |drawn: u64| usize::try_from(drawn).unwrap();
        for reach in [Reach::All, Reach::Shown] {
            let mut label: Vec<u64> = (0..12).collect();
            for _ in 0..12 {
                for (one, other, is_shown) in &links {
                    if *is_shown || reach == Reach::All {
                        let (one, other) = (place(*one), place(*other));
                        let least = label[one].min(label[other]);
                        (label[one], label[other]) = (least, least);
                    }
                }
            }
            for drawn in 0..12_u64 {
                let same = |other: &u64| label[place(*other)] == label[place(drawn)];
                let expected: Vec<PersonNo> = (0..12).filter(same).map(at).collect();
                prop_assert_eq!(graph.leaves_of(at(drawn), reach), expected);
                if reach == Reach::Shown {
                    prop_assert_eq!(graph.root_of(at(drawn)), at(label[place(drawn)]));
                }
            }
        }
    }
}

#[test]
fn a_person_fact_is_the_golden_bytes() {
    let tail = concat!(
        r#""provenance":{"feed":"folkeregisteret","event":41,"effective":"2026-02-01","#,
        r#""at":"2026-03-01T12:00:00Z","principal":"freg","organisation":"983744516"}}"#,
    );
    let day = "2026-01-31".parse().unwrap();
    for (fact, words) in [
        (
            PersonFact::Address(AddressProtection::Strict),
            r#""kind":"address","protection":"strengtFortrolig","#,
        ),
        (PersonFact::Died(Some(day)), r#""kind":"died","date":"2026-01-31","#),
        (PersonFact::Died(None), r#""kind":"died","#),
        (PersonFact::DeathRevoked, r#""kind":"death_revoked","#),
        (PersonFact::FalseIdentity, r#""kind":"false_identity","#),
        (PersonFact::FalseIdentityRevoked, r#""kind":"false_identity_revoked","#),
    ] {
        let golden = format!(r#"{{"v":1,"person":9,{words}{tail}"#);
        let plain = persons::encode(person(9), &fact, &known_by(41));
        assert_eq!(std::str::from_utf8(&plain).unwrap(), golden);
        assert_eq!(persons::decode(golden.as_bytes()).unwrap(), (person(9), fact));
        for (from, to) in [("\"v\":1", "\"v\":2"), ("\"kind\":\"", "\"kind\":\"x"), ("41", "-1")] {
            assert!(persons::decode(golden.replacen(from, to, 1).as_bytes()).is_none());
        }
    }
}

/// Goal: a person about whom much was said costs no more than others.  Method: a status by the last
/// facts of each kind against one by all of them.
#[test]
fn of_a_persons_facts_the_last_of_each_kind_are_kept() {
    let day = |day: i8| Some(jiff::civil::date(2026, 1, day));
    let facts = [
        PersonFact::Address(AddressProtection::Strict),
        PersonFact::Died(day(1)),
        PersonFact::FalseIdentity,
        PersonFact::DeathRevoked,
        PersonFact::Address(AddressProtection::Client),
        PersonFact::FalseIdentityRevoked,
        PersonFact::Died(day(2)),
    ];
    let mut kept = PersonFacts::default();
    let mut all = PersonStatus::default();
    for turn in 0..50_u64 {
        let place = usize::try_from(turn * 5 % 7).unwrap();
        let fact = facts[place].clone();
        all.take(&fact);
        let leaf = person(turn % 2);
        assert_eq!(kept.take((0, leaf), fact), turn, "each has its number");
        assert_eq!(kept.status(0, &[person(0), person(1)]), all, "turn {turn}");
        assert!(kept.facts.values().all(|facts| facts.len() <= 3));
    }
    assert_eq!(kept.count(), 50);
}

#[test]
fn a_change_of_an_id_is_the_golden_bytes() {
    let at = known_by(1).at;
    let superseded = feed::Told::Moved(Moved { leaf: person(9), root: person(5) });
    let restored = feed::Told::Moved(Moved { leaf: person(9), root: person(9) });
    let reissued = feed::Told::Renewed(Renewed { leaf: person(9), from: 7, to: 8 });
    for (told, words) in [
        (superseded, r#""kind":"superseded","leaf":9,"root":5"#),
        (restored, r#""kind":"restored","leaf":9"#),
        (reissued, r#""kind":"reissued","leaf":9,"from":7,"to":8"#),
    ] {
        let golden = format!(r#"{{"v":1,{words},"at":"2026-03-01T12:00:00Z"}}"#);
        let plain = feed::encode(&told, at);
        assert_eq!(std::str::from_utf8(&plain).unwrap(), golden);
        assert_eq!(feed::decode(golden.as_bytes()).unwrap(), (told, at));
        assert!(feed::decode(golden.replace("ed\"", "\"").as_bytes()).is_none());
    }
}

#[test]
fn a_pointer_is_the_golden_bytes() {
    let golden = r#"{"v":1,"feed":"folkeregisteret","sequence":41,"events":40}"#;
    let feed = "folkeregisteret".parse().unwrap();
    let pointer = FeedPointer { feed, sequence: 41, events: 40 };
    assert_eq!(std::str::from_utf8(&pointer.encode()).unwrap(), golden);
    assert_eq!(FeedPointer::decode(golden.as_bytes()).unwrap(), pointer);
    assert!(FeedPointer::decode(golden.replace("41", "\"x\"").as_bytes()).is_none());
}
