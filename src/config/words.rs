//! The two kinds of words in configuration files: one of a few, and codes of a fixed form.

use std::fmt;

/// A word that is none of the few it may be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given} is not one of {known}")]
pub struct UnknownWord {
    given: String,
    known: String,
}

impl UnknownWord {
    pub(crate) fn new(given: &str, known: &[&str]) -> Self {
        Self { given: shown(given), known: known.join(", ") }
    }

    /// What is wrong, where the text may be somebody's number.
    #[cfg(feature = "server")]
    pub(crate) fn to_string_without_value(&self) -> String {
        format!("is not one of {}", self.known)
    }
}

/// A code that does not have the form that its kind must have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given} is not {kind} ({form})")]
pub struct MalformedCode {
    given: String,
    kind: &'static str,
    form: &'static str,
}

impl MalformedCode {
    pub(crate) fn new(given: &str, kind: &'static str, form: &'static str) -> Self {
        Self { given: shown(given), kind, form }
    }

    /// What is wrong, where the text may be somebody's number.
    #[cfg(feature = "server")]
    pub(crate) fn to_string_without_value(&self) -> String {
        format!("is not {} ({})", self.kind, self.form)
    }
}

/// A value as an error may show it: quoted, on one line, cut at 64 characters.
pub(crate) fn shown(value: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 64;
    let mut text = String::from("`");
    let mut chars = value.chars();
    text.extend(chars.by_ref().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug));
    text.push_str(if chars.next().is_some() { "…`" } else { "`" });
    text
}

/// Shows words separated by commas.
pub(crate) fn listed<T: fmt::Display>(words: impl IntoIterator<Item = T>) -> String {
    words.into_iter().map(|word| word.to_string()).collect::<Vec<_>>().join(", ")
}

/// Declares an enum whose variants have one word each, used in files, on the wire and in logs.
macro_rules! word_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[$doc])* $variant, )+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands for the value in files.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::config::codes::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Self::Err::new(text, &[$($word),+])),
                }
            }
        }
    };
}

/// Declares a type for codes of a fixed form.
///
/// `$test` sees the code's bytes and says whether they have the form.
macro_rules! code_type {
    ($(#[$meta:meta])* pub struct $name:ident: $kind:literal, $form:literal, $test:expr;) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The code as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::config::codes::MalformedCode;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let test: fn(&[u8]) -> bool = $test;
                if test(text.as_bytes()) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Self::Err::new(text, $kind, $form))
                }
            }
        }
    };
}

pub(crate) use {code_type, word_enum};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_value_is_one_short_line() {
        assert_eq!(shown("a\nb"), "`a\\nb`");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), 67);
    }
}
