//! RocksDB behind [`Store`]. The only importer of `rocksdb`.
//!
//! Settings that carry a guarantee are explicit here: recovery tolerates a torn last commit and
//! nothing else (log_tail.rs); a synced commit is in the log on disk (`sync`, WAL on); creating a database and
//! opening one are two commands; nothing is compressed, since every value is sealed.
//!
//! What it does *not* protect: RocksDB's own `LOG` file tells times and sizes.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{BottommostLevelCompaction, CompactOptions, DB, DBCompressionType, DBRecoveryMode};
use rocksdb::{ErrorKind, IteratorMode, Options, ReadOptions, WriteBatch, WriteOptions};

use super::keys::Key;
use super::{
    Batch, Change, Durability, Error, Snapshot, SnapshotFile, Step, Store, Visit, log_tail,
};

/// Bytes that a memtable holds before it goes to disk: large, since stores are read at start only.
const WRITE_BUFFER_BYTES: usize = 64 << 20;
/// Bytes a second that tables are written with at most, all background work of a store together.
/// A table that is written in one go keeps the disk from the syncs that answers wait for; a lower
/// bound holds up first sight.
const BACKGROUND_RATE_MAX: i64 = 256 << 20;
/// The period in which a part of that rate is handed out, microseconds.
const BACKGROUND_PERIOD: i64 = 1000;
/// Writing a memtable comes before merging tables, but for one time in so many.
const BACKGROUND_FAIRNESS: i32 = 10;
/// Files that the engine keeps open.
const OPEN_FILES_MAX: i32 = 512;

/// Where a frozen copy lies while it is read: within the store, so that its tables can be links.
const SNAPSHOT: &str = "snapshot";

/// A RocksDB database.
pub struct RocksStore {
    db: DB,
    path: PathBuf,
    // One writer at a time: the check of an insert and its write belong together.
    writer: Mutex<()>,
}

impl RocksStore {
    /// Makes a new database.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] when there is one, [`Error::Engine`] otherwise.
    pub fn create(path: &Path) -> Result<Self, Error> {
        if path.join("CURRENT").exists() {
            return Err(Error::Exists { path: path.display().to_string() });
        }
        let mut options = options();
        options.create_if_missing(true);
        options.set_error_if_exists(true);
        Self::open_with(&options, path)
    }

    /// Opens an existing database.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when there is none, [`Error::Engine`] when it is damaged or in use.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if !path.join("CURRENT").exists() {
            return Err(Error::Missing { path: path.display().to_string() });
        }
        match DB::open(&options(), path) {
            Err(error) if error.kind() == ErrorKind::Corruption && is_torn(path) => {
                tracing::warn!(
                    "the last commit of a store is not whole, as a power cut leaves it; \
                     nobody was told of it, and it is dropped"
                );
                let mut options = options();
                options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
                Self::open_with(&options, path)
            }
            opened => Self::opened(opened, path),
        }
    }

    fn open_with(options: &Options, path: &Path) -> Result<Self, Error> {
        Self::opened(DB::open(options, path), path)
    }

    fn opened(db: Result<DB, rocksdb::Error>, path: &Path) -> Result<Self, Error> {
        let db = db.map_err(|error| engine("open", error))?;
        // What a killed process has left of a copy.
        remove_snapshot(&path.join(SNAPSHOT)).map_err(|error| system("open", error))?;
        Ok(Self { db, path: path.to_owned(), writer: Mutex::new(()) })
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(false);
    options.set_paranoid_checks(true);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_compression_type(DBCompressionType::None);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_max_background_jobs(2);
    options.set_ratelimiter(BACKGROUND_RATE_MAX, BACKGROUND_PERIOD, BACKGROUND_FAIRNESS);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_keep_log_file_num(2);
    options.set_recycle_log_file_num(0);
    options
}

/// Whether a database that does not open has lost its last commit only.
fn is_torn(path: &Path) -> bool {
    log_tail::only_the_last_commit_is_damaged(path).unwrap_or(false)
}

fn engine(operation: &'static str, error: rocksdb::Error) -> Error {
    Error::Engine { operation, source: Box::new(error) }
}

