//! One file that a command writes: [`files::destination`](crate::files::destination), with errors
//! that have an exit code.

use std::io::Write;
use std::path::Path;

use crate::cli::error::Error;
use crate::files::destination;
pub(in crate::cli) use crate::files::destination::Existing;

/// A file that appears only when it is complete.
pub(in crate::cli) struct Destination(destination::Destination);

impl Destination {
    /// Starts to write a file aside.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept, or the directory cannot be written.
    pub(in crate::cli) fn create(name: &Path, existing: Existing) -> Result<Self, Error> {
        Ok(Self(destination::Destination::create(name, existing)?))
    }

    /// The same, after the parts are removed that killed processes have left.
    ///
    /// # Errors
    ///
    /// As [`Destination::create`].
    pub(in crate::cli) fn create_anew(name: &Path, existing: Existing) -> Result<Self, Error> {
        Ok(Self(destination::Destination::create_anew(name, existing)?))
    }

    /// Writes more.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub(in crate::cli) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.0.append(bytes)?)
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// The name was taken meanwhile, or the disk fails.
    pub(in crate::cli) fn publish(self) -> Result<(), Error> {
        Ok(self.0.publish()?)
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
