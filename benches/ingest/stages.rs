//! The mapping path in process: each step beside its limit, in nanoseconds for an identifier, and all
//! of it beside batched AES, one gather of the index and one of the column.
//!
//! ```text
//! parse     packed ASCII to identifiers           the same bytes copied
//! tag       AES-256-CMAC of their encodings       AES-256 of as many blocks
//! index     what a look-up takes beside these     a gather of lines, of a table as large
//! column    what mapping takes beside these:      a gather of cells, of a table as large
//!           column, rights, answer
//! FF1       new register IDs, 13 digits           AES-256, ten blocks for each
//! frame     IDs to the bytes of a message         the same bytes copied
//! ```
//!
//! The steps run into each other, so that their waits overlap: index and column are differences.

use std::hint::black_box;

use jiff::civil::date;
use prost::Message as _;

use hvelv::clock::{Clock, SystemClock};
use hvelv::crypto::ff1::Ff1;
use hvelv::crypto::{IndexKey, SecretBytes, TagInput};
use hvelv::ident::{Declared, Mode, Rules, RulesAt, RulesConfig, parse_packed_ascii};
use hvelv::rpc::proto::RegisterIds;
use hvelv::vault::{Origin, PERSONS, Rows, Unknown, Vault};

use super::limits::{Table, Wide, copy};
use super::load::{BATCH, Form, population};
use super::row::Row;
use super::world::World;
use super::{Size, vault};

/// Rows that are parsed at once, as the service does.
const AT_ONCE: usize = 64;
/// Cells of a column come in blocks: what person numbers are drawn from.
const BLOCK_PERSONS: usize = 10_000_000;
const CELL_BYTES: usize = 8;
const DIGITS: usize = 11;
const FF1_ROUNDS: usize = 10;

const STEPS: [&str; 6] = ["parse", "tag", "index", "column and answer", "FF1", "frame"];

/// Measures all of it.
pub(crate) fn measure(size: &Size) -> Vec<Row> {
    let numbers = population(size.persons);
    let known = known_vault(&numbers);
    let world = World::start();
    world.deliver_all(Form::Integers, &numbers);
    let asked = &numbers[..numbers.len().min(size.identifiers)];
    let bench = Bench::new(asked, size.persons, known);
    let count = asked.len() / BATCH;
    let (mut steps, mut whole) = (vec![Vec::new(); STEPS.len()], Vec::new());
    let mut forms = vec![Vec::new(); 2];
    for _ in 0..size.rounds {
        let (ours, mapping) = world.in_process(Form::PackedAscii, asked, count);
        let limit = bench.limit();
        whole.push((ours, 1e9 / limit));
        for (step, pair) in steps.iter_mut().zip(bench.steps(1e9 / mapping)) {
            step.push(pair);
        }
        for (rates, form) in forms.iter_mut().zip([Form::Integers, Form::Text]) {
            rates.push((world.in_process(form, asked, count).0, 1e9 / limit));
        }
    }
    world.stop();
    let mut rows =
        vec![Row::beside("known, in process, beside AES and two gathers", "ids/s", &whole)];
    for (form, rates) in [Form::Integers, Form::Text].iter().zip(&forms) {
        rows.push(Row::beside(format!("the same, {}", form.name()), "ids/s", rates));
    }
    let step =
        |(name, pairs): (&&str, &Vec<_>)| Row::beside(format!("step: {name}"), "ns/id", pairs);
    rows.extend(STEPS.iter().zip(&steps).map(step));
    for row in &rows {
        let reference = row.reference.unwrap_or_default();
        println!("{:<48} {:.1} {}, limit {reference:.1}", row.measure, row.value, row.unit);
    }
    rows
}

/// A vault that knows everybody.
fn known_vault(numbers: &[u64]) -> Vault {
    let vault = vault::empty();
    let rules = rules();
    let rules = rules.at(date(2026, 1, 15));
    let origin = Origin { register: 1, source: "HF".into(), seen: date(2026, 1, 15) };
    for numbers in numbers.chunks(1 << 16) {
        let column = digits(numbers);
        let found = vault.find(PERSONS, numbers.len(), parser(&rules, &column)).unwrap();
        let mut found = found;
        found.finish(Unknown::Assign(&origin)).unwrap();
    }
    vault
}

fn rules() -> Rules {
    Rules::new(&RulesConfig::new(Mode::Development)).unwrap()
}

fn digits(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| format!("{number:011}").into_bytes()).collect()
}

/// Parses the next few rows of a column.
fn parser<'a>(rules: &'a RulesAt<'a>, column: &'a [u8]) -> impl FnMut(&mut Rows) + 'a {
    let mut parts = column.chunks(AT_ONCE * DIGITS);
    move |rows| {
        let part = parts.next().unwrap_or_default();
        parse_packed_ascii(rules, Declared::Any, None, part, rows).unwrap();
    }
}

