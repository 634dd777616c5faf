use super::*;

fn reading(open: Option<OpenReading>) -> Reading {
    Reading {
        state: if open.is_some() { "open" } else { "sealed" },
        states: &["open", "sealed"],
        started_s: 1_700_000_000,
        deliveries: 2,
        open,
        transport: TransportReading {
            streams: 3,
            messages: 4,
            message_bytes: 5,
            limits: vec![("limits.streams_max", 64)],
            connections: vec![("accepted", 6), ("refused", 0)],
        },
    }
}

/// The lines of a scrape that hold a value.
fn lines(metrics: &Metrics, open: Option<OpenReading>) -> Vec<String> {
    let text = metrics.render(reading(open)).unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_eq!(text.matches("# EOF").count(), 1);
    text.lines().filter(|line| !line.starts_with('#')).map(ToOwned::to_owned).collect()
}

#[track_caller]
fn has(lines: &[String], line: &str) {
    assert!(lines.iter().any(|one| one == line), "no line {line} in {lines:#?}");
}

#[test]
fn a_sealed_server_shows_its_state_and_none_of_what_is_open_only() {
    let lines = lines(&Metrics::new(), None);
    has(&lines, "hvelv_state{state=\"sealed\"} 1");
    has(&lines, "hvelv_state{state=\"open\"} 0");
    has(&lines, "process_start_time_seconds 1700000000");
    has(&lines, "hvelv_deliveries 2");
    has(&lines, "hvelv_streams 3");
    has(&lines, "hvelv_in_flight_messages 4");
    has(&lines, "hvelv_in_flight_bytes 5");
    has(&lines, "hvelv_limit{option=\"limits.streams_max\"} 64");
    has(&lines, "hvelv_connections_total{outcome=\"accepted\"} 6");
    has(&lines, &format!("hvelv_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")));
    for absent in ["hvelv_index", "hvelv_members", "hvelv_audit"] {
        assert!(!lines.iter().any(|line| line.starts_with(absent)), "{absent}");
    }
}

#[test]
fn an_open_server_shows_its_tables() {
    let open = OpenReading {
        roles_waiting: 2,
        identifiers: 7,
        index_bytes: 1 << 20,
        members: vec![("KPR".to_owned(), 0), ("NPR".to_owned(), u64::MAX)],
        audit_entries: 9,
        budgets: vec![BudgetReading {
            principal: "pipeline".to_owned(),
            register: "NPR".to_owned(),
            budget: "persons",
            used: 3,
            limit: 20_000,
        }],
    };
    let lines = lines(&Metrics::new(), Some(open));
    has(&lines, "hvelv_state{state=\"open\"} 1");
    has(&lines, "hvelv_index_identifiers 7");
    has(&lines, "hvelv_index_bytes 1048576");
    has(&lines, "hvelv_members{register=\"KPR\"} 0");
    has(&lines, &format!("hvelv_members{{register=\"NPR\"}} {}", i64::MAX));
    has(&lines, "hvelv_audit_entries 9");
    has(&lines, "hvelv_access_waiting 2");
    let labels = "principal=\"pipeline\",register=\"NPR\",budget=\"persons\"";
    has(&lines, &format!("hvelv_budget_used{{{labels}}} 3"));
    has(&lines, &format!("hvelv_budget_limit{{{labels}}} 20000"));
}

#[test]
fn a_delivery_counts_rows_by_outcome_and_every_outcome_is_there_from_the_start() {
    let metrics = Metrics::new();
    let first = metrics.delivery("NPR", "HF", ["date", "unknown"]);
    has(
        &lines(&metrics, None),
        "hvelv_rows_total{register=\"NPR\",source=\"HF\",outcome=\"unknown\"} 0",
    );
    first.mapped(Duration::from_micros(100));
    first.durable(Duration::from_secs(20), 10, [1, 2], 3);
    // Another delivery of the same source counts into the same.
    let second = metrics.delivery("NPR", "HF", ["date", "unknown"]);
    second.durable(Duration::from_millis(1), 5, [0, 1], 0);
    let lines = lines(&metrics, None);
    for (outcome, rows) in [("answered", 15), ("date", 1), ("unknown", 3)] {
        let labels = format!("register=\"NPR\",source=\"HF\",outcome=\"{outcome}\"");
        has(&lines, &format!("hvelv_rows_total{{{labels}}} {rows}"));
    }
    has(&lines, "hvelv_new_members_total{register=\"NPR\",source=\"HF\"} 3");
    has(&lines, "hvelv_batch_seconds_bucket{le=\"0.00025\",stage=\"mapped\"} 1");
    has(&lines, "hvelv_batch_seconds_count{stage=\"mapped\"} 1");
    has(&lines, "hvelv_batch_seconds_bucket{le=\"8.192\",stage=\"durable\"} 1");
    has(&lines, "hvelv_batch_seconds_bucket{le=\"+Inf\",stage=\"durable\"} 2");
}

#[test]
fn a_commit_without_batches_is_timed_and_not_counted_as_a_group() {
    let metrics = Metrics::new();
    let commit = |batches| CommitReading { took: Duration::from_millis(3), bytes: 100, batches };
    metrics.committed("registers", "record answers", &commit(7));
    metrics.committed("registers", "record answers", &commit(0));
    metrics.commit_failed("vault", "assign persons");
    metrics.checkpoint(Checkpoint::Signed);
    metrics.checkpoint(Checkpoint::Failed);
    let lines = lines(&metrics, None);
    let labels = "store=\"registers\",operation=\"record answers\"";
    has(&lines, &format!("hvelv_commit_seconds_count{{{labels}}} 2"));
    has(&lines, &format!("hvelv_commit_written_bytes_total{{{labels}}} 200"));
    has(&lines, &format!("hvelv_commit_batches_count{{{labels}}} 1"));
    has(&lines, &format!("hvelv_commit_batches_sum{{{labels}}} 7.0"));
    let failed = "store=\"vault\",operation=\"assign persons\"";
    has(&lines, &format!("hvelv_commits_failed_total{{{failed}}} 1"));
    has(&lines, "hvelv_checkpoints_total{outcome=\"signed\"} 1");
    has(&lines, "hvelv_checkpoints_total{outcome=\"failed\"} 1");
}

#[test]
fn requests_are_counted_by_method_and_code() {
    let metrics = Metrics::new();
    metrics.request_ended("/a.B/C", "OK", Duration::from_millis(2));
    metrics.request_ended("/a.B/C", "UNAVAILABLE", Duration::from_hours(2));
    let lines = lines(&metrics, None);
    has(&lines, "hvelv_requests_total{method=\"/a.B/C\",code=\"OK\"} 1");
    has(&lines, "hvelv_requests_total{method=\"/a.B/C\",code=\"UNAVAILABLE\"} 1");
    has(&lines, "hvelv_request_seconds_count{method=\"/a.B/C\"} 2");
}
