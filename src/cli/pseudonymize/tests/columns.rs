//! Several columns of identifiers.

use super::*;

#[test]
fn several_columns_are_replaced_each_by_its_own() {
    // Out of the order in which they are declared.
    let bench =
        Bench::new(b"barn;a;\"mor\"\n01810012345;x;\"01810012346\"\n01810012344;y;01810012343\n");
    let words = ["--id-column", "mor::mor_id", "--id-column", "barn:fnr:barn_id"];
    bench.run(&words, Fault::None).unwrap();
    assert_eq!(
        bench.output(),
        "barn_id;a;\"mor_id\"\n100001810012345;x;\"100001810012346\"\n\
         100001810012344;y;100001810012343\n"
    );
    assert_eq!(bench.seen(), [("packed", 2), ("packed", 2)], "one batch for each column");
}

#[test]
fn a_row_with_one_of_three_kinds_of_numbers_has_one_id() {
    let bench = Bench::new(b"fnr,dnr,duf\n01810012345,,\n,41814061033,\n,,202012345606\n,,\n");
    let words = [
        "--optional-id-column",
        "fnr:fnr:a",
        "--optional-id-column",
        "dnr:dnr:b",
        "--optional-id-column",
        "duf:duf:c",
    ];
    bench.run(&words, Fault::None).unwrap();
    let expected = "a,b,c\n100001810012345,,\n,100041814061033,\n,,100202012345606\n,,\n";
    assert_eq!(bench.output(), expected);
    assert_eq!(bench.rejects(), None);
    assert_eq!(bench.seen(), [("packed", 1); 3], "empty cells are not sent");
}

#[test]
fn rejects_of_several_columns_name_their_column() {
    let bench = Bench::new(b"mor,barn\n01810012349,x\n,\n01810012345,\n01810012345,01810012349\n");
    let words = ["--id-column", "mor::m", "--optional-id-column", "barn::b"];
    bench.run(&words, Fault::None).unwrap();
    assert_eq!(bench.output(), "m,b\n100001810012345,\n");
    assert_eq!(
        bench.rejects().unwrap(),
        "row,code,column\n1,check_digits,mor\n1,format,barn\n2,format,mor\n4,check_digits,barn\n"
    );
}

#[test]
fn an_optional_column_that_is_empty_everywhere_is_not_asked_about() {
    let bench = Bench::new(b"fnr,far\n01810012345,\n01810012346,\n");
    let words = ["--id-column", "fnr", "--optional-id-column", "far::far_id"];
    bench.run(&words, Fault::None).unwrap();
    assert_eq!(bench.seen(), [("packed", 2)]);
    assert_eq!(bench.output(), "npr_id,far_id\n100001810012345,\n100001810012346,\n");
}
