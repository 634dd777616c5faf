//! Budgets over stores in memory: what a client learns, what it costs, and what a refusal says.

use std::time::Duration;

use super::*;
use crate::config::budgets::{Budget, BudgetLimits};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn budgets(persons_max: u64, misses_max: u64, assignments_max: u64) -> Budgets {
    let limits = BudgetLimits { assignments_max, misses_max, persons_max };
    Budgets { period_days: 7, limits }
}

fn world(persons_max: u64, misses_max: u64, assignments_max: u64) -> World {
    let access = ACCESS.replace(
        "name = 'o'",
        "name = 'other'\nkind = 'system'\norganisation = \
        '983744516'\ncertificates = ['uri:spiffe://hvelv.dev/other']\nroles = ['resolve:NPR:HF']\n\
        [[principal]]\nname = 'o'",
    );
    let world = World::with(budgets(persons_max, misses_max, assignments_max), &access);
    world.unseal();
    world
}

impl World {
    fn deliver_as(
        &self,
        name: &str,
        request: &DeliveryRequest,
        numbers: &[u64],
    ) -> Result<Answered, Error> {
        let permit = self.permit(name, request.right());
        send(&self.service.open_delivery(&permit, request)?, numbers)
    }

    fn look_up(&self, name: &str, numbers: &[u64]) -> Vec<Option<RowCode>> {
        let request = Self::request("NPR", "HF", IngestMode::ResolveOnly);
        codes(&self.deliver_as(name, &request, numbers).unwrap())
    }

    fn send_npr(&self, numbers: &[u64]) -> Vec<Option<RowCode>> {
        let request = Self::request("NPR", "HF", IngestMode::ResolveOrAssign);
        codes(&self.deliver_as("a", &request, numbers).unwrap())
    }

    /// Used of persons, misses and assignments.
    fn used(&self, name: &str, register: &str) -> (u64, u64, u64) {
        let (principal, register) = (name.parse().ok(), register.parse().ok());
        let filter = BudgetFilter { principal, register };
        let found = self.service.budgets(&self.operator(), &filter).unwrap();
        let used = |budget| {
            let of = found.iter().find(|status| status.level.budget == budget);
            of.map_or(0, |status| status.level.used)
        };
        (used(Budget::Persons), used(Budget::Misses), used(Budget::Assignments))
    }

    fn grant(&self, budget: Budget, amount: u64, until: jiff::civil::Date) -> Result<u64, Error> {
        let request = GrantRequest {
            principal: "a".parse().unwrap(),
            register: "NPR".parse().unwrap(),
            budget,
            amount,
            until,
            reason: "first load, case 26/1".into(),
        };
        let granted = self.service.grant_budget(&self.operator(), request)?;
        Ok(granted.1.index())
    }

    fn persons(&self) -> u64 {
        self.service.status(Detail::Full).detail.unwrap().persons
    }
}

/// The code of each row, or nothing where there is an ID.
fn codes(answered: &Answered) -> Vec<Option<RowCode>> {
    let mut codes = vec![None; answered.ids.len()];
    for note in &answered.notes {
        codes[note.row as usize] = Some(note.code);
    }
    for (code, id) in codes.iter().zip(&answered.ids) {
        assert_eq!(code.is_some(), *id == 0, "a row has an ID or a code");
    }
    codes
}

const SPENT: Option<RowCode> = Some(RowCode::BudgetSpent);
const UNKNOWN: Option<RowCode> = Some(RowCode::Unknown);

#[test]
fn a_look_up_ends_at_its_misses_and_tells_known_and_unknown_alike_from_then_on() {
    let world = world(100, 3, 100);
    let people = numbers(10);
    assert_eq!(world.send_npr(&people[..4]), [None; 4]);
    // Another client: it was told about nobody.
    let asked = [people[0], people[4], people[5], people[4], people[1], people[6], people[0]];
    let told = world.look_up("other", &asked);
    assert_eq!(told, [None, UNKNOWN, UNKNOWN, UNKNOWN, SPENT, SPENT, None]);
    assert_eq!(world.used("other", "NPR"), (1, 3, 0));
    for number in [people[2], people[7]] {
        assert_eq!(world.look_up("other", &[number]), [SPENT], "one by one as well");
    }
    world.reseal();
    assert_eq!(world.look_up("other", &[people[2], people[7], people[0]]), [SPENT, SPENT, None]);
    assert_eq!(world.used("other", "NPR"), (1, 3, 0), "refusals cost nothing");
}

