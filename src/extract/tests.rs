use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int16Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

use super::surrogate::written;
use super::testing::{Fake, csv, exception, id, input, made, parquet, plan, serial, surrogate};
use super::*;
use crate::files::Format;
use crate::files::guard::Kind;
use crate::ident::NumberSeries;
use crate::ident::synthetic::nth_valid;

mod bad;

const TERMS: &str = r#"
    [[registers]]
    register = "NPR"
    variables = [
        { name = "icd10", generalisation = { kind = "first_characters", count = 3 } },
        { name = "in_date", generalisation = { kind = "month" } },
        { name = "born", generalisation = { kind = "age_band", years = 10, on = "2026-01-01" } },
        { name = "days", generalisation = { kind = "top_code", highest = 30 } },
        { name = "comment" },
    ]
    secondary = [{ column = "patient_no", key_space = "patients", institution = "unit" }]

    [[registers]]
    register = "KPR"
    variables = [{ name = "icpc2" }]
"#;

fn surrogate_text(unit: &str, value: &str) -> String {
    let bytes = surrogate("patients", unit.as_bytes(), value.as_bytes());
    String::from_utf8(written(&bytes).to_vec()).unwrap()
}

#[test]
fn an_extract_has_what_the_terms_let_out_and_nothing_else() {
    let (one, two) = (id("NPR", 1), id("NPR", 2));
    let text = format!(
        "sex;npr_id;days;unit;patient_no;comment;born;in_date;icd10\n\
         1;{two};31;A;77;\"x;\"\"y\"\", z\";1980;2026-02-03;I21.4\n\
         2;{one};7;B;77;;1999-12-31;20251224;\n"
    );
    let (report, made) = csv(&plan(TERMS), &text).unwrap();
    let expected = format!(
        "lopenr,icd10,in_date,born,days,comment,patient_no\n\
         {},,2025-12,20-29,7,,{}\n{},I21,2026-02,40-49,30,\"x;\"\"y\"\", z\",{}\n",
        serial(1),
        surrogate_text("B", "77"),
        serial(2),
        surrogate_text("A", "77"),
    );
    assert_eq!(made, expected);
    let file = &report.files[0];
    assert_eq!(file.dropped, ["sex", "npr_id", "unit"]);
    assert_eq!((file.rows_in, file.rows_out, file.rows_left_out), (2, 2, 0));
    let columns: Vec<&str> = file.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns.join(","), expected.lines().next().unwrap());
}

#[test]
fn rows_are_ordered_by_serial_then_by_their_cells_from_left_to_right_as_bytes() {
    let terms =
        r#"registers = [{ register = "NPR", variables = [{ name = "b" }, { name = "a" }] }]"#;
    let own = id("NPR", 1);
    let mut rows =
        [("x", "b,"), ("x", "b"), ("", "z"), ("X", "y"), ("å", ""), ("x", ""), ("x", "b")];
    let mut all = Vec::new();
    for _ in 0..rows.len() {
        rows.rotate_left(1);
        let lines = rows.iter().map(|(b, a)| format!("\"{a}\",{own},{b}\n"));
        let text = format!("a,npr_id,b\n{}", lines.collect::<String>());
        all.push(csv(&plan(terms), &text).unwrap().1);
    }
    let serial = serial(1);
    let expected =
        ["", "X", "x", "x", "x", "x", "å"].iter().zip(["z", "y", "", "b", "b", "\"b,\"", ""]);
    let expected: String = expected.map(|(b, a)| format!("{serial},{b},{a}\n")).collect();
    assert!(all.iter().all(|made| *made == format!("lopenr,b,a\n{expected}")), "{}", all[0]);
}

/// Columns of many types: rows of `persons`, in this order.
fn typed(persons: &[i64]) -> Vec<(&'static str, ArrayRef)> {
    let of =
        |numbers: &dyn Fn(i64) -> i64| persons.iter().map(|one| numbers(*one)).collect::<Vec<_>>();
    let nth = |one: &i64| u64::try_from(*one).unwrap();
    let times = of(&|one| one * 1_000_000 - 5);
    let days = persons.iter().map(|one| i32::try_from(*one).unwrap() * 3);
    let small = persons.iter().map(|one| (one % 5 != 0).then(|| i16::try_from(one % 7).unwrap()));
    let ids = persons.iter().map(|one| i64::try_from(id("NPR", nth(one) / 3)).unwrap());
    vec![
        ("dropped", Arc::new(Int64Array::from(of(&|one| one))) as ArrayRef),
        (
            "text",
            Arc::new(StringArray::from_iter_values(persons.iter().map(|one| format!("t{one}")))),
        ),
        ("time", Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))),
        ("day", Arc::new(Date32Array::from_iter_values(days))),
        ("npr_id", Arc::new(Int64Array::from_iter_values(ids))),
        ("small", Arc::new(Int16Array::from_iter(small))),
        ("is", Arc::new(BooleanArray::from_iter(persons.iter().map(|one| Some(one % 2 == 0))))),
        (
            "share",
            Arc::new(Float64Array::from_iter_values(
                persons.iter().map(|one| (*one as f64) / -8.0),
            )),
        ),
    ]
}

