//! What cannot be made, and what is said of it.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, ListArray, StringArray};

use super::TERMS;
use crate::extract::testing::{Fake, UNKNOWN, csv, id, input, made, parquet, plan, refused};
use crate::extract::{Refusal, RefusedRow, RefusedRows};
use crate::files::Format;
use crate::files::delimited::{Encoding, Layout};

const ONE: &str = r#"registers = [{ register = "NPR", variables = [{ name = "a" }] }]"#;

fn text_refused(terms: &str, text: &str) -> String {
    refused(&plan(terms), input("NPR", text.as_bytes()))
}

#[test]
fn a_column_that_is_not_there_is_named() {
    let said = text_refused(ONE, "npr_id,b\n");
    assert!(said.starts_with("there is no column a\nThe columns are: npr_id, b."), "{said}");
    let said = text_refused(ONE, "a,b\n");
    assert!(said.starts_with("there is no column npr_id\n"), "{said}");
    let columns: [(&str, ArrayRef); 1] = [("a", Arc::new(StringArray::from(vec!["x"])))];
    let said = refused(&plan(ONE), input("NPR", &parquet(&columns, 10)));
    assert!(said.starts_with("there is no column npr_id\n"), "{said}");
    let said = text_refused(ONE, "npr_id,a,a\n");
    assert!(said.starts_with("the header has the column a more than once"), "{said}");
}

#[test]
fn terms_that_contradict_themselves_or_the_file_are_refused() {
    let twice = ONE.replace("[{ name = \"a\" }]", "[{ name = \"a\" }, { name = \"a\" }]");
    let said = text_refused(&twice, "npr_id,a\n");
    assert!(said.contains("registers.NPR.a: named twice"), "{said}");
    let own = ONE.replace("\"a\"", "\"npr_id\"");
    let said = text_refused(&own, "npr_id,a\n");
    assert!(said.starts_with("the terms let out npr_id, the column of register IDs"), "{said}");
    let taken = ONE.replace("\"a\"", "\"lopenr\"");
    let said = text_refused(&taken, "npr_id,lopenr\n");
    assert!(said.starts_with("the terms let out a column lopenr"), "{said}");
    let said = refused(&plan(ONE), input("KPR", b"kpr_id,a\n"));
    assert!(said.starts_with("the disclosure lets out nothing of register KPR"), "{said}");
    let mut little = plan(ONE);
    little.memory_bytes = 1024;
    let said = refused(&little, input("NPR", b"npr_id,a\n"));
    assert!(said.starts_with("less than 64 MiB of memory"), "{said}");
}

#[test]
fn rows_without_a_serial_are_listed_by_row_and_code_or_left_out_and_counted() {
    let wrong = id("NPR", 1) / 10 * 10 + (id("NPR", 1) + 1) % 10;
    let cells = [
        id("NPR", 1).to_string(),
        id("NPR", UNKNOWN).to_string(),
        id("KPR", 1).to_string(),
        wrong.to_string(),
        String::new(),
        "12345".to_owned(),
    ];
    let rows: String = cells.iter().map(|cell| format!("{cell},x\n")).collect();
    let text = format!("npr_id,a\n{rows}");
    let said = text_refused(ONE, &text);
    assert!(said.starts_with("5 rows of in have no løpenummer\nrow 2: unknown\n"), "{said}");
    assert!(said.contains("row 3: other_register\nrow 4: check_digits\nrow 5: format\n"));
    assert!(said.contains("format in all: 2"));
    assert!(!cells.iter().any(|cell| !cell.is_empty() && said.contains(cell)), "{said}");

    let mut lenient = plan(ONE);
    lenient.refused_rows = RefusedRows::LeaveOut;
    let (report, made) = csv(&lenient, &text).unwrap();
    assert_eq!(made.lines().count(), 2);
    let file = &report.files[0];
    assert_eq!((file.rows_in, file.rows_out), (6, 1));
    assert_eq!(file.refused.get(&Refusal::Format), Some(&2));
    assert_eq!(file.refused_rows[0], RefusedRow { row: 2, refusal: Refusal::Unknown });
}

