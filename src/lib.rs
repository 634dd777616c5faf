//! Hvelv.
pub mod store;
