//! What `hvelv init --development` writes: a directory with everything that a server to develop with
//! needs, and a connection file for each of nine callers.
//!
//! ```text
//! keys/dev/hvelv.toml access.toml registers.toml   the server's configuration
//!          ca.pem server.pem server-key.pem        transport
//!          pipeline.pem pipeline-key.pem pipeline.toml, and so for operator, auditor,
//!                                                 officer, approver, custodian, rights,
//!                                                 identity, linker, stranger
//!          passphrase                              of the key file, unless one was given
//! ```

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use zeroize::Zeroizing;

use super::error::{Error, Exit, with_sources};
use super::passphrase::GivenPassphrase;
use super::pseudonymize::destination::{Destination, Existing};
use crate::clock::{Clock, SystemClock};
use crate::config::server::Config;
use crate::crypto::Entropy;
use crate::rpc::certificates::{
    CertificateError, CertificateValidity, DevelopmentAuthority, client_uri,
};

/// The catalogue as shipped.
const REGISTERS: &str = include_str!("../../registers.toml");
const DECISIONS: &str = include_str!("../../decisions.toml");
const ORGANISATIONS: &str = include_str!("../../organisations.toml");

/// How long the certificates are valid.
const VALID_DAYS: i64 = 825;

/// FHI, which is the controller of most registers.
const ORGANISATION: &str = "983744516";

/// A caller of the development server: its name, kind and roles.
struct Client {
    name: &'static str,
    kind: &'static str,
    roles: &'static [&'static str],
}

/// The callers. In production nobody may ingest into two registers.
const CLIENTS: [Client; 11] = [
    Client {
        name: "pipeline",
        kind: "system",
        roles: &[
            "ingest:NPR:*",
            "resolve:NPR:*",
            "ingest:KPR:*",
            "resolve:KPR:*",
            "import:IPLOS:*",
            "import:NPR:*",
            "resolve:IPLOS:*",
        ],
    },
    Client { name: "operator", kind: "person", roles: &["operator"] },
    Client { name: "auditor", kind: "person", roles: &["auditor"] },
    Client { name: "officer", kind: "person", roles: &["officer"] },
    Client { name: "approver", kind: "person", roles: &["approver"] },
    Client { name: "custodian", kind: "person", roles: &["custodian"] },
    Client { name: "rights", kind: "person", roles: &["rights"] },
    Client { name: "identity", kind: "system", roles: &["identity"] },
    Client { name: "linker", kind: "system", roles: &["link:NPR:*"] },
    Client {
        name: "quality",
        kind: "system",
        roles: &["consents:NPR:DIABETES", "convert:IPLOS:KPR"],
    },
    Client { name: "stranger", kind: "system", roles: &[] },
];

/// Writes everything but key file and stores; gives the path of the configuration.
///
/// # Errors
///
/// The directory holds something already, or cannot be written.
pub(super) fn write(directory: &Path, listen: SocketAddr) -> Result<PathBuf, Error> {
    let taken = std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        return Err(Error::new(
            Exit::Precondition,
            format!("{} holds something already", directory.display()),
        )
        .advise("It was not touched. Remove it, or choose another --directory."));
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|cause| Error::file("make the directory", directory, &cause))?;
    write_certificates(directory).map_err(|cause| {
        Error::usage(format!("cannot make certificates: {}", with_sources(&cause)))
    })?;
    for client in &CLIENTS {
        let text = connect_file(client.name, listen);
        write_file(&directory.join(format!("{}.toml", client.name)), &text)?;
    }
    write_file(&directory.join("registers.toml"), REGISTERS)?;
    write_file(&directory.join("decisions.toml"), DECISIONS)?;
    write_file(&directory.join("organisations.toml"), ORGANISATIONS)?;
    write_file(&directory.join("access.toml"), &access_file())?;
    let config = directory.join("hvelv.toml");
    write_file(&config, &server_file(listen))?;
    Ok(config)
}

