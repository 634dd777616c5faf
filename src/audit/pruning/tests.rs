use super::*;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn entry(action: Action, at: &str) -> String {
    Entry::new(time(at), Actor::Server, action).encode()
}

fn ingest(at: &str) -> String {
    entry(Action::Ingest, at)
}

fn kept(at: &str) -> Option<String> {
    Some(entry(Action::DeliveryClosed, at))
}

const OLD: &str = "2026-03-01T12:00:00Z";
const NOW: &str = "2031-03-03T12:00:00Z";

#[test]
fn what_was_pruned_is_written_and_read_in_one_form() {
    let pruning = Pruning::new(vec![3..=17, 19..=19], 12, RETENTION_DAYS_MIN).unwrap();
    let entry = pruning.entry(time(NOW), Actor::Server);
    assert_eq!(
        entry.encode(),
        r#"{"v":1,"time":"2031-03-03T12:00:00.000Z","actor":{"kind":"server"},"#.to_owned()
            + r#""action":"entries_pruned","counts":{"bodies":12,"entries":16,"#
            + r#""retention_days":1827},"changes":["entries 3 to 17","entries 19 to 19"]}"#
    );
    assert_eq!(Pruning::of(&entry), Some(pruning));
    for lines in [
        &["entries 03 to 17"][..],
        &["entries 17 to 3"],
        &["entries 3 to"],
        &["3 to 17"],
        &["entries 3 to 4 "],
        &["entries 3 to 16"],
        &["entries 3 to 17", "entries 18 to 18"],
        &["entries 19 to 19", "entries 3 to 17"],
        &["entries 0 to 18446744073709551615"],
        &[],
    ] {
        let changes = lines.iter().map(|line| (*line).to_owned()).collect();
        let changed = Entry { changes, ..entry.clone() };
        assert_eq!(Pruning::of(&changed), None, "{lines:?}");
    }
    let days = RETENTION_DAYS_MIN;
    assert_eq!(Pruning::new(vec![3..=17], 1, days - 1), None, "five years at least");
    let many = |count: u64| (0..count).map(|range| 2 * range..=2 * range).collect();
    assert!(Pruning::new(many(4096), 1, days).is_some());
    assert_eq!(Pruning::new(many(4097), 1, days), None);
    let covers = Pruning::new(vec![3..=5, 9..=9], 1, days).unwrap();
    let covered: Vec<u64> = (0..12).filter(|index| covers.covers(*index)).collect();
    assert_eq!(covered, [3, 4, 5, 9]);

    let hash = Hash::from_bytes([0xab; 32]);
    let record = StoredBody::encode_pruned(0x0102, hash);
    assert_eq!(record, [&[2, 0, 0, 0, 0, 0, 0, 1, 2][..], &[0xab; 32]].concat());
    assert_eq!(StoredBody::decode(&record), Ok(StoredBody::Pruned { by: 0x0102, hash }));
    assert!(StoredBody::decode(&record[..8]).is_err());
    assert!(StoredBody::decode(&record[..40]).is_err());
}

/// What is planned for a log; pruned entries are `None`.
fn planned(log: &[Option<String>], now: &str, days: u64) -> Vec<PruningPlan> {
    let mut planning = Planning::new(time(now), days);
    for (index, body) in (0..).zip(log) {
        match body {
            Some(body) if !planning.whole(index, body) => break,
            Some(_) => {}
            None => planning.pruned(index),
        }
    }
    planning.finish()
}

/// Does what is planned; gives how many bodies were dropped.
fn prune(log: &mut Vec<Option<String>>, now: &str) -> u64 {
    let plans = planned(log, now, RETENTION_DAYS_MIN);
    let mut count = 0;
    for PruningPlan { pruning, dropped } in plans {
        for index in dropped.into_iter().flatten() {
            let body = log[usize::try_from(index).unwrap()].take();
            let entry = Entry::decode(&body.unwrap()).unwrap();
            assert!(is_bulk(&entry) && pruning.covers(index));
            assert!(is_over(entry.time, time(now), RETENTION_DAYS_MIN));
            count += 1;
        }
        log.push(Some(pruning.entry(time(now), Actor::Server).encode()));
    }
    count
}

