//! `hvelv identity apply`: the events of a feed, some thousands in one request.
//!
//! Each request is wholly applied or not at all, and moves the feed's pointer with it: a run that ends
//! anywhere is begun anew with the same file, or with one that begins earlier.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use serde_json::json;
use zeroize::Zeroizing;

use super::super::connect::block_on;
use super::super::error::{Error, Exit};
use super::super::output;
use super::{ApplyOptions, Client, client, line};
use crate::rpc::proto::{ApplyEventsRequest, ApplyEventsResponse, IdentityEvent};

/// Events in one request.
const EVENTS_AT_ONCE: usize = 2_000;
/// The longest line.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// A line of progress after so many events.
const PROGRESS_EVENTS: u64 = 20_000;

/// What became of all events so far.
#[derive(Default)]
struct Total {
    lines: u64,
    answer: ApplyEventsResponse,
    /// Line, number and code of the events that contradict something.
    reports: Vec<(u64, u64, String)>,
}

/// Runs the command.
///
/// # Errors
///
/// The file cannot be read; a line that is no event: what comes before it is applied; no connection, or
/// what the server says.
pub(super) fn run(options: &ApplyOptions) -> Result<Exit, Error> {
    let input: Box<dyn Read> = if options.file.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(&options.file);
        Box::new(file.map_err(|cause| Error::file("read", &options.file, &cause))?)
    };
    block_on(async {
        let mut client = client(&options.connection).await?;
        let mut total = Total::default();
        let applied = total.apply(options, &mut client, BufReader::new(input)).await;
        total.tell(options);
        applied?;
        Ok(Exit::Success)
    })
}

impl Total {
    async fn apply(
        &mut self,
        options: &ApplyOptions,
        client: &mut Client,
        mut input: impl BufRead,
    ) -> Result<(), Error> {
        let mut events: Vec<(u64, IdentityEvent)> = Vec::new();
        loop {
            let next = self.next(&mut input);
            let is_last = !matches!(next, Ok(Some(_)));
            let failure = match next {
                Ok(next) => {
                    events.extend(next);
                    None
                }
                Err(error) => Some(error),
            };
            if !events.is_empty() && (is_last || events.len() == EVENTS_AT_ONCE) {
                self.send(options, client, std::mem::take(&mut events)).await?;
            }
            match failure {
                Some(error) => return Err(error),
                None if is_last => return Ok(()),
                None => {}
            }
        }
    }

    /// The next event and its line; empty lines are passed over.
    fn next(&mut self, input: &mut impl BufRead) -> Result<Option<(u64, IdentityEvent)>, Error> {
        loop {
            let mut text = Zeroizing::new(Vec::new());
            let read = input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text);
            let read =
                read.map_err(|cause| Error::usage(format!("cannot read the feed: {cause}")))?;
            if read == 0 {
                return Ok(None);
            }
            self.lines += 1;
            if text.trim_ascii().is_empty() {
                continue;
            }
            let event = line::read(text.trim_ascii()).map_err(|wrong| {
                Error::usage(format!("line {} {wrong}", self.lines))
                    .advise("What comes before it is applied. Mend it, and apply the file again.")
            })?;
            return Ok(Some((self.lines, event)));
        }
    }

    async fn send(
        &mut self,
        options: &ApplyOptions,
        client: &mut Client,
        events: Vec<(u64, IdentityEvent)>,
    ) -> Result<(), Error> {
        let (lines, events): (Vec<(u64, u64)>, Vec<IdentityEvent>) =
            events.into_iter().map(|(line, event)| ((event.sequence, line), event)).unzip();
        let before = self.events();
        let request = ApplyEventsRequest { feed: options.feed.clone(), events };
        let answer = client.apply_events(request).await?.into_inner();
        for report in &answer.reports {
            let line = lines.binary_search_by_key(&report.sequence, |(sequence, _)| *sequence);
            let line = line.ok().and_then(|at| lines.get(at)).map_or(0, |(_, line)| *line);
            self.reports.push((line, report.sequence, report.code.clone()));
        }
        let all = &mut self.answer;
        all.read_to = answer.read_to;
        all.audit_entry = answer.audit_entry;
        all.applied += answer.applied;
        all.unchanged += answer.unchanged;
        all.nobody += answer.nobody;
        all.passed_over += answer.passed_over;
        all.repeated += answer.repeated;
        if !options.json && before / PROGRESS_EVENTS != self.events() / PROGRESS_EVENTS {
            output::note(&format!("{} events", self.events()));
        }
        Ok(())
    }

    fn events(&self) -> u64 {
        let all = &self.answer;
        all.applied
            + all.unchanged
            + all.nobody
            + all.passed_over
            + all.repeated
            + self.reports.len() as u64
    }

    fn tell(&self, options: &ApplyOptions) {
        let all = &self.answer;
        if options.json {
            let reports = self.reports.iter().map(|(line, sequence, code)| {
                json!({ "line": line, "sequence": sequence, "code": code })
            });
            return output::event(&json!({
                "feed": options.feed, "read_to": all.read_to, "applied": all.applied,
                "unchanged": all.unchanged, "nobody": all.nobody,
                "passed_over": all.passed_over, "repeated": all.repeated,
                "reports": reports.collect::<Vec<_>>(), "audit_entry": all.audit_entry,
            }));
        }
        for (line, sequence, code) in &self.reports {
            output::result(&format!("line {line}, event {sequence}: {code}"));
        }
        output::note(&format!(
            "{} events: {} applied, {} unchanged or about nobody, {} passed over, {} read before, \
             {} reported; read up to {}",
            self.events(),
            all.applied,
            all.unchanged + all.nobody,
            all.passed_over,
            all.repeated,
            self.reports.len(),
            all.read_to,
        ));
    }
}
