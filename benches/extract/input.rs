//! Hospital episodes of synthetic persons, in no order, and the serials of all of them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use hvelv::ident::{KeyEpochDigit, RegisterId};

/// Rows of a person, on average.
const ROWS_OF_PERSON: u64 = 50;

const CODES: [&str; 8] = ["I21.4", "E11.9", "C50.9", "F32.1", "O80", "J18.9", "Z51.1", "M54.5"];
const UNITS: [&str; 6] = ["OUS", "Haukeland", "St. Olav", "UNN", "Ahus", "Stavanger"];
const COMMENTS: [&str; 5] = ["", "", "", "Kontroll, etter avtale", "Kom \"raskt\" inn"];

/// Steps through numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let place = self.below(all.len() as u64);
        all[usize::try_from(place).unwrap()]
    }
}

/// Writes both files.
pub(crate) fn write(rows: u64, input: &Path, serials: &Path) {
    let persons = (rows / ROWS_OF_PERSON).max(1);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(serials).unwrap());
    writeln!(out, "npr_id,lopenr").unwrap();
    for person in 0..persons {
        writeln!(out, "{},{}", id(person), serial(person)).unwrap();
    }
    out.into_inner().unwrap().sync_all().unwrap();

    let mut random = Random(1);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(input).unwrap());
    writeln!(
        out,
        "npr_id,episode_id,in_date,out_date,icd10,unit,unit_orgnr,patient_no,care_level,admission,\
         sex,birth_year,municipality,comment"
    )
    .unwrap();
    for _ in 0..rows {
        let person = random.below(persons);
        let (day, month) = (random.below(28) + 1, random.below(12) + 1);
        let year = 2020 + random.below(6);
        let (high, low) = (random.below(u64::MAX), random.below(u64::MAX));
        writeln!(
            out,
            "{},g{high:016x}-{low:016x},{year}-{month:02}-{day:02},{year}-{month:02}-{:02},{},{},3{:08},\
             {:07},{},{},{},{},{:04},{}",
            id(person),
            day.max(random.below(28) + 1),
            random.one_of(&CODES),
            random.one_of(&UNITS),
            random.below(400),
            person * 7919 % 9_999_991,
            random.below(3) + 1,
            random.one_of(&["acute", "planned"]),
            if person.is_multiple_of(2) { "female" } else { "male" },
            1930 + person % 90,
            301 + person % 350,
            quoted(random.one_of(&COMMENTS)),
        )
        .unwrap();
    }
    out.into_inner().unwrap().sync_all().unwrap();
}

fn id(person: u64) -> u64 {
    let epoch = KeyEpochDigit::new(1).unwrap();
    // Scattered, as encrypted numbers are: the factor has no divisor in common with 10^13.
    let body = person * 7_919_191_919 % 10_000_000_000_000;
    RegisterId::from_parts(epoch, body).unwrap().as_u64()
}

fn serial(person: u64) -> u64 {
    100_000_000 + person * 7_919_777 % 89_999_999
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}
