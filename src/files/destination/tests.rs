use super::*;

fn files(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn an_output_that_exists_is_left_alone_unless_it_is_to_be_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("out.csv");
    std::fs::write(&name, "old").unwrap();
    let error = Destination::create(&name, Existing::Keep).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);

    let mut replacing = Destination::create(&name, Existing::Replace).unwrap();
    replacing.append(b"new").unwrap();
    assert_eq!(std::fs::read(&name).unwrap(), b"old", "replaced before it was complete");
    replacing.publish().unwrap();
    assert_eq!(std::fs::read(&name).unwrap(), b"new");
    assert_eq!(files(directory.path()), ["out.csv"]);
}

#[test]
fn an_output_that_appears_meanwhile_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("out.csv");
    let mut late = Destination::create(&name, Existing::Keep).unwrap();
    late.append(b"new").unwrap();
    std::fs::write(&name, "old").unwrap();
    assert_eq!(late.publish().unwrap_err().kind(), ErrorKind::Exists);
    assert_eq!(std::fs::read(&name).unwrap(), b"old");
    assert_eq!(files(directory.path()), ["out.csv"]);
}

#[test]
fn an_abandoned_output_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("out.csv");
    Destination::create(&name, Existing::Keep).unwrap().append(b"half").unwrap();
    assert!(files(directory.path()).is_empty());
}

#[test]
fn a_part_that_a_checkpoint_speaks_of_is_gone_on_with_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("out.csv");
    let mut first = Destination::create(&name, Existing::Keep).unwrap();
    first.append(b"one,").unwrap();
    let (part, bytes) = first.checkpoint().unwrap();
    first.append(b"lost").unwrap();
    let busy = Destination::resume(&name, Existing::Keep, &part, bytes).unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Exists, "two processes write to one part");
    drop(first);
    assert_eq!(files(directory.path()), [part.as_str()]);

    let mut second = Destination::resume(&name, Existing::Keep, &part, bytes).unwrap();
    second.append(b"two").unwrap();
    second.publish().unwrap();
    assert_eq!(std::fs::read(&name).unwrap(), b"one,two");
    assert_eq!(files(directory.path()), ["out.csv"]);
}

#[test]
fn a_part_that_is_gone_short_or_elsewhere_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("out.csv");
    std::fs::write(directory.path().join("out.csv.part-1"), "abc").unwrap();
    std::fs::write(directory.path().join("other"), "abcdef").unwrap();
    for (part, bytes) in
        [("out.csv.part-1", 4), ("out.csv.part-2", 0), ("other", 1), ("../out.csv.part-1", 1)]
    {
        let error = Destination::resume(&name, Existing::Keep, part, bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stale, "{part}");
    }
}

#[test]
fn a_part_that_is_forgotten_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("out.csv");
    let mut output = Destination::create(&name, Existing::Keep).unwrap();
    output.checkpoint().unwrap();
    output.forget();
    drop(output);
    assert!(files(directory.path()).is_empty());
}

#[test]
fn what_a_killed_process_has_left_is_removed_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("out.csv.age");
    let at_work = Destination::create_anew(&name, Existing::Keep).unwrap();
    let in_use = files(directory.path()).remove(0);
    let left = ["out.csv.age.part-0123456789abcdef", "out.csv.age.part-fedcba9876543210"];
    let others = [
        "out.csv.age.part-0123",
        "out.csv.age.part-0123456789abcdeg",
        "out.csv.part-0123456789abcdef",
        "my.out.csv.age.part-0123456789abcdef",
    ];
    for part in left.iter().chain(&others) {
        std::fs::write(directory.path().join(part), "half").unwrap();
    }
    std::fs::create_dir(directory.path().join("out.csv.age.part-0000000000000000")).unwrap();
    drop(Destination::create(&name, Existing::Keep).unwrap());
    assert_eq!(files(directory.path()).len(), 8, "of a file with checkpoints all parts stay");
    drop(Destination::create_anew(&name, Existing::Keep).unwrap());
    let mut expected: Vec<&str> = others.to_vec();
    expected.extend(["out.csv.age.part-0000000000000000", &in_use]);
    expected.sort_unstable();
    let mut found = files(directory.path());
    found.sort_unstable();
    assert_eq!(found, expected);
    at_work.publish().unwrap();
    assert!(name.exists());
}