#[test]
fn only_bulk_entries_whose_time_is_over_are_pruned_and_not_the_one_that_dates_them() {
    let dropped = |body: String, now: &str, days| {
        let log = [kept(OLD), Some(body), kept(OLD)];
        planned(&log, now, days).iter().map(|plan| plan.pruning.bodies()).sum::<u64>()
    };
    assert_eq!(dropped(ingest(OLD), NOW, RETENTION_DAYS_MIN), 1);
    assert_eq!(dropped(ingest(OLD), "2031-03-02T11:00:00Z", RETENTION_DAYS_MIN), 0);
    assert_eq!(dropped(ingest(OLD), NOW, 4_000), 0, "longer is allowed, and then heeded");
    assert_eq!(dropped(ingest("2031-01-01T00:00:00Z"), NOW, 0), 0, "shorter is not");
    for action in [
        Action::Resolve,
        Action::Refused,
        Action::ReservationSet,
        Action::SerialsIssued,
        Action::AccessLoaded,
        Action::EntriesPruned,
        Action::DeliveryClosed,
    ] {
        assert_eq!(dropped(entry(action, OLD), NOW, RETENTION_DAYS_MIN), 0, "{action:?}");
    }
    assert_eq!(dropped("{\"v\":2}".to_owned(), NOW, RETENTION_DAYS_MIN), 0);

    let bulk = || Some(ingest(OLD));
    let young = || Some(ingest("2031-03-01T12:00:00Z"));
    for (log, left) in [
        (vec![kept(OLD), bulk(), bulk(), bulk(), young()], 0..=2),
        (vec![bulk(), bulk(), bulk(), young()], 0..=1),
        (vec![kept(OLD), bulk(), young(), bulk(), kept(OLD)], 0..=0),
        (vec![kept(OLD), bulk(), bulk()], 0..=1),
    ] {
        let runs: Vec<_> =
            planned(&log, NOW, RETENTION_DAYS_MIN).into_iter().flat_map(|p| p.dropped).collect();
        let expected = 1..=*left.end();
        let expected = if expected.is_empty() { vec![] } else { vec![expected] };
        assert_eq!(runs, expected, "{log:?}");
    }
}

/// Lets a log go by: pruned entries are `None`.
fn checked_at(log: &[Option<String>], now: &str) -> Option<u64> {
    let mut check = PruningCheck::default();
    for (index, body) in (0..).zip(log) {
        match body {
            Some(body) => check.whole(index, body),
            None => check.pruned(index),
        }
    }
    check.unexplained(time(now))
}

fn checked(log: &[Option<String>]) -> Option<u64> {
    checked_at(log, NOW)
}

fn says(entries: RangeInclusive<u64>, at: &str) -> Option<String> {
    let pruning = Pruning::new(vec![entries], 1, RETENTION_DAYS_MIN).unwrap();
    Some(pruning.entry(time(at), Actor::Server).encode())
}

#[test]
fn an_entry_without_a_body_needs_a_later_one_that_says_so() {
    let whole = || Some(ingest(OLD));
    assert_eq!(checked(&[whole(), None, None, whole(), says(1..=2, NOW)]), None);
    assert_eq!(checked(&[whole(), None, None, whole()]), Some(1));
    assert_eq!(checked(&[whole(), None, None, whole(), says(1..=1, NOW)]), Some(2));
    assert_eq!(checked(&[whole(), None, None, whole(), says(2..=2, NOW), says(1..=1, NOW)]), None);
    let middle = [whole(), None, None, None, whole(), says(2..=2, NOW)];
    assert_eq!(checked(&middle), Some(1), "both ends are left");
    assert_eq!(checked(&[whole(), says(2..=2, NOW), None, whole()]), Some(2), "it comes later");
    assert_eq!(checked(&[whole(), None, says(1..=2, NOW)]), Some(1), "not of itself");
    assert_eq!(checked(&[None, whole(), says(0..=0, NOW)]), Some(0), "never the first");
}

