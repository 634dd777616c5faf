//! `hvelv pseudonymize`: tables through the service, identifiers replaced.
//!
//! What is done with files is in [`files`](crate::files); here they meet the server. One file is one
//! delivery ([`file`]), and one that goes on after a failure is one more.

mod answers;
mod columns;
mod contacts;
pub(in crate::cli) mod destination;
mod engine;
mod file;
mod job;
mod lists;
mod options;
mod progress;
mod rejected;
mod resume;
mod stream;
#[cfg(test)]
mod tests;
mod words;

pub(super) use self::columns::parse_exception;
use self::file::{Opened, Route};
use self::job::{Job, is_standard};
pub(super) use self::options::{EXAMPLES, PseudonymizeOptions};
use self::progress::Voice;
use self::stream::Delivery;
use super::connect::{Caller, Channel, runtime};
use super::error::{Error, Exit};
use super::{output, registers};
use crate::clock::{Clock, SystemClock};
use crate::rpc::proto::{DeliveryHeader, Register};

/// Runs the command.
///
/// # Errors
///
/// Everything that keeps an output from being complete; then there is no output.
pub(super) fn run(options: &PseudonymizeOptions) -> Result<Exit, Error> {
    let today = SystemClock::new().today();
    let header = options.delivery(today)?;
    let jobs = job::jobs(options)?;
    // What is wrong with the names is known before the server is asked.
    if let [job] = jobs.as_slice() {
        job.check(options)?;
    }
    let server = options.connection.target(Caller::Known)?.server;
    let runtime = runtime()?;
    let channel = runtime.block_on(options.connection.channel(Caller::Known))?;
    let register = runtime.block_on(find_register(channel.clone(), options))?;
    if register.id_column.is_empty() {
        return Err(Error::internal("the catalogue has no name for the ID column"));
    }
    let route = Route {
        options,
        id_column: &register.id_column,
        server: &server,
        voice: voice(options),
        first_note: options.period_note(today).into(),
        today,
        runtime: &runtime,
    };
    let send = |job: &Job| route.send(job, || open(&runtime, channel.clone(), header.clone()));
    match jobs.as_slice() {
        [job] => send(job),
        jobs => send_all(jobs, send),
    }
}

/// Sends files one after the other; one that fails does not stop the others, unless the server would
/// say the same to them.
fn send_all(jobs: &[Job], send: impl Fn(&Job) -> Result<Exit, Error>) -> Result<Exit, Error> {
    let mut exits = Vec::new();
    let mut worst = Exit::Success;
    for (done, job) in (1..).zip(jobs) {
        match send(job) {
            Ok(Exit::Success) => {}
            Ok(exit) => worst = exit,
            Err(error) => {
                let error = error.about(&job.input.display().to_string());
                output::failure(&error);
                exits.push(error.exit());
                if matches!(error.exit(), Exit::Denied | Exit::Interrupted | Exit::Unavailable) {
                    let what = format!("stopped at file {done} of {}", jobs.len());
                    return Err(Error::new(error.exit(), what)
                        .advise("The files before it are done. Run it for the others again."));
                }
            }
        }
    }
    match exits.first() {
        None => Ok(worst),
        Some(exit) => {
            let what = format!("{} of {} files failed", exits.len(), jobs.len());
            Err(Error::new(*exit, what).advise("The others are done."))
        }
    }
}

fn open(
    runtime: &tokio::runtime::Runtime,
    channel: Channel,
    header: DeliveryHeader,
) -> Result<Opened<Delivery>, Error> {
    let delivery = runtime.block_on(Delivery::open(channel, header))?;
    let (id, batch_rows_max) = (delivery.id().to_owned(), delivery.batch_rows_max());
    Ok(Opened { id, batch_rows_max, service: delivery })
}

fn voice(options: &PseudonymizeOptions) -> Voice {
    let is_table = options.out_dir.is_none() && options.rest.iter().any(|path| is_standard(path));
    match (options.json, options.quiet) {
        (true, _) if is_table => Voice::MachineBeside,
        (true, true) => Voice::MachineOnly,
        (true, false) => Voice::Machine,
        (false, true) => Voice::Quiet,
        (false, false) => Voice::Person,
    }
}

/// Asks the catalogue before anything is sent: it knows what the output column is called.
async fn find_register(channel: Channel, options: &PseudonymizeOptions) -> Result<Register, Error> {
    let register = registers::find(channel, &options.register).await?;
    if register.sources.iter().any(|source| source.code == options.source) {
        return Ok(register);
    }
    let known: Vec<&str> = register.sources.iter().map(|source| source.code.as_str()).collect();
    Err(Error::usage(format!("{} is not a source of {}", options.source, options.register))
        .advise(format!("Its sources are: {}.", known.join(", "))))
}
