//! Who joins two disclosures, or a disclosure and the register, without their content?
//!
//! Goal: on two disclosures of the same persons, and on a disclosure against the register, each join
//! that the files offer finds no more right pairs than chance: by serials, by the order of rows, by
//! surrogates, by the dictionaries, row groups and metadata of Parquet, by the times of files.  A
//! serial and a register ID are correlated with nothing: birth date, identifier, register ID, order
//! of arrival, also when the first load was sorted by fødselsnummer.
//! Method: the real program on files, an attacker who knows every row but whose it is, and the truth
//! asked of the server.  Bounds follow from the number of persons alone (`chance`).  Each attack is
//! first held against a pair that leaks, and must find it.
//!
//! The other thieves have stores, a backup or keys instead of files, and not the vault's keys: they
//! recognize nobody, and what they learn of the order of arrival names nobody beyond chance.
//!
//! What it does *not* show: that content cannot be joined.  It can; the share is measured and said.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "what was measured is said")]

mod chance;
#[expect(dead_code, unused_imports, reason = "what other tests use besides")]
#[path = "../it/harness/mod.rs"]
mod harness;
mod joins;
mod parquet_parts;
mod released;
mod stolen;
mod world;

use chance::{Joined, rho, rho_bound};
use joins::{by_content, by_digits, by_number, by_order, by_time, by_value};
use parquet_parts::Parts;
use released::Table;
use stolen::the_thief_names_nobody;
use world::{Load, World};

/// Persons of a run.
fn persons() -> usize {
    if std::env::var_os("HVELV_LONG").is_some() { 100_000 } else { 5_000 }
}

#[test]
fn nobody_is_joined_beyond_chance_when_the_first_load_was_sorted_by_identifier() {
    attack(World::new(Load::SortedByIdentifier, persons()));
}

#[test]
fn nobody_is_joined_beyond_chance_when_the_first_load_came_in_any_order() {
    attack(World::new(Load::AsItCame, persons()));
}

fn attack(world: World) {
    without_content(&world);
    the_thief_names_nobody(world);
}

fn without_content(world: &World) {
    let [first, second] = &world.released;
    let register = &world.register;
    the_attacks_find_what_leaks(world);
    for (name, a, b) in [
        ("two disclosures", &first.table, &second.table),
        ("disclosure and register", &first.table, register),
    ] {
        for (join, joined) in joins_of(a, b) {
            joined.is_chance(&format!("{name}, {join}"));
        }
        let content = by_content(a, b);
        eprintln!("{name}: {content} joined by content, {} persons", world.persons);
        assert!(content.right > 0, "the join by content is what is left, and is measured");
    }
    for (part, joined) in first.parts.joins(&second.parts) {
        joined.is_chance(&format!("Parquet, {part}"));
    }
    for released in [first, second] {
        assert_eq!(released.parts.said, ["created by hvelv"], "all that the metadata say");
        assert_eq!(by_time(&released.files, &world.sources), 0, "times of files");
    }
    assert_eq!(first.parts.group_rows, second.parts.group_rows);
    nothing_is_correlated(world);
}

/// The joins that need no content.
fn joins_of(a: &Table, b: &Table) -> [(&'static str, Joined); 7] {
    let (of_a, of_b) = (a.by_number(), b.by_number());
    [
        ("equal numbers", by_number(a, b)),
        ("last digits of numbers", by_digits(a, b)),
        ("order of numbers", by_order(&of_a, &of_b)),
        ("order of rows", by_order(&a.by_appearance(), &b.by_appearance())),
        ("order of numbers and of rows", by_order(&of_a, &b.by_appearance())),
        ("equal values", by_value(a, b)),
        ("order of values", by_order(&a.by_value(), &b.by_value())),
    ]
}

/// The same attacks on a pair that leaks: a disclosure and itself.
fn the_attacks_find_what_leaks(world: &World) {
    let leaky = &world.released[0];
    let joins = joins_of(&leaky.table, &leaky.table).into_iter();
    for (join, joined) in joins.chain(leaky.parts.joins(&leaky.parts)) {
        joined.is_leak(join);
    }
    let ordinary = Parts::read(&world.ordinary_parquet());
    assert!(ordinary.said.len() > 1, "an ordinary file says more: {:?}", ordinary.said);
    assert_eq!(by_time(&world.sources, &world.sources), world.sources.len());
    let sorted = rho(&world.numbers, &world.identifiers());
    assert!(sorted > 0.999, "an order that is kept is seen: {sorted}");
}

fn nothing_is_correlated(world: &World) {
    let bound = rho_bound(world.persons);
    let mut largest = 0.0_f64;
    let [first, second] = world.serials();
    let (npr, kpr) = (&world.npr_ids, &world.kpr_ids);
    for (name, of) in [("serial", &first), ("NPR-ID", npr), ("KPR-ID", kpr)] {
        let rhos = [
            ("birth date", rho(of, &world.births)),
            ("identifier", rho(of, &world.identifiers())),
            ("arrival in NPR", rho(of, &world.arrivals_npr)),
            ("arrival in KPR", rho(of, &world.arrivals_kpr)),
        ];
        for (with, rho) in rhos {
            assert!(rho.abs() < bound, "{name} and {with}: {rho}, over {bound}");
            largest = largest.max(rho.abs());
        }
    }
    for (name, a, b) in [
        ("serials of two disclosures", &first, &second),
        ("serial and NPR-ID", &first, npr),
        ("serial and KPR-ID", &first, kpr),
        ("NPR-ID and KPR-ID", npr, kpr),
    ] {
        let rho = rho(a, b);
        assert!(rho.abs() < bound, "{name}: {rho}, over {bound}");
        largest = largest.max(rho.abs());
    }
    eprintln!("largest rank correlation: {largest:.4}, bound {bound:.4}");
}