#[test]
fn an_entry_without_a_body_is_as_old_as_those_around_it_show_and_no_older() {
    let (old, young) = (|| Some(ingest(OLD)), || Some(ingest("2031-03-01T12:00:00Z")));
    assert_eq!(checked(&[None, None, says(0..=1, NOW)]), Some(0));
    assert_eq!(checked(&[old(), None, young(), says(1..=1, NOW)]), Some(1));
    assert_eq!(checked(&[old(), None, says(1..=1, NOW)]), Some(1), "nothing dates it");
    assert_eq!(checked(&[young(), None, old(), says(1..=1, NOW)]), Some(1), "the clock was set");
    let unread = || Some("{\"v\":2}".to_owned());
    assert_eq!(checked(&[old(), None, unread(), old(), says(1..=1, NOW)]), None);
    assert_eq!(checked(&[old(), None, unread(), young(), says(1..=1, NOW)]), Some(1));
    assert_eq!(checked(&[old(), None, unread()]), Some(1));

    // What says so may not be dated after the reader, or after what comes behind it.
    let late = "2037-01-01T00:00:00Z";
    let log = [old(), None, young(), says(1..=1, late)];
    assert_eq!(checked_at(&log, late), None);
    assert_eq!(checked(&log), Some(1));
    let log = [&log[..], &[young()]].concat();
    assert_eq!(checked_at(&log, late), Some(1));
    // By no more than clocks and queues differ.
    let log = [old(), None, old(), says(1..=1, NOW), Some(ingest("2031-03-03T11:00:00Z"))];
    assert_eq!(checked_at(&log, "2031-03-03T10:00:00Z"), None);
}

#[test]
fn what_is_planned_again_and_again_is_always_explained() {
    let actions = [Action::Ingest, Action::AuditRead, Action::DeliveryClosed, Action::Unsealed];
    for seed in 1..200_u64 {
        let mut state = seed;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed);
            (state >> 33) % below
        };
        let (mut log, mut now, mut dropped) = (vec![kept(OLD)], time(OLD), 0);
        for _ in 0..60 {
            let month = SignedDuration::from_hours(i64::try_from(draw(1_440)).unwrap());
            now = now.checked_add(month).unwrap();
            for _ in 0..draw(5) {
                let action = actions[usize::try_from(draw(4)).unwrap()];
                log.push(Some(entry(action, &now.to_string())));
            }
            if draw(4) == 0 {
                dropped += prune(&mut log, &now.to_string());
            }
            assert_eq!(checked_at(&log, &now.to_string()), None, "seed {seed}");
        }
        let (end, five_years) = (now, SignedDuration::from_hours(24 * 1827));
        dropped += prune(&mut log, &end.checked_add(five_years).unwrap().to_string());
        let end = end.checked_add(five_years).unwrap().to_string();
        assert_eq!(checked_at(&log, &end), None, "seed {seed}");
        assert!(dropped > 0 && prune(&mut log, &end) == 0, "seed {seed}");
        // One more that is gone is found, whichever it is.
        for index in 0..log.len() {
            let Some(body) = log[index].take() else { continue };
            let found = checked_at(&log, &end);
            assert!(found.is_some(), "seed {seed}: {index}");
            log[index] = Some(body);
        }
    }
}

#[test]
fn as_many_runs_as_deliveries_are_planned_said_and_checked_one_by_one() {
    // Twice as many steps for each as there are others would not end.
    const RUNS: u64 = 100_000;
    let mut log = vec![kept(OLD)];
    for _ in 0..RUNS {
        log.extend([Some(ingest(OLD)), kept(OLD)]);
    }
    let plans = planned(&log, NOW, RETENTION_DAYS_MIN);
    assert_eq!(plans.len(), usize::try_from(RUNS.div_ceil(4096)).unwrap());
    let longest = plans.iter().map(|plan| plan.pruning.entry(time(NOW), Actor::Server).encode());
    assert!(longest.map(|body| body.len()).max().unwrap() < 256 * 1024);
    assert_eq!(prune(&mut log, NOW), RUNS);
    assert_eq!(checked(&log), None);
    // A single long one is dropped in parts, each of which is explained.
    let mut log = vec![kept(OLD)];
    log.extend((0..150_000).map(|_| Some(ingest(OLD))));
    let plans = planned(&log, NOW, RETENTION_DAYS_MIN);
    let dropped: Vec<_> = plans.iter().map(|plan| plan.dropped.clone()).collect();
    assert_eq!(dropped, [[1..=65_536], [65_537..=131_072], [131_073..=149_999]]);
    for PruningPlan { pruning, dropped } in plans {
        for index in dropped.into_iter().flatten() {
            log[usize::try_from(index).unwrap()] = None;
        }
        log.push(Some(pruning.entry(time(NOW), Actor::Server).encode()));
        assert_eq!(checked(&log), None);
    }
}
