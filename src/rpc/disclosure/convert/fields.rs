//! Reads a message field by field, and notes everything that is wrong with it.
//!
//! INVARIANT: a violation has the path of its field, and never the value: whoever puts a person's
//! number into the wrong field reads of the field, and so does whoever reads the log.

use std::str::FromStr;

use jiff::civil::Date;

use crate::config::codes::{MalformedCode, OrganisationNumberError, UnknownWord};
use crate::disclosure::application::EnvironmentError;
use crate::disclosure::id::IdError;
use crate::disclosure::line::{Line, LineError};
use crate::disclosure::recipient_key::RecipientKeyError;
use crate::rpc::calendar::read_date;
use crate::rpc::proto::CalendarDate;
use crate::service::{Error, Violation};

/// Items of one list; no application or decision has as many.
const ITEMS_MAX: usize = 1_000;

/// Violations that are kept; a status lists fewer.
const VIOLATIONS_MAX: usize = 100;

/// Why a text is not of its form, without the text.
pub(super) trait WithoutValue {
    /// What is wrong, as it is told.
    fn without_value(&self) -> String;
}

impl WithoutValue for MalformedCode {
    fn without_value(&self) -> String {
        self.to_string_without_value()
    }
}

impl WithoutValue for OrganisationNumberError {
    fn without_value(&self) -> String {
        "is not an organisation number (nine digits, the last a check digit)".to_owned()
    }
}

impl WithoutValue for UnknownWord {
    fn without_value(&self) -> String {
        self.to_string_without_value()
    }
}

/// For errors that never repeat the text.
macro_rules! silent {
    ($($name:ty),+) => {
        $(impl WithoutValue for $name {
            fn without_value(&self) -> String {
                self.to_string()
            }
        })+
    };
}

silent!(EnvironmentError, IdError, LineError, RecipientKeyError);

/// The fields of one message, or an item of a list.
pub(super) struct Fields<'v> {
    place: String,
    violations: &'v mut Vec<Violation>,
}

/// Reads a request.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(super) fn read_fields<T>(read: impl FnOnce(Fields<'_>) -> Option<T>) -> Result<T, Error> {
    let mut violations = Vec::new();
    let value = read(Fields { place: String::new(), violations: &mut violations });
    match value {
        Some(value) if violations.is_empty() => Ok(value),
        _ => Err(Error::invalid(violations)),
    }
}

impl Fields<'_> {
    /// Notes what is wrong with a field, or with the message itself if `name` is empty.
    pub(super) fn problem(&mut self, name: &str, text: impl Into<String>) {
        if self.violations.len() < VIOLATIONS_MAX {
            let field = self.place_of(name).into();
            self.violations.push(Violation { field, text: text.into().into() });
        }
    }

    fn place_of(&self, name: &str) -> String {
        match (self.place.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => self.place.clone(),
            (false, false) => format!("{}.{name}", self.place),
        }
    }

    /// The fields of a message within this one.
    fn within(&mut self, place: String) -> Fields<'_> {
        Fields { place, violations: self.violations }
    }

    /// A text with a form of its own.
    pub(super) fn parsed<T>(&mut self, name: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err: WithoutValue>,
    {
        if text.is_empty() {
            self.problem(name, "must be given");
            return None;
        }
        text.parse().map_err(|error: T::Err| self.problem(name, error.without_value())).ok()
    }

    /// As [`Self::parsed`], of a text that may be empty, which is none.
    pub(super) fn optional<T>(&mut self, name: &str, text: &str) -> Option<Option<T>>
    where
        T: FromStr<Err: WithoutValue>,
    {
        if text.is_empty() { Some(None) } else { self.parsed(name, text).map(Some) }
    }

    /// A text of the form of a [`Line`], which stays text.
    pub(super) fn line(&mut self, name: &str, text: String) -> Option<String> {
        self.parsed::<Line>(name, &text).map(|_| text)
    }

    /// A day.
    pub(super) fn date(&mut self, name: &str, date: Option<CalendarDate>) -> Option<Date> {
        self.inner(name, date, |mut at, date| at.day(date))
    }

    /// A day that may be absent.
    pub(super) fn optional_date(
        &mut self,
        name: &str,
        date: Option<CalendarDate>,
    ) -> Option<Option<Date>> {
        self.optional_inner(name, date, |mut at, date| at.day(date))
    }

    fn day(&mut self, date: CalendarDate) -> Option<Date> {
        let day = read_date(&date);
        if day.is_none() {
            self.problem("", "is not a date");
        }
        day
    }

    /// A message within this one.
    pub(super) fn inner<W, T>(
        &mut self,
        name: &str,
        message: Option<W>,
        read: impl FnOnce(Fields<'_>, W) -> Option<T>,
    ) -> Option<T> {
        if message.is_none() {
            self.problem(name, "must be given");
        }
        self.optional_inner(name, message, read)?
    }

    /// A message within this one that may be absent.
    pub(super) fn optional_inner<W, T>(
        &mut self,
        name: &str,
        message: Option<W>,
        read: impl FnOnce(Fields<'_>, W) -> Option<T>,
    ) -> Option<Option<T>> {
        let Some(message) = message else { return Some(None) };
        let place = self.place_of(name);
        read(self.within(place), message).map(Some)
    }

    /// The items of a list.  All are read, so that all problems are noted.
    pub(super) fn items<W, T>(
        &mut self,
        name: &str,
        items: Vec<W>,
        read: impl Fn(Fields<'_>, W) -> Option<T>,
    ) -> Option<Vec<T>> {
        if items.len() > ITEMS_MAX {
            self.problem(name, format!("has more than {ITEMS_MAX} items"));
            return None;
        }
        let place = self.place_of(name);
        let mut values = Vec::with_capacity(items.len());
        let mut is_whole = true;
        for (at, item) in items.into_iter().enumerate() {
            let value = read(self.within(format!("{place}[{at}]")), item);
            is_whole &= value.is_some();
            values.extend(value);
        }
        is_whole.then_some(values)
    }

    /// The texts of a list, each with a form of its own.
    pub(super) fn texts<T>(&mut self, name: &str, texts: Vec<String>) -> Option<Vec<T>>
    where
        T: FromStr<Err: WithoutValue>,
    {
        self.items(name, texts, |mut at, text| at.parsed("", &text))
    }
}
