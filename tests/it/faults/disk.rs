//! What a disk may hold after a power cut.
//!
//! Built from the files before a process started and from the journal of what it did.  Files and
//! directories are independent of each other, so nothing is ordered but by a sync; what is left of
//! each is decided in pending.rs.  A sync of a file says nothing about its name.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::journal::{Call, Opened};
use super::pending::{Change, Contents, Directory, Entries, Entry, Fate};
use crate::harness::Random;

/// What of an installation is state: stores, key file, and what is written beside it.
const STATE: [&str; 2] = ["data", "test.hvk"];

/// The bytes of each file, nothing for a directory.
pub(super) type Tree = BTreeMap<String, Option<Vec<u8>>>;

/// The files of an installation, as a disk has them.
pub(super) struct Disk {
    root: PathBuf,
    files: Vec<Contents>,
    directories: BTreeMap<String, Directory>,
    open: HashMap<i32, Handle>,
    records: u64,
}

#[derive(Clone)]
enum Handle {
    File(usize),
    Directory(String),
    Elsewhere,
}

impl Disk {
    /// The files as they are, all of them durable.
    pub(super) fn read(root: &Path) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            files: Vec::new(),
            directories: BTreeMap::from([(String::new(), Directory::default())]),
            open: HashMap::new(),
            records: 0,
        };
        for (path, bytes) in read_tree(root) {
            let entry = match bytes {
                Some(durable) => disk.add(Contents::durable(durable)),
                None => {
                    disk.directories.insert(path.clone(), Directory::default());
                    Entry::Directory
                }
            };
            let (parent, name) = split(&path);
            let parent = disk.directories.get_mut(parent).unwrap();
            parent.hold(name, entry);
        }
        disk
    }

    /// Does what a process did.
    pub(super) fn follow(&mut self, calls: Vec<Call>) {
        for call in calls {
            self.apply(call);
            self.records += 1;
        }
    }

    /// The files as they look to a process are the real ones.
    pub(super) fn is_as_it_looks(&self, seed: u64) {
        let mut modelled = Tree::new();
        self.walk("", &mut modelled, &mut |directory| directory.now.clone(), &mut |file| {
            file.after(&mut |_| Fate::Kept)
        });
        let real = read_tree(&self.root);
        let paths = modelled.keys().chain(real.keys());
        let differ = |path: &&String| modelled.get(*path) != real.get(*path);
        let different: Vec<_> = paths.filter(differ).collect();
        assert!(different.is_empty(), "seed {seed:#x}: the shim missed a call on {different:?}");
    }

    /// Cuts the power: rewrites the real files to what a disk may hold.
    pub(super) fn lose_power(self, random: &mut Random) {
        let survivors = self.survivors(random);
        let real = read_tree(&self.root);
        for (path, bytes) in real.iter().rev().filter(|(path, _)| !survivors.contains_key(*path)) {
            let path = self.root.join(path);
            if bytes.is_some() { fs::remove_file(path) } else { fs::remove_dir(path) }.unwrap();
        }
        for (path, bytes) in &survivors {
            if real.get(path) == Some(bytes) {
                continue;
            }
            let path = self.root.join(path);
            let Some(bytes) = bytes else {
                fs::DirBuilder::new().mode(0o700).create(path).unwrap();
                continue;
            };
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            options.open(path).unwrap().write_all(bytes).unwrap();
        }
    }

    /// What is left after a power cut.
    fn survivors(&self, random: &mut Random) -> Tree {
        let chance = std::cell::RefCell::new(random);
        let mut left = Tree::new();
        self.walk(
            "",
            &mut left,
            &mut |directory| directory.survivor(&mut chance.borrow_mut()),
            &mut |file| file.survivor(&mut chance.borrow_mut()),
        );
        left
    }

    fn walk(
        &self,
        path: &str,
        into: &mut Tree,
        entries: &mut dyn FnMut(&Directory) -> Entries,
        contents: &mut dyn FnMut(&Contents) -> Vec<u8>,
    ) {
        for (name, entry) in entries(&self.directories[path]) {
            let child = if path.is_empty() { name } else { format!("{path}/{name}") };
            match entry {
                Entry::File(file) => drop(into.insert(child, Some(contents(&self.files[file])))),
                Entry::Directory => {
                    into.insert(child.clone(), None);
                    self.walk(&child, into, entries, contents);
                }
            }
        }
    }

    fn apply(&mut self, call: Call) {
        match call {
            Call::Renamed { from: name, .. }
            | Call::Linked { from: name, .. }
            | Call::Removed { name }
            | Call::MadeDirectory { name }
                if !is_state(&name) => {}
            Call::Opened { file, name, how } => {
                let handle = self.opened(&name, how);
                self.open.insert(file, handle);
            }
            Call::Written { file, at, bytes } => {
                let at = usize::try_from(at).unwrap();
                self.change(file, Change::Write { at, bytes });
            }
            Call::Resized { file, size } => {
                self.change(file, Change::Resize(usize::try_from(size).unwrap()));
            }
            Call::Synced { file, records } => match self.handle(file) {
                Handle::File(file) => self.files[file].settle(records),
                Handle::Directory(path) => self.directory(&path).settle(records),
                Handle::Elsewhere => {}
            },
            Call::Closed { file } => drop(self.open.remove(&file)),
            Call::Renamed { from, to } => {
                let entry = self.entry(&from);
                let ((parent, from), (other, to)) = (split(&from), split(&to));
                assert_eq!(parent, other, "a rename between directories is not modelled");
                let names = vec![(from.to_owned(), None), (to.to_owned(), Some(entry))];
                self.rename(parent, names);
            }
            Call::Linked { from, to } => {
                let entry = self.entry(&from);
                let (parent, to) = split(&to);
                self.rename(parent, vec![(to.to_owned(), Some(entry))]);
            }
            Call::Removed { name } => {
                let (parent, name) = split(&name);
                self.rename(parent, vec![(name.to_owned(), None)]);
            }
            Call::MadeDirectory { name } => {
                self.directories.insert(name.clone(), Directory::default());
                let (parent, name) = split(&name);
                self.rename(parent, vec![(name.to_owned(), Some(Entry::Directory))]);
            }
        }
    }

    fn opened(&mut self, path: &str, how: Opened) -> Handle {
        if how == Opened::Directory {
            return Handle::Directory(path.to_owned());
        }
        if !is_state(path) {
            return Handle::Elsewhere;
        }
        if how == Opened::Created {
            let entry = self.add(Contents::default());
            let (parent, name) = split(path);
            self.rename(parent, vec![(name.to_owned(), Some(entry))]);
        }
        let Entry::File(file) = self.entry(path) else { panic!("{path} is a directory") };
        if how == Opened::Emptied {
            self.files[file].change(self.records, Change::Resize(0));
        }
        Handle::File(file)
    }

    fn change(&mut self, file: i32, change: Change) {
        match self.handle(file) {
            Handle::File(file) => self.files[file].change(self.records, change),
            Handle::Directory(path) => panic!("the directory {path} was written to"),
            Handle::Elsewhere => {}
        }
    }

    fn rename(&mut self, directory: &str, names: Vec<(String, Option<Entry>)>) {
        let records = self.records;
        self.directory(directory).change(records, names);
    }

    fn add(&mut self, file: Contents) -> Entry {
        self.files.push(file);
        Entry::File(self.files.len() - 1)
    }

    fn handle(&self, file: i32) -> Handle {
        self.open.get(&file).expect("a file in use was opened").clone()
    }

    fn directory(&mut self, path: &str) -> &mut Directory {
        self.directories.get_mut(path).unwrap_or_else(|| panic!("nobody made {path}"))
    }

    fn entry(&self, path: &str) -> Entry {
        let (parent, name) = split(path);
        *self.directories[parent].now.get(name).unwrap_or_else(|| panic!("nobody made {path}"))
    }
}

/// The directory of a path, "" for the root, and the name in it.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn is_state(path: &str) -> bool {
    STATE.iter().any(|name| path.split('/').next().unwrap_or(path).starts_with(name))
}

fn read_tree(root: &Path) -> Tree {
    fn read(root: &Path, path: &str, into: &mut Tree) {
        for entry in fs::read_dir(root.join(path)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let child = if path.is_empty() { name } else { format!("{path}/{name}") };
            if !is_state(&child) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                into.insert(child.clone(), None);
                read(root, &child, into);
            } else {
                into.insert(child, Some(fs::read(entry.path()).unwrap()));
            }
        }
    }
    let mut tree = Tree::new();
    read(root, "", &mut tree);
    tree
}
