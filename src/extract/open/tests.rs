use std::fs;

use super::*;
use crate::extract::recipient::NewKey;
use crate::extract::testing::sealing::{Made, verifier_key};

fn rows(seed: u8) -> Vec<u8> {
    (0..300_000_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1] ^ seed).collect()
}

fn try_open(made: &Made, files: &[PathBuf], directory: &Path) -> Result<Opened, Error> {
    let identities = Identities::parse(&made.key.file).unwrap();
    open(files, &identities, Some(&verifier_key(1)), directory)
}

/// The extract is refused for such a reason, and nothing is left behind.
#[track_caller]
fn refuses(made: &Made, files: &[PathBuf], kind: ErrorKind, what: &str) {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("opened");
    let error = try_open(made, files, &directory).unwrap_err();
    assert!(error.to_string().contains(what), "{error}");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(!error.advice().is_empty(), "{error}: what to do?");
    assert!(!directory.exists(), "{error}: something is left behind");
}

#[test]
fn an_extract_comes_out_as_it_went_in_with_its_manifest() {
    let parent = tempfile::tempdir().unwrap();
    let (npr, kpr) = (rows(1), b"serial,sex\n".to_vec());
    let files = [("npr.csv", &npr[..]), ("kpr.csv", &kpr[..]), ("empty.csv", &b""[..])];
    let made = Made::new(parent.path(), "D-42", &files);
    let directory = parent.path().join("opened");
    let opened = try_open(&made, &made.files, &directory).unwrap();
    assert_eq!((opened.manifest, opened.trust), (made.manifest.clone(), Trust::ExpectedKey));
    for (name, content) in files {
        assert_eq!(fs::read(directory.join(name)).unwrap(), content);
    }
    let note = fs::read_to_string(directory.join("D-42.manifest")).unwrap();
    assert_eq!(Manifest::open(&note, Some(&verifier_key(1))).unwrap().0, made.manifest);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 4);

    // Nothing is overwritten.
    let again = try_open(&made, &made.files, &directory).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Exists);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 4);
    // Without a key of the signer's it agrees with itself, and no more.
    let identities = Identities::parse(&made.key.file).unwrap();
    let opened = open(&made.files, &identities, None, &parent.path().join("other")).unwrap();
    assert_eq!(opened.trust, Trust::ManifestItself);
}

#[test]
fn plaintext_is_never_on_disk_while_an_extract_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let canary = b"CANARY-in-every-row,".repeat(20_000);
    Made::new(parent.path(), "D-42", &[("npr.csv", &canary)]);
    // And nothing is left behind by one that fails: the file names itself are taken by now.
    let again =
        Made::to(NewKey::generate(), parent.path(), "D-42", &[("npr.csv", &canary)], |_| {});
    assert_eq!(again.map(|_| ()).unwrap_err().kind(), ErrorKind::Exists);
    let mut names = Vec::new();
    for entry in fs::read_dir(parent.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"CANARY"), "{}", path.display());
        names.push(show(&path));
    }
    names.sort();
    assert_eq!(names, ["D-42.manifest.age", "npr.csv.age"]);
}

#[test]
fn an_extract_with_a_manifest_of_other_files_is_not_sealed() {
    let parent = tempfile::tempdir().unwrap();
    for change in [
        |manifest: &mut Manifest| manifest.files[0].sha256[0] ^= 1,
        |manifest: &mut Manifest| manifest.files[0].bytes += 1,
    ] {
        let made = Made::to(NewKey::generate(), parent.path(), "D", &[("a.csv", b"a")], change);
        assert_eq!(made.map(|_| ()).unwrap_err().kind(), ErrorKind::Verification);
    }
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0, "something is left behind");
}

#[test]
fn changed_bytes_anywhere_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let made = Made::new(parent.path(), "D", &[("npr.csv", &rows(1))]);
    for path in &made.files {
        let whole = fs::read(path).unwrap();
        let length = whole.len();
        for at in [60, 120, 160, 210, length / 2, length - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 0x20;
            fs::write(path, &changed).unwrap();
            let name = show(path);
            let error = try_open(&made, &made.files, &parent.path().join("x")).unwrap_err();
            assert!(error.to_string().contains(&name), "byte {at}: {error}");
            assert!(!error.advice().is_empty() && !parent.path().join("x").exists(), "{error}");
        }
        fs::write(path, whole).unwrap();
    }
    let _ = try_open(&made, &made.files, &parent.path().join("x")).unwrap();
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let made = Made::new(parent.path(), "D", &[("npr.csv", &rows(1))]);
    let whole = fs::read(&made.files[0]).unwrap();
    // Also at the ends of chunks, of which the last is 300,000 − 4 × 65,536 bytes and a tag.
    let last = 300_000 - 4 * 65_536 + 16;
    for length in [whole.len() - 1, whole.len() - last, whole.len() - last - 65_552, 150, 30] {
        fs::write(&made.files[0], &whole[..length]).unwrap();
        refuses(&made, &made.files, ErrorKind::Verification, "cut off");
    }
    let longer = [&whole[..], b"more"].concat();
    fs::write(&made.files[0], longer).unwrap();
    refuses(&made, &made.files, ErrorKind::Verification, "npr.csv.age");
    fs::write(&made.files[0], b"").unwrap();
    refuses(&made, &made.files, ErrorKind::Verification, "cut off");
    fs::write(&made.files[0], rows(1)).unwrap();
    refuses(&made, &made.files, ErrorKind::Input, "is no age file");
}

