//! The client's side of the transport: a tonic channel over TLS 1.3.
//!
//! The same rules as the server's side: TLS 1.3, HTTP/2 and ring only; the server's certificate is
//! verified against the given authorities and name, and against nothing else; the client's key is
//! read from a file that only its owner may read.
//!
//! What it does *not* do: retry.  Sending a batch again is safe, but whether to is the caller's to
//! decide.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::TLS13;
use tonic::transport::{Channel, Endpoint};
use tower::Service;

use super::http2;
use super::tls::{TlsError, authorities, certificates, private_key, provider, time_provider};
use crate::clock::Clock;

/// How long connecting may take, handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a server is, and how both sides prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// `host:port`.
    pub address: String,
    /// The name in the server's certificate; the host of the address if absent.
    pub server_name: Option<String>,
    /// The authorities that issue server certificates, in PEM.
    pub ca_file: PathBuf,
    /// The client's certificate and key; without them only open methods answer.
    pub identity: Option<ClientIdentity>,
}

/// A client's certificate and key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate chain.
    pub certificate_file: PathBuf,
    /// The key; readable by its owner alone.
    pub key_file: PathBuf,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not `host:port`.
    #[error("`{0}` is not an address; write host:port")]
    Address(String),
    /// The connection failed.
    #[error("no connection to {address}")]
    Connect {
        /// The server's address.
        address: String,
        /// What failed.
        #[source]
        source: tonic::transport::Error,
    },
    /// The name is neither a host name nor an IP address.
    #[error("`{0}` is not a server name")]
    ServerName(String),
    /// The files cannot be used.
    #[error("TLS cannot be configured")]
    Tls(#[from] TlsError),
}

/// Connects, at once.
///
/// # Errors
///
/// If the options are of no use, or there is no connection.
pub async fn connect(
    options: &ClientOptions,
    clock: &Arc<dyn Clock>,
) -> Result<Channel, ClientError> {
    let address = options.address.clone();
    let host = host(&address).ok_or_else(|| ClientError::Address(address.clone()))?;
    let name = options.server_name.as_deref().unwrap_or(host);
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| ClientError::ServerName(name.to_owned()))?;
    let tls = TlsConnector::from(Arc::new(client_config(options, clock)?));
    let connector = Connector { tls, name, address: address.as_str().into() };
    let endpoint = endpoint(&address).ok_or_else(|| ClientError::Address(address.clone()))?;
    endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|source| ClientError::Connect { address, source })
}

fn endpoint(address: &str) -> Option<Endpoint> {
    // tonic refuses `https` unless it does the TLS itself; the origin is what the server sees.
    let origin: Uri = format!("https://{address}").parse().ok()?;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).ok()?;
    Some(
        endpoint
            .origin(origin)
            .connect_timeout(CONNECT_TIMEOUT)
            .initial_stream_window_size(http2::STREAM_WINDOW_BYTES)
            .initial_connection_window_size(http2::CONNECTION_WINDOW_BYTES)
            .http2_max_header_list_size(http2::HEADER_BYTES_MAX)
            .http2_keep_alive_interval(http2::KEEPALIVE_INTERVAL)
            .keep_alive_timeout(http2::KEEPALIVE_TIMEOUT),
    )
}

/// The host of `host:port` or `[v6]:port`.
fn host(address: &str) -> Option<&str> {
    let (host, port) = address.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty()).then_some(host)
}

fn client_config(
    options: &ClientOptions,
    clock: &Arc<dyn Clock>,
) -> Result<ClientConfig, TlsError> {
    let unusable = |path: &PathBuf| {
        let path = path.clone();
        |source| TlsError::Unusable { path, source }
    };
    let builder = ClientConfig::builder_with_details(provider(), time_provider(clock))
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable(&options.ca_file))?
        .with_root_certificates(authorities(&options.ca_file)?);
    let mut config = match &options.identity {
        None => builder.with_no_client_auth(),
        Some(ClientIdentity { certificate_file, key_file }) => builder
            .with_client_auth_cert(certificates(certificate_file)?, private_key(key_file)?)
            .map_err(unusable(certificate_file))?,
    };
    config.alpn_protocols = vec![http2::ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Opens one TLS connection; tonic calls it again when a connection is lost.
#[derive(Clone)]
struct Connector {
    tls: TlsConnector,
    name: ServerName<'static>,
    address: Arc<str>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("address", &self.address).finish_non_exhaustive()
    }
}

type Connected = io::Result<TokioIo<TlsStream<TcpStream>>>;

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Connected> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { tls, name, address } = self.clone();
        Box::pin(async move {
            let stream = TcpStream::connect(&*address).await?;
            stream.set_nodelay(true)?;
            let stream = tls.connect(name, stream).await?;
            let (_, session) = stream.get_ref();
            if session.alpn_protocol() != Some(http2::ALPN) {
                return Err(io::Error::other("the server does not speak HTTP/2"));
            }
            Ok(TokioIo::new(stream))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_is_found() {
        assert_eq!(host("localhost:7443"), Some("localhost"));
        assert_eq!(host("[::1]:7443"), Some("::1"));
        for bad in ["localhost", "localhost:", ":7443", "localhost:x", "localhost:99999"] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }
}