const TYPED: &str = r#"
    [[registers]]
    register = "NPR"
    variables = [
        { name = "small", generalisation = { kind = "top_code", highest = 4 } },
        { name = "share" }, { name = "is" }, { name = "day" }, { name = "time" },
        { name = "text" },
    ]
"#;

#[test]
fn parquet_keeps_its_types_and_depends_on_the_released_content_alone() {
    let mut persons: Vec<i64> = (0..900).collect();
    let of = |persons: &[i64], group_rows| {
        let input = input("NPR", &parquet(&typed(persons), group_rows));
        made(&plan(TYPED), input, &mut Fake::default(), Format::Parquet).unwrap()
    };
    let (report, bytes) = of(&persons, 1000);
    persons.reverse();
    persons.rotate_left(311);
    assert!(of(&persons, 100).1 == bytes, "order and row groups of the input show");

    let kinds: Vec<&str> = report.files[0].columns.iter().map(|one| one.kind.as_str()).collect();
    let zoned = r#"Timestamp(µs, "UTC")"#;
    assert_eq!(kinds, ["Int64", "Int16", "Float64", "Boolean", "Date32", zoned, "text"]);
    let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    let metadata = file.metadata();
    assert_eq!(metadata.file_metadata().created_by(), Some("hvelv"));
    assert!(metadata.file_metadata().key_value_metadata().is_none());
    let columns = metadata.row_groups().iter().flat_map(|group| group.columns());
    assert!(columns.clone().all(|column| column.statistics().is_none()));
    assert!(columns.clone().all(|column| column.offset_index_offset().is_none()));
    let first = file.get_row_iter(None).unwrap().next().unwrap().unwrap();
    assert_eq!(first.get_long(0).unwrap(), i64::try_from(serial(0)).unwrap());
    assert_eq!(first.get_column_iter().nth(1).unwrap().1.to_string(), "null");
    assert_eq!(first.get_double(2).unwrap(), -0.0);
}

#[test]
fn a_table_is_the_same_extract_from_csv_and_from_parquet() {
    let persons = [4, 0, 2, 1];
    let of = |input| {
        let (_, bytes) = made(&plan(TYPED), input, &mut Fake::default(), Format::Csv).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let from_parquet = of(input("NPR", &parquet(&typed(&persons), 10)));
    let text: String = persons
        .iter()
        .map(|one| {
            let of_person = id("NPR", u64::try_from(*one).unwrap() / 3);
            let small = if one % 5 == 0 { String::new() } else { (one % 7).to_string() };
            let seconds = (one + 59) % 60;
            let time = match one {
                0 => "1969-12-31T23:59:59.999995Z".to_owned(),
                _ => format!("1970-01-01T00:00:{seconds:02}.999995Z"),
            };
            let (share, is, day) = (*one as f64 / -8.0, one % 2 == 0, one * 3 + 1);
            format!("{of_person},{small},{share},{is},1970-01-{day:02},{time},t{one}\n")
        })
        .collect();
    let text = format!("npr_id,small,share,is,day,time,text\n{text}");
    // Numbers are ordered as numbers in Parquet, as text in CSV; here both are the same.
    let mut lines: Vec<String> =
        of(input("NPR", text.as_bytes())).lines().map(Into::into).collect();
    let mut others: Vec<String> = from_parquet.lines().map(Into::into).collect();
    lines[1..].sort();
    others[1..].sort();
    assert_eq!(lines, others);
}

#[test]
fn persons_with_a_reservation_are_left_out_and_counted() {
    let rows: String = (0..30).map(|row| format!("{},c\n", id("NPR", row % 10))).collect();
    let terms = r#"registers = [{ register = "NPR", variables = [{ name = "a" }] }]"#;
    let mut fake = Fake { left_out: [3, 4].into(), ..Fake::default() };
    let input = input("NPR", format!("npr_id,a\n{rows}").as_bytes());
    let (report, bytes) = made(&plan(terms), input, &mut fake, Format::Csv).unwrap();
    let file = &report.files[0];
    assert_eq!((file.rows_in, file.rows_out, file.rows_left_out), (30, 24, 6));
    assert_eq!(file.persons_left_out, 2);
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.lines().count(), 25);
    assert!(!text.contains(&serial(3).to_string()));
    assert_eq!(fake.ids_asked, 10, "each person is asked about once");
}

