//! What a manifest says, for people.

use std::fmt::Write as _;

use super::{DecisionKind, LeftOut, Manifest};

impl Manifest {
    /// What it says, for people: a line for each thing.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = format!("disclosure   {}\n", self.disclosure);
        let decision = &self.decision;
        let kind = match decision.kind {
            DecisionKind::Access => "access",
            DecisionKind::Dispensation => "dispensation",
        };
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "decision     {kind}: {}, {}, {}",
            decision.authority, decision.reference, decision.date
        );
        for (what, said) in [
            ("recipient", &self.recipient.organisation),
            ("purpose", &self.purpose),
            ("legal basis", &self.legal_basis),
        ] {
            let _ = writeln!(text, "{what:<12} {said}");
        }
        for file in &self.files {
            let columns = file.columns.len();
            let _ =
                writeln!(text, "file         {}: {} rows, {columns} columns", file.name, file.rows);
        }
        let _ = match &self.left_out {
            LeftOut::Counted { persons, rows } => {
                writeln!(text, "left out     {persons} persons, {rows} rows")
            }
            LeftOut::Few { persons_fewer_than } => {
                writeln!(text, "left out     fewer than {persons_fewer_than} persons, or nobody")
            }
        };
        let _ = match &self.small_cells {
            Some(screened) => writeln!(
                text,
                "small cells  at least {} of {} persons share each of {} combinations of {}\n             {}",
                screened.persons_min,
                screened.persons,
                screened.combinations,
                screened.columns.join(", "),
                screened.guarantee,
            ),
            None => writeln!(text, "small cells  not screened: the decision asks for none"),
        };
        let _ = writeln!(text, "made         {}, {}", self.made, self.software);
        let _ = writeln!(text, "contact      {}", self.contact);
        let _ = write!(text, "expires      {}", self.expires);
        text
    }
}
