//! A server's files: configuration, certificates, keys and stores, made by the library.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hvelv::clock::{Clock, SystemClock};
use hvelv::crypto::Passphrase;
use hvelv::rpc::certificates::{CertificateValidity, DevelopmentAuthority, client_uri};
use hvelv::rpc::client::{ClientError, ClientIdentity, ClientOptions, connect};
use hvelv::service::setup;
use jiff::SignedDuration;
use tonic::transport::Channel;

use super::bounded;

/// The passphrase of every installation.
pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// Everybody but the stranger, whom no access file names.
pub(crate) const PRINCIPALS: [(&str, &str, &str); 13] = [
    (
        "pipeline",
        "system",
        "'ingest:NPR:*', 'resolve:NPR:*', 'ingest:KPR:*', 'resolve:KPR:*', 'ingest:REHAB:*', \
         'ingest:IPLOS:*', 'import:IPLOS:*', 'resolve:IPLOS:*'",
    ),
    ("sender", "system", "'ingest:NPR:HF'"),
    ("officer", "person", "'officer'"),
    ("operator", "person", "'operator'"),
    ("auditor", "person", "'auditor'"),
    ("rights", "person", "'rights'"),
    ("identity", "system", "'identity'"),
    ("custodian", "person", "'custodian'"),
    ("quality", "system", "'consents:NPR:DIABETES', 'convert:IPLOS:KPR'"),
    ("guest", "system", ""),
    ("holder-a", "person", "'keyholder'"),
    ("holder-b", "person", "'keyholder'"),
    ("holder-c", "person", "'keyholder'"),
];

/// How an installation differs from the ordinary one.
pub(crate) struct InstallationOptions {
    /// Mode of the server; development has development keys.
    pub(crate) mode: &'static str,
    /// Lines of `[limits]`.
    pub(crate) limits: &'static str,
    /// Lines of `[identifiers]`.
    pub(crate) identifiers: &'static str,
    /// Lines of `[budgets]`.
    pub(crate) budgets: &'static str,
    /// How long certificates are valid.
    pub(crate) valid_hours: i64,
}

impl Default for InstallationOptions {
    fn default() -> Self {
        // Tests of other things send many persons: the most that a limit may be, so that a drill of
        // ten million and some more is not refused row by row.
        let budgets =
            "assignments_max = 100000000\nmisses_max = 100000000\npersons_max = 100000000";
        Self { mode: "development", limits: "", identifiers: "", budgets, valid_hours: 24 * 365 }
    }
}

/// The files of one server.
pub(crate) struct Installation {
    directory: tempfile::TempDir,
    pub(crate) authority: DevelopmentAuthority,
}

impl Installation {
    /// A development server's.
    pub(crate) fn new() -> Self {
        Self::with(&InstallationOptions::default())
    }

    /// With configuration, certificates, keys and empty stores.
    pub(crate) fn with(options: &InstallationOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = DevelopmentAuthority::generate(validity(-24, options.valid_hours)).unwrap();
        let this = Self { directory, authority };
        this.write_config(options);
        for file in ["decisions.toml", "organisations.toml", "registers.toml"] {
            fs::copy(file, this.path(file)).unwrap();
        }
        this.grant(&PRINCIPALS);
        this.authority.write(&this.path("ca.pem")).unwrap();
        let server = this.authority.server(&["localhost", "127.0.0.1"]).unwrap();
        server.write(&this.path("server.pem"), &this.path("server-key.pem")).unwrap();
        let names = PRINCIPALS.map(|(name, ..)| name);
        for name in names.into_iter().chain(["stranger"]) {
            this.issue(&this.authority, name, name, validity(-24, options.valid_hours));
        }
        let passphrase = Passphrase::new(PASSPHRASE.into()).unwrap();
        this.load().init(&passphrase).unwrap();
        this
    }