#[test]
fn damaged_files_are_refused_by_row() {
    let own = id("NPR", 1);
    let said = text_refused(ONE, &format!("npr_id,a\n{own},x\n{own},x,y\n"));
    assert!(said.starts_with("row 2 (line 3) has 3 fields, the header has 2"), "{said}");
    let said = text_refused(ONE, &format!("npr_id,a\n{own},\"x\n"));
    assert!(said.contains("has a quote that is never closed"), "{said}");
}

#[test]
fn text_in_another_encoding_is_refused_by_row_and_read_when_it_is_declared() {
    let own = id("NPR", 1);
    let bytes = [format!("npr_id,a\n{own},x\n{own},").as_bytes(), b"\xe5\n"].concat();
    let said = refused(&plan(ONE), input("NPR", &bytes));
    assert!(said.starts_with("row 2 is not UTF-8"), "{said}");
    let mut declared = input("NPR", &bytes);
    declared.layout = Layout { delimiter: None, encoding: Encoding::Latin1 };
    let (_, made) = made(&plan(ONE), declared, &mut Fake::default(), Format::Csv).unwrap();
    assert!(String::from_utf8(made).unwrap().ends_with(",å\n"));
}

#[test]
fn parquet_that_is_cut_off_or_of_the_wrong_types_is_refused() {
    let ids: ArrayRef = Arc::new(StringArray::from(vec![id("NPR", 1).to_string()]));
    let whole = parquet(&[("npr_id", Arc::clone(&ids)), ("a", Arc::clone(&ids))], 10);
    for length in [whole.len() - 1, whole.len() / 2, 8] {
        let mut cut = input("NPR", &whole[..length]);
        cut.name = "in.parquet".into();
        let said = refused(&plan(ONE), cut);
        assert!(said.starts_with("in.parquet "), "{length}: {said}");
    }
    let small: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let file = parquet(&[("npr_id", Arc::clone(&small)), ("a", Arc::clone(&ids))], 10);
    let said = refused(&plan(ONE), input("NPR", &file));
    assert!(
        said.starts_with("column npr_id is of type Int32, which holds no register IDs"),
        "{said}"
    );
    let lists =
        ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>([Some([Some(1)])]);
    let file = parquet(&[("npr_id", Arc::clone(&ids)), ("a", Arc::new(lists))], 10);
    let said = refused(&plan(ONE), input("NPR", &file));
    assert!(said.starts_with("column a is of type List") && said.contains("cannot hold"), "{said}");
    let month = ONE.replace("\"a\"", "\"a\", generalisation = { kind = \"month\" }");
    let file = parquet(&[("npr_id", ids), ("a", small)], 10);
    let said = refused(&plan(&month), input("NPR", &file));
    assert!(said.starts_with("column a of in is of type Int32, which cannot be made"), "{said}");
}

#[test]
fn a_cell_that_cannot_be_made_coarser_is_named_by_row_and_column_and_not_shown() {
    let own = id("NPR", 1);
    let of = |days: &str, date: &str| {
        let row = format!("{own},{days},A,,,,{date},\n");
        text_refused(
            TERMS,
            &format!("npr_id,days,unit,patient_no,comment,born,in_date,icd10\n{row}"),
        )
    };
    let said = of("many", "2026-01-01");
    assert!(said.starts_with("row 1, column days: the cell is not a number\n"), "{said}");
    assert!(!said.contains("many"));
    let said = of("1", "2026-02-30");
    assert!(said.starts_with("row 1, column in_date: the cell is not a date\n"), "{said}");
    assert!(!said.contains("2026-02-30"));
    let ids: ArrayRef = Arc::new(StringArray::from(vec![own.to_string()]));
    let file = parquet(&[("npr_id", ids), ("a", Arc::new(StringArray::from(vec!["x\0y"])))], 10);
    let said = refused(&plan(ONE), input("NPR", &file));
    assert!(
        said.starts_with("row 1, column a: the cell holds a character with code 0\n"),
        "{said}"
    );
}
