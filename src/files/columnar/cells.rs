//! The cells of an array, whatever its type: text or numbers.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::DataType;

use crate::files::table::NO_IDENTIFIER;

/// A cell by its row; `None` for null. No `Debug`.
pub(super) enum Cells<'a> {
    /// Whole numbers that are not negative; anything else is [`NO_IDENTIFIER`].
    Numbers(Box<dyn Fn(usize) -> Option<u64> + 'a>),
    /// Text, or bytes.
    Text(Box<dyn Fn(usize) -> Option<&'a [u8]> + 'a>),
}

/// The cells of an array; `None` when its type holds neither text nor numbers of that size.
pub(super) fn cells(array: &dyn Array) -> Option<Cells<'_>> {
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        return dictionary_cells(array, dictionary);
    }
    Some(match array.data_type() {
        DataType::Utf8 => {
            text(array, array.as_string_opt::<i32>()?, |a, row| a.value(row).as_bytes())
        }
        DataType::LargeUtf8 => {
            text(array, array.as_string_opt::<i64>()?, |a, row| a.value(row).as_bytes())
        }
        DataType::Utf8View => {
            text(array, array.as_string_view_opt()?, |a, row| a.value(row).as_bytes())
        }
        DataType::Binary => text(array, array.as_binary_opt::<i32>()?, |a, row| a.value(row)),
        DataType::LargeBinary => text(array, array.as_binary_opt::<i64>()?, |a, row| a.value(row)),
        DataType::BinaryView => text(array, array.as_binary_view_opt()?, |a, row| a.value(row)),
        DataType::FixedSizeBinary(_) => {
            text(array, array.as_fixed_size_binary_opt()?, |a, row| a.value(row))
        }
        DataType::Int32 => numbers(array.as_primitive_opt::<Int32Type>()?, signed),
        DataType::Int64 => numbers(array.as_primitive_opt::<Int64Type>()?, signed),
        DataType::UInt32 => numbers(array.as_primitive_opt::<UInt32Type>()?, u64::from),
        DataType::UInt64 => numbers(array.as_primitive_opt::<UInt64Type>()?, |number| number),
        DataType::Float64 => numbers(array.as_primitive_opt::<Float64Type>()?, whole),
        DataType::Decimal128(_, scale) => {
            let unit = 10_i128.checked_pow(u32::try_from(*scale).ok()?)?;
            numbers(array.as_primitive_opt::<Decimal128Type>()?, move |number| {
                if number % unit == 0 { signed(number / unit) } else { NO_IDENTIFIER }
            })
        }
        _ => return None,
    })
}

/// Whether a column of this type can be one of identifiers.
pub(super) fn can_identify(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => !values.is_nested() && can_identify(values),
        // 32 bits do not hold eleven digits.
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::Int64
        | DataType::UInt64
        | DataType::Float64 => true,
        DataType::Decimal128(_, scale) => *scale >= 0,
        _ => false,
    }
}

/// Whether a column of this type can be one of names or addresses; one without a type says nothing.
pub(super) fn can_name(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => can_name(values),
        DataType::LargeUtf8 | DataType::Null | DataType::Utf8 | DataType::Utf8View => true,
        _ => false,
    }
}

fn dictionary_cells<'a>(
    array: &'a dyn Array,
    dictionary: &'a dyn arrow_array::array::AnyDictionaryArray,
) -> Option<Cells<'a>> {
    let values = dictionary.values();
    let cells = cells(values.as_ref())?;
    if values.is_empty() {
        return Some(Cells::Text(Box::new(|_| None)));
    }
    let keys = dictionary.normalized_keys();
    let key = move |row: usize| if array.is_null(row) { None } else { keys.get(row).copied() };
    Some(match cells {
        Cells::Numbers(number) => Cells::Numbers(Box::new(move |row| number(key(row)?))),
        Cells::Text(text) => Cells::Text(Box::new(move |row| text(key(row)?))),
    })
}

fn text<'a, A>(
    array: &'a dyn Array,
    typed: &'a A,
    value: impl Fn(&'a A, usize) -> &'a [u8] + 'a,
) -> Cells<'a> {
    Cells::Text(Box::new(move |row| (!array.is_null(row)).then(|| value(typed, row))))
}

fn numbers<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    number: impl Fn(T::Native) -> u64 + 'static,
) -> Cells<'_> {
    Cells::Numbers(Box::new(move |row| (!array.is_null(row)).then(|| number(array.value(row)))))
}

fn signed<N: TryInto<u64>>(number: N) -> u64 {
    number.try_into().unwrap_or(NO_IDENTIFIER)
}

/// A whole number below 2^53, where doubles are exact.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is whole, not negative, and below 2^53"
)]
fn whole(number: f64) -> u64 {
    let is_whole = (0.0..9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
    if is_whole { number as u64 } else { NO_IDENTIFIER }
}
