//! Identifiers that a file has in one row, at the terminal: stated, taken back, and refused by row.

use crate::harness::{Course, InstallationOptions, digits, dnr, people};

/// The IDs of the rows of a file with the column `fnr`.
fn ids(course: &Course, text: &str) -> Vec<String> {
    course.write("asked.csv", &format!("fnr\n{text}"));
    course.pseudonymize("NPR", "HF", "asked.csv", "told.csv");
    let told = course.text("told.csv");
    for name in ["told.csv", "told.csv.leaf-ids.csv"] {
        // Nobody may have an ID of another identifier.
        let _ = std::fs::remove_file(course.path(name));
    }
    told.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn identifiers_of_one_row_are_linked_and_taken_back_and_others_are_told_by_their_row() {
    let course = Course::with(&[("hospital", "system", "'link:NPR:HF'")]);
    let (fnr, dnr) = (people(3).into_iter().map(digits).collect::<Vec<_>>(), digits(dnr()));
    let known = ids(&course, &format!("{}\n{}\n", fnr[0], fnr[1]));
    let rows = format!("fnr,x,dnr\n{},a,{dnr}\n{},b,\n{},c,{}\n", fnr[0], fnr[1], fnr[0], fnr[1]);
    course.write("rows.csv", &rows);
    let file = course.path("rows.csv");
    let words = |action| {
        let columns = ["--column", "fnr:fnr", "--column", "dnr", &file];
        [&["identity", action, "--register", "NPR", "--source", "HF"][..], &columns].concat()
    };
    course.run("pipeline", &words("link")).ended(4, "not allowed");
    let linked = course.run("hospital", &words("link")).well();
    assert_eq!(linked.out, "3 same_kind\n");
    let told = "1 linked, 0 known before, 1 with one identifier, 1 refused";
    assert!(linked.err.contains(told), "{}", linked.err);
    let both = format!("{}\n{dnr}\n", fnr[0]);
    assert_eq!(ids(&course, &both), [known[0].as_str(), &known[0]]);
    let again = course.run("hospital", &[&words("link")[..], &["--fail-on-rejects"]].concat());
    assert_eq!((again.code, again.out.as_str()), (Some(8), "3 same_kind\n"));
    assert!(again.err.contains("0 linked, 1 known before"), "{}", again.err);
    let taken = course.run("hospital", &words("unlink")).well();
    assert!(taken.err.contains("1 taken back"), "{}", taken.err);
    assert_ne!(ids(&course, &both)[1], known[0]);
    let last = course.run("hospital", &words("link")).well();
    assert_eq!(last.out.lines().next(), Some("1 both_in_register"));
    for secret in [&dnr, &fnr[0]] {
        assert!(
            ![&linked, &again, &taken, &last].iter().any(|ran| {
                ran.out.contains(secret.as_str()) || ran.err.contains(secret.as_str())
            })
        );
    }
    course.server.stop();
}

#[test]
fn a_file_without_a_second_column_or_of_a_one_way_register_is_refused() {
    let course = Course::with(&[("hospital", "system", "'link:IPLOS:KOMMUNE', 'link:NPR:HF'")]);
    course.write("rows.csv", &format!("fnr,dnr\n{},{}\n", digits(people(1)[0]), digits(dnr())));
    let file = course.path("rows.csv");
    let one = ["identity", "link", "--register", "NPR", "--source", "HF", "--column", "fnr", &file];
    course.run("hospital", &one).ended(2, "one column of identifiers");
    let words = ["identity", "link", "--register", "IPLOS", "--source", "KOMMUNE"];
    let columns = ["--column", "fnr", "--column", "dnr", &file];
    course.run("hospital", &[&words[..], &columns].concat()).ended(2, "one-way");
    course.server.stop();
}

/// Goal: a hospital's own numbers lead to the person once it has stated whose they are; the same number
/// of another hospital is another person, and nothing is guessed where statements meet.
#[test]
fn a_local_number_is_its_institutions_and_leads_to_the_person_it_was_stated_of() {
    const OWN: &str = "310000000";
    const OTHER: &str = "200000005";
    let identifiers = "test_assigners = ['310000000', '200000005']";
    let options = InstallationOptions { identifiers, ..InstallationOptions::default() };
    let course = Course::with_options(&options, &[("hospital", "system", "'link:NPR:HF'")]);
    let fnr: Vec<String> = people(3).into_iter().map(digits).collect();
    let known = ids(&course, &format!("{}\n{}\n", fnr[0], fnr[1]));
    let ask = |assigner: &str, numbers: &str| {
        course.write("local.csv", &format!("pasientNr\n{numbers}"));
        let (from, to) = (course.path("local.csv"), course.path("local-told.csv"));
        let words = ["pseudonymize", "--register", "NPR", "--source", "HF", "--period", "2026"];
        let column = ["--id-column", "pasientNr:local", "--assigner", assigner, "--overwrite"];
        let told = course.run("pipeline", &[&words[..], &column, &[&from, &to]].concat());
        let lines = std::fs::read_to_string(&to).unwrap_or_default();
        let id = |line: &str| line.split(',').next().unwrap().to_owned();
        (told, lines.lines().skip(1).map(id).collect::<Vec<_>>())
    };
    course.write("idents.csv", &format!("fnr,nr\n{},P-17/A\n{},0017\n", fnr[0], fnr[1]));
    let file = course.path("idents.csv");
    let link = |assigner: &str| {
        let words = ["identity", "link", "--register", "NPR", "--source", "HF", "--column"];
        let columns = ["fnr:fnr", "--column", "nr:local", "--assigner", assigner, &file];
        course.run("hospital", &[&words[..], &columns].concat())
    };
    let linked = link(OWN).well();
    assert!(linked.err.contains("2 linked"), "{}", linked.err);
    let (_, told) = ask(OWN, "0017\nP-17/A\n");
    assert_eq!(told, [known[1].as_str(), &known[0]]);
    // Of another hospital, and with another count of zeros, they are others.
    let (_, told) = ask(OTHER, "0017\n");
    assert!(!known.contains(&told[0]));
    let (_, told) = ask(OWN, "17\n");
    assert!(!known.contains(&told[0]));
    // Two who are in the register already are not made one.
    course.write("idents.csv", &format!("fnr,nr\n{},17\n{},P-17/A\n", fnr[0], fnr[1]));
    let met = link(OWN).well();
    assert_eq!(met.out, "1 both_in_register\n2 both_in_register\n");
    // A fødselsnummer is none, nor is what an institution of nobody has given.
    let (refused, _) = ask(OWN, &format!("{}\n", fnr[2]));
    assert!(refused.err.contains("kind_mismatch"), "{}", refused.err);
    let (refused, _) = ask("974760673", "0017\n");
    assert!(refused.err.contains("real_in_test"), "{}", refused.err);
    for text in ["P-17/A", "0017"] {
        assert!([&linked, &met, &refused].iter().all(|ran| !ran.err.contains(text)));
    }
    course.server.stop();
}

/// Goal: behind the link a local number is the person: rows and innsyn are answered by it, and a custodian
/// is shown it beside the fødselsnummer.
#[test]
fn a_linked_local_number_leads_to_rows_innsyn_and_the_custodians_view_of_its_person() {
    const OWN: &str = "310000000";
    let identifiers = "test_assigners = ['310000000']";
    let options = InstallationOptions { identifiers, ..InstallationOptions::default() };
    let more = [
        ("hospital", "system", "'link:NPR:HF'"),
        ("ola", "person", "'approver'"),
        ("kari", "person", "'custodian'"),
    ];
    let course = Course::with_options(&options, &more);
    let fnr = digits(people(1)[0]);
    let known = ids(&course, &format!("{fnr}\n"));
    course.write("idents.csv", &format!("fnr,nr\n{fnr},P-17/A\n"));
    let words = ["identity", "link", "--register", "NPR", "--source", "HF", "--column", "fnr"];
    let columns = ["--column", "nr:local", "--assigner", OWN, &course.path("idents.csv")];
    course.run("hospital", &[&words[..], &columns].concat()).well();
    let private = |name: &str, text: &str| {
        course.write(name, text);
        let path = course.installation.path(name);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        course.path(name)
    };
    let number = private("number", "P-17/A\n");
    let said = |words: &str| {
        let kind = ["--identifier-type", "local", "--assigner", OWN];
        let words: Vec<&str> = words.split_whitespace().collect();
        course.run("rights", &[&words[..], &["--identifier-file", &number], &kind].concat())
    };
    let rows_of_number = || {
        course.write("local.csv", "nr\nP-17/A\n");
        let (from, to) = (course.path("local.csv"), course.path("local-told.csv"));
        let words = ["pseudonymize", "--register", "NPR", "--source", "HF", "--period", "2025"];
        let rest = ["--id-column", "nr:local", "--assigner", OWN, "--overwrite", &from, &to];
        let told = course.run("pipeline", &[&words[..], &rest].concat());
        (told, std::fs::read_to_string(&to).unwrap_or_default())
    };
    assert!(rows_of_number().1.contains(&known[0]));

    let report = said("innsyn --as self --way manual --life alive --json").well();
    assert!(report.out.contains("\"NPR\""), "{}", report.out);

    course.write("id.txt", &format!("id={}\n", known[0]));
    let parameters = [
        &format!("id={}", known[0]) as &str,
        "purpose=wrong merge",
        "provision=NPR-forskriften § 2-3",
    ];
    course.approve("kari", "reveal_identity", "NPR", &parameters);
    let words = ["reveal", "--register", "NPR", &course.path("id.txt")];
    let why = ["--purpose", "wrong merge", "--provision", "NPR-forskriften § 2-3"];
    let told = course.run("kari", &[&words[..], &why].concat());
    let told = told.well();
    for one in [format!("fnr {fnr}"), format!("local P-17/A {OWN}")] {
        assert!(told.out.lines().any(|line| line == one), "{}", told.out);
    }
    course.server.stop();
}
