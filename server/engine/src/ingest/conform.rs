//! JSON values made to fit a column before DuckDB casts them (LU-10).
//!
//! DuckDB's own casts from JSON send numbers through a double, round fractions, take booleans for numbers, and know no bytes.
//! So a value is read along with its column's type: what the type does not take is refused, exact numbers go in quotes, which
//! DuckDB casts digit by digit, and bytes are spelled as its casts from text read them.

mod texts;
mod walk;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::datatypes::Int8Type;

pub(super) use self::texts::Refusal;
use self::texts::{bytes, minified};
use crate::sql::append::STRING_KIND;
use duck::types::LogicalType;

/// Whether texts that go into a column of this type are looked at one by one: `strings` if any of them is a JSON string,
/// `nested` if any is an object or array.
pub(super) fn is_needed(ty: &LogicalType, strings: bool, nested: bool) -> bool {
    use LogicalType as T;
    match ty {
        T::Blob => strings,
        T::Varchar | T::Struct(_) | T::List(_) | T::Array(..) | T::Map(..) => nested,
        _ => false,
    }
}

/// How many bytes of fitted texts end a batch: a struct names all of its fields, of which a value may lack most.
const BYTES: usize = 64 << 20;

/// The texts of some columns, each at its place in a batch, with its type.
pub(super) type Fits = Arc<[(usize, LogicalType)]>;

/// `rows` in one batch or several, with the texts of some columns fitted. Behind the `width` columns of texts come as many of
/// marks, [`STRING_KIND`] for a string.
///
/// An error tells the place of the first column that does not take a value, and why.
pub(super) fn fit_columns(
    rows: RecordBatch,
    width: usize,
    fits: Fits,
) -> impl Iterator<Item = Result<RecordBatch, (usize, Refusal)>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        if from >= rows.num_rows() {
            return None;
        }
        if fits.is_empty() {
            from = rows.num_rows();
            return Some(Ok(rows.clone()));
        }
        let fitted = fit_from(&rows, from, width, &fits);
        from += fitted.as_ref().map_or(rows.num_rows(), RecordBatch::num_rows);
        Some(fitted)
    })
}

/// The rows from a place on, as many as a batch holds.
fn fit_from(
    rows: &RecordBatch,
    from: usize,
    width: usize,
    fits: &Fits,
) -> Result<RecordBatch, (usize, Refusal)> {
    let mut fitted: Vec<StringBuilder> = fits.iter().map(|_| StringBuilder::new()).collect();
    let (mut to, mut bytes) = (from, 0);
    while to < rows.num_rows() && bytes < BYTES {
        for ((at, ty), fitted) in fits.iter().zip(&mut fitted) {
            let texts = rows.column(*at).as_string::<i32>();
            if texts.is_null(to) {
                fitted.append_null();
                continue;
            }
            let marks = rows.column(width + at).as_primitive::<Int8Type>();
            let text = fit(texts.value(to), marks.value(to) == STRING_KIND, ty);
            let text = text.map_err(|refusal| (*at, refusal))?;
            bytes += text.len();
            fitted.append_value(text);
        }
        to += 1;
    }
    let part = rows.slice(from, to - from);
    let mut arrays = part.columns().to_vec();
    for ((at, _), mut fitted) in fits.iter().zip(fitted) {
        arrays[*at] = Arc::new(fitted.finish()) as ArrayRef;
    }
    let options = RecordBatchOptions::new().with_row_count(Some(part.num_rows()));
    RecordBatch::try_new_with_options(part.schema(), arrays, &options).map_err(|fault| (0, fault.to_string()))
}

/// A value as the cast of its column reads it; `is_string` tells a string, which comes without quotes.
///
/// # Errors
/// Says what the column does not take.
pub(super) fn fit(value: &str, is_string: bool, ty: &LogicalType) -> Result<String, Refusal> {
    match ty {
        LogicalType::Blob => Ok(bytes(value)),
        _ if is_string => Ok(value.to_owned()),
        LogicalType::Varchar => Ok(minified(value)),
        _ => walk::along(value, ty),
    }
}

