//! The figures of all benchmarks in one table, and in one JSON document.

use serde_json::{Value, json};

use super::row::Row;
use super::spread::Spread;
use super::targets::{TARGETS, Target};

/// `{machine, results}`; a result is `{measure, value, unit, reference, ratio: {min, median, max},
/// floor, aim, verdict}`, null where there is none.
pub(crate) fn document(machine: &[(&str, String)], rows: &[Row]) -> Value {
    let results: Vec<Value> = rows.iter().map(result).collect();
    let machine: serde_json::Map<_, _> =
        machine.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
    json!({ "machine": machine, "results": results })
}

fn result(row: &Row) -> Value {
    let target = Target::of(&row.measure);
    let mut value = json!(row);
    value["floor"] = json!(target.map(|target| target.floor));
    value["aim"] = json!(target.and_then(|target| target.aim));
    value["verdict"] = json!(target.map(|_| verdict(row)));
    value
}

/// For a person: the machine, a line for each figure, and the targets that nothing was measured for.
pub(crate) fn text(machine: &[(&str, String)], rows: &[Row]) -> String {
    let mut lines: Vec<String> =
        machine.iter().map(|(name, text)| format!("{name:<10} {text}")).collect();
    lines.push(String::new());
    lines.push(line(["measure", "value", "reference", "ratio min/median/max", "floor", "aim", ""]));
    lines.extend(rows.iter().map(|row| {
        let target = Target::of(&row.measure);
        let number = |number: Option<f64>| number.map_or_else(String::new, short);
        line([
            &row.measure,
            &format!("{} {}", short(row.value), row.unit),
            &number(row.reference),
            &row.ratio.map_or_else(String::new, spread),
            &number(target.map(|target| target.floor)),
            &number(target.and_then(|target| target.aim)),
            verdict(row),
        ])
    }));
    let is_missing = |target: &&Target| rows.iter().all(|row| row.measure != target.measure);
    lines.extend(TARGETS.iter().filter(is_missing).map(|target| {
        let (floor, aim) = (short(target.floor), target.aim.map_or_else(String::new, short));
        line([target.measure, "", "", "", &floor, &aim, "not measured"])
    }));
    lines.join("\n")
}

fn verdict(row: &Row) -> &'static str {
    let median = row.ratio.map(|ratio| ratio.median);
    Target::of(&row.measure).map_or("", |target| target.verdict(row.value, median).text())
}

fn line(cells: [&str; 7]) -> String {
    let [measure, value, reference, ratio, floor, aim, verdict] = cells;
    let line = format!(
        "{measure:<52} {value:>18} {reference:>10} {ratio:>22} {floor:>6} {aim:>6}  {verdict}"
    );
    line.trim_end().to_owned()
}

fn spread(spread: Spread) -> String {
    [spread.min, spread.median, spread.max].map(short).join("/")
}

/// Three figures or so.
fn short(number: f64) -> String {
    match number.abs() {
        1e6.. => format!("{:.2}M", number / 1e6),
        1e4.. => format!("{:.1}k", number / 1e3),
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        0.1.. | 0.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}
