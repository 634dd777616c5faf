//! Extracts: recorded, and their manifests signed.

use super::super::open::Open;
use super::super::{Error, Service, Violation, actor};
use super::book::stored_key;
use super::changing::{Change, Changed, about};
use super::disclosures::DisclosureView;
use super::scope::Scope;
use crate::audit::{Action, Recorded};
use crate::crypto::note::{Origin, VerifierKey};
use crate::crypto::{DigestKey, sha256};
use crate::disclosure::delivery::{Extract, ReleasedFile, screened_once};
use crate::disclosure::id::{ContentDigest, Sha256Hex};
use crate::disclosure::lifecycle::DisclosureState;
use crate::disclosure::line::Line;
use crate::disclosure::{Decision, Disclosure, DisclosureId};
use crate::extract::manifest::{Column, Content, FileEntry, Manifest};
use crate::policy::Permit;

/// An extract that is to be recorded.
#[derive(Clone, Debug)]
pub struct DeliveryReport {
    /// The manifest's text.
    pub manifest: String,
    /// The names of the files.
    pub files: Vec<Line>,
    /// Rows in all files.
    pub rows: u64,
    /// Different persons in all files.
    pub persons: u64,
    /// Persons left out because of a reservation.
    pub persons_left_out: u64,
    /// What the guard against identifiers was told to let pass, and why.
    pub guard_exceptions: Vec<Line>,
}

/// Makes what is kept of the contents of files and manifests: nobody can try contents once the disclosure
/// is closed, and no two say that they are equal.
struct Contents {
    /// None of a disclosure that is closed, which takes no extract.
    key: Option<DigestKey>,
}

impl Contents {
    fn of(open: &Open, disclosure: &Disclosure) -> Result<Self, Error> {
        if disclosure.state() == DisclosureState::Closed {
            return Ok(Self { key: None });
        }
        let id = disclosure.id();
        let wrapped = stored_key(&open.registers, id)?;
        let key = wrapped.open_digests(id.0, open.keys().keyring.erasure());
        Ok(Self { key: Some(key.map_err(Error::internal)?) })
    }

    fn digest(&self, (what, salt): (&str, [u8; 16]), sha256: &[u8; 32]) -> Option<ContentDigest> {
        let parts: [&[u8]; 3] = [what.as_bytes(), &salt, sha256];
        let digest = *self.key.as_ref()?.digest_parts(&parts).as_bytes();
        Some(ContentDigest { salt, digest })
    }

    fn is_file(&self, kept: ContentDigest, sha256: Sha256Hex) -> bool {
        self.digest(("file", kept.salt), &sha256.0) == Some(kept)
    }
}

impl Service {
    /// The key that manifests are verified with.
    ///
    /// # Errors
    ///
    /// `server_sealed`.
    pub fn verifier_key(&self) -> Result<String, Error> {
        Ok(self.extract_verifier(&*self.open_now()?)?.to_string())
    }

    /// Records an extract and signs its manifest.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `rule_refuses`, `step_out_of_order`,
    /// `request_invalid` for a text that is no manifest, `server_sealed`, `commit_uncertain`.
    pub fn record_delivery(
        &self,
        permit: &Permit,
        id: DisclosureId,
        report: DeliveryReport,
    ) -> Result<(String, DisclosureView, Recorded<()>), Error> {
        let (open, act) = self.begin_act(permit)?;
        let mut entries = open.book.entries();
        let (disclosure, application) = entries.with_application(id)?;
        let (mut disclosure, application) = (disclosure.clone(), application.clone());
        let decided = application.decision(disclosure.decision());
        let decided = decided?.clone();
        let name = self.extract_name()?;
        let manifest = check_manifest(&report.manifest, &disclosure, &decided)?;
        let signed = Manifest::sign(&report.manifest, &name, open.extract_signing()?);
        let signed = signed.map_err(|error| invalid_manifest(&error.to_string()))?;
        let contents = Contents::of(&open, &disclosure)?;
        let files = manifest.files.iter().map(|file| self.released(file, &contents));
        let files = files.collect::<Result<Vec<ReleasedFile>, Error>>()?;
        let persons = self.persons_told(&open, (id, &decided), report.persons)?;
        let extract = Extract {
            manifest: None,
            manifest_digest: self.kept(&contents, "manifest", &sha256(signed.as_bytes()))?,
            files: report.files,
            rows: report.rows,
            persons,
            persons_left_out: report.persons_left_out,
            released: Some(files.iter().cloned().map(ReleasedFile::kept).collect()),
        };
        let counts = [
            ("files", extract.files.len() as u64),
            ("rows", extract.rows),
            ("persons", extract.persons),
            ("persons_left_out", extract.persons_left_out),
        ];
        let mut entry = self.entry(actor(permit), Action::ExtractRecorded);
        entry.counts = counts.into_iter().map(|(name, count)| (name.into(), count)).collect();
        entry.changes = report.guard_exceptions.iter().map(ToString::to_string).collect();
        let entry = about(entry, &disclosure, &application, &decided);
        let (earlier, screened) = entries.delivered(id);
        let is_content = |digest, file| contents.is_file(digest, file);
        let delivered = screened_once(&files, earlier.into_iter(), &screened, is_content)
            .map_err(Into::into)
            .and_then(|()| disclosure.deliver(extract, &application, &act));
        self.or_record_refusal(&open, entry.clone(), delivered)?;
        let changed = vec![Changed::Disclosure(disclosure.clone())];
        let recorded =
            self.commit(&open, &mut entries, Change { entry, changed, writes: Vec::new() })?;
        Ok((signed, self.view(&open, &entries, disclosure)?, recorded))
    }

