//! What the steps of the mapping path cost, in instructions for each identifier: no more than the bounds
//! in the table below.
//!
//! Goal: a step that gets dearer shows on a machine of any speed and load. Method: this program runs
//! its ignored test under callgrind, which writes down how many instructions each of the functions
//! `counted_…` took with all that they call. Valgrind shows programs a processor with AES-NI and
//! AVX2 and without AVX-512 or VAES, so counts are the same on every x86-64 machine with those; what
//! wide AES brings is not in them, nor what waiting for memory costs.  A repeated string instruction
//! counts once for each byte, though a processor fills 32 or more at once: the C library is told to wipe
//! with stores instead, so that a byte that is freed counts as what it costs.
//!
//! ```text
//! eval "$(tools/rocksdb-cache)"; cargo test --locked --release --test instructions -- --nocapture
//! ```
//!
//! prints the counts. A bound is a count that was measured so, and a tenth: 132, 39, 278 and 447.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "the counts are printed whatever comes of them")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::Command;

use jiff::civil::date;

use hvelv::crypto::ff1::Ff1;
use hvelv::crypto::{IndexKey, SecretBytes, Tag, TagInput};
use hvelv::ident::{
    Declared, IdKind, Mode, NumberSeries, Rules, RulesAt, RulesConfig, parse_packed_ascii,
    synthetic,
};
use hvelv::vault::{Origin, PERSONS, Rows, Unknown, Vault};

#[path = "../benches/ingest/vault.rs"]
mod vault;

/// Each step, with the most instructions that it may take for an identifier.
const BOUNDS: [(&str, u64); 4] = [
    // 11 ASCII digits to an identifier.
    ("counted_parse", 145),
    // An identifier's encoding to its tag: AES-256-CMAC.
    ("counted_tag", 43),
    // Identifiers to persons: tags, and the index in memory, where all are known.
    ("counted_find", 306),
    // FF1-AES-256 on 13 digits: a register ID for a new member.
    ("counted_ff1", 492),
];

/// Identifiers that each step is given.
const IDENTIFIERS: usize = 4096;

#[test]
fn no_step_takes_more_instructions_than_its_bound() {
    let counts = counts();
    for (step, count) in &counts {
        println!("{step:<16} {count:>5} instructions for an identifier");
    }
    assert_eq!(counts.len(), BOUNDS.len(), "every step was counted once: {counts:?}");
    if env!("HVELV_OPT_LEVEL") != "3" {
        println!("opt-level {}: bounds are not held", env!("HVELV_OPT_LEVEL"));
        return;
    }
    let over = over(&counts);
    assert!(over.is_empty(), "{over:#?}");
}

#[test]
fn a_step_over_its_bound_or_not_counted_is_told() {
    let bounds = || BOUNDS.map(|(step, bound)| (step.to_owned(), bound));
    assert!(over(&bounds().into()).is_empty());
    for (step, bound) in BOUNDS {
        let mut counts: BTreeMap<String, u64> = bounds().into();
        counts.insert(step.to_owned(), bound + 1);
        assert_eq!(over(&counts).len(), 1, "{step}");
        counts.remove(step);
        assert_eq!(over(&counts).len(), 1, "{step}");
    }
}

fn over(counts: &BTreeMap<String, u64>) -> Vec<String> {
    let judge = |(step, bound): (&str, u64)| match counts.get(step) {
        Some(count) if *count <= bound => None,
        Some(count) => Some(format!("{step}: {count} instructions, at most {bound}")),
        None => Some(format!("{step}: not counted")),
    };
    BOUNDS.into_iter().filter_map(judge).collect()
}

/// Runs the ignored test under callgrind; gives instructions for each identifier.
fn counts() -> BTreeMap<String, u64> {
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("counts");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"]);
    command.arg(format!("--callgrind-out-file={}", written.display()));
    command.env("GLIBC_TUNABLES", "glibc.cpu.x86_rep_stosb_threshold=1073741824");
    command.arg(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "what_is_counted", "--test-threads=1"]);
    let output = command.output().expect(
        "valgrind counts instructions: install it (tools/prepare, or apt-get install valgrind)",
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(written).unwrap();
    let step = |(step, _)| Some((String::from(step), count_of(&text, step)?));
    BOUNDS.into_iter().filter_map(step).collect()
}