/// Goal: what is told of how many are left out is of different persons.  Method: two files of NPR and one
/// of KPR leave out the same three.
#[test]
fn who_is_left_out_of_several_files_is_counted_once() {
    let terms = r#"registers = [
        { register = "NPR", variables = [{ name = "a" }] },
        { register = "KPR", variables = [{ name = "a" }] },
    ]"#;
    let of = |register| {
        let rows: String = (0..9).map(|row| format!("{},c\n", id(register, row))).collect();
        let column = format!("{}_id", register.to_lowercase());
        input(register, format!("{column},a\n{rows}").as_bytes())
    };
    let mut sinks = [Vec::new(), Vec::new(), Vec::new()];
    let outputs = sinks.iter_mut().map(|sink| Output { format: Format::Csv, sink }).collect();
    let mut fake = Fake { left_out: [3, 4, 5].into(), ..Fake::default() };
    let inputs = vec![of("NPR"), of("NPR"), of("KPR")];
    let report = run(&plan(terms), inputs, &mut fake, outputs, &mut Seen::default()).unwrap();
    assert!(report.files.iter().all(|file| file.persons_left_out == 3));
    assert_eq!(report.persons_left_out, 3);
}

#[derive(Default)]
struct Seen(Vec<(usize, Vec<u8>, Vec<Option<String>>)>);

impl Observer for Seen {
    fn row(&mut self, file: usize, person: &[u8], cells: &[Option<&[u8]>]) {
        let text =
            |cell: &Option<&[u8]>| cell.map(|cell| String::from_utf8(cell.to_vec()).unwrap());
        self.0.push((file, person.to_vec(), cells.iter().map(text).collect()));
    }
}

#[test]
fn files_of_one_disclosure_have_the_same_serials_and_their_small_cells_are_seen() {
    let mut terms = TERMS.to_owned();
    terms.push_str("[small_cells]\npersons_min = 5\ncolumns = [\"icpc2\", \"days\"]\n");
    let npr = format!(
        "npr_id,days,unit,patient_no,comment,born,in_date,icd10\n{},99,,,,,,\n",
        id("NPR", 8)
    );
    let kpr = format!("kpr_id,icpc2\n{},\"A,1\"\n", id("KPR", 8));
    let inputs = vec![input("NPR", npr.as_bytes()), input("KPR", kpr.as_bytes())];
    let (mut first, mut second, mut seen) = (Vec::new(), Vec::new(), Seen::default());
    let outputs = vec![
        Output { format: Format::Csv, sink: &mut first },
        Output { format: Format::Csv, sink: &mut second },
    ];
    let mut fake = Fake::default();
    run(&plan(&terms), inputs, &mut fake, outputs, &mut seen).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert!(text(first).ends_with(&format!("{},,,,30,,\n", serial(8))));
    assert_eq!(text(second), format!("lopenr,icpc2\n{},\"A,1\"\n", serial(8)));
    let cells: Vec<_> = seen.0.iter().map(|(file, _, cells)| (*file, cells.clone())).collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(cells, [(0, vec![None, some("30")]), (1, vec![some("A,1"), None])]);
    assert_eq!(seen.0[0].1, seen.0[1].1, "one person is one in all files");
    assert_eq!(fake.values_asked, 0, "an empty cell is no identifier");
}

#[test]
fn persons_are_counted_also_where_the_terms_ask_for_no_small_cells() {
    let terms = r#"registers = [{ register = "NPR", variables = [{ name = "a" }] }]"#;
    let rows: String = (0..30).map(|row| format!("{},c\n", id("NPR", row % 10))).collect();
    let input = input("NPR", format!("npr_id,a\n{rows}").as_bytes());
    let (mut bytes, mut screen) = (Vec::new(), Screen::new(None));
    let outputs = vec![Output { format: Format::Csv, sink: &mut bytes }];
    run(&plan(terms), vec![input], &mut Fake::default(), outputs, &mut screen).unwrap();
    assert_eq!(screen.finish().unwrap().persons, 10);
}

