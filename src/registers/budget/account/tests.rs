use std::sync::Barrier;

use jiff::civil::date;

use super::*;
use crate::config::budgets::{BudgetLimits, Budgets};

fn terms(persons_max: u64, other_max: u64) -> Terms {
    let limits = BudgetLimits { assignments_max: other_max, misses_max: other_max, persons_max };
    Terms { today: date(2026, 1, 14), budgets: Budgets { period_days: 7, limits } }
}

fn person(number: u64) -> PersonNo {
    PersonNo::from_number(number).unwrap()
}

fn rows(abouts: &[About]) -> Vec<FreshRow> {
    abouts.iter().zip(0..).map(|(about, row)| FreshRow { row, about: *about }).collect()
}

fn look_up(account: &Arc<Account>, terms: &Terms, abouts: &[About]) -> Vec<u32> {
    let admission = account.admit(Asking::LookUp, terms, &rows(abouts), Repeats::Told);
    admission.expect("nobody holds anything").refused
}

fn used(account: &Account, terms: &Terms) -> (u64, u64, u64) {
    let used = |budget| account.level(budget, terms).used;
    (used(Budget::Persons), used(Budget::Misses), used(Budget::Assignments))
}

#[test]
fn a_person_is_counted_once_and_a_miss_each_time() {
    let (account, terms) = (Arc::new(Account::new(1, "a", 1)), terms(5, 5));
    let one = About::Person(person(1));
    assert!(look_up(&account, &terms, &[one, About::Nobody, one, About::Nobody]).is_empty());
    assert!(look_up(&account, &terms, &[one]).is_empty());
    assert_eq!(used(&account, &terms), (1, 2, 0));
}

/// Goal: a refusal says the same of everybody. Method: with either budget spent, the same rows are
/// refused whoever they are about.
#[test]
fn once_a_budget_is_spent_known_and_unknown_are_refused_alike() {
    for limits in [(1, 9), (9, 1)] {
        let terms = terms(limits.0, limits.1);
        let spend = if limits.0 == 1 { About::Person(person(1)) } else { About::Nobody };
        for tried in [About::Person(person(2)), About::Nobody] {
            let account = Arc::new(Account::new(1, "a", 1));
            assert!(look_up(&account, &terms, &[spend]).is_empty());
            let before = used(&account, &terms);
            assert_eq!(look_up(&account, &terms, &[tried; 3]), [0, 1, 2]);
            assert_eq!(used(&account, &terms), before, "a refusal costs nothing and shows nothing");
        }
    }
}

#[test]
fn who_was_told_about_before_is_answered_when_all_is_spent() {
    let (account, terms) = (Arc::new(Account::new(1, "a", 1)), terms(1, 1));
    let one = About::Person(person(1));
    assert_eq!(look_up(&account, &terms, &[one, About::Nobody, one]), [1]);
    assert!(look_up(&account, &terms, &[one]).is_empty());
}

#[test]
fn a_budget_of_zero_answers_nothing_new() {
    for limits in [(0, 5), (5, 0)] {
        let account = Arc::new(Account::new(1, "a", 1));
        let terms = terms(limits.0, limits.1);
        assert_eq!(look_up(&account, &terms, &[About::Person(person(1)), About::Nobody]), [0, 1]);
    }
}

#[test]
fn the_same_new_identifier_in_many_rows_costs_one_person() {
    let (account, terms) = (Arc::new(Account::new(1, "a", 1)), terms(2, 2));
    let untold = rows(&[About::New, About::New, About::New, About::New]);
    assert!(account.admit(Asking::Assign, &terms, &untold, Repeats::Untold).is_none());
    let told = rows(&[About::New, About::Repeat(0), About::New, About::New, About::Repeat(3)]);
    let admission = account.admit(Asking::Assign, &terms, &told, Repeats::Told).unwrap();
    assert_eq!(admission.refused, [3, 4]);
    admission.hold.settle(&[person(1), person(1), person(2)]);
    assert_eq!(used(&account, &terms), (2, 0, 2));
}

#[test]
fn who_joins_costs_an_assignment_and_a_member_none() {
    let (account, terms) = (Arc::new(Account::new(1, "a", 1)), terms(5, 5));
    let fresh = rows(&[About::Joining(person(1)), About::Person(person(2))]);
    let admission = account.admit(Asking::Assign, &terms, &fresh, Repeats::Told).unwrap();
    assert_eq!(admission.told, [person(1), person(2)]);
    assert_eq!(used(&account, &terms), (2, 0, 1));
}

#[test]
fn what_is_held_and_not_needed_is_given_back() {
    let (account, terms) = (Arc::new(Account::new(1, "a", 1)), terms(3, 3));
    let three = rows(&[About::New; 3]);
    let admission = account.admit(Asking::Assign, &terms, &three, Repeats::Untold).unwrap();
    assert_eq!(used(&account, &terms), (0, 0, 0), "held is not spent");
    drop(admission);
    let admission = account.admit(Asking::Assign, &terms, &three, Repeats::Untold).unwrap();
    admission.hold.settle(&[person(1), person(1), person(1)]);
    assert_eq!(used(&account, &terms), (1, 0, 1));
    assert_eq!(account.state().purse.held, 0);
}

/// Goal: nobody is refused for what another only holds. Method: one thread holds everything and gives
/// most back; the other waits for it and is admitted.
#[test]
fn a_batch_waits_for_what_others_hold_before_it_is_refused() {
    let (account, terms) = (Arc::new(Account::new(1, "a", 1)), terms(3, 3));
    let three = rows(&[About::New; 3]);
    let first = account.admit(Asking::Assign, &terms, &three, Repeats::Untold).unwrap();
    let waiting = {
        let (account, terms) = (Arc::clone(&account), terms);
        std::thread::spawn(move || {
            let two = rows(&[About::New; 2]);
            loop {
                if let Some(found) = account.admit(Asking::Assign, &terms, &two, Repeats::Told) {
                    return found.refused;
                }
            }
        })
    };
    first.hold.settle(&[person(1), person(1), person(1)]);
    assert!(waiting.join().unwrap().is_empty());
}

#[test]
fn many_threads_together_spend_exactly_what_there_is() {
    const THREADS: u64 = 64;
    let (account, terms) = (Arc::new(Account::new(1, "a", 1)), terms(1000, 1000));
    let start = Arc::new(Barrier::new(usize::try_from(THREADS).unwrap()));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (account, start) = (Arc::clone(&account), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                let mut answered = Vec::new();
                for batch in 0..16 {
                    // Half of them everybody asks about, half of them nobody else does.
                    let numbers = (0..8).map(|n| match n % 2 {
                        0 => batch * 8 + n,
                        _ => (thread + 1) * 100_000 + batch * 8 + n,
                    });
                    let asked: Vec<PersonNo> = numbers.map(person).collect();
                    let abouts: Vec<About> = asked.iter().map(|one| About::Person(*one)).collect();
                    let refused = look_up(&account, &terms, &abouts);
                    let told = asked.iter().zip(0..).filter(|(_, row)| !refused.contains(row));
                    answered.extend(told.map(|(person, _)| *person));
                }
                answered
            })
        })
        .collect();
    let answered = threads.into_iter().flat_map(|thread| thread.join().unwrap());
    let different: std::collections::HashSet<PersonNo> = answered.collect();
    assert_eq!(different.len(), 1000);
    assert_eq!(used(&account, &terms).0, 1000);
}
