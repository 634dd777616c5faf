//! Writes batches with the columns of identifiers replaced, in segments.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;

use super::reader::{GroupBlock, GroupReader};
use super::schema::Plan;
use super::{segments, unwritable};
use crate::files::destination::{Destination, Existing};
use crate::files::{Answers, Block, Error, ErrorKind, Writer, Written};

/// A Parquet file being written.
pub struct GroupWriter {
    name: PathBuf,
    existing: Existing,
    plan: Plan,
    /// Complete segments, each durable.
    segments: Vec<Destination>,
    /// The segment being written.
    open: Option<ArrowWriter<Destination>>,
    /// The output, complete and durable, and not yet named.
    complete: Option<Destination>,
}

impl GroupWriter {
    /// Starts the output of a file aside.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept, or the directory cannot be written.
    pub fn create(name: &Path, existing: Existing, reader: &GroupReader) -> Result<Self, Error> {
        let plan = Plan::of(reader)?;
        let mut writer = Self {
            name: name.to_owned(),
            existing,
            plan,
            segments: Vec::new(),
            open: None,
            complete: None,
        };
        writer.segment()?;
        Ok(writer)
    }

    /// Goes on with an output.
    ///
    /// # Errors
    ///
    /// A segment is gone, shorter, or being written.
    pub fn resume(
        name: &Path,
        existing: Existing,
        reader: &GroupReader,
        written: &Written,
    ) -> Result<Self, Error> {
        let plan = Plan::of(reader)?;
        let is_last = |at: usize| at + 1 == written.parts.len();
        let resume = |(at, part): (usize, &String)| {
            // Only the last may be longer than it was: the others were complete before.
            let bytes = if is_last(at) { written.bytes } else { length(name, part) };
            Destination::resume(name, existing, part, bytes)
        };
        let segments =
            written.parts.iter().enumerate().map(resume).collect::<Result<Vec<_>, Error>>()?;
        Ok(Self { name: name.to_owned(), existing, plan, segments, open: None, complete: None })
    }

    /// The segment being written; a new one if there is none.
    fn segment(&mut self) -> Result<&mut ArrowWriter<Destination>, Error> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let output = Destination::create(&self.name, self.existing)?;
                let (schema, options) = (Arc::clone(&self.plan.schema), self.plan.options.clone());
                ArrowWriter::try_new_with_options(output, schema, options)
                    .map_err(|cause| unwritable(&cause))?
            }
        };
        Ok(self.open.insert(open))
    }

    /// Completes the segment being written.
    fn close(&mut self) -> Result<(), Error> {
        if let Some(open) = self.open.take() {
            self.segments.push(open.into_inner().map_err(|cause| unwritable(&cause))?);
        }
        Ok(())
    }

    fn replaced(&self, block: &GroupBlock, answers: &Answers) -> Result<RecordBatch, Error> {
        let mut columns = block.batch.columns().to_vec();
        for (place, ids) in block.places.iter().zip(&answers.ids) {
            let id = |id: &u64| i64::try_from(*id).ok().filter(|id| *id != 0);
            let ids: ArrayRef = Arc::new(Int64Array::from_iter(ids.iter().map(id)));
            if let Some(column) = columns.get_mut(*place) {
                *column = ids;
            }
        }
        let is_left_out = |place: usize| block.contacts.iter().any(|one| one.place == place);
        let kept = columns.into_iter().enumerate().filter(|(place, _)| !is_left_out(*place));
        let columns = kept.map(|(_, column)| column).collect();
        RecordBatch::try_new(Arc::clone(&self.plan.schema), columns)
            .map_err(|_| Error::new(ErrorKind::Internal, "a batch does not fit its schema"))
    }
}

impl Writer for GroupWriter {
    type Block = GroupBlock;

    fn write(&mut self, block: &GroupBlock, answers: &Answers) -> Result<(), Error> {
        let batch = self.replaced(block, answers)?;
        let segment = self.segment()?;
        let mut at = 0;
        let left_out = answers.left_out.iter().map(|row| usize::try_from(*row).unwrap_or_default());
        for row in left_out.chain([batch.num_rows()]) {
            // A slice shares the memory of its batch.
            segment.write(&batch.slice(at, row - at)).map_err(|cause| unwritable(&cause))?;
            at = row + 1;
        }
        if block.is_boundary() {
            segment.flush().map_err(|cause| unwritable(&cause))?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Written, Error> {
        self.close()?;
        let mut written = Written { parts: Vec::new(), bytes: 0 };
        for segment in &mut self.segments {
            let (part, bytes) = segment.checkpoint()?;
            written.parts.push(part);
            written.bytes = bytes;
        }
        Ok(written)
    }

    fn forget(&mut self) {
        self.segments.iter_mut().for_each(Destination::forget);
    }

    fn finish(&mut self, _last: &GroupBlock) -> Result<(), Error> {
        if self.segments.is_empty() {
            self.segment()?;
        }
        self.close()?;
        let mut complete = if self.segments.len() == 1 {
            self.segments.remove(0)
        } else {
            let parts: Option<Vec<PathBuf>> =
                self.segments.iter().map(|segment| segment.part().map(Path::to_owned)).collect();
            let parts = parts
                .ok_or_else(|| Error::new(ErrorKind::Internal, "a segment was given a name"))?;
            for segment in &mut self.segments {
                segment.sync()?;
            }
            let output = Destination::create(&self.name, self.existing)?;
            segments::join(&parts, output, self.plan.properties.clone())
                .map_err(|cause| unwritable(&cause))?
        };
        complete.sync()?;
        self.complete = Some(complete);
        Ok(())
    }

    fn publish(mut self) -> Result<(), Error> {
        match self.complete.take() {
            Some(complete) => complete.publish()?,
            None => return Err(Error::new(ErrorKind::Internal, "an output is not complete")),
        }
        // Their row groups are in the output.
        self.forget();
        Ok(())
    }
}

/// The length of a part that is complete.
fn length(name: &Path, part: &str) -> u64 {
    let part = crate::files::destination::beside(name, part);
    part.and_then(|part| std::fs::metadata(part).ok()).map_or(0, |found| found.len())
}
