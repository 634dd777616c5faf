//! The lists beside an output: rows without an ID, and own IDs of identifiers that were joined.

use std::path::{Path, PathBuf};

use crate::cli::error::Error;
use crate::files::Written;
use crate::files::destination::{Destination, Existing, refuse_existing, sync_directory};

/// The name of the list of rows without an ID: `OUT.rejects.csv`.
pub(super) fn rejects_name(output: &Path) -> PathBuf {
    with_ending(output, ".rejects.csv")
}

/// The name of the list of own IDs: `OUT.leaf-ids.csv`.
pub(super) fn leaf_ids_name(output: &Path) -> PathBuf {
    with_ending(output, ".leaf-ids.csv")
}

fn with_ending(output: &Path, ending: &str) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The lists beside an output.
pub(super) struct Lists {
    /// Rows without an ID.
    pub(super) rejects: SideFile,
    /// The own IDs of identifiers whose rows have another ID: their person's.
    pub(super) leaf_ids: SideFile,
}

/// The names of the lists that there are.
pub(super) struct Listed {
    /// Rows without an ID.
    pub(super) rejects: Option<PathBuf>,
    /// Own IDs.
    pub(super) leaf_ids: Option<PathBuf>,
}

impl Lists {
    /// Makes the lists durable.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        self.rejects.sync()?;
        self.leaf_ids.sync()
    }

    /// Says that what is durable is of no use any more.
    pub(super) fn forget(&mut self) {
        self.rejects.forget();
        self.leaf_ids.forget();
    }

    /// Gives the lists their names, then does the same for the output.
    ///
    /// # Errors
    ///
    /// A name was taken meanwhile, or the disk fails.
    pub(super) fn publish_before(
        self,
        publish: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Listed, Error> {
        let Self { rejects, leaf_ids } = self;
        let mut listed = None;
        let rejects = rejects.publish_before(|| {
            listed = leaf_ids.publish_before(publish)?;
            Ok(())
        })?;
        Ok(Listed { rejects, leaf_ids: listed })
    }
}

/// A list of rows beside the output, which exists only if there is one.
pub(super) struct SideFile {
    /// `None`: there is no place for it, and the rows are only counted.
    name: Option<PathBuf>,
    /// What it has beside the row.
    what: &'static str,
    existing: Existing,
    file: Option<Destination>,
}

impl SideFile {
    /// A list that is empty.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept.
    pub(super) fn create(
        name: Option<PathBuf>,
        what: &'static str,
        existing: Existing,
    ) -> Result<Self, Error> {
        if let Some(name) = &name {
            refuse_existing(name, existing)?;
        }
        Ok(Self { name, what, existing, file: None })
    }

    /// Goes on with a list.
    ///
    /// # Errors
    ///
    /// Its part is gone, shorter, or being written.
    pub(super) fn resume(&mut self, written: &Written) -> Result<(), Error> {
        if let (Some(name), [part]) = (&self.name, written.parts.as_slice()) {
            self.file = Some(Destination::resume(name, self.existing, part, written.bytes)?);
        }
        Ok(())
    }

    pub(super) fn add(&mut self, row: u64, word: &str, column: Option<&str>) -> Result<(), Error> {
        let (Some(name), what) = (&self.name, self.what) else { return Ok(()) };
        let (header, line) = match column {
            Some(column) => {
                (format!("row,{what},column\n"), format!("{row},{word},{}\n", quoted(column)))
            }
            None => (format!("row,{what}\n"), format!("{row},{word}\n")),
        };
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut file = Destination::create(name, self.existing)?;
                file.append(header.as_bytes())?;
                none.insert(file)
            }
        };
        Ok(file.append(line.as_bytes())?)
    }

    /// Makes the list durable, to be gone on with.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(super) fn checkpoint(&mut self) -> Result<Option<Written>, Error> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let (part, bytes) = file.checkpoint()?;
        Ok(Some(Written { parts: vec![part], bytes }))
    }

    /// Says that what is durable is of no use any more.
    pub(super) fn forget(&mut self) {
        if let Some(file) = &mut self.file {
            file.forget();
        }
    }

    /// Makes the list durable.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        self.file.as_mut().map_or(Ok(()), |file| Ok(file.sync()?))
    }

    /// Gives the list its name, then does the same for the output, so that where there is an
    /// output, its rejects are there too.
    ///
    /// # Errors
    ///
    /// A name was taken meanwhile, or the disk fails.
    pub(super) fn publish_before(
        self,
        publish: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Option<PathBuf>, Error> {
        let published = match (self.file, self.name) {
            (Some(file), Some(name)) => {
                file.publish()?;
                Some(name)
            }
            (_, Some(name)) => {
                // The side file of the output that is replaced does not belong to the new one.
                if self.existing == Existing::Replace && std::fs::remove_file(&name).is_ok() {
                    sync_directory(&name)?;
                }
                None
            }
            (_, None) => None,
        };
        if let Err(error) = publish() {
            if let (Existing::Keep, Some(rejects)) = (self.existing, &published) {
                let _ = std::fs::remove_file(rejects);
            }
            return Err(error);
        }
        Ok(published)
    }
}

/// A name as a field of CSV.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}
