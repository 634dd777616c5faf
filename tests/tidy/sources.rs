//! How a source file looks.

use super::{File, hold, refuses};

const LINES_MAX: usize = 800;
const LINES_AIM: usize = 400;

/// Files over the aim, each with the reason.
const LONG: [(&str, &str); 5] = [
    ("src/audit/entry.rs", "the form of an entry, and every action in one list"),
    ("src/service/ingest.rs", "one delivery from opening to end, which reads best in one piece"),
    ("src/service/tests.rs", "the tests of both"),
    ("src/store/keys.rs", "the whole key space, one table"),
    ("tests/leaks/main.rs", "one course through everything that could leak"),
];

fn length(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    let is_listed = LONG.iter().any(|(path, _)| *path == file.path);
    let max = if is_listed { LINES_MAX } else { LINES_AIM };
    if !file.is_rust() || lines <= max {
        return Vec::new();
    }
    vec![format!("{}: {lines} lines, at most {max}: split along a domain noun", file.path)]
}

fn instrument(file: &File) -> Vec<String> {
    if !file.is_rust() {
        return Vec::new();
    }
    let attributes = file.text.match_indices(concat!("#[", "instrument"));
    let qualified = file.text.match_indices(concat!("#[tracing::", "instrument"));
    let shows = |at: usize| {
        let end = file.text[at..].find(']').map_or(file.text.len(), |end| at + end);
        !file.text[at..end].contains("skip_all")
    };
    attributes
        .chain(qualified)
        .filter(|(at, _)| shows(*at))
        .map(|(at, _)| format!("{}: byte {at}: instrument without skip_all", file.path))
        .collect()
}

/// Words that production code does not hold.
const BANNED: [(&str, &str); 4] = [
    (".unwrap()", "say why it cannot fail: expect(\"…\"), or handle it"),
    ("dbg!", "it prints values"),
    ("todo!", "it is not done"),
    ("unimplemented!", "it is not done"),
];

fn banned(file: &File) -> Vec<String> {
    if !file.is_rust() {
        return Vec::new();
    }
    let code = file.code();
    let holds = |(at, line): &(usize, &str)| {
        let found = BANNED.iter().filter(|(word, _)| line.contains(word));
        found.map(|(word, why)| format!("{}:{at}: {word}: {why}", file.path)).collect::<Vec<_>>()
    };
    code.iter().flat_map(holds).collect()
}

fn lint_exceptions(file: &File) -> Vec<String> {
    // Written in parts, so that this file keeps its own rule.
    let attributes = [concat!("#[", "allow("), concat!("#![", "allow(")];
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, line)| file.is_rust() && attributes.iter().any(|one| line.contains(one)))
        .map(|(at, _)| format!("{}:{}: use expect with a reason", file.path, at + 1))
        .collect()
}

fn header(file: &File) -> Vec<String> {
    // The files of a directory `tests/` beside a module are included by it, as is `tests.rs`.
    let is_unit_test = file.path.starts_with("src/") && file.is_test();
    if !file.is_rust() || is_unit_test || file.text.starts_with("//!") {
        return Vec::new();
    }
    vec![format!("{}: begins without a module header (//!)", file.path)]
}

fn workplace(file: &File) -> Vec<String> {
    let banned = [
        concat!("/work", "/main"),
        concat!("/work", "/shared"),
        concat!("/tmp", "/h-"),
        concat!("/tmp", "/wt-"),
    ];
    let found = banned.iter().filter(|word| file.text.contains(*word));
    found.map(|word| format!("{}: names {word}", file.path)).collect()
}

#[test]
fn files_are_short() {
    hold(length);
    refuses(length, "src/x.rs", &"x\n".repeat(401), &"x\n".repeat(400));
    refuses(length, LONG[0].0, &"x\n".repeat(801), &"x\n".repeat(800));
}

#[test]
fn the_list_of_long_files_has_no_short_one() {
    for file in super::files().iter().filter(|file| LONG.iter().any(|(at, _)| *at == file.path)) {
        assert!(file.text.lines().count() > LINES_AIM, "{} is short: unlist it", file.path);
    }
}

