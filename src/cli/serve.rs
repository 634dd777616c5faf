//! `hvelv serve`: runs the server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Error, Exit, with_sources};
use super::{local, log};
use crate::clock::{Clock, SystemClock};
use crate::config::sealing::MemoryLock;
use crate::memory::{process, secret};
use crate::rpc::auth::AccessWatch;
use crate::rpc::control::Control;
use crate::rpc::server::{self, ServeError};
use crate::service::setup::Installation;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv serve --config /etc/hvelv/hvelv.toml
  hvelv serve --config keys/dev/hvelv.toml

The server starts sealed: open it with `hvelv unseal`. SIGTERM and SIGINT drain deliveries in
flight, close the stores and end with exit code 0. SIGHUP loads access.toml and the TLS files
anew; SIGUSR1 seals. A configuration that is wrong ends with exit code 2 and all its problems at
once.";

/// Runs the server. It starts sealed.
#[derive(Debug, clap::Args)]
pub(super) struct ServeOptions {
    /// Configuration of the server.
    #[arg(long, value_name = "FILE", default_value = "hvelv.toml")]
    config: PathBuf,
}

/// Runs the command until the server is told to stop.
///
/// # Errors
///
/// The configuration is wrong, or the server cannot start.
pub(super) fn run(options: &ServeOptions) -> Result<Exit, Error> {
    let installation = Installation::load(&options.config).map_err(local::from_setup)?;
    log::start(&installation.config.log)?;
    lock_memory(installation.config.memory.lock)?;
    let access = open_access(&installation, &options.config)?;
    let service = installation.service().map_err(local::from_setup)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::internal(format!("cannot start: {cause}")))?;
    runtime.block_on(async {
        let (control, handle, _bound) = Control::new();
        handle
            .follow_signals()
            .map_err(|cause| Error::internal(format!("cannot listen to signals: {cause}")))?;
        server::serve(&installation.config, service, access, control).await.map_err(from_serving)
    })?;
    Ok(Exit::Success)
}

/// Keeps the memory of the process out of swap, as configured.
fn lock_memory(lock: MemoryLock) -> Result<(), Error> {
    let refused = match lock {
        MemoryLock::Off => return Ok(()),
        MemoryLock::IfPossible | MemoryLock::Required => process::lock_all().err(),
    };
    let Some(cause) = refused else {
        tracing::info!("all memory is locked: nothing of it is swapped");
        return Ok(());
    };
    let text = with_sources(&cause);
    if lock == MemoryLock::IfPossible {
        // Secrets lie on pages that are locked one by one, as far as the limit reaches.
        let unlocked_pages = secret::unlocked_total();
        tracing::warn!(
            cause = text,
            unlocked_pages,
            "memory is not locked: swap must be off or encrypted"
        );
        return Ok(());
    }
    Err(Error::new(Exit::Precondition, format!("memory cannot be locked: {text}")).advise(
        "Set LimitMEMLOCK=infinity in the unit (ulimit -l unlimited), or give CAP_IPC_LOCK; or, \
         where swap is off or encrypted, set lock = \"off\" in [memory].",
    ))
}

/// Reads the access file.
///
/// # Errors
///
/// All its problems.
pub(super) fn open_access(
    installation: &Installation,
    config: &Path,
) -> Result<Arc<AccessWatch>, Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let registers = Arc::clone(&installation.catalogue);
    AccessWatch::open(&installation.config.access_file, registers, clock)
        .map_err(|problems| local::from_problems(&problems, config))
}

fn from_serving(cause: ServeError) -> Error {
    let text = with_sources(&cause);
    match cause {
        ServeError::Bind { .. } => Error::usage(text).advise(
            "Is another server running? Else change listen, or metrics.listen, in hvelv.toml.",
        ),
        ServeError::Tls(_) => Error::usage(text)
            .advise("Look at [tls] in hvelv.toml; the key must be readable by its owner alone."),
        ServeError::Ended(_) | ServeError::Reflection(_) => Error::internal(text),
    }
}
