//! How a command reaches the server.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::error::{Error, Exit, with_sources};
use crate::clock::{Clock, SystemClock};
use crate::rpc::client::{self, ClientError, ClientIdentity, ClientOptions};

pub(super) use tonic::transport::Channel;

const DEFAULT_SERVER: &str = "https://127.0.0.1:7443";

/// Where the server is, and who asks.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct ConnectOptions {
    /// TOML file with any of `server`, `ca`, `certificate` and `key`; relative paths start at the
    /// file. `hvelv init --development` makes some. The options below win over the file.
    #[arg(long, value_name = "FILE")]
    pub(super) connect: Option<PathBuf>,

    /// The server's address [default: https://127.0.0.1:7443].
    #[arg(long, value_name = "URL")]
    pub(super) server: Option<String>,

    /// Certificate of the authority that signed the server's (PEM).
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,

    /// Your certificate (PEM). `status` and `registers` work without.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) certificate: Option<PathBuf>,

    /// The private key of your certificate (PEM), readable by you alone.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(super) key: Option<PathBuf>,
}

/// What a `--connect` file may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectFile {
    server: Option<String>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// Options and file put together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The server's address, `https://…`.
    pub(super) server: String,
    /// Authority of the server's certificate.
    pub(super) ca: PathBuf,
    /// Certificate and key of the caller.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// Whether a command can be answered to somebody without a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Anybody may ask.
    Anybody,
    /// A certificate is required.
    Known,
}

impl ConnectOptions {
    /// Puts options and file together.
    ///
    /// # Errors
    ///
    /// The file is unreadable or has unknown fields; something required is missing.
    pub(super) fn target(&self, caller: Caller) -> Result<Target, Error> {
        let file = match &self.connect {
            Some(path) => read_connect_file(path)?,
            None => ConnectFile::default(),
        };
        let server =
            self.server.clone().or(file.server).unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        if !server.starts_with("https://") {
            return Err(Error::usage(format!("the server's address {server} is not https://…"))
                .advise("Hvelv speaks TLS only."));
        }
        let ca = self.ca.clone().or(file.ca).ok_or_else(|| {
            Error::usage("no certificate authority for the server").advise(
                "Give --connect FILE (in development keys/dev/pipeline.toml, operator.toml or \
                 auditor.toml), or --ca FILE.",
            )
        })?;
        // A pair from one place: never the certificate of one and the key of another.
        let options = self.certificate.clone().zip(self.key.clone());
        let identity = options.or_else(|| file.certificate.zip(file.key));
        if identity.is_none() && caller == Caller::Known {
            return Err(Error::usage("this command needs a client certificate").advise(
                "Give --connect FILE with certificate and key, or --certificate and --key.",
            ));
        }
        Ok(Target { server, ca, identity })
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// As [`ConnectOptions::target`]; unreadable certificates; no connection.
    pub(super) async fn channel(&self, caller: Caller) -> Result<Channel, Error> {
        let target = self.target(caller)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let options = ClientOptions {
            address: target.address().to_owned(),
            server_name: None,
            ca_file: target.ca,
            identity: target
                .identity
                .map(|(certificate_file, key_file)| ClientIdentity { certificate_file, key_file }),
        };
        client::connect(&options, &clock).await.map_err(|cause| {
            let text = with_sources(&cause);
            match cause {
                ClientError::Address(_) | ClientError::ServerName(_) => {
                    Error::usage(text).advise("Give --server https://HOST:PORT.")
                }
                ClientError::Connect { .. } => Error::new(Exit::Unavailable, text)
                    .advise("Check --server, --ca, and that the server runs."),
                ClientError::Tls(_) => Error::usage(text)
                    .advise("Check --ca, --certificate and --key; the key is for its owner alone."),
            }
        })
    }
}

impl Target {
    /// The address without its scheme.
    fn address(&self) -> &str {
        self.server.trim_start_matches("https://").trim_end_matches('/')
    }
}

/// Runs a command's conversation with the server.
///
/// # Errors
///
/// What the conversation came to.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    runtime()?.block_on(work)
}

/// The runtime of a client.
///
/// # Errors
///
/// The system gives no threads.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|cause| Error::internal(format!("cannot start: {cause}")))
}

/// Ends when somebody wants the process to end.
pub(super) async fn interrupted() -> Error {
    use tokio::signal::unix::{SignalKind, signal};
    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    } else {
        let _ = tokio::signal::ctrl_c().await;
    }
    Error::new(Exit::Interrupted, "interrupted")
}

fn read_connect_file(path: &Path) -> Result<ConnectFile, Error> {
    let text = std::fs::read_to_string(path).map_err(|cause| Error::file("read", path, &cause))?;
    let file: ConnectFile = toml::from_str(&text).map_err(|cause| {
        Error::usage(format!("{} is not a connection file: {}", path.display(), cause.message()))
            .advise("It may hold server, ca, certificate and key, each a string.")
    })?;
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let beside = |name: Option<PathBuf>| name.map(|name| directory.join(name));
    Ok(ConnectFile {
        server: file.server,
        ca: beside(file.ca),
        certificate: beside(file.certificate),
        key: beside(file.key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str) -> (tempfile::TempDir, ConnectOptions) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipeline.toml");
        std::fs::write(&path, text).unwrap();
        (directory, ConnectOptions { connect: Some(path), ..ConnectOptions::default() })
    }

    #[test]
    fn relative_paths_of_a_file_start_at_the_file() {
        let (directory, options) = with_file(
            "server = 'https://hvelv:1'\nca = 'ca.pem'\ncertificate = 'p.pem'\nkey = '/k/p.key'\n",
        );
        let target = options.target(Caller::Known).unwrap();
        assert_eq!(target.server, "https://hvelv:1");
        assert_eq!(target.ca, directory.path().join("ca.pem"));
        assert_eq!(
            target.identity,
            Some((directory.path().join("p.pem"), PathBuf::from("/k/p.key")))
        );
    }

    #[test]
    fn options_win_over_the_file() {
        let (_directory, mut options) = with_file("server = 'https://hvelv:1'\nca = 'ca.pem'\n");
        options.server = Some("https://other:2".to_owned());
        options.ca = Some(PathBuf::from("other.pem"));
        let target = options.target(Caller::Anybody).unwrap();
        assert_eq!((target.server.as_str(), target.ca), ("https://other:2", "other.pem".into()));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_with_advice() {
        let (_directory, unknown) = with_file("sever = 'https://hvelv:1'\n");
        let (_directory, plain) = with_file("server = 'http://hvelv:1'\nca = 'ca.pem'\n");
        let (_directory, nobody) = with_file("ca = 'ca.pem'\n");
        for (options, caller) in [
            (unknown, Caller::Anybody),
            (plain, Caller::Anybody),
            (nobody, Caller::Known),
            (ConnectOptions::default(), Caller::Anybody),
        ] {
            let error = options.target(caller).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
            assert!(!error.advice().is_empty(), "{error}");
        }
    }
}