#[test]
fn another_key_opens_nothing_and_says_which_to_give() {
    let parent = tempfile::tempdir().unwrap();
    let mut made = Made::new(parent.path(), "D", &[("npr.csv", b"a,b\n")]);
    made.key = NewKey::generate();
    refuses(&made, &made.files, ErrorKind::Input, "D.manifest.age is sealed to another key");
}

#[test]
fn a_manifest_of_another_signer_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let made = Made::new(parent.path(), "D", &[("npr.csv", b"a,b\n")]);
    let identities = Identities::parse(&made.key.file).unwrap();
    let directory = parent.path().join("x");
    let error = open(&made.files, &identities, Some(&verifier_key(2)), &directory).unwrap_err();
    assert!(error.to_string().contains("not signed by the expected key"), "{error}");
    assert!(error.advice()[0].contains("--verifier-key"), "{error:?}");
    assert!(!directory.exists());
}

#[test]
fn manifests_that_were_swapped_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (one, two) = (parent.path().join("one"), parent.path().join("two"));
    fs::create_dir(&one).unwrap();
    fs::create_dir(&two).unwrap();
    let files = |content| [("npr.csv", content)];
    let first = Made::new(&one, "D", &files(&b"serial\n1\n"[..]));
    let key = || NewKey { public: first.key.public.clone(), file: first.key.file.clone() };
    let second = Made::to(key(), &two, "D", &files(&b"serial\n2\n"[..]), |_| {}).unwrap();
    let swapped = [first.files[0].clone(), second.files[1].clone()];
    refuses(&first, &swapped, ErrorKind::Verification, "its SHA-256 is another");

    let third = Made::to(key(), &two, "E", &[("kpr.csv", b"x")], |_| {}).unwrap();
    refuses(
        &first,
        &[first.files[0].clone(), third.files[1].clone()],
        ErrorKind::Input,
        "kpr.csv.age is missing",
    );
}

#[test]
fn a_file_of_another_length_is_refused_before_it_is_written_whole() {
    let parent = tempfile::tempdir().unwrap();
    let made = Made::new(parent.path(), "D", &[("npr.csv", b"serial\n1\n")]);
    let other = parent.path().join("other");
    fs::create_dir(&other).unwrap();
    let key = NewKey { public: made.key.public.clone(), file: made.key.file.clone() };
    let longer = Made::to(key, &other, "D", &[("npr.csv", &rows(3))], |_| {}).unwrap();
    let files = [longer.files[0].clone(), made.files[1].clone()];
    refuses(&made, &files, ErrorKind::Verification, "its length is another");
}

#[test]
fn an_extract_that_was_passed_on_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let stranger = NewKey::generate().public;
    let change = |manifest: &mut Manifest| manifest.recipient.keys = vec![stranger];
    let made =
        Made::to(NewKey::generate(), parent.path(), "D", &[("npr.csv", b"x")], change).unwrap();
    refuses(&made, &made.files, ErrorKind::Verification, "made for another recipient");
}

#[test]
fn files_that_are_missing_or_too_many_are_named() {
    let parent = tempfile::tempdir().unwrap();
    let made = Made::new(parent.path(), "D", &[("npr.csv", b"x"), ("kpr.csv", b"y")]);
    let [npr, kpr, manifest] = &made.files[..] else { panic!() };
    let some = |paths: &[&PathBuf]| paths.iter().map(|path| (*path).clone()).collect::<Vec<_>>();
    refuses(&made, &some(&[npr, manifest]), ErrorKind::Input, "kpr.csv.age is missing");
    refuses(&made, &some(&[npr, kpr]), ErrorKind::Input, "no manifest");
    refuses(&made, &some(&[npr, kpr, manifest, manifest]), ErrorKind::Input, "several manifests");
    refuses(&made, &some(&[npr, npr, kpr, manifest]), ErrorKind::Input, "given twice");
    let renamed = parent.path().join("npr (1).csv.age");
    fs::copy(npr, &renamed).unwrap();
    refuses(&made, &some(&[&renamed, npr, kpr, manifest]), ErrorKind::Input, "not in the manifest");
    let plain = parent.path().join("npr.csv");
    refuses(&made, &some(&[&plain, manifest]), ErrorKind::Input, "not named like");
}

#[test]
fn a_key_file_that_cannot_be_used_is_refused_without_quoting_it() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("key");
    assert_eq!(read_key_file(&path).map(|_| ()).unwrap_err().kind(), ErrorKind::System);
    for (content, what) in [
        (&b"AGE-SECRET-KEY-1TYPO\n"[..], "line 1"),
        (b"", "no key is given"),
        (b"\xff\xfe\x00", "is no key file"),
    ] {
        fs::write(&path, content).unwrap();
        let error = read_key_file(&path).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(what) && !error.to_string().contains("TYPO"), "{error}");
    }
}