#[test]
fn ids_of_another_party_stand_in_the_place_of_serials() {
    let terms = r#"registers = [{ register = "NPR", variables = [{ name = "a" }] }]"#;
    let text = format!("npr_id,a\n{},x\n{},y\n", id("NPR", 12), id("NPR", 3));
    let mut fake = Fake { labels: true, ..Fake::default() };
    let of =
        |fake: &mut Fake, format| made(&plan(terms), input("NPR", text.as_bytes()), fake, format);
    let (_, bytes) = of(&mut fake, Format::Csv).unwrap();
    assert_eq!(bytes, b"lopenr,a\nP-0003,y\nP-0012,x\n");
    let (report, _) = of(&mut fake, Format::Parquet).unwrap();
    assert_eq!(report.files[0].columns[0].kind, "text");
    fake.mixed = Some(3);
    assert!(matches!(of(&mut fake, Format::Csv), Err(Error::File(_))));
    fake.fails = true;
    assert!(matches!(of(&mut fake, Format::Csv), Err(Error::Issuer(_))));
}

#[test]
fn a_large_file_is_the_same_whether_it_is_put_aside_or_fits() {
    let terms = r#"
        [[registers]]
        register = "NPR"
        variables = [{ name = "a" }, { name = "b" }]
        secondary = [{ column = "c", key_space = "s" }]
    "#;
    let filler = "f".repeat(60);
    let mut text = "npr_id,a,b,c\n".to_owned();
    for row in 0..400_000_u64 {
        let scattered = row * 7919 % 400_009;
        let person = id("NPR", scattered / 8);
        text.push_str(&format!("{person},{filler}{},{},{}\n", scattered % 3, row % 11, row / 2));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut plan = plan(terms);
    plan.temporary = directory.path().to_owned();
    let mut of = |memory_bytes| {
        plan.memory_bytes = memory_bytes;
        let mut fake = Fake::default();
        let made = made(&plan, input("NPR", text.as_bytes()), &mut fake, Format::Csv).unwrap();
        assert!(testing::names(directory.path()).is_empty());
        (made.1, fake.values_asked)
    };
    let (in_memory, asked) = of(1 << 30);
    assert!(of(MEMORY_BYTES_MIN).0 == in_memory);
    assert_eq!(asked, 200_000, "each value is asked about once");
    assert_eq!(in_memory.iter().filter(|byte| **byte == b'\n').count(), 400_001);
    // Where rows are put aside is a directory, or nothing comes out.
    plan.memory_bytes = MEMORY_BYTES_MIN;
    plan.temporary = directory.path().join("gone");
    let error = made(&plan, input("NPR", text.as_bytes()), &mut Fake::default(), Format::Csv);
    assert!(error.map(|_| ()).unwrap_err().to_string().starts_with("cannot put rows aside in "));
}

#[test]
fn the_guard_refuses_what_would_come_out_and_an_exception_is_recorded() {
    let own = nth_valid(NumberSeries::Fnr, jiff::civil::date(1990, 1, 1), 0).unwrap();
    let terms =
        r#"registers = [{ register = "NPR", variables = [{ name = "a" }, { name = "b" }] }]"#;
    let (plan, npr) = (plan(terms), id("NPR", 1));
    let file = |a: &str, b: &str| format!("npr_id,fnr,a,b\n{npr},{own:011},{a},{b}\n");
    let refused = |text: &str| testing::refused(&plan, input("NPR", text.as_bytes()));

    assert!(csv(&plan, &file("1", "2")).is_ok(), "a column that does not come out may hold them");
    let said = refused(&file(&format!("see {own:011}."), "x"));
    assert!(said.contains("column a: 1 × fødselsnummer"), "{said}");
    assert!(!said.contains(&format!("{own:011}")));
    let said = refused(&file("x", &npr.to_string()));
    assert!(said.contains("column b: 1 × identifier repeated from the ID column"), "{said}");
    assert!(!said.contains(&npr.to_string()));

    // The IDs of other persons, which stand in other rows: all of them pass the check digit.
    let rows: String =
        (0..200).map(|row| format!("{},,{},\n", id("NPR", row), id("KPR", row))).collect();
    let said = refused(&format!("npr_id,fnr,a,b\n{rows}"));
    assert!(said.contains("column a: 200 × register ID"), "{said}");
    let rows: String =
        (0..200).map(|row| format!("{},,{},\n", id("NPR", row), id("NPR", 199 - row))).collect();
    let said = refused(&format!("npr_id,fnr,a,b\n{rows}"));
    assert!(said.contains("identifier repeated from the ID column"), "{said}");

    let mut excepted = input("NPR", file(&format!("{own:011}"), "x").as_bytes());
    excepted.exceptions = vec![exception("a", "case numbers of 1990")];
    let (report, _) = made(&plan, excepted, &mut Fake::default(), Format::Csv).unwrap();
    let finding = &report.files[0].findings[0];
    assert_eq!((finding.column.as_str(), finding.kind, finding.count), ("a", Kind::Fnr, 1));
    assert_eq!(finding.reason.as_deref(), Some("case numbers of 1990"));
}
