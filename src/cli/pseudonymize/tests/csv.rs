//! CSV: what stays, what changes, what is refused.

use super::*;

#[test]
fn the_identifier_column_is_replaced_in_place_and_everything_else_stays() {
    let bench = sent(b"a,fnr,b\nx,01810012345,y\n,41814061033,\"\"\n");
    assert_eq!(bench.output(), "a,npr_id,b\nx,100001810012345,y\n,100041814061033,\"\"\n");
    assert_eq!(bench.files(), ["out.csv"]);
    assert_eq!(bench.seen(), [("packed", 2)]);
}

#[test]
fn quoted_separators_newlines_and_quotes_stay_byte_for_byte() {
    let input = "fnr;t\r\n\"01810012345\";\"a;\"\"b\"\"\r\nc\"\r\n41814061033;5\" tube\r\n";
    let expected = input
        .replace("fnr", "npr_id")
        .replace("01810012345", "100001810012345")
        .replace("41814061033", "100041814061033");
    assert_eq!(sent(input.as_bytes()).output(), expected);
}

#[test]
fn a_bom_and_crlf_are_kept_out_of_the_name_and_in_the_file() {
    let bench = sent(b"\xef\xbb\xbffnr,x\r\n01810012345,1\r\n");
    assert_eq!(bench.output(), "\u{feff}npr_id,x\r\n100001810012345,1\r\n");
}

#[test]
fn a_last_line_without_its_end_stays_without() {
    assert_eq!(sent(b"fnr\n01810012345").output(), "npr_id\n100001810012345");
}

#[test]
fn empty_lines_are_no_rows_and_stay_where_they_are() {
    let bench = sent(b"fnr,x\n\n01810012345,1\n\n\n4181406103x,2\n\n");
    assert_eq!(bench.output(), "npr_id,x\n\n100001810012345,1\n\n\n\n");
    assert_eq!(bench.rejects().unwrap(), "row,code\n2,format\n");
}

#[test]
fn own_ids_of_joined_identifiers_are_listed_by_row() {
    let input = b"fnr,x\n01810012345,1\n02810012388,2\nabc,3\n02810012488,4\n";
    let bench = sent(input);
    assert_eq!(
        bench.output(),
        "npr_id,x\n100001810012345,1\n100002810012388,2\n100002810012488,4\n"
    );
    let listed = "row,leaf_id\n2,100002810012389\n4,100002810012489\n";
    assert_eq!(bench.read("out.csv.leaf-ids.csv").unwrap(), listed);
    assert_eq!(bench.files(), ["out.csv", "out.csv.leaf-ids.csv", "out.csv.rejects.csv"]);
    let bench = Bench::new(input);
    let own = bench.path("own.csv");
    let words = ["--id-column", "fnr", "--leaf-ids", own.to_str().unwrap()];
    bench.run(&words, Fault::None).unwrap();
    assert_eq!(bench.read("own.csv").unwrap(), listed);
}

#[test]
fn what_is_not_utf_8_is_refused_by_its_row() {
    let input = b"fnr,sted\n01810012345,x\n01810012345,Troms\xf8\n01810012345,x\n";
    let error = refused_plainly(input);
    assert_eq!(error.to_string(), "row 2 is not UTF-8");
    assert!(error.advice()[0].contains("--encoding iso-8859-1"));
    let header = refused_plainly(b"fnr,Troms\xf8\n01810012345,x\n");
    assert_eq!(header.to_string(), "the header is not UTF-8");
}

#[test]
fn latin_1_is_written_back_as_it_was_and_its_columns_found_by_their_names() {
    let bench = Bench::new(b"f\xf8dselsnummer;sted\n01810012345;Troms\xf8\n");
    let words = ["--encoding", "iso-8859-1", "--id-column", "fødselsnummer::løpe-id"];
    bench.run(&words, Fault::None).unwrap();
    let output = std::fs::read(bench.path("out.csv")).unwrap();
    assert_eq!(output, b"l\xf8pe-id;sted\n100001810012345;Troms\xf8\n");
    let marked = b"\xef\xbb\xbffnr\n01810012345\n";
    let error = refused(marked, &["--encoding", "iso-8859-1", "--id-column", "fnr"], Fault::None);
    assert!(error.to_string().contains("UTF-8"), "{error}");
    let words = ["--encoding", "iso-8859-1", "--id-column", "fnr::id€"];
    let error = refused(b"fnr\n01810012345\n", &words, Fault::None);
    assert!(error.to_string().contains("cannot be written"), "{error}");
}

