//! Words and codes in JSON: as the text they have everywhere else.

/// Implements serde by `Display` and `FromStr`.
macro_rules! as_text {
    ($($name:ty),+ $(,)?) => {
        $(
            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> Result<Self, D::Error> {
                    let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                    // The text is not repeated: it may be what somebody should not have written.
                    text.parse().map_err(|_| {
                        serde::de::Error::custom(concat!("not of the form of ", stringify!($name)))
                    })
                }
            }
        )+
    };
}

pub(crate) use as_text;

use crate::config::codes::{
    DisclosurePurpose, OrganisationNumber, PrincipalName, RegisterCode, TermCode,
};

as_text!(DisclosurePurpose, OrganisationNumber, PrincipalName, RegisterCode, TermCode);

/// The width of serials, as the number of their digits.
pub(super) mod serial_width {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::ident::SerialWidth;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub(in super::super) fn serialize<S: Serializer>(
        width: &SerialWidth,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*width as u8)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SerialWidth, D::Error> {
        let count = u8::deserialize(deserializer)?;
        SerialWidth::from_digit_count(count.into())
            .ok_or_else(|| de::Error::custom("serials have 8, 9, 13 or 14 digits"))
    }
}