#[test]
fn a_refused_attempt_is_in_the_log_with_the_budget_that_is_spent() {
    let world = world(100, 0, 100);
    let request = World::request("NPR", "HF", IngestMode::ResolveOnly);
    let permit = world.permit("a", request.right());
    let delivery = world.service.open_delivery(&permit, &request).unwrap();
    let answered = send(&delivery, &numbers(2)).unwrap();
    assert_eq!(answered.over_budget_count(), 2);
    let (error, pending) = delivery.refuse_over_budget(2).unwrap();
    let _ = wait(&delivery, pending).unwrap();
    assert_eq!((error.code(), error.group()), (ErrorCode::BudgetSpent, Group::Exhausted));
    let text = "a budget is spent: misses of a in NPR, 0 of 0; it refills on 2026-01-19, and an \
                operator can grant more with `hvelv budget grant`";
    assert_eq!(error.text(), text);
    let bodies = world.bodies();
    let resolve = bodies.iter().find(|body| body.contains("\"action\":\"resolve\"")).unwrap();
    assert_eq!(Entry::decode(resolve).unwrap().counts["budget_spent"], 2);
    let refused = bodies.iter().find(|body| body.contains("\"refused\"")).unwrap();
    let refused = Entry::decode(refused).unwrap();
    assert_eq!(refused.attempted, Some(Action::Resolve));
    assert_eq!(refused.reason.as_deref(), Some("budget_spent"));
    assert_eq!((refused.counts["budget_spent"], refused.counts["misses_limit"]), (2, 0));
}

#[test]
fn an_ingest_ends_at_its_assignments_and_a_refused_row_leaves_no_trace() {
    let world = world(100, 100, 3);
    let people = numbers(8);
    let asked = [people[0], people[1], people[0], people[2], people[3], people[1], people[4]];
    assert_eq!(world.send_npr(&asked), [None, None, None, None, SPENT, None, SPENT]);
    assert_eq!((world.persons(), world.used("a", "NPR")), (3, (3, 0, 3)));
    let entries = world.bodies();
    let ingest = entries.iter().find(|body| body.contains("\"action\":\"ingest\"")).unwrap();
    let counts = Entry::decode(ingest).unwrap().counts;
    assert_eq!((counts["answered"], counts["budget_spent"], counts["new_members"]), (5, 2, 3));
    // Members that the client was not told about are refused as well: else it would learn who is one.
    assert_eq!(world.look_up("other", &people[..3]), [None; 3]);
    assert_eq!(world.send_npr(&people[3..5]), [SPENT; 2]);
    world.reseal();
    assert_eq!(world.send_npr(&people[..4]), [None, None, None, SPENT]);
}

#[test]
fn a_cumulative_delivery_costs_nothing_the_second_time() {
    let world = world(50, 5, 50);
    let people = numbers(50);
    for round in 0..3 {
        assert_eq!(world.send_npr(&people), vec![None; 50], "round {round}");
        assert_eq!(world.look_up("a", &people), vec![None; 50], "round {round}");
        assert_eq!(world.used("a", "NPR"), (50, 0, 50), "round {round}");
        world.reseal();
    }
    assert_eq!(world.send_npr(&numbers(51)[50..]), [SPENT]);
}

#[test]
fn persons_whom_another_client_brought_cost_persons_and_no_assignment() {
    let world = world(4, 0, 4);
    world.send_npr(&numbers(3));
    assert_eq!(world.used("a", "NPR"), (3, 0, 3));
    let kpr = World::request("KPR", "KUHR", IngestMode::ResolveOrAssign);
    let answered = world.deliver_as("a", &kpr, &numbers(3)).unwrap();
    assert_eq!(codes(&answered), [None; 3]);
    assert_eq!(world.used("a", "KPR"), (3, 0, 3), "new in that register");
    assert_eq!(world.used("a", "NPR"), (3, 0, 3), "and the other register's is untouched");
}

#[test]
fn rows_that_the_rules_refuse_cost_nothing() {
    let world = world(10, 1, 10);
    let wrong: Vec<u64> = numbers(5).iter().map(|number| number ^ 1).collect();
    let told = world.look_up("a", &wrong);
    assert!(told.iter().all(|code| matches!(code, Some(RowCode::Rejected(_)))), "{told:?}");
    assert_eq!(world.used("a", "NPR"), (0, 0, 0));
    assert_eq!(world.look_up("a", &numbers(1)), [UNKNOWN]);
}

#[test]
fn a_register_on_consent_tells_who_has_none_for_what_a_new_person_costs() {
    let world = world(9, 0, 2);
    let request = World::request("REHAB", "LOKAL", IngestMode::ResolveOrAssign);
    let answered = world.deliver_as("a", &request, &numbers(3)).unwrap();
    let suppressed = Some(RowCode::Suppressed);
    assert_eq!(codes(&answered), [suppressed, suppressed, SPENT]);
    assert_eq!(world.used("a", "REHAB"), (0, 0, 2));
    assert_eq!(world.persons(), 0);
}

