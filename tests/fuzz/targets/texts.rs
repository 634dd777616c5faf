//! Configuration, key files, notes, and records of the stores.
//!
//! The first byte says which parser of a target gets the rest; the others would refuse it at once.

use std::path::Path;
use std::sync::OnceLock;

use hvelv::audit::{Checkpoint, Entry, Leaf, Receipt, WitnessRequest, verify_export};
use hvelv::backup::Manifest as BackupManifest;
use hvelv::config::{Access, Config};
use hvelv::crypto::Share;
use hvelv::crypto::note::{VerifierKey, WitnessKey, WitnessSecret};
use hvelv::disclosure::description::Description;
use hvelv::disclosure::organisations::Organisations;
use hvelv::disclosure::routing::Routing;
use hvelv::disclosure::{Application, Disclosure, DisclosureId, LoadedBridge};
use hvelv::extract::manifest::Manifest;
use hvelv::keyring::policy::Policy;
use hvelv::keyring::{Environment, SealedKeyring};
use hvelv::registers::PersonSet;
use hvelv::registers::catalogue::Catalogue;
use hvelv::rights::cases::{Case, CaseId, Order};
use hvelv::rights::report::Report;
use hvelv::store::keys::Key;
use hvelv::store::records::Marker;

/// The rest as text, and which parser gets it.
fn parser(data: &[u8]) -> Option<(u8, &str)> {
    let (which, rest) = data.split_first()?;
    Some((*which, std::str::from_utf8(rest).ok()?))
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    let text = include_str!("../../../registers.toml");
    CATALOGUE.get_or_init(|| Catalogue::parse(text, Path::new("registers.toml")).unwrap())
}

/// Configuration files.
pub(super) fn configuration(data: &[u8]) {
    let Some((which, text)) = parser(data) else { return };
    let file = Path::new("file.toml");
    match which % 7 {
        0 => drop(Config::parse(text, file)),
        1 => drop(Catalogue::parse(text, file)),
        2 => drop(Access::parse(text, file, catalogue())),
        3 => drop(Routing::parse(text, file, catalogue())),
        4 => drop(Organisations::parse(text, file)),
        5 => drop(Description::parse(text, file)),
        _ => drop(Policy::parse(text)),
    }
}

/// A key file.
pub(super) fn key_file(data: &[u8]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), data).unwrap();
    // A file of another environment is refused before the rest of it is looked at.
    for environment in [Environment::Development, Environment::Test] {
        drop(SealedKeyring::load(file.path(), environment));
    }
}

/// Signed notes, proofs, shares, keys and reports as text.
pub(super) fn notes(data: &[u8]) {
    /// Of the notes of audit-notes.json.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let Some((which, text)) = parser(data) else { return };
    let key: VerifierKey = KEY.parse().unwrap();
    match which % 10 {
        0 => drop(Checkpoint::parse_and_verify(text, &key)),
        1 => drop(Receipt::parse(text)),
        2 => drop(WitnessRequest::parse(text)),
        3 => drop(Share::parse(text.as_bytes().to_vec())),
        4 => drop(BackupManifest::open_unverified(text)),
        5 => drop(Manifest::parse(text)),
        6 => drop(verify_export(text.as_bytes(), None)),
        7 => drop(text.parse::<VerifierKey>()),
        8 => drop((text.parse::<WitnessKey>(), WitnessSecret::parse(text))),
        _ => drop(Report::from_json(text)),
    }
}

/// What the stores keep, once it is opened.
pub(super) fn records(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else { return };
    let id = DisclosureId([0x11; 16]);
    match which % 9 {
        0 => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            drop(Entry::decode(text));
        }
        1 => {
            if let Ok(leaf) = Leaf::decode(rest) {
                assert_eq!(leaf.encode(), rest);
            }
        }
        2 => {
            if let Ok((kind, _)) = Key::parse(rest) {
                assert_eq!(Some(&kind.code()), rest.first());
            }
        }
        3 => {
            if let Ok(marker) = Marker::decode(rest) {
                assert_eq!(marker.encode(), rest);
            }
        }
        4 => drop(PersonSet::decode(rest)),
        5 => drop(Application::decode(rest)),
        6 => drop((Disclosure::decode(id, rest), LoadedBridge::decode(id, rest))),
        7 => drop(Order::decode(rest)),
        _ => {
            drop(Case::decode(CaseId::new(2026, 1).unwrap(), rest));
        }
    }
}
