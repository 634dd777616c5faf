//! What a service is put together from.

use std::sync::Arc;

use super::{DisclosureRules, Stores};
use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::Entropy;
use crate::ident::Rules;
use crate::registers::catalogue::Catalogue;

/// What a service is made of.
pub struct Parts {
    /// Configuration.
    pub config: Arc<Config>,
    /// The registers.
    pub catalogue: Arc<Catalogue>,
    /// The rules of disclosure.
    pub disclosure: DisclosureRules,
    /// Rules for identifiers, made from the configuration.
    pub rules: Rules,
    /// Where the stores are.
    pub stores: Box<dyn Stores>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<Entropy>,
}