    /// Writes the configuration anew.
    pub(crate) fn write_config(&self, options: &InstallationOptions) {
        let InstallationOptions { mode, limits, identifiers, budgets, valid_hours: _ } = options;
        let text = format!(
            "mode = '{mode}'\nlisten = '127.0.0.1:0'\nvault_dir = 'data/vault'\n\
             registers_dir = 'data/registers'\nkey_file = 'test.hvk'\n\
             registers_file = 'registers.toml'\naccess_file = 'access.toml'\n\
             [tls]\ncertificate_file = 'server.pem'\nkey_file = 'server-key.pem'\n\
             client_ca_file = 'ca.pem'\nreload_enabled = false\n\
             [audit]\norigin = 'localhost/hvelv-test'\n\
             [metrics]\nenabled = true\nlisten = '127.0.0.1:0'\n\
             [memory]\nlock = 'if_possible'\n\
             [limits]\nshutdown_timeout_ms = 10000\n{limits}\n\
             [identifiers]\n{identifiers}\n[budgets]\n{budgets}\n"
        );
        fs::write(self.config_file(), text).unwrap();
    }

    /// Reads the configuration.
    pub(crate) fn load(&self) -> setup::Installation {
        setup::Installation::load(&self.config_file()).unwrap()
    }

    /// The directory that everything is in.
    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// A file of the installation.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.path("hvelv.toml")
    }

    /// Writes the access file anew: name, kind and roles of each principal.
    pub(crate) fn grant(&self, principals: &[(&str, &str, &str)]) {
        let mut text = String::new();
        for (name, kind, roles) in principals {
            let uri = client_uri(name);
            write!(
                text,
                "[[principal]]\nname = '{name}'\nkind = '{kind}'\norganisation = '983744516'\n\
                 certificates = ['uri:{uri}']\nroles = [{roles}]\n"
            )
            .unwrap();
        }
        fs::write(self.path("access.toml"), text).unwrap();
    }

    /// Writes an access file without one of the principals.
    pub(crate) fn withdraw(&self, name: &str) {
        let rest: Vec<_> = PRINCIPALS.into_iter().filter(|principal| principal.0 != name).collect();
        self.grant(&rest);
    }

    /// Makes a certificate of somebody, in files of a name.
    pub(crate) fn issue(
        &self,
        authority: &DevelopmentAuthority,
        name: &str,
        file: &str,
        validity: CertificateValidity,
    ) {
        let identity = self.identity(file);
        let client = authority.client_valid(name, validity).unwrap();
        client.write(&identity.certificate_file, &identity.key_file).unwrap();
    }

    fn identity(&self, file: &str) -> ClientIdentity {
        ClientIdentity {
            certificate_file: self.path(&format!("{file}.pem")),
            key_file: self.path(&format!("{file}-key.pem")),
        }
    }

    /// Connects with the certificate in a file, or with none.
    pub(crate) async fn try_connect(
        &self,
        server: SocketAddr,
        file: Option<&str>,
    ) -> Result<Channel, ClientError> {
        let options = ClientOptions {
            address: server.to_string(),
            server_name: None,
            ca_file: self.path("ca.pem"),
            identity: file.map(|file| self.identity(file)),
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        bounded(connect(&options, &clock)).await
    }

    /// Connects with the certificate in a file.
    pub(crate) async fn connect(&self, server: SocketAddr, file: &str) -> Channel {
        self.try_connect(server, Some(file)).await.unwrap()
    }

    /// Writes a connection file for the command line.
    pub(crate) fn connect_file(&self, server: SocketAddr, name: &str) -> PathBuf {
        let path = self.path(&format!("{name}.toml"));
        let text = format!(
            "server = 'https://{server}'\nca = 'ca.pem'\ncertificate = '{name}.pem'\n\
             key = '{name}-key.pem'\n"
        );
        fs::write(&path, text).unwrap();
        path
    }
}

/// From and to so many hours from now.
pub(crate) fn validity(from_hours: i64, to_hours: i64) -> CertificateValidity {
    let now = SystemClock::new().now();
    let moved = |hours| now.checked_add(SignedDuration::from_hours(hours)).unwrap();
    CertificateValidity { from: moved(from_hours), to: moved(to_hours) }
}

/// Copies a directory with everything in it.
pub(crate) fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Goal: a drill never has more persons than a budget, which would look like a loss: rows beyond it
/// are refused one by one.
#[test]
fn the_budgets_of_an_installation_are_as_large_as_budgets_may_be() {
    let budgets: toml::Table = InstallationOptions::default().budgets.parse().unwrap();
    let limits: Vec<_> = budgets.values().map(|limit| limit.as_integer().unwrap()).collect();
    assert_eq!(limits, [i64::try_from(hvelv::config::budgets::LIMIT_MAX).unwrap(); 3]);
}
