//! The row groups of a Parquet file, one after the other, in batches of bounded size.

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use super::caught::caught;
use super::unreadable;
use crate::files::{Error, ErrorKind};

/// Most rows in a batch, where nobody says.
const BATCH_ROWS: usize = 64 * 1024;

/// A Parquet file being read.
pub(crate) struct Groups {
    file: File,
    metadata: ArrowReaderMetadata,
    columns: ProjectionMask,
    rows_max: usize,
    /// The row group that is read, or to be read next.
    group: usize,
    reader: Option<ParquetRecordBatchReader>,
    /// Rows handed out: in all, and of this row group.
    rows: u64,
    rows_of_group: u64,
}

impl Groups {
    /// Reads the footer.
    ///
    /// # Errors
    ///
    /// Not Parquet, or cut off.
    pub(crate) fn open(
        file: File,
        name: &Path,
        options: ArrowReaderOptions,
    ) -> Result<Self, Error> {
        let metadata = caught(|| ArrowReaderMetadata::load(&file, options))
            .map_err(|cause| unreadable(&name.display().to_string(), &cause))?;
        Ok(Self {
            file,
            metadata,
            columns: ProjectionMask::all(),
            rows_max: BATCH_ROWS,
            group: 0,
            reader: None,
            rows: 0,
            rows_of_group: 0,
        })
    }

    /// Reads no other than these columns, by their places in the file.
    pub(crate) fn select(&mut self, places: &[usize]) {
        let schema = self.metadata.parquet_schema();
        self.columns = ProjectionMask::roots(schema, places.iter().copied());
    }

    /// Makes batches at most so large from now on.
    pub(crate) fn limit(&mut self, rows_max: usize) {
        self.rows_max = self.rows_max.min(rows_max).max(1);
    }

    /// What the file is like.
    pub(crate) fn metadata(&self) -> &ArrowReaderMetadata {
        &self.metadata
    }

    /// How many rows there are.
    pub(crate) fn row_count(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or_default()
    }

    /// How many rows were handed out.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether the last batch was the last of its row group.
    pub(super) fn is_at_end_of_group(&self) -> bool {
        self.rows_of_group == self.rows_in(self.group)
    }

    /// Goes on after so many rows.
    ///
    /// # Errors
    ///
    /// There are fewer.
    pub(super) fn go_to(&mut self, rows: u64) -> Result<(), Error> {
        let mut before = 0;
        for group in 0..self.group_count() {
            let count = self.rows_in(group);
            if before + count > rows {
                break;
            }
            before += count;
            self.group = group + 1;
        }
        self.rows = rows;
        self.rows_of_group = rows - before;
        if self.group == self.group_count() && self.rows_of_group > 0 {
            return Err(Error::new(ErrorKind::Stale, "the input has fewer rows than were read")
                .advise("Begin anew with --restart."));
        }
        Ok(())
    }

    fn group_count(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    fn rows_in(&self, group: usize) -> u64 {
        let group = self.metadata.metadata().row_groups().get(group);
        group.map_or(0, |group| u64::try_from(group.num_rows()).unwrap_or_default())
    }

    /// The next batch; `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// Damage, by row group.
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        while self.group < self.group_count() {
            let mut reader = match self.reader.take() {
                Some(reader) => reader,
                None => self.open_group()?,
            };
            let batch = caught(|| reader.next().transpose().map_err(ParquetError::from))
                .map_err(|cause| unreadable(&self.whereabouts(), &cause))?;
            match batch {
                Some(batch) => {
                    self.reader = Some(reader);
                    self.rows += batch.num_rows() as u64;
                    self.rows_of_group += batch.num_rows() as u64;
                    return Ok(Some(batch));
                }
                None if self.rows_of_group == self.rows_in(self.group) => {
                    self.group += 1;
                    self.rows_of_group = 0;
                }
                None => {
                    let what = format!("{} has fewer rows than it says", self.whereabouts());
                    return Err(Error::input(what).advise("Copy it again, or write it anew."));
                }
            }
        }
        Ok(None)
    }

    fn open_group(&self) -> Result<ParquetRecordBatchReader, Error> {
        let failed = |cause| unreadable(&self.whereabouts(), &cause);
        let file = self.file.try_clone().map_err(|cause| failed(cause.into()))?;
        let skipped = usize::try_from(self.rows_of_group).unwrap_or(usize::MAX);
        caught(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_projection(self.columns.clone())
                .with_batch_size(self.rows_max)
                .with_row_groups(vec![self.group])
                .with_offset(skipped)
                .build()
        })
        .map_err(failed)
    }

    fn whereabouts(&self) -> String {
        format!("row group {} (after row {})", self.group + 1, self.rows)
    }
}
