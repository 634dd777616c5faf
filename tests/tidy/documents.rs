//! Documents: width, links, and the tests that they name.

use std::collections::BTreeSet;

use super::{File, files, hold, refuses, root};

const WIDTH_MAX: usize = 100;

/// Lines of prose that are too long: not tables, code, or a line that a link alone makes long.
fn width(file: &File) -> Vec<String> {
    if !file.is_markdown() {
        return Vec::new();
    }
    let mut in_code = false;
    let mut violations = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let is_prose = !in_code && !line.starts_with('|') && !line.starts_with("    ");
        let is_link = line.contains("](") || line.contains("http");
        if is_prose && !is_link && line.chars().count() > WIDTH_MAX {
            violations.push(format!("{}:{}: over {WIDTH_MAX} characters", file.path, at + 1));
        }
    }
    violations
}

/// Relative links to what is not there.
fn links(file: &File) -> Vec<String> {
    if !file.is_markdown() {
        return Vec::new();
    }
    let directory = file.path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let targets = file.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with(['#', '<']))
        .filter_map(|target| target.split(['#', ' ']).next())
        .filter(|target| !root().join(directory).join(target).exists())
        .map(|target| format!("{}: links to {target}, which is not there", file.path))
        .collect()
}

/// The names of functions in the tree, tests among them, and of types: where a type makes something
/// impossible to compile, the type is cited.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files().iter().filter(|file| file.is_rust()) {
        let types = file.text.split("struct ").skip(1);
        for after in file.text.split("fn ").skip(1).chain(types) {
            let end = after.find(|c: char| !c.is_alphanumeric() && c != '_');
            names.insert(after[..end.unwrap_or(after.len())].to_owned());
        }
    }
    names
}

/// Names in backticks below a column headed `Test` that nothing has. Every row names one.
fn cited_tests(file: &File, known: &BTreeSet<String>) -> Vec<String> {
    const CITING: [&str; 3] = ["README.md", "SECURITY.md", "docs/ARCHITECTURE.md"];
    if !CITING.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let mut column = None;
    let mut violations = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        if !line.starts_with('|') {
            column = None;
            continue;
        }
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        if let Some(found) = cells.iter().position(|cell| *cell == "Test") {
            column = Some(found);
            continue;
        }
        let Some(cell) = column.and_then(|column| cells.get(column)) else { continue };
        if cell.chars().all(|c| "-: ".contains(c)) && !cell.is_empty() {
            continue;
        }
        let cited: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        if cited.is_empty() {
            violations.push(format!("{}:{}: the row names no test", file.path, at + 1));
        }
        for name in cited {
            let last = name.rsplit("::").next().unwrap_or(name);
            if !known.contains(last) {
                violations.push(format!("{}:{}: there is no test {name}", file.path, at + 1));
            }
        }
    }
    violations
}

#[test]
fn documents_are_wrapped() {
    hold(width);
    let long = "word ".repeat(21);
    refuses(width, "docs/x.md", &long, &format!("| {long} |\n```\n{long}\n```\n"));
}

#[test]
fn links_lead_somewhere() {
    hold(links);
    refuses(links, "keys/x.md", "see [y](policy.txt)", "see [y](policy.toml#z), [w](https://x.y)");
}

#[test]
fn every_test_that_a_document_names_exists() {
    let known = names();
    assert!(known.contains("every_test_that_a_document_names_exists"));
    hold(|file| cited_tests(file, &known));
    let table = |name: &str| format!("| What | Test |\n|---|---|\n| x | {name} |\n\nprose\n");
    let rule = |file: &File| cited_tests(file, &known);
    let good = table("`links_lead_somewhere`, `documents::documents_are_wrapped`");
    refuses(rule, "SECURITY.md", &table("`it_works`"), &good);
    refuses(rule, "README.md", &table("by hand"), &good);
}
