//! What the manifest of an extract says, from what the server knows of its disclosure.

use jiff::civil::Date;

use crate::disclosure::Decision as Decided;
use crate::disclosure::words::DecisionKind as DecidedKind;
use crate::extract::cells::Screened;
use crate::extract::manifest::{
    Column, Content, Decision, DecisionKind, FileEntry, LeftOut, Manifest, Organisation, VERSION,
};
use crate::extract::seal::Complete;
use crate::extract::{FileReport, Report};
use crate::rpc::proto;

/// What is known of a disclosure before anything is made.
pub(super) struct Facts {
    pub(super) disclosure: proto::Disclosure,
    pub(super) decided: Decided,
    pub(super) application: proto::Application,
    pub(super) verifier_key: String,
    pub(super) contact: String,
    pub(super) expires: Date,
    pub(super) today: Date,
}

impl Facts {
    /// The manifest of files that are complete, in the order of the report.
    pub(super) fn manifest(
        &self,
        names: &[String],
        report: &Report,
        complete: &[Complete],
        screened: Option<Screened>,
    ) -> Manifest {
        let kind = match self.decided.kind {
            DecidedKind::Access => DecisionKind::Access,
            DecidedKind::Dispensation => DecisionKind::Dispensation,
        };
        let request = self.application.request.clone().unwrap_or_default();
        let rows: u64 = report.files.iter().map(|file| file.rows_left_out).sum();
        let k = self.decided.terms.small_cells.as_ref().map(|cells| cells.persons_min);
        let files = names.iter().zip(&report.files).zip(complete);
        let files = files.map(|((name, file), complete)| self.file(name, file, complete));
        Manifest {
            v: VERSION,
            disclosure: self.disclosure.id.clone(),
            recipient: Organisation {
                organisation: self.application.recipient.clone(),
                keys: vec![self.disclosure.recipient_key.clone()],
            },
            purpose: request.purpose,
            legal_basis: request.legal_basis.join("; "),
            decision: Decision {
                authority: self.decided.authority.name().to_owned(),
                reference: self.decided.reference.to_string(),
                kind,
                date: self.decided.dated,
            },
            files: files.collect(),
            small_cells: screened,
            left_out: LeftOut::shown(report.persons_left_out, rows, k),
            expires: self.expires,
            contact: self.contact.clone(),
            made: self.today,
            software: concat!("hvelv ", env!("CARGO_PKG_VERSION")).to_owned(),
            verifier_key: self.verifier_key.clone(),
        }
    }

    fn file(&self, name: &str, report: &FileReport, complete: &Complete) -> FileEntry {
        let columns = report.columns.iter().enumerate();
        FileEntry {
            name: name.to_owned(),
            sha256: complete.sha256,
            bytes: complete.bytes,
            rows: report.rows_out,
            columns: columns
                .map(|(place, column)| Column {
                    name: column.name.clone(),
                    content: self.content(&report.register, place, &column.name),
                })
                .collect(),
        }
    }

    /// What a column holds: the person's stands first.
    fn content(&self, register: &str, place: usize, column: &str) -> Content {
        if place == 0 {
            let has_labels = self.decided.bridge_in.is_some();
            return if has_labels { Content::Label } else { Content::Serial };
        }
        let terms = self.decided.terms.of(register);
        let mut secondary = terms.iter().flat_map(|terms| &terms.secondary);
        if let Some(one) = secondary.find(|one| one.column == column) {
            return Content::Surrogate { key_space: one.key_space.clone() };
        }
        let mut variables = terms.iter().flat_map(|terms| &terms.variables);
        let variable = variables.find(|variable| variable.name == column);
        Content::Variable { generalisation: variable.and_then(|one| one.generalisation.clone()) }
    }
}
