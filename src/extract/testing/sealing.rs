//! Extracts for the tests of this module.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::civil::date;

use crate::crypto::note::VerifierKey;
use crate::crypto::{SecretBytes, SigningKey};
use crate::disclosure::terms::Generalisation;
use crate::extract::cells::Screened;
use crate::extract::manifest::{
    Column, Content, Decision, DecisionKind, FileEntry, LeftOut, Manifest, Organisation, VERSION,
};
use crate::extract::recipient::{NewKey, Recipients};
use crate::extract::seal::{SealedExtract, SealedFile};
use crate::files::Error;
use crate::files::destination::Existing;

/// A signing key that everybody knows.
pub(in crate::extract) fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&SecretBytes::filled(|bytes| *bytes = [seed; 32]))
}

/// Its verifier key.
pub(in crate::extract) fn verifier_key(seed: u8) -> VerifierKey {
    VerifierKey::new("hvelv.example/extracts".parse().unwrap(), signing_key(seed).public_key())
}

/// A manifest of files of these names, with the key of seed 1.
pub(in crate::extract) fn manifest(names: &[&str], keys: Vec<String>) -> Manifest {
    let variable = |name: &str, generalisation| Column {
        name: name.into(),
        content: Content::Variable { generalisation },
    };
    let file = |name: &&str| FileEntry {
        name: (*name).into(),
        sha256: [0xab; 32],
        bytes: 1234,
        rows: 56,
        columns: vec![
            Column { name: "serial".into(), content: Content::Serial },
            variable("in_date", Some(Generalisation::Month)),
            variable(
                "birth_date",
                Some(Generalisation::AgeBand { years: 5, on: date(2026, 1, 1) }),
            ),
            variable("sex", None),
            Column {
                name: "episode_id".into(),
                content: Content::Surrogate { key_space: "episodes".into() },
            },
        ],
    };
    Manifest {
        v: VERSION,
        disclosure: "D-2026-0042".into(),
        recipient: Organisation { organisation: "Universitetet i Eksempel".into(), keys },
        purpose: "research on \"readmissions\"".into(),
        legal_basis: "helseregisterloven § 19 a".into(),
        decision: Decision {
            authority: "Helsedataservice".into(),
            reference: "26/01234-5".into(),
            kind: DecisionKind::Access,
            date: date(2026, 10, 1),
        },
        files: names.iter().map(file).collect(),
        small_cells: Some(Screened {
            persons_min: 5,
            columns: vec!["birth_date".into(), "sex".into()],
            persons: 4321,
            combinations: 37,
            guarantee: "Screened: these columns. Nothing more is guaranteed.".into(),
        }),
        left_out: LeftOut::shown(3, 11, Some(5)),
        expires: date(2031, 12, 31),
        contact: "utlevering@register.example".into(),
        made: date(2026, 11, 22),
        software: "hvelv 0.1.0".into(),
        verifier_key: verifier_key(1).to_string(),
    }
}

/// A sealed extract, on disk.
pub(in crate::extract) struct Made {
    /// All its files, the manifest last.
    pub(in crate::extract) files: Vec<PathBuf>,
    /// Who can open it.
    pub(in crate::extract) key: NewKey,
    /// What it is.
    pub(in crate::extract) manifest: Manifest,
}

impl Made {
    /// Seals files of these names and contents, to a new key.
    pub(in crate::extract) fn new(directory: &Path, name: &str, files: &[(&str, &[u8])]) -> Self {
        Self::to(NewKey::generate(), directory, name, files, |_| {}).unwrap()
    }

    /// Seals, with a manifest that `change` has changed before it is signed.
    pub(in crate::extract) fn to(
        key: NewKey,
        directory: &Path,
        name: &str,
        files: &[(&str, &[u8])],
        change: impl FnOnce(&mut Manifest),
    ) -> Result<Self, Error> {
        let to = Recipients::parse(&[&key.public]).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        let mut manifest = manifest(&names, to.texts());
        let (mut complete, mut paths) = (Vec::new(), Vec::new());
        for ((name, content), described) in files.iter().zip(&mut manifest.files) {
            let path = directory.join(format!("{name}.age"));
            let mut output = SealedFile::create(&path, Existing::Keep, &to)?;
            output.write_all(content).unwrap();
            let done = output.finish()?;
            (described.sha256, described.bytes) = (done.sha256, done.bytes);
            complete.push(done);
            paths.push(path);
        }
        change(&mut manifest);
        let note = Manifest::sign(
            &manifest.text().unwrap(),
            &"hvelv.example/extracts".parse().unwrap(),
            &signing_key(1),
        )
        .unwrap();
        let path = directory.join(format!("{name}.manifest.age"));
        let place = (path.as_path(), Existing::Keep);
        SealedExtract::new(complete, place, &note, &verifier_key(1), &to)?.publish()?;
        paths.push(path);
        Ok(Self { files: paths, key, manifest })
    }
}
