use super::*;

/// Reads a file with one option of each kind.
fn problems_of(text: &str) -> Vec<String> {
    let result = read_document(Path::new("x.toml"), text, |mut top| {
        top.parsed::<crate::config::codes::RegisterCode>("code");
        top.number("count", 1_u16..=9);
        top.flag("flag");
        top.date("day");
        top.path("path");
        top.line_of_text("line");
        top.list::<crate::config::codes::SourceCode>("list");
        top.validity();
        let mut child = top.child("child");
        child.text("text");
        child.finish();
        for mut child in top.children("children") {
            child.required::<String>("must");
            child.finish();
        }
        top.finish();
        Some(())
    });
    result.err().iter().flat_map(Problems::iter).map(ToString::to_string).collect()
}

#[test]
fn a_file_without_mistakes_has_no_problems() {
    let text = r#"
        code = "NPR"
        count = 0x9
        flag = true
        day = 2032-01-01
        path = "a/b"
        line = "et ord"
        list = ["HF", "HF-OUS"]
        valid_from = "2024-01-01"
        valid_to = "2024-01-01"
        child.text = ""
        children = [{ must = "x" }]
    "#;
    assert_eq!(problems_of(text), Vec::<String>::new());
    assert_eq!(problems_of(""), Vec::<String>::new());
}

#[test]
fn every_kind_of_mistake_is_reported_with_line_place_and_remedy() {
    let cases = [
        ("code = 'npr'", "x.toml:1: code: `npr` is not a register code"),
        ("code = 7", "x.toml:1: code: must be text in quotes, not of type integer"),
        ("\n\ncount = 10", "x.toml:3: count: `10` is outside the limits 1 to 9"),
        ("count = -1", "x.toml:1: count: `-1` is outside the limits 1 to 9"),
        ("count = 99999999999999999999", "is outside the limits 1 to 9"),
        ("count = 1.0", "x.toml:1: count: must be a whole number, not of type float"),
        ("flag = 'yes'", "x.toml:1: flag: must be true or false, not of type string"),
        ("day = '2032-02-30'", "x.toml:1: day: `2032-02-30` is not a day"),
        ("day = '2032-01-01T10:00'", "x.toml:1: day: `2032-01-01T10:00` is not a day"),
        ("day = 2032-01-01T10:00:00Z", "is not a day"),
        ("day = 2032", "x.toml:1: day: a value of type integer is not a day"),
        ("path = ''", "x.toml:1: path: is not a path"),
        ("line = ' '", "x.toml:1: line: must be one line of text"),
        ("line = \"a\\nb\"", "x.toml:1: line: must be one line of text"),
        ("list = 'HF'", "x.toml:1: list: must be a list in square brackets"),
        ("list = [\n'HF',\n'hf']", "x.toml:3: list: `hf` is not a source code"),
        ("list = [1]", "x.toml:1: list: must be text in quotes"),
        ("list = ['HF', 'HF']", "x.toml:1: list: `HF` is listed twice"),
        ("valid_from = '2024-01-02'\nvalid_to = '2024-01-01'", "x.toml:2: valid_to: is before"),
        ("child = 1", "x.toml:1: child: must be a table"),
        ("[child]\nsecret = 'x'", "x.toml:2: child.secret: unknown option; here are known: text"),
        ("children = 1", "x.toml:1: children: must be a list of tables"),
        ("children = [1, {}]", "x.toml:1: children: must be a table"),
        ("[[children]]\n", "x.toml:1: children[1].must: is missing; add it"),
        ("'what ever' = 1", "x.toml:1: what ever: unknown option"),
        ("code = ", "x.toml:1: not TOML: "),
        ("code = 'NPR'\ncode = 'KPR'", "x.toml:2: not TOML: duplicate key"),
    ];
    for (text, expected) in cases {
        let problems = problems_of(text);
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{text}: expected {expected}, got {problems:?}"
        );
    }
}

#[test]
fn all_mistakes_are_reported_at_once_in_the_order_of_the_file() {
    let problems = problems_of("nonsense = 1\ncount = 0\nflag = 0\ncode = 0\n[child]\nmore = 1");
    let lines: Vec<&str> = problems.iter().map(|problem| &problem[..8]).collect();
    assert_eq!(lines, ["x.toml:1", "x.toml:2", "x.toml:3", "x.toml:4", "x.toml:6"]);
}

#[test]
fn all_syntax_errors_are_reported_at_once() {
    let problems = problems_of("code = \ncount = ?\n");
    assert!(problems.iter().any(|problem| problem.starts_with("x.toml:1: not TOML")));
    assert!(problems.iter().any(|problem| problem.starts_with("x.toml:2: not TOML")));
}

#[test]
fn no_problem_shows_what_may_be_a_secret() {
    let texts = [
        "passphrase = 'canary'",
        "path = \"-----BEGIN PRIVATE KEY-----\\ncanary\"",
        "path = \"canary\\n\"",
        "passphrase = canary",
        "passphrase = 'canary",
        "[child]\nkey = { canary = 1 }",
    ];
    for text in texts {
        let problems = problems_of(text);
        assert!(!problems.is_empty(), "{text}");
        assert!(!problems.concat().contains("canary"), "{problems:?}");
    }
}

#[test]
fn a_missing_file_is_one_problem() {
    let problems = read_file(Path::new("/nonexistent/x.toml"), |_| Some(())).unwrap_err();
    let expected = "/nonexistent/x.toml: does not exist; create it or correct the path";
    assert_eq!(problems.to_string(), expected);
}