    /// What is kept of a content, with a salt of its own.
    fn kept(
        &self,
        contents: &Contents,
        what: &str,
        sha256: &[u8; 32],
    ) -> Result<Option<ContentDigest>, Error> {
        let salt = self.parts.entropy.draw().map_err(Error::internal)?;
        Ok(contents.digest((what, salt), sha256))
    }

    /// A file with its hash, by which records of older programs know it.
    fn released(&self, file: &FileEntry, contents: &Contents) -> Result<ReleasedFile, Error> {
        let columns = file.columns.iter().map(|column| column.name.clone()).collect();
        let digest = self.kept(contents, "file", &file.sha256)?;
        Ok(ReleasedFile { sha256: Some(Sha256Hex(file.sha256)), digest, columns })
    }

    /// The persons of an extract, as they are recorded.  How many different ones there are in a joint
    /// disclosure says how many are in both registers, and of two persons whether they are one: there it
    /// is how many the disclosure has by now, by each register.
    fn persons_told(
        &self,
        open: &Open,
        (id, decided): (DisclosureId, &Decision),
        different: u64,
    ) -> Result<u64, Error> {
        match self.scope_of(decided)? {
            Scope::Joint { .. } => self.persons_in(open, id, decided),
            Scope::Of(_) => Ok(different),
        }
    }

    /// The note's name of the key that signs extracts: that of the log, and what it signs.
    fn extract_name(&self) -> Result<Origin, Error> {
        format!("{}/extracts", self.parts.config.audit.origin).parse().map_err(Error::internal)
    }

    pub(super) fn extract_verifier(&self, open: &Open) -> Result<VerifierKey, Error> {
        Ok(VerifierKey::new(self.extract_name()?, open.extract_signing()?.public_key()))
    }
}

/// What is signed says what was decided, and for whom: the officer's program wrote it.
fn check_manifest(
    text: &str,
    disclosure: &Disclosure,
    decided: &Decision,
) -> Result<Manifest, Error> {
    let manifest =
        Manifest::parse_exact(text).map_err(|error| invalid_manifest(&error.to_string()))?;
    let opening = disclosure.opening();
    let is_so = [
        (manifest.disclosure == disclosure.id().to_string(), "names another disclosure"),
        (manifest.recipient.keys == [opening.recipient_key.to_string()], "names another key"),
        (manifest.decision.reference == decided.reference.as_str(), "names another decision"),
        (manifest.expires == opening.expires, "names another last day"),
        (is_screened(&manifest, decided), "was not screened for the decision's small cells"),
        (is_let_out(&manifest, decided), "has a column that the decision does not let out"),
    ];
    match is_so.into_iter().find(|(is_so, _)| !is_so) {
        None => Ok(manifest),
        Some((_, what)) => Err(invalid_manifest(what)),
    }
}

/// Whether what the decision asks of small cells was looked at.
fn is_screened(manifest: &Manifest, decided: &Decision) -> bool {
    decided.terms.small_cells.as_ref().is_none_or(|asked| {
        manifest.small_cells.as_ref().is_some_and(|screened| {
            screened.persons_min >= asked.persons_min && screened.columns == asked.columns
        })
    })
}

/// Whether each column is one that the terms let out of some register, as coarse as they say.
fn is_let_out(manifest: &Manifest, decided: &Decision) -> bool {
    let terms = &decided.terms;
    let is_let_out = |column: &Column| match &column.content {
        Content::Label => decided.bridge_in.is_some(),
        Content::Serial => true,
        Content::Surrogate { key_space } => {
            let mut secondary = terms.registers.iter().flat_map(|one| &one.secondary);
            secondary.any(|one| one.column == column.name && one.key_space == *key_space)
        }
        Content::Variable { generalisation } => {
            let mut variables = terms.registers.iter().flat_map(|one| &one.variables);
            variables.any(|one| one.name == column.name && one.generalisation == *generalisation)
        }
    };
    manifest.files.iter().flat_map(|file| &file.columns).all(is_let_out)
}

/// A refusal of a manifest names fields and says what to do; it quotes nothing of it but names.
fn invalid_manifest(what: &str) -> Error {
    let text = what.to_owned().into();
    Error::invalid(vec![Violation { field: "manifest".into(), text }])
}