#[test]
fn a_budget_is_full_again_on_the_day_that_was_told() {
    let world = world(2, 9, 2);
    let people = numbers(6);
    assert_eq!(world.send_npr(&people[..3]), [None, None, SPENT]);
    // It is Thursday; the period ends with Sunday.
    world.clock.advance(DAY * 3);
    assert_eq!(world.send_npr(&people[2..3]), [SPENT]);
    world.clock.advance(DAY);
    assert_eq!(world.send_npr(&people[2..5]), [None, None, SPENT]);
    world.reseal();
    assert_eq!(world.send_npr(&people[4..6]), [SPENT; 2]);
    assert_eq!(world.send_npr(&people[..4]), [None; 4], "the set of persons is for ever");
}

#[test]
fn a_grant_lifts_at_once_survives_a_restart_and_ends_with_its_day() {
    let world = world(1, 0, 1);
    let people = numbers(9);
    assert_eq!(world.send_npr(&people[..2]), [None, SPENT]);
    let until = date(2026, 1, 16);
    world.grant(Budget::Persons, 4, until).unwrap();
    assert_eq!(world.send_npr(&people[1..2]), [SPENT], "assignments are spent still");
    let index = world.grant(Budget::Assignments, 4, until).unwrap();
    let body = &world.bodies()[usize::try_from(index).unwrap()];
    let granted = "granted a 4 assignments in NPR until 2026-01-16";
    assert!(body.contains("\"budget_granted\"") && body.contains(granted), "{body}");
    assert!(body.contains("\"principal\":\"o\"") && body.contains("case 26/1"), "{body}");
    assert_eq!(world.send_npr(&people[1..3]), [None; 2]);
    world.reseal();
    assert_eq!(world.used("a", "NPR"), (3, 0, 3));
    assert_eq!(world.send_npr(&people[3..4]), [None]);
    world.clock.advance(DAY * 2);
    assert_eq!(world.send_npr(&people[4..5]), [SPENT], "the day after its last");
    assert_eq!(world.used("a", "NPR"), (1, 0, 1), "what it paid for is gone with it");
}

#[test]
fn a_grant_that_is_wrong_is_told_everything_that_is_wrong_with_it() {
    let world = world(1, 0, 1);
    let good = GrantRequest {
        principal: "a".parse().unwrap(),
        register: "NPR".parse().unwrap(),
        budget: Budget::Misses,
        amount: 1,
        until: date(2026, 1, 15),
        reason: "case".into(),
    };
    let granted = |request: &GrantRequest| {
        world.service.grant_budget(&world.operator(), request.clone()).map(drop)
    };
    assert!(granted(&good).is_ok(), "today is the first day that it can end");
    let bad = GrantRequest {
        principal: "nobody".parse().unwrap(),
        amount: 0,
        until: date(2026, 1, 14),
        reason: numbers(1)[0].to_string(),
        ..good.clone()
    };
    let refused = granted(&bad).unwrap_err();
    let fields: Vec<&str> = refused.violations().iter().map(|one| one.field.as_ref()).collect();
    assert_eq!(fields, ["principal", "amount", "until", "reason"]);
    assert!(!format!("{refused:?}").contains(&bad.reason), "the reason is not repeated");
    for request in [
        GrantRequest { amount: 100_000_001, ..good.clone() },
        GrantRequest { until: date(2027, 1, 17), ..good.clone() },
        GrantRequest { principal: "r".parse().unwrap(), ..good.clone() },
    ] {
        assert_eq!(granted(&request).unwrap_err().violations().len(), 1, "{request:?}");
    }
    let elsewhere = GrantRequest { register: "XYZ".parse().unwrap(), ..good.clone() };
    assert_eq!(granted(&elsewhere).unwrap_err().code(), ErrorCode::RegisterUnknown);
    let to_oneself = GrantRequest { principal: "o".parse().unwrap(), ..good.clone() };
    assert_eq!(granted(&to_oneself).unwrap_err().code(), ErrorCode::NotAllowed);
    let auditor = world.permit("r", Right::ReadAudit);
    let refused = world.service.grant_budget(&auditor, good.clone()).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::NotAllowed);
    (1..16).for_each(|_| granted(&good).unwrap());
    assert_eq!(granted(&good).unwrap_err().violations()[0].field, "budget");
    let budgets = world.service.reading().open.unwrap().budgets;
    assert!(!budgets.is_empty());
    assert!(budgets.iter().all(|one| one.principal == "a"), "nobody else got an account");
}

