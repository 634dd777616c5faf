//! Outputs in segments.

use super::*;
use crate::files::Written;

const GROUPS: [std::ops::Range<usize>; 4] = [0..250, 250..300, 300..900, 900..1000];

fn input(directory: &Path) {
    let batches = GROUPS.map(|rows| {
        let texts: ArrayRef =
            Arc::new(StringArray::from_iter_values(rows.clone().map(|row| format!("t{row}"))));
        batch(vec![("fnr", strings(rows)), ("text", texts)])
    });
    write(&directory.join("in.parquet"), &batches, plain());
}

/// Goes on until so many rows are written, then makes a checkpoint and stops.
fn go(directory: &Path, from: Option<(Place, Written)>, until: u64) -> Option<(Place, Written)> {
    let mut guard = guard();
    let mut reader = open(directory, &fnr(), &mut guard).unwrap();
    let output = directory.join("out.parquet");
    let mut writer = match &from {
        Some((place, written)) => {
            reader.go_to(*place).unwrap();
            GroupWriter::resume(&output, Existing::Keep, &reader, written).unwrap()
        }
        None => GroupWriter::create(&output, Existing::Keep, &reader).unwrap(),
    };
    loop {
        let block = reader.read(&mut guard).unwrap();
        if block.rows() == 0 {
            writer.finish(&block).unwrap();
            writer.publish().unwrap();
            return None;
        }
        writer.write(&block, &answers(&block, &fnr())).unwrap();
        if block.end().rows >= until {
            return Some((block.end(), writer.checkpoint().unwrap()));
        }
    }
}

#[test]
fn a_file_written_in_segments_is_the_file_written_at_once() {
    let whole = tempfile::tempdir().unwrap();
    input(whole.path());
    go(whole.path(), None, u64::MAX);
    let (expected, _) = read(whole.path());

    // At the ends of row groups, and in the middle of one.
    let directory = tempfile::tempdir().unwrap();
    input(directory.path());
    let first = go(directory.path(), None, 250).unwrap();
    let second = go(directory.path(), Some(first), 600).unwrap();
    assert_eq!(second.1.parts.len(), 2);
    // What is written after a checkpoint is lost when the process is killed; here it is garbage.
    let last = directory.path().join(&second.1.parts[1]);
    let mut torn = File::options().append(true).open(&last).unwrap();
    std::io::Write::write_all(&mut torn, b"torn").unwrap();
    assert!(go(directory.path(), Some(second), u64::MAX).is_none());

    let (found, metadata) = read(directory.path());
    assert!(found == expected, "the rows are others");
    let rows: Vec<i64> = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(rows.iter().sum::<i64>(), 1000);
    assert_eq!(rows[0], 250);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "segments are left");
    let pairs = metadata.file_metadata().key_value_metadata().unwrap();
    assert!(pairs.iter().any(|pair| pair.key == "ARROW:schema"));
}

#[test]
fn a_segment_that_is_gone_or_shorter_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    input(directory.path());
    let (place, written) = go(directory.path(), None, 250).unwrap();
    let resume = |written: &Written| {
        let reader = open(directory.path(), &fnr(), &mut guard()).unwrap();
        GroupWriter::resume(&directory.path().join("out.parquet"), Existing::Keep, &reader, written)
    };
    let longer = Written { bytes: written.bytes + 1, ..written.clone() };
    assert_eq!(resume(&longer).err().unwrap().kind(), ErrorKind::Stale);
    std::fs::remove_file(directory.path().join(&written.parts[0])).unwrap();
    assert_eq!(resume(&written).err().unwrap().kind(), ErrorKind::Stale);
    let mut reader = open(directory.path(), &fnr(), &mut guard()).unwrap();
    assert!(reader.go_to(Place { rows: 1001, ..place }).is_err());
}
