//! Columns of names and addresses: sent beside the identifiers, and not in the output.

use super::*;

const WORDS: [&str; 6] =
    ["--id-column", "fnr", "--name-column", "navn", "--address-column", "adresse"];

impl Bench {
    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn names_and_addresses_are_sent_and_their_columns_are_gone_wherever_they_stand() {
    for (input, output) in [
        (
            "navn;fnr;x;adresse\nKari;01810012345;1;Vei 1\nOla;01810012346;2;\n",
            "npr_id;x\n100001810012345;1\n100001810012346;2\n",
        ),
        (
            "fnr;navn;adresse;x\n01810012345;Kari;Vei 1;1\n01810012346;Ola;;2\n",
            "npr_id;x\n100001810012345;1\n100001810012346;2\n",
        ),
        (
            "x;adresse;navn;fnr\r\n1;Vei 1;Kari;01810012345\r\n2;;Ola;01810012346",
            "x;npr_id\r\n1;100001810012345\r\n2;100001810012346",
        ),
        (
            "x;fnr;adresse;navn\n1;01810012345;\"Vei 1\";\"Kari\"\n2;01810012346;;Ola\n",
            "x;npr_id\n1;100001810012345\n2;100001810012346\n",
        ),
    ] {
        let bench = Bench::new(input.as_bytes());
        bench.run(&WORDS, Fault::None).unwrap();
        assert_eq!(bench.output(), output, "{input}");
        assert_eq!(bench.told(), [(texts(&["Kari", "Ola"]), texts(&["Vei 1", ""]))], "{input}");
    }
}

#[test]
fn quotes_line_ends_and_letters_come_as_they_are_meant() {
    let input = "fnr,navn,adresse\n01810012345,\"K\u{e5}re \"\"K\"\" \u{d8}\",\"Vei 1\n0001 By\"\n";
    let latin: Vec<u8> = input.chars().map(|one| u8::try_from(u32::from(one)).unwrap()).collect();
    for (bytes, encoding) in [(input.as_bytes(), "utf-8"), (&latin, "iso-8859-1")] {
        let bench = Bench::new(bytes);
        bench.run(&[&WORDS[..], &["--encoding", encoding]].concat(), Fault::None).unwrap();
        assert_eq!(bench.output(), "npr_id\n100001810012345\n");
        let told = (texts(&["K\u{e5}re \"K\" \u{d8}"]), texts(&["Vei 1\n0001 By"]));
        assert_eq!(bench.told(), [told]);
    }
}

#[test]
fn one_column_alone_is_sent_alone_and_empty_identifiers_take_theirs_with_them() {
    let bench = Bench::new(b"fnr,navn,adresse\n01810012345,Kari,x\n,Ola,y\n01810012346,Per,z\n");
    let words = ["--optional-id-column", "fnr", "--name-column", "navn"];
    bench.run(&words, Fault::None).unwrap();
    assert_eq!(bench.output(), "npr_id,adresse\n100001810012345,x\n,y\n100001810012346,z\n");
    assert_eq!(bench.told(), [(texts(&["Kari", "Per"]), Vec::new())]);
}

#[test]
fn what_the_server_would_refuse_is_told_by_row_and_never_by_its_value() {
    let long = "Lang".repeat(100);
    let input = format!("fnr,navn,adresse\n01810012345,Kari,x\n01810012346,{long},y\n");
    let error = refused(input.as_bytes(), &WORDS, Fault::None);
    assert_eq!(error.exit(), Exit::Input);
    assert!(error.to_string().contains("row 2: a name is"), "{error}");
    assert!(!error.to_string().contains("Lang"));
}

#[test]
fn the_guard_looks_at_the_other_columns_still() {
    let input = b"fnr,navn,adresse,x\n01810012345,Kari,Vei 1,01810012345\n";
    let error = refused(input, &WORDS, Fault::None);
    assert_eq!(error.exit(), Exit::Verification, "{error}");
}

#[test]
fn options_that_do_not_fit_are_refused_before_anything_is_sent() {
    let input = b"fnr,mor,navn,adresse\n01810012345,01810012346,Kari,Vei 1\n";
    for (words, part) in [
        (&["--id-column", "mor::m"][..], "whose"),
        (&["--mode", "resolve"], "ingest of now"),
        (&["--purpose", "historical-import"], "ingest of now"),
    ] {
        let error = refused(input, &[&WORDS[..], words].concat(), Fault::None);
        assert_eq!(error.exit(), Exit::Usage, "{words:?}");
        assert!(error.to_string().contains(part), "{error}");
    }
    for twice in [
        ["--id-column", "fnr", "--name-column", "fnr"],
        ["--id-column", "navn", "--name-column", "navn"],
    ] {
        let error = refused(input, &twice, Fault::None);
        assert!(error.to_string().contains("given twice"), "{error}");
    }
}
