//! What in a certificate tells whose it is.

use std::{fmt, str::FromStr};

use crate::config::words::shown;

/// A name in a certificate, or the fingerprint of a whole one.
///
/// Written `uri:spiffe://…` or `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateIdentity {
    /// The SHA-256 of the certificate in DER.
    Sha256([u8; 32]),
    /// A URI among the subject's alternative names, compared byte for byte.
    Uri(CertificateUri),
}

/// A URI as a certificate may name its subject.
///
/// INVARIANT: printable ASCII, with a scheme and `://` and something after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateUri(String);

impl CertificateUri {
    /// The URI as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text that does not name a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCertificate {
    /// Neither of the two kinds.
    #[error("{0} names no certificate; write `uri:` or `sha256:` before it")]
    Kind(String),
    /// Not a fingerprint.
    #[error("{0} is not a fingerprint; write `sha256:` and 64 hexadecimal digits without colons")]
    Sha256(String),
    /// Not a URI.
    #[error("{0} is not a URI; write `uri:` and a scheme in small letters, `://` and a name")]
    Uri(String),
}

impl CertificateIdentity {
    /// The identity of a URI in a certificate that a caller shows.
    ///
    /// # Errors
    ///
    /// If the URI has a form that `access.toml` cannot name, and so belongs to nobody.
    pub fn from_uri(uri: &str) -> Result<Self, MalformedCertificate> {
        // More than any certificate authority puts into a name.
        const URI_BYTES_MAX: usize = 2048;
        let malformed = || MalformedCertificate::Uri(shown(uri));
        let (scheme, rest) = uri.split_once("://").ok_or_else(malformed)?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+.-".contains(&byte)
            });
        let is_rest = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_scheme || !is_rest || uri.len() > URI_BYTES_MAX {
            return Err(malformed());
        }
        Ok(Self::Uri(CertificateUri(uri.to_owned())))
    }
}

impl FromStr for CertificateIdentity {
    type Err = MalformedCertificate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(uri) = text.strip_prefix("uri:") {
            Self::from_uri(uri)
        } else if let Some(digits) = text.strip_prefix("sha256:") {
            fingerprint(digits)
                .map(Self::Sha256)
                .ok_or_else(|| MalformedCertificate::Sha256(shown(text)))
        } else {
            Err(MalformedCertificate::Kind(shown(text)))
        }
    }
}

fn fingerprint(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let nibble =
        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

impl fmt::Display for CertificateIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(bytes) => {
                f.write_str("sha256:")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Uri(uri) => write!(f, "uri:{}", uri.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_and_written() {
        let fingerprint = format!("sha256:{}", "0f".repeat(32));
        for text in ["uri:spiffe://hvelv.test/npr/hf", "uri:https://a", &fingerprint] {
            assert_eq!(text.parse::<CertificateIdentity>().unwrap().to_string(), text);
        }
        let upper = format!("sha256:{}", "0F".repeat(32)).parse::<CertificateIdentity>();
        assert_eq!(upper, fingerprint.parse());
    }

    #[test]
    fn anything_else_is_refused() {
        let short = format!("sha256:{}", "0f".repeat(31));
        let not_hex = format!("sha256:{}", "0g".repeat(32));
        let colons = format!("sha256:{}", ["0f"; 22].join(":"));
        let wide = format!("sha256:{}", "０".repeat(21) + "0");
        let bad = [
            "",
            "spiffe://a",
            "uri:",
            "uri:a",
            "uri:://a",
            "uri:spiffe://",
            "uri:Spiffe://a",
            "uri:spiffe://a b",
            "uri:spiffe://å",
            "uri:spiffe://a\n",
            "dns:a",
            &short,
            &not_hex,
            &colons,
            &wide,
        ];
        for text in bad {
            assert!(text.parse::<CertificateIdentity>().is_err(), "{text} was accepted");
        }
    }
}
