//! `hvelv.toml`: where things are, and how much of everything there may be.
//!
//! Every option has a default, in [`Config::default`] and [`Limits::DEFAULT`] and nowhere else; the
//! shipped `hvelv.toml` shows them all and is tested to say the same.  A relative path is relative
//! to the directory of the file.
//!
//! What this does *not* check: whether the files that are named exist and are good; whoever opens
//! them does.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};

use super::alarms::Alarms;
use super::approvals::Approvals;
use super::budgets::Budgets;
use super::problems::Problems;
use super::reader;
use super::sealing::{Memory, Seal};
use super::words::word_enum;

pub use limits::Limits;
pub use origin::{AuditOrigin, MalformedOrigin};
pub use prefixes::{DufPrefix, FellesPrefix, TestAssigner};

mod limits;
mod origin;
mod prefixes;
mod read;

word_enum! {
    /// What the server is for; its store remembers it.
    pub enum Mode {
        /// On a developer's machine: development keys are accepted, and real numbers are refused.
        Development = "development",
        /// Real people: synthetic numbers and development keys are refused.
        Production = "production",
        /// With synthetic people: real numbers are refused.
        Test = "test",
    }
}

word_enum! {
    /// How a log line is written.
    pub enum LogFormat {
        /// One JSON object per line.
        Json = "json",
        /// For people.
        Text = "text",
    }
}

word_enum! {
    /// The least important log lines that are written, from the most important to the least.  No
    /// level shows identifiers or keys.
    pub enum LogLevel {
        /// Our bugs.
        Error = "error",
        /// What an operator should look at.
        Warn = "warn",
        /// What an operator wants to have seen.
        Info = "info",
        /// What only a programmer needs.
        Debug = "debug",
        /// Every step.
        Trace = "trace",
    }
}

/// The configuration of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Production, test or development.
    pub mode: Mode,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The directory of the vault's database.
    pub vault_dir: PathBuf,
    /// The directory of the register plane's database.
    pub registers_dir: PathBuf,
    /// The key file: wrapped keys and the erasure key.  It never lies inside a database's
    /// directory, since it must not be part of a backup of data.
    pub key_file: PathBuf,
    /// The catalogue of registers.
    pub registers_file: PathBuf,
    /// Who the callers are and what they may do.
    pub access_file: PathBuf,
    /// Who decides on disclosure, and who may receive.
    pub decisions_file: PathBuf,
    /// The organisations that may receive.
    pub organisations_file: PathBuf,
    /// Transport security.
    pub tls: Tls,
    /// How much of everything there may be.
    pub limits: Limits,
    /// How much a client may learn of a register.
    pub budgets: Budgets,
    /// When what a client does looks like an enumeration.
    pub alarms: Alarms,
    /// What takes two persons: how long an approval lasts.
    pub approvals: Approvals,
    /// When the server seals itself, and how long it waits for shares.
    pub seal: Seal,
    /// What is done for the memory of the process.
    pub memory: Memory,
    /// Which identifiers are accepted.
    pub identifiers: Identifiers,
    /// The audit log.
    pub audit: Audit,
    /// The metrics endpoint.
    pub metrics: MetricsEndpoint,
    /// The operational log.
    pub log: Log,
}

/// Transport security: always on, TLS 1.3 only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate chain, in PEM.
    pub certificate_file: PathBuf,
    /// The certificate's private key, in PEM; readable by the owner alone.
    pub key_file: PathBuf,
    /// The authorities that issue certificates to callers, in PEM.
    pub client_ca_file: PathBuf,
    /// How long a handshake may take, in milliseconds.
    pub handshake_timeout_ms: u64,
    /// Whether changed certificate files are taken into use without a restart.
    pub reload_enabled: bool,
    /// How often the certificate files are looked at, in seconds.
    pub reload_interval_s: u64,
}

