use super::*;

/// Entries, of which those from `fork` on are another history's.
fn entries(size: u64, fork: u64) -> Vec<KeptLeaf> {
    let leaf = |index: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&index.to_be_bytes());
        bytes[31] = u8::from(index >= fork);
        KeptLeaf::Pruned(Hash::from_bytes(bytes))
    };
    (0..size).map(leaf).collect()
}

fn taken<'a>(directory: &'a Path, log: &[KeptLeaf]) -> Writing<'a> {
    let mut tiles = Writing::new(directory, false).unwrap();
    log.iter().for_each(|leaf| tiles.take(leaf).unwrap());
    tiles
}

fn written(directory: &Path, log: &[KeptLeaf]) -> Result<usize, String> {
    let mut tiles = taken(directory, log);
    tiles.finish(log.len() as u64).map_err(|error| error.to_string())?;
    Ok(tiles.staged.len())
}

/// All files below a directory, with their bytes.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            } else {
                files.push((entry.path(), fs::read(entry.path()).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn what_was_not_verified_to_its_root_leaves_no_tile_that_accuses_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    assert_eq!(written(directory, &entries(300, u64::MAX)), Ok(3));
    let before = files(directory);
    // Entries that are not those of the checkpoint: the walk fails, and nothing is named.
    let wrong = live::wrong("the entries are not those of the signed checkpoint".to_owned());
    let error = taken(directory, &entries(600, 270)).blame(wrong);
    assert!(error.to_string().contains("not those of the signed checkpoint"));
    assert!(error.advice().iter().any(|line| line.contains("entry 270 is another")), "{error:?}");
    let mut left = files(directory);
    left.retain(|(path, _)| !path.starts_with(staged(directory)));
    assert_eq!(left, before);
    // Nor is anybody accused when the server is away.
    let away = Error::new(Exit::Unavailable, "no connection");
    assert!(taken(directory, &entries(600, 270)).blame(away).advice().is_empty());
    assert_eq!(written(directory, &entries(600, u64::MAX)), Ok(3));
    assert!(!staged(directory).exists());
    assert_eq!(written(directory, &entries(600, u64::MAX)), Ok(0));
}

#[test]
fn a_log_that_forks_is_refused_with_its_first_entry_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    written(directory, &entries(600, u64::MAX)).unwrap();
    let before = files(directory);
    for size in [600, 601, 900] {
        for fork in [0, 1, 255, 256, 300, 511, 512, 599] {
            let refused = written(directory, &entries(size, fork)).unwrap_err();
            assert!(refused.starts_with(&format!("entry {fork} is another")), "{size}: {refused}");
        }
    }
    remove_staged(directory).unwrap();
    assert_eq!(files(directory), before);
    assert!(written(directory, &entries(900, 600)).is_ok(), "what is new may be anything");
}

#[test]
fn what_is_no_tile_is_not_compared() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    written(directory, &entries(5, u64::MAX)).unwrap();
    let partial = directory.join("tile/0/000.p");
    for name in ["5.part-0011223344556677", "05", "0", "256", "x", "7"] {
        fs::write(partial.join(name), [0; 5 * HASH_BYTES]).unwrap();
    }
    assert!(written(directory, &entries(9, u64::MAX)).is_ok());
    fs::write(partial.join("7"), [7; 7 * HASH_BYTES]).unwrap();
    let refused = written(directory, &entries(10, u64::MAX)).unwrap_err();
    assert!(refused.starts_with("entry 0 is another"), "{refused}");
    let at_work = Writing::new(directory, false).unwrap();
    assert!(Writing::new(directory, false).is_err(), "one at a time");
    drop(at_work);
}
