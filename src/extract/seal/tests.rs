//! What is left when an extract cannot be given all its names.

use super::*;
use crate::extract::manifest::Manifest;
use crate::extract::recipient::NewKey;
use crate::extract::testing::sealing::{manifest, signing_key, verifier_key};

const NAMES: [&str; 2] = ["a.csv", "b.csv"];

/// An extract that is sealed and has no names yet; its files have this content.
fn sealed(directory: &Path, existing: Existing, content: &[u8]) -> SealedExtract {
    let to = Recipients::parse(&[&NewKey::generate().public]).unwrap();
    let mut manifest = manifest(&NAMES, to.texts());
    let files = NAMES.iter().zip(&mut manifest.files).map(|(name, described)| {
        let path = directory.join(format!("{name}.age"));
        let mut output = SealedFile::create(&path, existing, &to).unwrap();
        output.write_all(content).unwrap();
        let done = output.finish().unwrap();
        (described.sha256, described.bytes) = (done.sha256, done.bytes);
        done
    });
    let files = files.collect();
    let name = &"hvelv.example/extracts".parse().unwrap();
    let note = Manifest::sign(&manifest.text().unwrap(), name, &signing_key(1)).unwrap();
    let path = directory.join("x.manifest.age");
    SealedExtract::new(files, (&path, existing), &note, &verifier_key(1), &to).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Goal: an old manifest never stands beside new files, and no file without its manifest.  Method: the
/// second name cannot be given.
#[test]
fn an_extract_that_cannot_replace_another_leaves_neither() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    sealed(place, Existing::Keep, b"old").publish().unwrap();
    assert_eq!(names(place), ["a.csv.age", "b.csv.age", "x.manifest.age"]);
    let new = sealed(place, Existing::Replace, b"new");
    std::fs::remove_file(place.join("b.csv.age")).unwrap();
    std::fs::create_dir(place.join("b.csv.age")).unwrap();
    new.publish().unwrap_err();
    assert_eq!(names(place), ["b.csv.age"], "the directory that is in the way");
}

#[test]
fn a_name_that_is_taken_meanwhile_leaves_nothing_of_the_extract() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let new = sealed(place, Existing::Keep, b"new");
    std::fs::write(place.join("b.csv.age"), "somebody else's").unwrap();
    new.publish().unwrap_err();
    assert_eq!(names(place), ["b.csv.age"]);
    let kept = std::fs::read_to_string(place.join("b.csv.age")).unwrap();
    assert_eq!(kept, "somebody else's");
}

#[test]
fn an_extract_replaces_another_whole() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    sealed(place, Existing::Keep, b"old").publish().unwrap();
    let old = NAMES.map(|name| std::fs::read(place.join(format!("{name}.age"))).unwrap());
    sealed(place, Existing::Replace, b"new").publish().unwrap();
    let new = NAMES.map(|name| std::fs::read(place.join(format!("{name}.age"))).unwrap());
    assert!(old[0] != new[0] && old[1] != new[1]);
    assert_eq!(names(place), ["a.csv.age", "b.csv.age", "x.manifest.age"]);
}
