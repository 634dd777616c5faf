//! The peer of a connection, as far as authorization reads it.
//!
//! The handshake has verified the certificate: it was issued by one of our authorities and was valid
//! at that time.  What is kept is what `access.toml` can name, and when the certificate ends.

use std::sync::Arc;

use jiff::Timestamp;

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::CertificateIdentity;
use crate::crypto::sha256;

/// A client certificate that the handshake has accepted.
///
/// INVARIANT: made from the leaf that the handshake verified, and from nothing else.
#[derive(Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    identities: Vec<CertificateIdentity>,
    not_before: i64,
    not_after: i64,
}

/// The certificate could not be read; rustls accepted what we cannot parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client certificate cannot be read")]
pub struct UnreadableCertificate;

impl PeerCertificate {
    /// Reads the leaf of a chain.
    pub(super) fn from_leaf(leaf: &CertificateDer<'_>) -> Result<Self, UnreadableCertificate> {
        let (rest, parsed) = X509Certificate::from_der(leaf).map_err(|_| UnreadableCertificate)?;
        if !rest.is_empty() {
            return Err(UnreadableCertificate);
        }
        let names = parsed.subject_alternative_name().map_err(|_| UnreadableCertificate)?;
        let names = names.map_or(&[][..], |extension| &extension.value.general_names);
        // A URI that `access.toml` cannot name belongs to nobody.
        let uris = names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => CertificateIdentity::from_uri(uri).ok(),
            _ => None,
        });
        let fingerprint = CertificateIdentity::Sha256(sha256(leaf.as_ref()));
        Ok(Self {
            identities: std::iter::once(fingerprint).chain(uris).collect(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
        })
    }

    /// By what `access.toml` can name it: its fingerprint, and its URIs.
    #[must_use]
    pub fn identities(&self) -> &[CertificateIdentity] {
        &self.identities
    }

    /// Whether the certificate is valid at a moment; its last second is.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now.as_second())
    }
}

/// Who is at the other end of a connection; tonic puts it into each request's extensions.
#[derive(Clone, Debug)]
pub struct Peer {
    pub(in crate::rpc) certificate: Option<Arc<PeerCertificate>>,
    pub(in crate::rpc) standing: Standing,
}

/// Whether a connection is one of those that its principal may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rpc) enum Standing {
    /// It is.
    Within,
    /// It is one too many: it lives long enough to be told so.
    Excess {
        /// The option whose limit it exceeds.
        option: &'static str,
        /// The limit.
        max: u64,
    },
}
