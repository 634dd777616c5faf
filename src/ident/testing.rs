//! What the tests of this module share.

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::synthetic::tenor_number;
use super::{
    Assigner, Declared, Mode, NationalId, NumberSeries, Reject, Rules, RulesAt, RulesConfig,
    parse_number,
};

/// Fails to compile when a type has one of the traits.
///
/// With one of them, `item` could come from either implementation and inference is ambiguous.
macro_rules! assert_lacks {
    ($type:ty: $($trait:path),+ $(,)?) => {
        const _: fn() = || {
            $({
                trait Ambiguous<Marker> {
                    fn item() {}
                }
                impl<T: ?Sized> Ambiguous<()> for T {}
                struct Has;
                impl<T: ?Sized + $trait> Ambiguous<Has> for T {}
                let _ = <$type as Ambiguous<_>>::item;
            })+
        };
    };
}
pub(super) use assert_lacks;

/// Received while the 1964 rule is alone.
pub(super) const BEFORE_2032: Date = date(2031, 12, 31);
/// Received under the 2032 rule.
pub(super) const FROM_2032: Date = date(2032, 1, 1);

/// An organisation number of the test register (begins with 3).
pub(super) fn assigner() -> Assigner {
    Assigner::parse(b"310000000").unwrap()
}

/// An environment without test lists.
pub(super) fn rules(mode: Mode) -> Rules {
    Rules::new(&RulesConfig::new(mode)).unwrap()
}

/// Any kind, no assigner.
pub(super) fn read(rules: &RulesAt<'_>, number: u64) -> Result<NationalId, Reject> {
    parse_number(rules, Declared::Any, None, number)
}

/// Synthetic fødselsnumre and D-numbers of all years.
pub(super) fn synthetic_number() -> impl Strategy<Value = u64> {
    let series = prop::sample::select(vec![NumberSeries::Dnr, NumberSeries::Fnr]);
    (series, 0..67_000i32, 0..1000u16).prop_filter_map("no such number", |parts| {
        let (series, days, individ) = parts;
        let birth = date(1854, 1, 1).saturating_add(jiff::Span::new().days(days));
        tenor_number(series, birth, individ)
    })
}

/// The eleven digits of a head of nine with both check digits; `None` when one would be 10.
pub(super) fn with_check_digits(head: u64) -> Option<u64> {
    (0..100).map(|check| head * 100 + check).find(|number| {
        let parts = super::check::Parts::of(*number);
        parts.rest_1() == 0 && parts.rest_2() == 0
    })
}

/// The twelve digits of a DUF-number with this year and serial.
pub(super) fn duf_number(year: u64, serial: u64) -> u64 {
    (0..=10)
        .map(|check| (year * 1_000_000 + serial) * 100 + check)
        .find(|number| super::check::duf_check_digits_match(*number))
        .unwrap()
}

/// Felles hjelpenummer with any content.
pub(super) fn felles_number() -> impl Strategy<Value = u64> {
    (800_000_000..1_000_000_000u64).prop_filter_map("check digit 10", with_check_digits)
}

/// H-numbers: a day that every month has, month + 40, any year and individ number.
pub(super) fn h_number() -> impl Strategy<Value = u64> {
    (1..=28u64, 41..=52u64, 0..100_000u64).prop_filter_map("check digit 10", |parts| {
        let (day, month, tail) = parts;
        with_check_digits((day * 100 + month) * 100_000 + tail)
    })
}