impl Store for RocksStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        self.db.get(key.as_bytes()).map_err(|error| engine("get", error))
    }

    fn scan(&self, range: Range<Key>, visit: &mut Visit<'_>) -> Result<(), Error> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(range.start.as_bytes());
        options.set_iterate_upper_bound(range.end.as_bytes());
        options.set_verify_checksums(true);
        options.fill_cache(false);
        options.set_readahead_size(2 << 20);
        for item in self.db.iterator_opt(IteratorMode::Start, options) {
            let (key, value) = item.map_err(|error| engine("scan", error))?;
            if visit(&key, &value)? == Step::Stop {
                break;
            }
        }
        Ok(())
    }

    fn commit(
        &self,
        operation: &'static str,
        batch: Batch,
        durability: Durability,
    ) -> Result<(), Error> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writes = WriteBatch::default();
        for change in batch.changes() {
            match change {
                Change::Insert(key, value) => {
                    if self.get(&key)?.is_some() {
                        let kind = Key::parse(key.as_bytes())?.0.name();
                        return Err(Error::Duplicate { kind });
                    }
                    writes.put(key.as_bytes(), value);
                }
                Change::Put(key, value) => writes.put(key.as_bytes(), value),
                Change::Remove(key) => writes.delete(key.as_bytes()),
            }
        }
        let mut options = WriteOptions::default();
        options.disable_wal(false);
        options.set_sync(durability == Durability::Synced);
        self.db.write_opt(writes, &options).map_err(|error| engine(operation, error))
    }

    /// The log goes when its table is written (`flush`), earlier values when the tables are merged
    /// down to the last level.  Merging takes long where the ranges do: who writes does not wait for it.
    fn purge(&self, ranges: &[Range<Key>]) -> Result<(), Error> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.db.flush().map_err(|error| engine("flush", error))?;
        drop(writer);
        let failures = self.background_failures()?;
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        options.set_exclusive_manual_compaction(true);
        for Range { start, end } in ranges {
            let (from, to) = (start.as_bytes(), end.as_bytes());
            self.db.compact_range_opt(Some(from), Some(to), &options);
        }
        // The call itself says nothing of a failure.
        if self.background_failures()? == failures {
            return Ok(());
        }
        Err(Error::Engine { operation: "purge", source: "the files could not be merged".into() })
    }

    /// The memtable is written first, so that nothing of the copy is in a log.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        let path = self.path.join(SNAPSHOT);
        remove_snapshot(&path).map_err(|error| system("snapshot", error))?;
        let checkpoint = Checkpoint::new(&self.db).map_err(|error| engine("snapshot", error))?;
        checkpoint.create_checkpoint(&path).map_err(|error| engine("snapshot", error))?;
        let mut snapshot = RocksSnapshot { path, files: Vec::new() };
        snapshot.list().map_err(|error| system("snapshot", error))?;
        Ok(Box::new(snapshot))
    }
}

/// A checkpoint: its tables are links to those of the store, which last; the rest is copied.
struct RocksSnapshot {
    path: PathBuf,
    files: Vec<SnapshotFile>,
}

impl RocksSnapshot {
    fn list(&mut self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_lasting = Path::new(&name).extension().is_some_and(|is| is == "sst");
            self.files.push(SnapshotFile { name, bytes: entry.metadata()?.len(), is_lasting });
        }
        self.files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(())
    }
}

impl Snapshot for RocksSnapshot {
    fn files(&self) -> &[SnapshotFile] {
        &self.files
    }

    fn open(&self, name: &str) -> std::io::Result<Box<dyn std::io::Read + Send>> {
        Ok(Box::new(std::fs::File::open(self.path.join(name))?))
    }
}

impl Drop for RocksSnapshot {
    fn drop(&mut self) {
        // What stays is removed when the store is opened, or copied, the next time.
        let _ = remove_snapshot(&self.path);
    }
}

fn remove_snapshot(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn system(operation: &'static str, error: std::io::Error) -> Error {
    Error::Engine { operation, source: Box::new(error) }
}

impl RocksStore {
    fn background_failures(&self) -> Result<Option<u64>, Error> {
        let counted = self.db.property_int_value("rocksdb.background-errors");
        counted.map_err(|error| engine("purge", error))
    }
}
