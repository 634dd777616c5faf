//! One file: opened, begun or gone on with, delivered, published.

use std::cell::Cell;

use jiff::civil::Date;
use tokio::runtime::Runtime;

use super::answers::Judge;
use super::columns::{Common, Declared, declare};
use super::contacts;
use super::engine::{self, Finished, Input, Output, Pseudonymizer, Sending};
use super::job::Job;
use super::lists::{Listed, Lists, SideFile, leaf_ids_name, rejects_name};
use super::options::PseudonymizeOptions;
use super::progress::{Outcome, Progress, Size, Voice, tell_failure};
use super::resume::{Checkpoint, Checkpoints, Choices, discard};
use crate::cli::error::{Error, Exit};
use crate::files::checkpoint::Fingerprint;
use crate::files::columnar::{GroupReader, GroupWriter};
use crate::files::delimited::{RowReader, RowWriter, Table};
use crate::files::guard::Guard;
use crate::files::{ContactColumn, Format, IdColumn, Reader, Source, Writer, Written};

/// Where a file goes, and how.
pub(super) struct Route<'a> {
    /// The options.
    pub(super) options: &'a PseudonymizeOptions,
    /// What the register calls its ID.
    pub(super) id_column: &'a str,
    /// What decides about the output besides the options: the server.
    pub(super) server: &'a str,
    /// Who is told what.
    pub(super) voice: Voice,
    /// Told when the first file is under way, and no sooner: an error would stand behind it.
    pub(super) first_note: Cell<Option<String>>,
    /// The day on which it goes.
    pub(super) today: Date,
    /// What drives the connection.
    pub(super) runtime: &'a Runtime,
}

/// An opened delivery.
pub(super) struct Opened<P> {
    /// Its id.
    pub(super) id: String,
    /// Most rows that a batch may have.
    pub(super) batch_rows_max: usize,
    /// What answers it.
    pub(super) service: P,
}

/// Everything that is opened before the server is asked.
struct Begun<'a> {
    job: &'a Job,
    columns: Vec<Declared>,
    contacts: Vec<ContactColumn>,
    guard: Guard,
    lists: Lists,
    checkpoints: Option<Checkpoints>,
    found: Option<Checkpoint>,
    size: Size,
    format: Format,
}

