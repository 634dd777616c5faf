//! Who asks for innsyn, as options.

use super::super::error::Error;
use crate::rpc::proto::InnsynFacts;

/// What is stated about who asks. What is left out is not stated.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Who asks")]
pub(super) struct FactOptions {
    /// As whom it is asked for.
    #[arg(long = "as", value_name = "WHO", value_parser = ["attorney", "kin", "parent", "self"],
        required_unless_present = "report")]
    acting: Option<String>,

    /// How it was asked for: logged in, or by letter or at a desk.
    #[arg(long, value_name = "WAY", value_parser = ["digital", "manual"],
        required_unless_present = "report")]
    way: Option<String>,

    /// What who asks has consented to at Helsenorge; digital innsyn takes basis or more.
    #[arg(long, value_name = "LEVEL", value_parser = ["none", "basis", "basis_plus", "full"])]
    level: Option<String>,

    /// Whether the person lives.
    #[arg(long, value_name = "WORD", value_parser = ["alive", "dead"])]
    life: Option<String>,

    /// Whether the person has an akuttsperre, which stops digital innsyn.
    #[arg(long, value_name = "WORD", value_parser = ["open", "blocked"])]
    block: Option<String>,

    /// The person's address: whether it is protected.
    #[arg(long, value_name = "WORD", value_parser = ["open", "protected"])]
    address: Option<String>,

    /// The address of who asks for the person.
    #[arg(long, value_name = "WORD", value_parser = ["open", "protected"])]
    actor_address: Option<String>,

    /// How old the person is, if the number does not say.
    #[arg(long, value_name = "AGE", value_parser = ["under_16", "16_or_over"])]
    age: Option<String>,

    /// Whether who asks has parental responsibility.
    #[arg(long, value_name = "WORD", value_parser = ["yes", "no"])]
    parental_responsibility: Option<String>,

    /// Whether at least one parent is registered at the child's address.
    #[arg(long, value_name = "WORD", value_parser = ["yes", "no"])]
    parent_at_address: Option<String>,

    /// Whether there is a power of attorney for area 1.
    #[arg(long, value_name = "WORD", value_parser = ["yes", "no"])]
    area_1: Option<String>,

    /// Whether who asks is next of kin of a dead person.
    #[arg(long, value_name = "WORD", value_parser = ["yes", "no"])]
    next_of_kin: Option<String>,

    /// Whether special reasons are against innsyn in a dead person's data.
    #[arg(long, value_name = "WORD", value_parser = ["yes", "no"])]
    special_reasons: Option<String>,
}

impl FactOptions {
    /// The facts as the server takes them.
    ///
    /// # Errors
    ///
    /// Nobody said as whom, or how.
    pub(super) fn read(&self) -> Result<InnsynFacts, Error> {
        let acting = self.acting.clone();
        let acting = acting.ok_or_else(|| Error::usage("say who asks, with --as"))?;
        let way =
            self.way.clone().ok_or_else(|| Error::usage("say how it was asked, with --way"))?;
        let stated = |word: &Option<String>| word.clone().unwrap_or_default();
        Ok(InnsynFacts {
            acting,
            way,
            level: stated(&self.level),
            age: stated(&self.age),
            address: stated(&self.address),
            address_of_actor: stated(&self.actor_address),
            block: stated(&self.block),
            life: stated(&self.life),
            parental_responsibility: stated(&self.parental_responsibility),
            parent_at_address: stated(&self.parent_at_address),
            area_1: stated(&self.area_1),
            next_of_kin: stated(&self.next_of_kin),
            special_reasons: stated(&self.special_reasons),
        })
    }
}