#[test]
fn ten_digits_are_eleven_only_when_that_is_said() {
    let input = b"fnr,n\n1810012345,1\n41814061033,2\n181001234,3\n";
    let bench = sent(input);
    assert_eq!(bench.rejects().unwrap(), "row,code\n1,format\n3,format\n");
    let bench = Bench::new(input);
    bench.run(&["--id-column", "fnr", "--leading-zeros"], Fault::None).unwrap();
    assert_eq!(bench.output(), "npr_id,n\n100001810012345,1\n100041814061033,2\n");
    assert_eq!(bench.rejects().unwrap(), "row,code\n3,format\n");
    let bench = Bench::new(b"fnr\n1810012345\n41814061033\n");
    bench.run(&["--id-column", "fnr", "--leading-zeros"], Fault::None).unwrap();
    assert_eq!(bench.seen(), [("packed", 2)]);
}

#[test]
fn delimiters_are_told_from_the_header() {
    for (delimiter, header) in [(",", "fnr,b;c"), (";", "a,b;fnr"), ("\t", "a,b;c\tfnr")] {
        let columns = header.matches(delimiter).count();
        let mut cells = vec!["x"; columns + 1];
        let place = if header.starts_with("fnr") { 0 } else { columns };
        cells[place] = "01810012345";
        let bench = sent(format!("{header}\n{}\n", cells.join(delimiter)).as_bytes());
        assert!(bench.output().contains("100001810012345"), "{header}");
    }
    let quoted = sent(b"\"a,b\";\"fnr\"\n1;01810012345\n");
    assert_eq!(quoted.output(), "\"a,b\";\"npr_id\"\n1;100001810012345\n");
    let given = Bench::new(b"a|fnr\nx|01810012345\n");
    given.run(&["--id-column", "fnr", "--delimiter", "|"], Fault::None).unwrap();
    assert_eq!(given.output(), "a|npr_id\nx|100001810012345\n");
}

#[test]
fn rejected_rows_go_to_the_side_file_by_number_and_code_and_never_by_value() {
    let bench = sent(b"fnr,x\n01810012345,1\n01810012349,2\nabc,3\n01810012348,4\n,5\n");
    assert_eq!(bench.output(), "npr_id,x\n100001810012345,1\n100001810012348,4\n");
    assert_eq!(bench.rejects().unwrap(), "row,code\n2,check_digits\n3,format\n5,format\n");
    assert_eq!(bench.files(), ["out.csv", "out.csv.rejects.csv"]);
    assert_eq!(bench.seen(), [("text", 3), ("text", 2)]);
}

#[test]
fn rejected_rows_are_kept_without_an_id_when_asked_for_but_suppressed_ones_never() {
    let bench = Bench::new(b"fnr,x\n01810012349,1\n\"abc\",2\n01810012347,3\n01810012345,4\n");
    bench.run(&["--id-column", "fnr", "--rejected-rows", "keep"], Fault::None).unwrap();
    assert_eq!(bench.output(), "npr_id,x\n,1\n\"\",2\n100001810012345,4\n");
    let rejects = bench.rejects().unwrap();
    assert_eq!(rejects, "row,code\n1,check_digits\n2,format\n3,suppressed\n");
}

#[test]
fn rejects_go_where_they_are_wanted() {
    let bench = Bench::new(b"fnr\nabc\n");
    let list = bench.path("list.csv");
    let words = ["--id-column", "fnr", "--fail-on-rejects", "--rejects", list.to_str().unwrap()];
    assert_eq!(bench.run(&words, Fault::None).unwrap(), Exit::Rejects);
    assert_eq!(bench.files(), ["list.csv", "out.csv"]);
}

#[test]
fn a_header_alone_gives_a_header_alone() {
    assert_eq!(sent(b"a,fnr\n").output(), "a,npr_id\n");
}

#[test]
fn an_empty_file_is_refused() {
    for input in [&b""[..], b"\xef\xbb\xbf"] {
        assert_eq!(refused_plainly(input).to_string(), "the file is empty");
    }
}

#[test]
fn a_ragged_row_is_named_and_nothing_is_written() {
    let error =
        refused_plainly(b"fnr,x\n01810012345,1\n01810012345,1\n01810012345,1\n01810012345\n");
    assert_eq!(error.to_string(), "row 4 (line 5) has 1 fields, the header has 2");
    assert_eq!(error.exit(), Exit::Input);
}