#[cfg(test)]
mod tests {
    use LogicalType as T;
    use rstest::rstest;

    use super::*;

    /// A struct with the one field `name`.
    fn structure(name: &str, ty: T) -> T {
        T::Struct(vec![(name.to_owned(), ty)])
    }

    fn decimal() -> T {
        T::Decimal { width: 38, scale: 20 }
    }

    fn map() -> T {
        T::Map(Box::new(T::Varchar), Box::new(T::HugeInt))
    }

    fn list(ty: T) -> T {
        T::List(Box::new(ty))
    }

    #[rstest]
    #[case(structure("i", T::Integer), r#"{"I" : 1}"#, r#"{"i":"1"}"#)]
    #[case(structure("d", decimal()), r#"{"d": -1.50 }"#, r#"{"d":"-1.50"}"#)]
    #[case(structure("f", T::Double), r#"{"f":1.5}"#, r#"{"f":1.5}"#)]
    #[case(structure("t", T::Varchar), r#"{"t":"a\"b"}"#, r#"{"t":"a\"b"}"#)]
    #[case(structure("t", T::Varchar), r#"{"t":1.50}"#, r#"{"t":"1.50"}"#)]
    #[case(structure("t", T::Varchar), r#"{"t":{"a": "\"}"}}"#, r#"{"t":"{\"a\":\"\\\"}\"}"}"#)]
    #[case(structure("j", T::Json), r#"{"j":{"x": 1.50}}"#, r#"{"j":"{\"x\": 1.50}"}"#)]
    #[case(structure("b", T::Blob), r#"{"b":"00ff"}"#, r#"{"b":"\\x00\\xff"}"#)]
    #[case(structure("b", T::Blob), r#"{"b":"text"}"#, r#"{"b":"text"}"#)]
    #[case(structure("i", T::Integer), r#"{"\u0069":5}"#, r#"{"i":"5"}"#)]
    #[case(structure("😀", T::Integer), r#"{"\ud83d\ude00":5}"#, r#"{"😀":"5"}"#)]
    #[case(structure("i", T::Integer), "{ }", r#"{"i":null}"#)]
    #[case(structure("i", T::Integer), "null", "null")]
    #[case(list(T::Boolean), "[ true ,null,false]", "[true,null,false]")]
    #[case(list(T::Boolean), "[ ]", "[]")]
    #[case(map(), r#"{"a b":1,"c":null}"#, r#"{"a b":"1","c":null}"#)]
    fn what_fits_is_spelled_for_the_cast(#[case] ty: T, #[case] json: &str, #[case] expected: &str) {
        assert_eq!(fit(json, false, &ty).as_deref(), Ok(expected));
    }

    #[rstest]
    #[case(structure("i", T::Integer), r#"{"x":1}"#, "no field \"x\"")]
    #[case(structure("i", T::Integer), r#"{"i":1,"I":2}"#, "twice")]
    #[case(structure("i", T::Integer), r#"{"i":1.5}"#, "fraction")]
    #[case(structure("i", T::Integer), r#"{"i":true}"#, "does not take true")]
    #[case(structure("d", decimal()), r#"{"d":false}"#, "does not take false")]
    #[case(list(T::Boolean), "[1]", "BOOLEAN does not take 1")]
    #[case(map(), r#"{"a":1,"a":2}"#, "twice")]
    #[case(structure("i", T::Integer), "[1]", "does not take [1]")]
    #[case(structure("b", T::Blob), r#"{"b":1}"#, "BLOB does not take 1")]
    fn what_does_not_fit_is_refused(#[case] ty: T, #[case] json: &str, #[case] expected: &str) {
        let refusal = fit(json, false, &ty).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}");
    }

    #[test]
    fn texts_are_bytes_or_hexadecimal() {
        assert_eq!(fit("00ff", true, &T::Blob).as_deref(), Ok("\\x00\\xff"));
        assert_eq!(fit("abc", true, &T::Blob).as_deref(), Ok("abc"));
        assert_eq!(fit(r#"{"a": [1, " x "]}"#, false, &T::Varchar).as_deref(), Ok(r#"{"a":[1," x "]}"#));
    }
}