#[test]
fn instrumented_functions_show_no_argument() {
    hold(instrument);
    let good = format!("{}(skip_all, fields(rows))]\nfn x() {{}}", concat!("#[", "instrument"));
    let bad = format!("{}]\nfn skip_all() {{}}", concat!("#[tracing::", "instrument"));
    refuses(instrument, "src/x.rs", &bad, &good);
}

#[test]
fn production_code_neither_unwraps_nor_prints_nor_is_unfinished() {
    hold(banned);
    for bad in ["let x = y.unwrap();", "dbg!(x);", "    todo!()", "unimplemented!()"] {
        refuses(banned, "src/x.rs", bad, &format!("#[cfg(test)]\nmod tests {{\n{bad}"));
    }
}

#[test]
fn lints_are_excepted_with_a_reason_that_the_compiler_checks() {
    hold(lint_exceptions);
    let bad = concat!("#[", "allow(dead_code)]");
    refuses(lint_exceptions, "src/x.rs", bad, "#[expect(dead_code, reason = \"…\")]");
}

#[test]
fn every_module_says_what_it_is() {
    hold(header);
    refuses(header, "src/x.rs", "use std::fmt;", "//! Does x.\n");
}

#[test]
fn nothing_names_the_place_where_it_was_written() {
    hold(workplace);
    refuses(workplace, "docs/x.md", concat!("see /work", "/shared/X.md"), "see docs/X.md");
}

/// Where threads of the runtime get work, and the stack that it leaves is wiped.
const OFF_THREAD: &str = "src/rpc/mod.rs";

fn threads(file: &File) -> Vec<String> {
    // The sender's program has no keys of a register, and ends with its work.
    let is_server = file.path.starts_with("src/") && !file.path.starts_with("src/cli/");
    if !file.is_rust() || !is_server || file.path.starts_with("src/extract/") {
        return Vec::new();
    }
    let code = file.code();
    let is_bare = |(at, line): &&(usize, &str)| {
        let begins = line.contains("spawn_blocking(") && file.path != OFF_THREAD;
        let starts = line.contains("thread::spawn(") || line.contains(".spawn(move ||");
        let after = code.iter().filter(|(of, _)| (*at..=*at + 1).contains(of));
        begins || (starts && !after.clone().any(|(_, line)| line.contains("wiped(")))
    };
    let bare = code.iter().filter(is_bare);
    bare.map(|(at, _)| format!("{}:{at}: memory::stack::wiped does the work", file.path)).collect()
}

#[test]
fn whatever_a_thread_of_the_server_leaves_on_its_stack_is_wiped() {
    hold(threads);
    let bad = ["spawn_blocking(work)", "thread::spawn(work)", ".spawn(move || work())"];
    for bad in bad {
        refuses(threads, "src/x.rs", bad, ".spawn(move || wiped(work))");
    }
    refuses(threads, "src/x.rs", bad[2], ".spawn(move || {\n wiped(work);\n})");
}

/// The one place that says who may open identities: `vault::MayReveal` is implemented there alone.
const REVEALS: &str = "src/registers/approvals.rs";

fn reveal(file: &File) -> Vec<String> {
    if !file.is_rust() || !file.path.starts_with("src/") || file.path == REVEALS {
        return Vec::new();
    }
    let code = file.code();
    let says = |line: &str| line.contains("MayReveal for") || line.contains("MayMatch for");
    let implements = code.iter().filter(|(_, line)| says(line));
    implements
        .map(|(at, _)| format!("{}:{at}: only {REVEALS} says who reveals", file.path))
        .collect()
}

#[test]
fn identities_are_opened_by_approved_acts_alone() {
    hold(reveal);
    let (bad, good) = ("impl MayReveal for Anyone {}", "reveal: &impl MayReveal,");
    refuses(reveal, "src/service/x.rs", bad, good);
    refuses(reveal, "src/service/x.rs", "impl MayMatch for Anyone {}", "_: &impl MayMatch,");
}