#[test]
fn a_principals_own_limits_are_in_force_when_the_access_file_is_loaded() {
    let world = world(1, 0, 1);
    let people = numbers(5);
    assert_eq!(world.send_npr(&people[..2]), [None, SPENT]);
    let own = "[[principal.budget]]\nregister = 'NPR'\npersons_max = 3\nassignments_max = 9\n\
               [[principal]]\nname = 'o'";
    let text = ACCESS.replacen("[[principal]]\nname = 'o'", own, 1);
    let catalogue = world.service.catalogue();
    let access = Access::parse(&text, Path::new("access.toml"), &**catalogue).unwrap();
    world.service.use_access(Arc::new(access));
    assert_eq!(world.send_npr(&people[1..4]), [None, None, SPENT]);
    let kpr = World::request("KPR", "KUHR", IngestMode::ResolveOrAssign);
    let answered = world.deliver_as("a", &kpr, &people[..2]).unwrap();
    assert_eq!(codes(&answered), [None, SPENT], "another register is as everybody has it");
}

/// Goal: streams together spend no more than there is, and what there is. Method: 64 deliveries of
/// the same client at once, with persons of their own and persons of all.
#[test]
fn sixty_four_streams_together_spend_exactly_what_there_is() {
    let world = Arc::new(world(300, 0, 300));
    let people = Arc::new(numbers(20 + 64 * 10));
    let threads: Vec<_> = (0..64)
        .map(|thread| {
            let (world, people) = (Arc::clone(&world), Arc::clone(&people));
            std::thread::spawn(move || {
                let own = 20 + thread * 10;
                let mut answered = HashSet::new();
                for half in [0, 5] {
                    let mut asked = people[..20].to_vec();
                    asked.extend(&people[own + half..own + half + 5]);
                    let told = world.send_npr(&asked);
                    let with_id = asked.iter().zip(&told).filter(|(_, code)| code.is_none());
                    answered.extend(with_id.map(|(number, _)| *number));
                }
                answered
            })
        })
        .collect();
    let answered: HashSet<u64> = threads.into_iter().flat_map(|one| one.join().unwrap()).collect();
    assert_eq!((answered.len(), world.persons()), (300, 300));
    assert_eq!(world.used("a", "NPR"), (300, 0, 300));
    world.reseal();
    assert_eq!(world.used("a", "NPR"), (300, 0, 300));
    let told = world.send_npr(&people);
    let with_id = people.iter().zip(&told).filter(|(_, code)| code.is_none());
    assert!(with_id.map(|(number, _)| *number).collect::<HashSet<_>>() == answered);
}

/// Goal: no answer whose cost a failed commit has lost. Method: commits fail in turn, before or after
/// they reach the store; whoever was answered is in the durable set, and counted.
#[test]
fn a_commit_that_fails_gives_nothing_back() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        for commits in 2..14 {
            let world = World::with(budgets(6, 0, 6), ACCESS);
            *world.stores.fault.lock().unwrap() = Some((Plane::Registers, commits, fault));
            if world.service.unseal(&world.operator(), passphrase()).is_err() {
                world.unseal();
            }
            let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
            let mut answered = HashSet::new();
            for number in numbers(12) {
                let told = loop {
                    match world.deliver_as("a", &request, &[number]) {
                        Ok(told) => break told,
                        Err(error) => assert_ne!(error.code(), ErrorCode::Internal, "{error:?}"),
                    }
                    std::thread::yield_now();
                };
                if told.ids[0] != 0 {
                    answered.insert(number);
                }
            }
            assert!(answered.len() <= 6, "{fault:?} {commits}: {} answered", answered.len());
            let used = world.used("a", "NPR");
            assert!(used.0 >= answered.len() as u64, "{fault:?} {commits}: {used:?}");
        }
    }
}

#[test]
fn a_source_that_belongs_to_an_organisation_is_delivered_by_it_alone() {
    let access = ACCESS.replace("'ingest:REHAB:LOKAL'", "'ingest:REHAB:*'");
    let world = World::with(Budgets::DEFAULT, &access);
    world.unseal();
    // OUS has the source LOKAL-OUS in the shipped catalogue; the caller is FHI.
    let request = World::request("REHAB", "LOKAL-OUS", IngestMode::ResolveOrAssign);
    let refused = world.deliver(&request, &numbers(1)).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::NotAllowed);
    let access = access.replace("983744516", "993467049");
    let catalogue = world.service.catalogue();
    let access = Access::parse(&access, Path::new("access.toml"), &**catalogue).unwrap();
    let principal = access.by_name(&"a".parse().unwrap()).unwrap();
    let permit = authorize(principal, request.right(), date(2026, 1, 15)).unwrap();
    assert!(world.service.open_delivery(&permit, &request).is_ok());
}
