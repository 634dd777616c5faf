//! What `make bench` says about its figures: a floor that is missed is told, in either direction.

#[path = "../benches/results/row.rs"]
mod row;
#[path = "../benches/results/spread.rs"]
mod spread;
#[path = "../benches/results/table.rs"]
mod table;
#[path = "../benches/results/targets.rs"]
mod targets;

use row::Row;
use spread::Spread;
use targets::{TARGETS, Target, Verdict};

#[test]
fn a_figure_is_below_its_floor_above_it_or_as_aimed_for() {
    let judge = |measure: &str, value: f64, ratio: Option<f64>| {
        Target::of(measure).unwrap().verdict(value, ratio)
    };
    let known = "known, integers, 1 stream, 4096 a message";
    assert_eq!(judge(known, 1.0, Some(0.349)), Verdict::BelowFloor);
    assert_eq!(judge(known, 1.0, Some(0.35)), Verdict::AboveFloor);
    assert_eq!(judge(known, 1.0, Some(0.55)), Verdict::Reached);
    assert_eq!(judge(known, 1.0, Some(f64::NAN)), Verdict::BelowFloor);
    assert_eq!(judge(known, 1.0, None), Verdict::NotMeasured);
    // Less is better.
    let latency = "single look-up, p99";
    assert_eq!(judge(latency, 1.0, Some(2.01)), Verdict::BelowFloor);
    assert_eq!(judge(latency, 1.0, Some(1.9)), Verdict::AboveFloor);
    assert_eq!(judge(latency, 1.0, Some(1.3)), Verdict::Reached);
    let memory = "memory of the process per person";
    assert_eq!(judge(memory, 65.0, None), Verdict::BelowFloor);
    assert_eq!(judge(memory, 64.0, None), Verdict::AboveFloor);
    assert_eq!(judge(memory, 32.0, None), Verdict::Reached);
    // There is no aim.
    assert_eq!(judge("extract, csv", 1.0, Some(0.5)), Verdict::Reached);
}

#[test]
fn no_aim_is_easier_than_its_floor() {
    for target in TARGETS {
        let aim = target.aim.unwrap_or(target.floor);
        assert_ne!(target.verdict(aim, Some(aim)), Verdict::BelowFloor, "{}", target.measure);
    }
}

/// Goal: the table tells what was missed and what was not measured.  Method: one figure below its floor,
/// one without a target, nothing else.
#[test]
fn the_table_and_the_document_tell_what_was_missed() {
    let ratio: Spread = [0.3, 0.2, 0.3].into_iter().collect();
    let row = |measure: &str, value, unit: &str| Row {
        measure: measure.into(),
        value,
        unit: unit.into(),
        reference: None,
        ratio: None,
    };
    let known = row("known, integers, 1 stream, 4096 a message", 30.0, "ids/s");
    let known = Row { reference: Some(100.0), ratio: Some(ratio), ..known };
    let rows = [known, row("another", 7.0, "s")];
    let machine = [("processor", "one".to_owned())];
    let text = table::text(&machine, &rows);
    let line = |word: &str| text.lines().find(|line| line.starts_with(word)).unwrap();
    let known = line("known, integers");
    assert!(known.contains("0.20/0.30/0.30") && known.ends_with("BELOW FLOOR"), "{known}");
    assert!(line("another").ends_with("7.00 s"), "{text}");
    assert!(line("extract, csv").ends_with("not measured"), "{text}");
    assert!(line("processor").ends_with("one"));

    let document = table::document(&machine, &rows);
    let result = &document["results"][0];
    assert_eq!(result["value"], 30.0);
    assert_eq!(result["reference"], 100.0);
    assert_eq!(result["ratio"]["min"], 0.2);
    assert_eq!((&result["floor"], &result["aim"]), (&0.35.into(), &0.55.into()));
    assert_eq!(result["verdict"], "BELOW FLOOR");
    assert!(document["results"][1]["floor"].is_null());
    assert_eq!(document["machine"]["processor"], "one");
    assert!(row::directory().ends_with("bench-results"));
}
