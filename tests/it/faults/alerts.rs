//! Goal: the alerts of docs/OPERATIONS.md speak of metrics that there are, by labels and values that
//! they have.  Method: a server meets what the alerts are about, a commit that fails among it; then
//! each name in the document is looked for in a scrape.  `promtool` would check grammar, not names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::failing_calls::Failing;
use super::shim::EIO;
use crate::harness::{
    Acknowledged, Installation, Scraped, ask, bounded, digits, header, log_verifies, look_up,
    packed, people, scrape, texts,
};

/// Values that this test does not bring about: a log that does not verify, a bug, and a caller
/// without a certificate, who gets no further than the handshake.
const NOT_MET: [(&str, &str, &str); 3] = [
    ("hvelv_checkpoints_total", "outcome", "failed"),
    ("hvelv_requests_total", "code", "INTERNAL"),
    ("hvelv_requests_total", "code", "UNAUTHENTICATED"),
];

/// The labels that Prometheus gives to what it scrapes.
const OF_THE_SCRAPER: [&str; 2] = ["instance", "job"];

/// What an expression says of a metric: labels with the values they are held against.
type Used = Vec<(String, Vec<(String, Vec<String>)>)>;

/// Metrics by name, with their labels and the values these have.
type Exported = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// A part of a line in backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The section about metrics: the names of its first table, and the expressions of its second.
fn documented() -> (Vec<String>, Vec<String>) {
    let text = include_str!("../../../docs/OPERATIONS.md");
    let section = text.split_once("\n## Metrics\n").unwrap().1;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let (metrics, alerts) = section.split_once("\n| Alert |").unwrap();
    let first_cells =
        metrics.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let names = first_cells.flat_map(|cell| quoted_names(&format!("`{cell}")));
    // A bar within a table is written \|, which no cell is split at here.
    let cells = alerts.lines().filter(|line| line.starts_with("| "));
    let expressions = cells
        .filter_map(|line| line.split(" | ").nth(1))
        .map(|cell| quoted(cell).next().unwrap().replace("\\|", "|"));
    (names.collect(), expressions.collect())
}

fn quoted_names(cell: &str) -> Vec<String> {
    quoted(cell).filter(|name| name.starts_with("hvelv_")).map(str::to_owned).collect()
}

/// The metrics of an expression.
fn used(expression: &str) -> Used {
    let mut used = Used::new();
    for (at, _) in expression.match_indices("hvelv_") {
        let rest = &expression[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let matchers = rest.strip_prefix('{').map_or("", |rest| rest.split_once('}').unwrap().0);
        let matchers = matchers.split(',').filter(|matcher| !matcher.is_empty());
        let labels = matchers.map(|matcher| {
            let (label, value) = matcher.split_once('=').unwrap();
            let value = value.trim_matches(['~', '"']);
            (label.trim_end_matches('!').to_owned(), value.split('|').map(str::to_owned).collect())
        });
        used.push((name.to_owned(), labels.collect()));
    }
    used
}

/// Labels by which an expression groups or joins: `by (…)`, `on(…)`.
fn grouped(expression: &str) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    for word in ["by (", "on("] {
        for list in expression.split(word).skip(1) {
            let list = list.split_once(')').unwrap().0;
            labels.extend(list.split(',').map(|label| label.trim().to_owned()));
        }
    }
    labels
}

fn exported(scraped: &Scraped) -> Exported {
    let mut all = Exported::new();
    for line in scraped.text.lines().filter(|line| !line.starts_with('#')) {
        let series = line.rsplit_once(' ').unwrap().0;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let metric = all.entry(name.to_owned()).or_default();
        for label in labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once("=\"").unwrap();
            let values = metric.entry(label.to_owned()).or_default();
            values.insert(value.trim_end_matches('"').to_owned());
        }
    }
    all
}

/// What an expression speaks of that there is not.
fn unknown(expression: &str, exported: &Exported) -> Vec<String> {
    let mut unknown = Vec::new();
    for (name, labels) in used(expression) {
        let Some(metric) = exported.get(&name) else {
            unknown.push(name);
            continue;
        };
        for (label, values) in labels {
            let Some(known) = metric.get(&label) else {
                unknown.push(format!("{name}{{{label}}}"));
                continue;
            };
            let is_met = |value: &String| {
                let of = (name.as_str(), label.as_str(), value.as_str());
                known.contains(value) || NOT_MET.contains(&of)
            };
            let missing = values.iter().filter(|value| !is_met(value));
            unknown.extend(missing.map(|value| format!("{name}{{{label}=\"{value}\"}}")));
        }
        let is_known =
            |label: &String| metric.contains_key(label) || OF_THE_SCRAPER.contains(&label.as_str());
        let missing = grouped(expression).into_iter().filter(|label| !is_known(label));
        unknown.extend(missing.map(|label| format!("{name}: by {label}")));
    }
    unknown
}

/// A server that has met what the alerts are about; gives what it exports then.
async fn met(installation: &Installation) -> Exported {
    let mut failing = Failing::start(installation).await;
    let address = failing.server.address;
    let numbers = people(20);
    let pipeline = installation.connect(address, "pipeline").await;
    ask(&pipeline, header("NPR", "HF"), packed(&numbers[..10])).await.unwrap();
    ask(&pipeline, header("NPR", "HF"), texts(&["x", &digits(numbers[0] ^ 1)])).await.unwrap();
    ask(&pipeline, look_up("NPR", "HF"), packed(&numbers[19..])).await.unwrap();
    let guest = installation.connect(address, "guest").await;
    assert!(ask(&guest, header("NPR", "HF"), packed(&numbers)).await.is_err());
    failing.shim.fail(1..2, EIO);
    let known = &mut Acknowledged::default();
    failing.send(installation, &numbers[10..], known, 0).await;
    failing.shim.heal();
    // Which asks for a checkpoint.
    log_verifies(installation, address);
    let line =
        match failing.server.process.said.iter().find(|line| line.contains("metrics are served")) {
            Some(line) => line.clone(),
            None => failing.server.process.wait_for("metrics are served"),
        };
    let port = line.split_once("127.0.0.1:").unwrap().1;
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    let scraped = bounded(scrape(SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())))).await;
    failing.server.stop();
    exported(&scraped)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_operators_document_is_one_that_the_server_exports() {
    let (names, expressions) = documented();
    assert!(names.len() > 20 && expressions.len() > 10, "{names:?} {expressions:?}");
    let exported = met(&Installation::new()).await;
    let is_there = |name: &String| {
        exported.contains_key(name) || exported.contains_key(&format!("{name}_bucket"))
    };
    let missing: Vec<_> = names.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "in the document and in no scrape: {missing:?}");
    for expression in &expressions {
        assert_eq!(unknown(expression, &exported), Vec::<String>::new(), "{expression}");
    }
    // And the other way round.
    for name in exported.keys().filter(|name| name.starts_with("hvelv_")) {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let is_named =
            names.contains(name) || family.is_some_and(|name| names.iter().any(|n| n == name));
        assert!(is_named, "{name} is in no document");
    }

    // The test sees what is wrong.
    for (wrong, said) in [
        ("hvelv_row_total > 0", "hvelv_row_total"),
        ("rate(hvelv_rows_total{result=\"x\"}[5m])", "hvelv_rows_total{result}"),
        (
            "rate(hvelv_rows_total{outcome=~\"unknown|gone\"}[5m])",
            "hvelv_rows_total{outcome=\"gone\"}",
        ),
        ("sum by (region) (hvelv_rows_total)", "hvelv_rows_total: by region"),
    ] {
        assert_eq!(unknown(wrong, &exported), [said]);
    }
}
