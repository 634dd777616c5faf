//! A Hvelv server and an echo server in this process, and clients of both.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::runtime::Runtime;

use hvelv::clock::{Clock, SystemClock};
use hvelv::rpc::auth::AccessWatch;
use hvelv::rpc::control::{Control, ServerHandle};
use hvelv::rpc::server;
use hvelv::service::Service;
use hvelv::service::setup::Installation;

use super::client::Clients;
use super::load::{BATCH, Form, Load, Messages};
use super::{echo, in_process};

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// The reference.
    Echo,
    /// What is measured.
    Hvelv,
}

/// Both servers.
pub(crate) struct World {
    /// Clients of both.
    pub(crate) clients: Clients,
    directory: tempfile::TempDir,
    echo: SocketAddr,
    hvelv: SocketAddr,
    handle: ServerHandle,
    installation: Installation,
    service: Arc<Service>,
}

impl World {
    /// Makes an installation, starts it open, and starts the echo beside it.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = directory.path().join("dev");
        let installation = Installation::load(&initialise(&files)).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let registers = Arc::clone(&installation.catalogue);
        let access =
            AccessWatch::open(&installation.config.access_file, registers, Arc::clone(&clock));
        let (control, handle, bound) = Control::new();
        let runtime = Runtime::new().unwrap();
        let service = installation.service().unwrap();
        let (config, access) = (Arc::clone(&installation.config), access.unwrap());
        let served = Arc::clone(&service);
        runtime.spawn(async move { server::serve(&config, served, access, control).await });
        let hvelv = runtime.block_on(bound).unwrap();
        let log = directory.path().join("echo");
        let echo = runtime.block_on(echo::start(&installation.config, &log));
        let clients = Clients { runtime, clock, files };
        clients.unseal(hvelv);
        Self { clients, directory, echo, hvelv, handle, installation, service }
    }

    /// Where a server is.
    pub(crate) fn address(&self, server: Server) -> SocketAddr {
        match server {
            Server::Echo => self.echo,
            Server::Hvelv => self.hvelv,
        }
    }

    /// Sends every person once, on one stream; gives persons per second, first sight if it is that.
    pub(crate) fn deliver_all(&self, form: Form, numbers: &[u64]) -> f64 {
        let count = numbers.len().div_ceil(BATCH);
        let load = Load { form, streams: 1, count, batch: BATCH };
        self.round(Server::Hvelv, load, &load.messages(numbers))
    }

    /// One round; gives identifiers per second, opening and closing of the delivery included.
    pub(crate) fn round(&self, server: Server, load: Load, messages: &Messages) -> f64 {
        self.clients.round(self.address(server), load, messages).0
    }

    /// Identifiers per second of the mapping path without a wire, on one thread: of all of it, and of
    /// mapping without the record.
    pub(crate) fn in_process(&self, form: Form, numbers: &[u64], count: usize) -> (f64, f64) {
        let batches = numbers.chunks(BATCH).cycle().take(count);
        let batches = batches.map(|numbers| (form, numbers.to_vec()));
        in_process::rates(&self.service, &self.installation, &self.clients.clock, batches)
    }

    /// Stops Hvelv in order.
    pub(crate) fn stop(self) {
        self.clients.runtime.block_on(self.handle.stop());
        drop(self.directory);
    }
}

/// Makes what a development server needs; gives its configuration.
fn initialise(directory: &Path) -> PathBuf {
    let made = Command::new(env!("CARGO_BIN_EXE_hvelv"))
        .args(["init", "--development", "--listen", "127.0.0.1:0", "--directory"])
        .arg(directory)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success(), "hvelv init makes a development server");
    directory.join("hvelv.toml")
}
