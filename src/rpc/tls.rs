//! TLS 1.3 for the server: its configuration, its files, and who the peer is.
//!
//! Why an own layer: tonic's TLS settings allow neither "TLS 1.3 only", nor a configuration that can
//! be exchanged while serving, nor a time limit for the handshake.
//!
//! ```text
//! tls.rs           files → rustls::ServerConfig, exchanged whole (ArcSwap)
//! tls/peer.rs      the peer's certificate, as far as authorization reads it
//! tls/accept.rs    TCP → handshake → PeerStream → tonic
//! ```
//!
//! INVARIANTS: TLS 1.3 and HTTP/2 only; ring is the only provider; a client certificate is optional
//! here and, where there is one, was issued by `tls.client_ca_file` and is valid now.  Sessions are
//! not resumed: a resumed session would bring back a certificate that was checked under older
//! authorities.
//!
//! What it does *not* protect: revocation lists are not read.  A certificate is withdrawn by
//! removing it from `access.toml`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::time_provider::TimeProvider;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use super::http2;
use crate::clock::Clock;
use crate::config::files::{FileError, read_secret, read_text};
use crate::config::server::Tls;

pub mod accept;
pub mod peer;

/// Why TLS could not be configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("a TLS file cannot be used")]
    File(#[from] FileError),
    /// The certificate, key and authorities do not fit together.
    #[error("{} is not a usable certificate, key or authority", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What rustls said.
        #[source]
        source: rustls::Error,
    },
    /// A file has no PEM of the kind that it should have.
    #[error("{} holds no {kind} in PEM", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        kind: &'static str,
    },
    /// The client authorities are not usable.
    #[error("the client authorities cannot be used")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
}

/// Our clock as rustls asks for it, so that a test decides when a certificate expires.
struct TlsClock(Arc<dyn Clock>);

impl fmt::Debug for TlsClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClock").finish_non_exhaustive()
    }
}

impl TimeProvider for TlsClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// The time as rustls asks for it.
pub(super) fn time_provider(clock: &Arc<dyn Clock>) -> Arc<dyn TimeProvider> {
    Arc::new(TlsClock(Arc::clone(clock)))
}

/// The one provider.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The server's TLS configuration, which can be exchanged while it serves.
pub struct ServerTls {
    files: Tls,
    clock: Arc<dyn Clock>,
    current: ArcSwap<ServerConfig>,
    loaded: Mutex<Stamps>,
}

/// When each file was last changed, as far as the system tells.
type Stamps = [Option<SystemTime>; 3];

fn stamps(files: &Tls) -> Stamps {
    [&files.certificate_file, &files.key_file, &files.client_ca_file]
        .map(|path| path.metadata().and_then(|metadata| metadata.modified()).ok())
}

impl ServerTls {
    /// Loads the files.
    ///
    /// # Errors
    ///
    /// If one is missing, unreadable, open to others (the key), or of no use.
    pub fn load(files: &Tls, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let loaded = Mutex::new(stamps(files));
        let current = ArcSwap::new(server_config(files, &clock)?);
        Ok(Self { files: files.clone(), clock, current, loaded })
    }

    /// Loads the files again, for the handshakes from now on.  On an error the old configuration
    /// stays.
    ///
    /// # Errors
    ///
    /// As [`ServerTls::load`].
    pub fn reload(&self) -> Result<(), TlsError> {
        // Taken before the files are read, so that a change meanwhile is seen the next time; and
        // kept even if they are bad, so that a bad file is complained about once.
        *self.loaded() = stamps(&self.files);
        self.current.store(server_config(&self.files, &self.clock)?);
        Ok(())
    }

    /// Whether a file was changed since it was last loaded.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        *self.loaded() != stamps(&self.files)
    }

    fn loaded(&self) -> MutexGuard<'_, Stamps> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configuration for a handshake that begins now.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// How long a handshake may take.
    pub(super) const fn handshake_timeout(&self) -> Duration {
        Duration::from_millis(self.files.handshake_timeout_ms)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("files", &self.files).finish_non_exhaustive()
    }
}

fn server_config(files: &Tls, clock: &Arc<dyn Clock>) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&files.certificate_file)?;
    let key = private_key(&files.key_file)?;
    let roots = Arc::new(authorities(&files.client_ca_file)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .allow_unauthenticated()
        .build()
        .map_err(TlsError::Verifier)?;
    let unusable = |source| TlsError::Unusable { path: files.certificate_file.clone(), source };
    let mut config = ServerConfig::builder_with_details(provider(), time_provider(clock))
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![http2::ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The certificates of a PEM file; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read_text(path)?;
    let missing = || TlsError::Missing { path: path.to_owned(), kind: "certificate" };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| missing())?;
    if chain.is_empty() { Err(missing()) } else { Ok(chain) }
}

/// The private key of a PEM file that only its owner may read.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read_secret(path)?;
    // The parser's error is dropped: it may quote the file.
    PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| TlsError::Missing { path: path.to_owned(), kind: "private key" })
}

/// The authorities of a PEM file.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Unusable { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