impl Route<'_> {
    /// Sends one file and publishes what came back.
    ///
    /// # Errors
    ///
    /// Everything that keeps the output from being complete; then there is no output.
    pub(super) fn send<P: Pseudonymizer>(
        &self,
        job: &Job,
        open: impl FnOnce() -> Result<Opened<P>, Error>,
    ) -> Result<Exit, Error> {
        let sent = self.send_table(job, open).and_then(|exit| job.hand_over().map(|()| exit));
        sent.inspect_err(|error| tell_failure(self.voice, &job.input, error))
    }

    fn send_table<P: Pseudonymizer>(
        &self,
        job: &Job,
        open: impl FnOnce() -> Result<Opened<P>, Error>,
    ) -> Result<Exit, Error> {
        let (source, format) = job.open(self.options)?;
        let mut begun = self.begin(job, &source, format)?;
        let columns: Vec<IdColumn> =
            begun.columns.iter().map(|declared| declared.column.clone()).collect();
        let rows_max = contacts::batch_rows(&begun.contacts, self.options.batch_rows);
        let (existing, contacts) = (self.options.existing(), begun.contacts.clone());
        let place = begun.found.as_ref().map(|found| found.place);
        match (format, source) {
            (Format::Parquet, Source::File(file)) => {
                let guard = &mut begun.guard;
                let wanted = (columns, contacts);
                let mut reader = GroupReader::open(file, &job.input, wanted, rows_max, guard)?;
                begun.size = Size::Rows(reader.row_count());
                if let Some(checkpoints) = &mut begun.checkpoints {
                    checkpoints.spread_over(reader.row_count());
                }
                if let Some(place) = place {
                    reader.go_to(place)?;
                }
                let writer = |reader: &GroupReader, written: Option<&Written>| match written {
                    Some(written) => GroupWriter::resume(&job.output, existing, reader, written),
                    None => GroupWriter::create(&job.output, existing, reader),
                };
                self.deliver(begun, reader, writer, open)
            }
            (_, source) => {
                let names = columns.iter().map(|column| column.name.as_str());
                let others = contacts.iter().map(|column| column.name.as_str());
                let names: Vec<&str> = names.chain(others).collect();
                let table = Table::open(source, &names, self.options.layout())?;
                let mut reader =
                    RowReader::new(table, (columns, contacts), rows_max, &mut begun.guard)?;
                let header = reader.renamed_header()?;
                if let Some(place) = place {
                    reader.table_mut().go_to(place)?;
                }
                let writer = |_: &RowReader<Source>, written: Option<&Written>| match written {
                    Some(written) => RowWriter::resume(&job.output, existing, written),
                    None => RowWriter::create(&job.output, existing, &header),
                };
                self.deliver(begun, reader, writer, open)
            }
        }
    }

    fn begin<'a>(&self, job: &'a Job, source: &Source, format: Format) -> Result<Begun<'a>, Error> {
        let options = self.options;
        let common = Common {
            kind: options.identifier_type,
            output: self.id_column,
            leading_zeros: options.leading_zeros(),
        };
        let columns = declare(&options.id_column, &options.optional_id_column, common)?;
        let contacts = contacts::declare(options)?;
        contacts::refuse_twice(&contacts, columns.iter().map(|one| one.column.name.as_str()))?;
        let (rejects, leaf_ids) = (job.rejects(options), job.leaf_ids(options));
        if options.restart {
            let rejects = rejects.clone().unwrap_or_else(|| rejects_name(&job.output));
            let leaf_ids = leaf_ids.clone().unwrap_or_else(|| leaf_ids_name(&job.output));
            discard(&job.output, (&rejects, &leaf_ids))?;
        }
        let list = |name, what| SideFile::create(name, what, options.existing());
        let lists = Lists { rejects: list(rejects, "code")?, leaf_ids: list(leaf_ids, "leaf_id")? };
        let file = source.file().filter(|_| job.standard_output.is_none());
        let (checkpoints, found) = match file {
            Some(file) => {
                let fingerprint = Fingerprint::of(file, &job.input)?;
                let rows = match options.checkpoint_rows {
                    0 => u64::MAX,
                    rows => rows,
                };
                let choices = self.choices(&columns, format);
                let (saver, found) = Checkpoints::open(&job.output, fingerprint, choices, rows)?;
                (Some(saver), found)
            }
            None => (None, None),
        };
        Ok(Begun {
            job,
            columns,
            contacts,
            guard: Guard::new(self.today, options.allow_identifiers.clone())?,
            lists,
            checkpoints,
            found,
            size: Size::Bytes(source.bytes()),
            format,
        })
    }

    /// The options that decide what the output is like.
    fn choices(&self, columns: &[Declared], format: Format) -> Choices {
        let options = self.options;
        let columns: Vec<String> = columns.iter().map(|column| format!("{column:?}")).collect();
        let text = |text: &dyn std::fmt::Debug| format!("{text:?}");
        [
            ("--assigner", text(&options.assigner)),
            ("--delimiter", text(&options.delimiter)),
            ("--encoding", text(&options.encoding)),
            ("--format", text(&format)),
            ("--id-column", columns.join(" ")),
            ("--mode", text(&options.mode)),
            ("--period", text(&options.period)),
            ("--purpose", text(&options.purpose)),
            ("--register", options.register.clone()),
            ("--rejected-rows", text(&options.rejected(format))),
            ("--server", self.server.to_owned()),
            ("--source", options.source.clone()),
        ]
        .into_iter()
        .chain(options.name_column.iter().map(|name| ("--name-column", name.clone())))
        .chain(options.address_column.iter().map(|name| ("--address-column", name.clone())))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    fn deliver<R, W, P>(
        &self,
        begun: Begun<'_>,
        mut reader: R,
        writer: impl FnOnce(&R, Option<&Written>) -> Result<W, crate::files::Error>,
        open: impl FnOnce() -> Result<Opened<P>, Error>,
    ) -> Result<Exit, Error>
    where
        R: Reader,
        W: Writer<Block = R::Block>,
        P: Pseudonymizer,
    {
        let (size, format) = (begun.size, begun.format);
        let Begun { job, columns, mut guard, mut lists, mut checkpoints, found, .. } = begun;
        let written = found.as_ref().map(|found| &found.output);
        let (begin, tally) = match &found {
            Some(found) => {
                guard.resume(&found.guard)?;
                if let Some(list) = &found.rejects {
                    lists.rejects.resume(list)?;
                }
                if let Some(list) = &found.leaf_ids {
                    lists.leaf_ids.resume(list)?;
                }
                (found.place, (found.tally, found.rejected()))
            }
            None => Default::default(),
        };
        let writer = writer(&reader, written)?;
        let opened = open()?;
        if let Some(checkpoints) = &mut checkpoints {
            checkpoints.add_delivery(&opened.id);
        }
        reader.limit(opened.batch_rows_max);
        let mut progress = Progress::new(self.voice, &job.input, size);
        progress.begin(&opened.id, begin.rows);
        self.first_note.take().iter().for_each(|line| progress.note(line));
        let judge = Judge::new(&columns, self.options.rejected(format), lists, tally);
        let input = Input { reader, guard, begin };
        let output = Output { writer, judge, checkpoints, progress };
        let assigner = self.options.assigner.clone().unwrap_or_default();
        let sending = Sending { columns, assigner };
        let finished = engine::run(self.runtime, input, output, &sending, opened.service)?;
        self.publish(finished)
    }

    fn publish<W: Writer>(&self, finished: Finished<W>) -> Result<Exit, Error> {
        let Finished { output, summary, allowed } = finished;
        let Output { writer, judge, checkpoints, progress } = output;
        let tally = *judge.tally();
        let (lists, counts) = judge.into_lists();
        let Listed { rejects, leaf_ids } = lists.publish_before(|| Ok(writer.publish()?))?;
        let own = [summary.delivery_id.clone()];
        let deliveries = checkpoints.as_ref().map_or(own.as_slice(), Checkpoints::deliveries);
        if let Some(checkpoints) = &checkpoints {
            checkpoints.remove()?;
        }
        progress.finish(&Outcome {
            tally,
            counts: &counts,
            summary: &summary,
            deliveries,
            rejects: rejects.as_deref(),
            leaf_ids: leaf_ids.as_deref(),
            allowed: &allowed,
        });
        let is_failure = tally.rejected > 0 && self.options.fail_on_rejects;
        Ok(if is_failure { Exit::Rejects } else { Exit::Success })
    }
}
