//! Alarms over stores in memory: what raises one, where it is said, and what raises none.

use super::*;
use crate::config::alarms::Alarms;
use crate::config::budgets::Budget;
use crate::ident::{NumberSeries, synthetic};
use crate::service::GrantRequest;

const ALARMS: Alarms = Alarms {
    sequential_rows_min: 100,
    unseen_rows_min: 100,
    look_ups_min: 100,
    reveals_per_day: 2,
    ..Alarms::DEFAULT
};

/// Numbers that are apart from each other: persons of a register.
fn apart(count: usize) -> Vec<u64> {
    let every = 25;
    let all = synthetic::numbers_between(NumberSeries::Fnr, date(1950, 1, 1), date(2019, 12, 31));
    let numbers: Vec<u64> = all.step_by(every).take(count).collect();
    assert_eq!(numbers.len(), count);
    numbers
}

/// Numbers of one day after the other, which nobody of [`apart`] has.
fn in_sequence(count: usize) -> Vec<u64> {
    let born = date(2021, 1, 1);
    synthetic::numbers_between(NumberSeries::Fnr, born, date(2029, 1, 1)).take(count).collect()
}

fn world() -> World {
    let world = World::with_alarms(ALARMS);
    world.unseal();
    world
}

impl World {
    fn with_alarms(alarms: Alarms) -> Self {
        Self::with_config(Budgets::DEFAULT, ACCESS, |config| config.alarms = alarms)
    }

    /// The alarms of the log, in order.
    fn alarms(&self) -> Vec<serde_json::Value> {
        let bodies = self.bodies().into_iter();
        let all = bodies.map(|body| serde_json::from_str::<serde_json::Value>(&body).unwrap());
        all.filter(|entry| entry["action"] == "alarm_raised").collect()
    }

    fn alarm_texts(&self) -> Vec<String> {
        let text = |one: &serde_json::Value| one["changes"][0].as_str().unwrap().to_owned();
        self.alarms().iter().map(text).collect()
    }