/// Which identifiers are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifiers {
    /// The day from which numbers by the rule of 2032 (check digit remainders 1 to 3) are accepted.
    pub accept_2032_from: Date,
    /// How a felles hjelpenummer begins that belongs to nobody; not in production.
    pub test_felles_prefixes: Vec<FellesPrefix>,
    /// How a DUF-number begins that belongs to nobody; not in production.
    pub test_duf_prefixes: Vec<DufPrefix>,
    /// The assigners whose H-numbers belong to nobody; not in production.
    pub test_assigners: Vec<TestAssigner>,
    /// A file of single numbers that belong to nobody, one per line; not in production.
    pub test_numbers_file: Option<PathBuf>,
}

/// The audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The name of this log in checkpoints, unique in the world: a host name and path, without
    /// `https://`.
    pub origin: AuditOrigin,
    /// How long, in seconds, entries may wait for a signed checkpoint.
    pub checkpoint_interval_s: u64,
}

/// Where metrics can be read: plain HTTP, without authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsEndpoint {
    /// Whether there is one.
    pub enabled: bool,
    /// The address to listen on, another than the server's.
    pub listen: SocketAddr,
    /// The connections that are open at once; more are closed at once.
    pub connections_max: usize,
    /// How long a connection lives, its one request and answer included, in milliseconds.
    pub connection_timeout_ms: u64,
}

/// The operational log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// How lines are written.
    pub format: LogFormat,
    /// The least important lines that are written.
    pub level: LogLevel,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Production,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7443)),
            vault_dir: "data/vault".into(),
            registers_dir: "data/registers".into(),
            key_file: "keys/hvelv.hvk".into(),
            registers_file: "registers.toml".into(),
            access_file: "access.toml".into(),
            decisions_file: "decisions.toml".into(),
            organisations_file: "organisations.toml".into(),
            tls: Tls {
                certificate_file: "keys/server.pem".into(),
                key_file: "keys/server-key.pem".into(),
                client_ca_file: "keys/client-ca.pem".into(),
                handshake_timeout_ms: 5_000,
                reload_enabled: true,
                reload_interval_s: 60,
            },
            limits: Limits::DEFAULT,
            budgets: Budgets::DEFAULT,
            alarms: Alarms::DEFAULT,
            approvals: Approvals::DEFAULT,
            seal: Seal::DEFAULT,
            memory: Memory::DEFAULT,
            identifiers: Identifiers {
                accept_2032_from: date(2032, 1, 1),
                test_felles_prefixes: Vec::new(),
                test_duf_prefixes: Vec::new(),
                test_assigners: Vec::new(),
                test_numbers_file: None,
            },
            audit: Audit { origin: AuditOrigin::default(), checkpoint_interval_s: 60 },
            metrics: MetricsEndpoint {
                enabled: false,
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9464)),
                connections_max: 8,
                connection_timeout_ms: 10_000,
            },
            log: Log { format: LogFormat::Json, level: LogLevel::Info },
        }
    }
}

impl Config {
    /// Reads a configuration file; relative paths become relative to its directory.
    ///
    /// # Errors
    ///
    /// All problems of the file, at once.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let config = reader::read_file(path, read::config)?;
        Ok(config.resolved(path.parent().unwrap_or_else(|| Path::new(""))))
    }

    /// Parses the text of a configuration file, which problems call `file`; paths stay as they are.
    ///
    /// # Errors
    ///
    /// All problems of the text, at once.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Problems> {
        reader::read_document(file, text, read::config)
    }

    /// The configuration with relative paths made relative to a directory.
    #[must_use]
    pub fn resolved(mut self, directory: &Path) -> Self {
        let paths = [
            &mut self.vault_dir,
            &mut self.registers_dir,
            &mut self.key_file,
            &mut self.registers_file,
            &mut self.access_file,
            &mut self.decisions_file,
            &mut self.organisations_file,
            &mut self.tls.certificate_file,
            &mut self.tls.key_file,
            &mut self.tls.client_ca_file,
        ];
        for path in paths.into_iter().chain(&mut self.identifiers.test_numbers_file) {
            *path = directory.join(&*path);
        }
        self
    }
}

#[cfg(test)]
mod tests;
