//! What a key is used for, as text that goes into every derivation and every sealed value.
//!
//! One enum, so that no two uses can have the same label by accident; a test holds the texts unique
//! and prefix-free.  A label is for ever: a changed meaning is a new label with a new version.

/// A use of a key.  The text is `hvelv/v1/<area>/<use>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// Derives, from a disclosure's key, the FF1 key of its serials.
    DisclosureSerials,
    /// Derives, from a disclosure's key, the key of digests of what it has answered.
    DisclosureDigests,
    /// Derives, from a disclosure's key, the key of what is sealed to die with it.
    DisclosureStorage,
    /// Derives, from a disclosure's key, the key of its surrogates.
    DisclosureSurrogates,
    /// Derives, from an erasure key, the key that wraps keys which must be able to die.
    ErasureWrapKey,
    /// Derives, from the registers root, the key of the key file's last line.
    KeyFileMac,
    /// Seals what a command puts aside on disk under a key of the moment.
    Moment,
    /// Derives, from a generation's key, the FF1 key of one block of 10^7 numbers.
    NumberBlock,
    /// Derives, from a root, the key that wraps the plane's working keys.
    RootWrapKey,
    /// Derives, from the secret that shares give back, the key that a root is sealed under.
    ShareKek,
    /// Makes the digest of a share, by which the key file knows it.
    ShareTag,
    /// Seals a record of a store.
    StorageRecord,
    /// Seals a key under another key.
    WrappedKey,
}

impl Label {
    /// All labels.
    pub const ALL: [Self; 13] = [
        Self::DisclosureDigests,
        Self::DisclosureSerials,
        Self::DisclosureStorage,
        Self::DisclosureSurrogates,
        Self::ErasureWrapKey,
        Self::KeyFileMac,
        Self::Moment,
        Self::NumberBlock,
        Self::RootWrapKey,
        Self::ShareKek,
        Self::ShareTag,
        Self::StorageRecord,
        Self::WrappedKey,
    ];

    /// The text, as it is framed.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::DisclosureDigests => "hvelv/v1/derive/disclosure-digests",
            Self::DisclosureSerials => "hvelv/v1/derive/disclosure-serials",
            Self::DisclosureStorage => "hvelv/v1/derive/disclosure-storage",
            Self::DisclosureSurrogates => "hvelv/v1/derive/disclosure-surrogates",
            Self::ErasureWrapKey => "hvelv/v1/derive/erasure-wrap",
            Self::KeyFileMac => "hvelv/v1/derive/key-file-mac",
            Self::Moment => "hvelv/v1/seal/moment",
            Self::NumberBlock => "hvelv/v1/derive/number-block",
            Self::RootWrapKey => "hvelv/v1/derive/root-wrap",
            Self::ShareKek => "hvelv/v1/derive/share-kek",
            Self::ShareTag => "hvelv/v1/tag/share",
            Self::StorageRecord => "hvelv/v1/seal/record",
            Self::WrappedKey => "hvelv/v1/seal/key",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_unique_and_prefix_free() {
        for (i, one) in Label::ALL.iter().enumerate() {
            assert!(one.text().starts_with("hvelv/v1/"));
            for (j, other) in Label::ALL.iter().enumerate() {
                assert!(i == j || !other.text().starts_with(one.text()), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn all_lists_every_label() {
        // The match has no wildcard: a new label does not compile until it is counted here.
        let counted = Label::ALL.iter().filter(|label| match label {
            Label::DisclosureDigests
            | Label::DisclosureSerials
            | Label::DisclosureStorage
            | Label::DisclosureSurrogates
            | Label::ErasureWrapKey
            | Label::KeyFileMac
            | Label::Moment
            | Label::NumberBlock
            | Label::RootWrapKey
            | Label::ShareKek
            | Label::ShareTag
            | Label::StorageRecord
            | Label::WrappedKey => true,
        });
        assert_eq!(counted.count(), 13);
    }
}