struct Bench {
    clock: SystemClock,
    vault: Vault,
    batches: Vec<Vec<u8>>,
    index: Table,
    column: Table,
    random: Vec<u64>,
}

impl Bench {
    fn new(asked: &[u64], persons: usize, vault: Vault) -> Self {
        let random = |n: u64| {
            let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        let index_bytes = usize::try_from(vault.index_bytes()).unwrap();
        let cells = persons.next_multiple_of(BLOCK_PERSONS);
        Self {
            clock: SystemClock::new(),
            vault,
            batches: asked.chunks(BATCH).map(digits).collect(),
            index: Table::new(index_bytes, 8),
            column: Table::new(cells * CELL_BYTES, 1),
            random: (1..=asked.len() as u64).map(random).collect(),
        }
    }

    /// Nanoseconds for each of the identifiers that are asked for.
    fn timed(&self, work: impl FnOnce()) -> f64 {
        let begun = self.clock.monotonic();
        work();
        let took = self.clock.monotonic().saturating_sub(begun);
        took.as_secs_f64() * 1e9 / self.random.len() as f64
    }

    /// AES, a gather of the index and one of the column, batch by batch.
    fn limit(&self) -> f64 {
        let mut wide = Wide::new(BATCH);
        self.timed(|| {
            for random in self.random.chunks(BATCH) {
                wide.encrypt(1);
                self.index.gather(random);
                self.column.gather(random);
            }
        })
    }

    /// Each step beside its limit; `mapping` is what all that maps a batch takes.
    fn steps(&self, mapping: f64) -> [(f64, f64); STEPS.len()] {
        let rules = rules();
        let rules = rules.at(date(2026, 1, 15));
        let (mut parse, mut tag, mut find) = (0.0, 0.0, 0.0);
        let (mut tags, mut rows) = (Vec::new(), Rows::new());
        let key = IndexKey::new(&secret());
        for column in &self.batches {
            rows.clear();
            parse += self.timed(|| {
                let mut parse = parser(&rules, column);
                while rows.len() * DIGITS < column.len() {
                    parse(&mut rows);
                }
            });
            tags.clear();
            tag += self.timed(|| {
                let words = rows.iter().flatten().filter_map(|id| id.tag_input_word());
                key.tag_many(words.map(|(word, _)| TagInput::from_word::<14>(word)), &mut tags);
            });
            assert_eq!(tags.len(), rows.len(), "every encoding is one word");
            let count = rows.len();
            find += self.timed(|| {
                let found = self.vault.find(PERSONS, count, parser(&rules, column));
                let persons = found.unwrap().finish(Unknown::Leave).unwrap();
                assert!(black_box(persons).iter().all(Option::is_some), "everybody is known");
            });
        }
        let mut copied = Vec::new();
        let copying = self.timed(|| self.batches.iter().for_each(|from| copy(from, &mut copied)));
        let mut wide = Wide::new(BATCH);
        let batches = self.random.len() / BATCH;
        let aes = self.timed(|| (0..batches).for_each(|_| wide.encrypt(1)));
        let lines = self.timed(|| self.index.gather(&self.random));
        let cells = self.timed(|| self.column.gather(&self.random));
        let ten_times = self.timed(|| (0..batches).for_each(|_| wide.encrypt(FF1_ROUNDS)));
        let (frame, framing) = self.frame();
        [
            (parse, copying),
            (tag, aes),
            (find - parse - tag, lines),
            (mapping - find, cells),
            (self.ff1(), ten_times),
            (frame, framing),
        ]
    }

    fn ff1(&self) -> f64 {
        let cipher = Ff1::new(&secret(), b"", 13).unwrap();
        let mut numbers: Vec<u64> = (0..BATCH as u64).collect();
        let batches = self.random.len() / BATCH;
        self.timed(|| (0..batches).for_each(|_| cipher.encrypt_many(&mut numbers).unwrap()))
    }

    fn frame(&self) -> (f64, f64) {
        let ids = (0..BATCH as u64).map(|n| 123_456_789_012_345 + n).collect();
        let answer = RegisterIds { ids, ..RegisterIds::default() };
        let batches = self.random.len() / BATCH;
        let mut bytes = Vec::new();
        let frame = self.timed(|| {
            for _ in 0..batches {
                bytes.clear();
                black_box(&answer).encode(&mut bytes).unwrap();
                black_box(&bytes);
            }
        });
        let mut copied = Vec::new();
        (frame, self.timed(|| (0..batches).for_each(|_| copy(&bytes, &mut copied))))
    }
}

fn secret() -> SecretBytes<32> {
    SecretBytes::filled(|bytes| bytes.fill(7))
}
