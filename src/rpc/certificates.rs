//! Certificates for development and tests: an authority, a server, clients.
//!
//! Why: the demo and the tests need mutual TLS without a certificate authority at hand.  ECDSA P-256
//! keys; a client's name is the URI `spiffe://hvelv.dev/<name>`, as `access.toml` names it.
//!
//! What it does *not* do: production.  Nothing is revoked or renewed, the authority's key lies beside
//! the others, and every certificate's organisation says that it is for development.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// The organisation in every subject.
const ORGANISATION: &str = "Hvelv development, not for production";

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file could not be written; one that is there is not overwritten.
    #[error("{} cannot be written", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A name or a day is not one that a certificate can hold.
    #[error("a certificate cannot be made")]
    Make(#[from] rcgen::Error),
    /// A day before 1970 or far in the future.
    #[error("a certificate cannot be valid then")]
    Time,
}

/// When a certificate is valid; both seconds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateValidity {
    /// First second.
    pub from: Timestamp,
    /// Last second.
    pub to: Timestamp,
}

/// A certificate and its key, in PEM.
pub struct CertifiedKey {
    /// The certificate.
    pub certificate_pem: String,
    key: KeyPair,
}

impl CertifiedKey {
    /// Writes the certificate, readable by all, and the key, readable by its owner alone.  Both must
    /// be new.
    ///
    /// # Errors
    ///
    /// If a file is there already or cannot be written.
    pub fn write(&self, certificate: &Path, key: &Path) -> Result<(), CertificateError> {
        write_new(key, 0o600, self.key.serialize_pem().as_bytes())?;
        write_new(certificate, 0o644, self.certificate_pem.as_bytes())
    }
}

/// A development authority.
pub struct DevelopmentAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    validity: CertificateValidity,
}

impl DevelopmentAuthority {
    /// A new authority; what it issues is valid as long as it is, unless said otherwise.
    ///
    /// # Errors
    ///
    /// If a certificate cannot be valid then.
    pub fn generate(validity: CertificateValidity) -> Result<Self, CertificateError> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = params("Hvelv development authority", validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate_pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate_pem, validity })
    }

    /// The authority's certificate, in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Writes the authority's certificate; the file must be new.  Its key is kept nowhere, so that
    /// nothing more is issued once the authority is dropped.
    ///
    /// # Errors
    ///
    /// If the file is there already or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), CertificateError> {
        write_new(path, 0o644, self.certificate_pem.as_bytes())
    }

    /// A server's certificate, for host names and IP addresses.
    ///
    /// # Errors
    ///
    /// If a name is none.
    pub fn server(&self, names: &[&str]) -> Result<CertifiedKey, CertificateError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = params("Hvelv development server", self.validity)?;
        params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    /// A client's certificate, named `spiffe://hvelv.dev/<name>`.
    ///
    /// # Errors
    ///
    /// If the name cannot stand in a URI.
    pub fn client(&self, name: &str) -> Result<CertifiedKey, CertificateError> {
        self.client_valid(name, self.validity)
    }

    /// A client's certificate with days of its own.
    ///
    /// # Errors
    ///
    /// If the name cannot stand in a URI, or a certificate cannot be valid then.
    pub fn client_valid(
        &self,
        name: &str,
        validity: CertificateValidity,
    ) -> Result<CertifiedKey, CertificateError> {
        let mut params = params(name, validity)?;
        params.subject_alt_names = vec![SanType::URI(client_uri(name).as_str().try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    fn issue(&self, mut params: CertificateParams) -> Result<CertifiedKey, CertificateError> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let certificate_pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(CertifiedKey { certificate_pem, key })
    }
}

/// The URI that names a development client, as `access.toml` has it after `uri:`.
#[must_use]
pub fn client_uri(name: &str) -> String {
    format!("spiffe://hvelv.dev/{name}")
}

fn params(
    name: &str,
    validity: CertificateValidity,
) -> Result<CertificateParams, CertificateError> {
    let time = |moment: Timestamp| {
        let seconds = u64::try_from(moment.as_second()).ok()?;
        let start = rcgen::date_time_ymd(1970, 1, 1);
        // A certificate's years have four digits.
        const SECONDS_MAX: u64 = 253_402_300_799;
        (seconds <= SECONDS_MAX).then(|| start + Duration::from_secs(seconds))
    };
    let mut params = CertificateParams::default();
    params.not_before = time(validity.from).ok_or(CertificateError::Time)?;
    params.not_after = time(validity.to).ok_or(CertificateError::Time)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::OrganizationName, ORGANISATION);
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), CertificateError> {
    let io = |source| CertificateError::Io { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(io)?;
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn validity() -> CertificateValidity {
        CertificateValidity {
            from: moment("2026-01-01T00:00:00Z"),
            to: moment("2027-01-01T00:00:00Z"),
        }
    }

    #[test]
    fn keys_are_their_owners_alone_and_nothing_is_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) =
            (directory.path().join("a/c.pem"), directory.path().join("a/k.pem"));
        let authority = DevelopmentAuthority::generate(validity()).unwrap();
        let client = authority.client("kari").unwrap();
        client.write(&certificate, &key).unwrap();
        let mode = fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = client.write(&certificate, &key).unwrap_err();
        assert!(matches!(again, CertificateError::Io { path, .. } if path == key));
    }

    #[test]
    fn a_time_that_no_certificate_can_hold_is_refused() {
        let validity = CertificateValidity { from: moment("1960-01-01T00:00:00Z"), ..validity() };
        assert!(matches!(DevelopmentAuthority::generate(validity), Err(CertificateError::Time)));
    }
}