    fn metric(&self, alarm: &str) -> String {
        let text = self.service.metrics().render(self.service.reading()).unwrap();
        let name = format!("hvelv_alarms_total{{alarm=\"{alarm}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().to_owned()
    }
}

#[test]
fn a_first_load_and_the_same_persons_again_and_again_raise_nothing() {
    let world = world();
    assert_eq!(world.metric("unseen_numbers"), "0", "shown before there is one");
    let people = apart(2_000);
    for _ in 0..5 {
        for batch in people.chunks(500) {
            world.ingest("NPR", "HF", batch);
        }
    }
    // A few more, as each month has.
    let more = apart(2_100);
    world.ingest("NPR", "HF", &more);
    let request = World::request("NPR", "HF", IngestMode::ResolveOnly);
    world.deliver(&request, &people).unwrap();
    assert_eq!(world.alarm_texts(), Vec::<String>::new());
}

#[test]
fn numbers_in_sequence_raise_an_alarm_once_a_window() {
    let world = world();
    let numbers = in_sequence(400);
    for batch in numbers.chunks(50) {
        world.ingest("NPR", "HF", batch);
    }
    let alarms = world.alarms();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    let alarm = &alarms[0];
    assert_eq!(alarm["changes"], serde_json::json!(["sequential_numbers by a"]));
    assert_eq!((&alarm["register"], &alarm["actor"]["kind"]), (&"NPR".into(), &"server".into()));
    assert_eq!((&alarm["counts"]["sampled"], &alarm["counts"]["rows"]), (&100.into(), &100.into()));
    assert!(alarm["counts"]["neighbours"].as_u64().unwrap() > 90, "{alarm}");
    assert_eq!(world.metric("sequential_numbers"), "1");
    assert_eq!(world.metric("look_ups_without_ingest"), "0");
    // What it was told already does not count, an hour later either.
    world.clock.advance(Duration::from_secs(3600));
    world.ingest("NPR", "HF", &numbers);
    assert_eq!(world.alarms().len(), 1);
    world.ingest("NPR", "HF", &in_sequence(600)[400..]);
    assert_eq!(world.alarm_texts(), ["sequential_numbers by a"; 2]);
    // In one other register nothing is said of it.
    assert!(world.alarms().iter().all(|alarm| alarm["register"] == "NPR"));
}

#[test]
fn many_numbers_that_nobody_has_raise_an_alarm_unless_somebody_has_granted_them() {
    let world = world();
    let people = apart(2_000);
    world.ingest("NPR", "HF", &people[..1_000]);
    world.clock.advance(Duration::from_secs(2 * 3600));
    world.ingest("NPR", "HF", &people[1_000..1_400]);
    assert_eq!(world.alarm_texts(), ["unseen_numbers by a"]);
    assert_eq!(world.alarms()[0]["counts"]["unseen"], 400);

    world.clock.advance(Duration::from_secs(2 * 3600));
    let grant = GrantRequest {
        principal: "a".parse().unwrap(),
        register: "NPR".parse().unwrap(),
        budget: Budget::Assignments,
        amount: 10_000,
        until: date(2026, 2, 1),
        reason: "first load".into(),
    };
    let _ = world.service.grant_budget(&world.operator(), grant).unwrap();
    world.ingest("NPR", "HF", &people[1_400..]);
    assert_eq!(world.alarms().len(), 1, "a grant says that they are expected");
}

#[test]
fn look_ups_at_a_source_that_delivers_nothing_raise_an_alarm() {
    let world = world();
    let people = apart(300);
    world.ingest("NPR", "HF", &people);
    let request = World::request("NPR", "HF", IngestMode::ResolveOnly);
    world.deliver(&request, &people).unwrap();
    assert_eq!(world.alarm_texts(), Vec::<String>::new(), "it has delivered today");
    world.clock.advance(Duration::from_secs(100 * 24 * 3600));
    world.deliver(&request, &people).unwrap();
    assert_eq!(world.alarm_texts(), ["look_ups_without_ingest by a"]);
    world.ingest("NPR", "HF", &people);
    world.clock.advance(Duration::from_secs(2 * 3600));
    world.deliver(&request, &people).unwrap();
    assert_eq!(world.alarms().len(), 1, "it delivers again");
}

/// Goal: who is told about many persons is noticed, though another person approved each; once a day,
/// however many there are when it is looked at.
#[test]
fn many_reveals_in_a_day_raise_an_alarm_once() {
    let config = |config: &mut Config| config.alarms = ALARMS;
    let world = bridges::world_with(config);
    let npr = world.ingest("NPR", "HF", &apart(10));
    let reveal = |ids: &[u64]| {
        for id in ids {
            world.approve_reveal("NPR", *id);
            world.reveal("NPR", *id).unwrap();
        }
    };
    let hours = |count: u64| world.clock.advance(Duration::from_secs(count * 3600));
    reveal(&npr[..1]);
    assert_eq!(world.alarm_texts(), Vec::<String>::new());
    reveal(&npr[1..2]);
    assert_eq!(world.alarm_texts(), ["reveals by c"]);
    assert_eq!(world.metric("reveals"), "1");
    hours(23);
    reveal(&npr[2..4]);
    assert_eq!(world.alarms().len(), 1, "once a day");
    // Three in the last day, which is beyond the two.
    hours(2);
    reveal(&npr[4..5]);
    assert_eq!(world.alarm_texts(), ["reveals by c"; 2]);
    assert_eq!(world.alarms()[1]["counts"]["rows"], 3);
    hours(25);
    reveal(&npr[5..6]);
    assert_eq!(world.alarms().len(), 2);
}

#[test]
fn nothing_is_raised_where_alarms_are_off() {
    let world = World::with_alarms(Alarms { enabled: false, ..ALARMS });
    world.unseal();
    world.ingest("NPR", "HF", &in_sequence(400));
    assert_eq!(world.alarm_texts(), Vec::<String>::new());
}