#[test]
fn an_unclosed_quote_or_a_file_cut_inside_one_is_refused_wherever_it_is() {
    for input in [
        &b"fnr,x\n01810012345,\"a\n01810012345,b\n"[..],
        b"fnr,x\n01810012345,\"a\n01810012345,\"b\n",
        b"\"fnr,x\n01810012345,a\n",
        b"fnr,x\n\"01810012345,a\n",
    ] {
        let error = refused_plainly(input);
        assert_eq!(error.exit(), Exit::Input);
        assert!(error.to_string().contains("quote"), "{error}");
        assert!(!error.to_string().contains("0181"), "{error}");
    }
    // One that swallows a large file is noticed within the bound on a row.
    let mut large = b"fnr,x\n01810012345,\"a\n".to_vec();
    large.extend(b"01810012345,b\n".repeat(200_000));
    assert!(refused_plainly(&large).to_string().starts_with("row 1 (line 2) is longer"));
}

#[test]
fn a_missing_column_lists_the_columns_that_there_are() {
    let error = refused_plainly(b"pasient;\"inn,dato\"\n1;2\n");
    assert_eq!(error.to_string(), "there is no column fnr");
    assert_eq!(error.advice()[0], "The columns are: pasient, inn,dato.");
}

#[test]
fn a_first_row_that_is_data_is_not_shown() {
    let error = refused_plainly(b"01810012345,a\n41814061033,b\n");
    let all = format!("{error} {:?}", error.advice());
    assert!(all.contains("looks like data") && !all.contains("0181"), "{all}");
}

#[test]
fn a_column_that_is_there_twice_or_has_the_name_of_the_ids_is_refused() {
    assert!(refused_plainly(b"fnr,fnr\n1,2\n").to_string().contains("more than once"));
    assert!(refused_plainly(b"fnr,npr_id\n1,2\n").to_string().contains("npr_id already"));
}

#[test]
fn a_column_that_changes_from_digits_to_text_is_sent_as_text_from_there() {
    let bench = sent(b"fnr\n01810012345\n01810012345\n01810012345\n0181001234X\n01810012345\n");
    assert_eq!(bench.seen(), [("packed", 3), ("text", 2)]);
    assert_eq!(bench.rejects().unwrap(), "row,code\n4,format\n");
}

/// The beginnings of files that are no text: a workbook, a compressed table, UTF-16 that does not say
/// so.
#[test]
fn a_file_of_another_kind_is_refused_and_not_shown() {
    for input in [
        &b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00b\xee\x9dh^\x01\n\x00"[..],
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\xcb\n\x2b\xe2",
        b"f\x00n\x00r\x00,\x00x\x00\n\x00",
    ] {
        let error = refused_plainly(input);
        assert_eq!(error.exit(), Exit::Input, "{error}");
        assert!(!error.to_string().contains(['\0', '\u{8}']), "{error}");
    }
}

/// A file that was cut within its last cell: with one column nothing else shows it.
#[test]
fn an_identifier_that_is_cut_is_a_reject() {
    let bench = sent(b"fnr\n01810012345\n018100\n");
    assert_eq!(bench.output(), "npr_id\n100001810012345\n");
    assert_eq!(bench.rejects().unwrap(), "row,code\n2,format\n");
}

#[test]
fn utf_16_is_refused() {
    assert!(refused_plainly(b"\xff\xfef\0n\0r\0\n\0").to_string().contains("UTF-16"));
}

#[test]
fn a_server_that_stops_half_way_leaves_nothing_and_says_how_far_it_was() {
    let input = [&b"fnr\n"[..], &b"01810012345\n".repeat(100)].concat();
    let words = ["--id-column", "fnr", "--batch-rows", "3"];
    let error = refused(&input, &words, Fault::StopAfter(5));
    assert_eq!(error.exit(), Exit::Unavailable);
    assert!(error.advice()[0].starts_with("15 rows had been answered; nothing was written."));
}

#[test]
fn an_answer_that_does_not_fit_is_refused() {
    for fault in [Fault::OneIdShort, Fault::ZeroWithoutCode, Fault::WrongCount] {
        let error = refused(b"fnr\n01810012345\n01810012346\n", &FNR, fault);
        assert_eq!(error.exit(), Exit::Internal);
    }
}

#[test]
fn many_batches_come_out_in_order() {
    let rows: Vec<String> = (0..20_000u64).map(|n| format!("{n:010}1;{n}")).collect();
    let input = format!("fnr;n\n{}\n", rows.join("\n"));
    let bench = Bench::new(input.as_bytes());
    bench.run(&["--id-column", "fnr", "--batch-rows", "7"], Fault::None).unwrap();
    let expected: Vec<String> = (0..20_000u64).map(|n| format!("1000{n:010}1;{n}")).collect();
    assert!(bench.output() == format!("npr_id;n\n{}\n", expected.join("\n")));
}