/// Instructions of the one call of a step for each identifier, with all that it calls, as callgrind
/// writes them: `cfn=NAME`, `calls=1 LINE`, `LINE INSTRUCTIONS`.
fn count_of(text: &str, step: &str) -> Option<u64> {
    let called = format!("cfn={}::{step}", env!("CARGO_CRATE_NAME"));
    let mut lines = text.lines().skip_while(|line| **line != called);
    lines.find(|line| line.starts_with("calls=1 "))?;
    let total: u64 = lines.next()?.split_whitespace().nth(1)?.parse().unwrap();
    Some(total / IDENTIFIERS as u64)
}

#[inline(never)]
fn counted_parse(rules: &RulesAt<'_>, column: &[u8], rows: &mut Rows) {
    parse_packed_ascii(rules, Declared::Kind(IdKind::Fnr), None, column, rows).unwrap();
}

#[inline(never)]
fn counted_tag(key: &IndexKey, words: &[u128], tags: &mut Vec<Tag>) {
    key.tag_many(words.iter().map(|word| TagInput::from_word::<14>(*word)), tags);
}

#[inline(never)]
fn counted_find(vault: &Vault, rows: &Rows) -> usize {
    let mut from = rows.chunks(64);
    let parse = |parsed: &mut Rows| parsed.extend_from_slice(from.next().unwrap_or_default());
    let persons = vault.find(PERSONS, rows.len(), parse).unwrap().finish(Unknown::Leave).unwrap();
    persons.iter().flatten().count()
}

#[inline(never)]
fn counted_ff1(cipher: &Ff1, numbers: &mut [u64]) {
    cipher.encrypt_many(numbers).unwrap();
}

#[test]
#[ignore = "runs under callgrind, started by the test above"]
fn what_is_counted() {
    let rules = Rules::new(&RulesConfig::new(Mode::Development)).unwrap();
    let rules = rules.at(date(2026, 1, 15));
    let (first, last) = (date(1950, 1, 1), date(1990, 12, 31));
    let numbers = synthetic::numbers_between(NumberSeries::Fnr, first, last);
    let column: String = numbers.take(IDENTIFIERS).map(|number| format!("{number:011}")).collect();
    let mut rows = Rows::with_capacity(IDENTIFIERS);
    counted_parse(&rules, black_box(column.as_bytes()), &mut rows);
    assert_eq!(rows.iter().flatten().count(), IDENTIFIERS);

    let secret = || SecretBytes::<32>::filled(|bytes| bytes.fill(7));
    let words = rows.iter().flatten().map(|id| id.tag_input_word().unwrap());
    let words: Vec<u128> = words
        .map(|(word, length)| {
            assert_eq!(length, 14);
            word
        })
        .collect();
    let mut tags = Vec::with_capacity(IDENTIFIERS);
    counted_tag(&IndexKey::new(&secret()), black_box(&words), &mut tags);
    assert_eq!(tags.len(), IDENTIFIERS);

    let vault = vault::empty();
    let origin = Origin { register: 1, source: "HF".into(), seen: date(2026, 1, 15) };
    let mut all = Some(&rows);
    let parse =
        |parsed: &mut Rows| all.take().into_iter().for_each(|rows| parsed.extend_from_slice(rows));
    let found = vault.find(PERSONS, rows.len(), parse).unwrap().finish(Unknown::Assign(&origin));
    assert_eq!(found.unwrap().len(), IDENTIFIERS);
    assert_eq!(counted_find(&vault, black_box(&rows)), IDENTIFIERS, "everybody is known");

    let mut bodies: Vec<u64> = (0..IDENTIFIERS as u64).collect();
    counted_ff1(&Ff1::new(&secret(), b"counts", 13).unwrap(), black_box(&mut bodies));
    assert_ne!(bodies[1], 1);
}