/// Makes a passphrase and writes it to a file beside the others.
///
/// # Errors
///
/// No randomness, or the file cannot be written.
pub(super) fn make_passphrase(directory: &Path) -> Result<GivenPassphrase, Error> {
    let random: [u8; 16] = Entropy::os()
        .draw()
        .map_err(|cause| Error::internal(format!("cannot make a passphrase: {cause}")))?;
    let mut text = Zeroizing::new(String::with_capacity(2 * random.len()));
    for byte in random {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    write_file(&directory.join("passphrase"), &text)?;
    Ok(GivenPassphrase::new(text.as_bytes()))
}

fn write_certificates(directory: &Path) -> Result<(), CertificateError> {
    let now = SystemClock::new().now();
    let moved = |hours| now.checked_add(SignedDuration::from_hours(hours)).unwrap_or(now);
    let validity = CertificateValidity { from: moved(-1), to: moved(24 * VALID_DAYS) };
    let authority = DevelopmentAuthority::generate(validity)?;
    authority.write(&directory.join("ca.pem"))?;
    authority
        .server(&["localhost", "127.0.0.1", "::1"])?
        .write(&directory.join("server.pem"), &directory.join("server-key.pem"))?;
    for client in &CLIENTS {
        let certificate = directory.join(format!("{}.pem", client.name));
        let key = directory.join(format!("{}-key.pem", client.name));
        authority.client(client.name)?.write(&certificate, &key)?;
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> Result<(), Error> {
    let mut file = Destination::create(path, Existing::Keep)?;
    file.append(text.as_bytes())?;
    file.publish()
}

/// Beside the server, on the usual port; on one that the system picks if the server's is.
fn metrics_address(listen: SocketAddr) -> SocketAddr {
    let usual = Config::default().metrics.listen.port();
    let is_free = ![0, usual].contains(&listen.port());
    SocketAddr::new(listen.ip(), if is_free { usual } else { 0 })
}

fn server_file(listen: SocketAddr) -> String {
    let metrics = metrics_address(listen);
    format!(
        "# Made by `hvelv init --development`. Options left out have their defaults: see the\n\
         # hvelv.toml that is shipped.\n\
         mode = \"development\"\n\
         listen = \"{listen}\"\n\
         vault_dir = \"data/vault\"\n\
         registers_dir = \"data/registers\"\n\
         key_file = \"hvelv.hvk\"\n\
         registers_file = \"registers.toml\"\n\
         access_file = \"access.toml\"\n\
         decisions_file = \"decisions.toml\"\n\
         organisations_file = \"organisations.toml\"\n\
         \n\
         [tls]\n\
         certificate_file = \"server.pem\"\n\
         key_file = \"server-key.pem\"\n\
         client_ca_file = \"ca.pem\"\n\
         \n\
         # Nobody lives here, so the budgets are large. In production leave this table out, and give\n\
         # each first load a grant: hvelv budget grant.\n\
         [budgets]\n\
         assignments_max = 100000000\n\
         misses_max = 100000000\n\
         persons_max = 100000000\n\
         \n\
         [audit]\n\
         origin = \"localhost/hvelv-development\"\n\
         \n\
         [metrics]\n\
         enabled = true\n\
         listen = \"{metrics}\"\n\
         \n\
         # A developer's machine limits locked memory; in production leave this table out.\n\
         [memory]\n\
         lock = \"if_possible\"\n\
         \n\
         [log]\n\
         format = \"text\"\n"
    )
}

fn access_file() -> String {
    let mut text =
        "# Made by `hvelv init --development`. In production nobody may ingest into two \
                    registers.\n"
            .to_owned();
    for Client { name, kind, roles } in &CLIENTS {
        let uri = client_uri(name);
        // Writing to a string does not fail; the debug form of these words is TOML.
        let _ = write!(
            text,
            "\n[[principal]]\nname = \"{name}\"\nkind = \"{kind}\"\n\
             organisation = \"{ORGANISATION}\"\ncertificates = [\"uri:{uri}\"]\nroles = {roles:?}\n"
        );
    }
    text
}

fn connect_file(name: &str, listen: SocketAddr) -> String {
    format!(
        "server = \"https://{listen}\"\nca = \"ca.pem\"\ncertificate = \"{name}.pem\"\n\
         key = \"{name}-key.pem\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::connect::{Caller, ConnectOptions};
    use crate::config::server::Mode;

    #[test]
    fn a_development_directory_is_complete_and_made_once() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("keys/dev");
        let listen: SocketAddr = "127.0.0.1:7444".parse().unwrap();
        let path = write(&directory, listen).unwrap();

        let config = Config::load(&path).unwrap();
        assert_eq!((config.mode, config.listen), (Mode::Development, listen));
        assert!(config.metrics.enabled && config.metrics.listen.port() == 9464);
        for file in [
            &config.registers_file,
            &config.access_file,
            &config.tls.certificate_file,
            &config.tls.key_file,
            &config.tls.client_ca_file,
        ] {
            assert!(file.is_file(), "{}", file.display());
        }
        for client in &CLIENTS {
            let connect = directory.join(format!("{}.toml", client.name));
            let options = ConnectOptions { connect: Some(connect), ..ConnectOptions::default() };
            let target = options.target(Caller::Known).unwrap();
            assert_eq!(target.server, "https://127.0.0.1:7444");
            let (certificate, key) = target.identity.unwrap();
            assert!(certificate.is_file() && key.is_file());
        }
        assert_eq!(write(&directory, listen).unwrap_err().exit(), Exit::Precondition);

        let made = make_passphrase(&directory).unwrap();
        let kept = std::fs::read(directory.join("passphrase")).unwrap();
        assert_eq!((made.expose(), kept.len()), (kept.as_slice(), 32));
    }

    #[test]
    fn metrics_of_a_server_on_a_port_that_the_system_picks_are_so_too() {
        for (listen, metrics) in [
            ("127.0.0.1:7443", "127.0.0.1:9464"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:9464", "[::1]:0"),
        ] {
            assert_eq!(metrics_address(listen.parse().unwrap()), metrics.parse().unwrap());
        }
    }

    #[test]
    fn every_principal_of_the_access_file_names_its_certificate() {
        let access: toml::Table = toml::from_str(&access_file()).unwrap();
        let principals = access["principal"].as_array().unwrap();
        assert_eq!(principals.len(), CLIENTS.len());
        for (principal, client) in principals.iter().zip(&CLIENTS) {
            let uri = principal["certificates"][0].as_str().unwrap();
            assert_eq!(uri, format!("uri:{}", client_uri(client.name)));
            assert_eq!(principal["roles"].as_array().unwrap().len(), client.roles.len());
        }
    }
}
