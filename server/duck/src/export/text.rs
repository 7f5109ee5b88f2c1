//! Columns whose Arrow carrier is a text that DuckDB does not store: each value is printed.

use std::fmt::{self, Write};
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::ArrayRef;
use libduckdb_sys as ffi;
use num_bigint::{BigInt, Sign};

use super::casts::split_time_tz;
use super::column::{ColumnBuilder, Fault};
use super::strings::StringBuffers;
use super::vector::{Bytes, Vector};

/// Prints values of DuckDB's representation `S` by `print`.
pub(super) struct TextBuilder<S, P> {
    buffers: StringBuffers,
    print: P,
    source: PhantomData<fn(S)>,
}

impl<S, P: FnMut(&S, &mut Vec<u8>) -> Result<(), Fault>> TextBuilder<S, P> {
    pub(super) fn new(print: P) -> Self {
        Self { buffers: StringBuffers::default(), print, source: PhantomData }
    }
}

impl<S, P: FnMut(&S, &mut Vec<u8>) -> Result<(), Fault> + Send> ColumnBuilder for TextBuilder<S, P> {
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise; `S` is DuckDB's representation of the builder's type.
        let (rows, validity) = unsafe { (vector.rows::<S>(from, len), vector.validity(from, len)) };
        for (i, row) in rows.iter().enumerate() {
            match validity.is_none_or(|bits| bits.is_valid(i)) {
                true => self.buffers.append_with(|out| (self.print)(row, out))?,
                false => self.buffers.append_nulls(1),
            }
        }
        Ok(())
    }

    fn append_nulls(&mut self, len: usize) {
        self.buffers.append_nulls(len);
    }

    fn bytes(&self) -> usize {
        self.buffers.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Fault> {
        self.buffers.finish_text()
    }
}

/// ENUM as the text of its value; the width of the index grows with the dictionary.
pub(super) fn enum_builder(values: Arc<[String]>) -> Box<dyn ColumnBuilder> {
    match values.len() {
        0..=0xff => {
            Box::new(TextBuilder::new(move |i: &u8, out: &mut _| enum_text(&values, usize::from(*i), out)))
        }
        0x100..=0xffff => {
            Box::new(TextBuilder::new(move |i: &u16, out: &mut _| enum_text(&values, usize::from(*i), out)))
        }
        _ => Box::new(TextBuilder::new(move |i: &u32, out: &mut _| enum_text(&values, *i as usize, out))),
    }
}

fn enum_text(values: &[String], index: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let value =
        values.get(index).ok_or_else(|| Fault::new(format!("the dictionary has no value {index}")))?;
    out.extend_from_slice(value.as_bytes());
    Ok(())
}

/// All digits of a UHUGEINT.
pub(super) fn uhugeint(value: &ffi::duckdb_uhugeint, out: &mut Vec<u8>) -> Result<(), Fault> {
    let value = u128::from(value.upper) << 64 | u128::from(value.lower);
    write(out, format_args!("{value}"))
}

/// A UUID in its usual form.
pub(super) fn uuid(value: &ffi::duckdb_hugeint, out: &mut Vec<u8>) -> Result<(), Fault> {
    let uuid = uuid_of(i128::from(value.upper) << 64 | i128::from(value.lower));
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    out.extend_from_slice(uuid.as_hyphenated().encode_lower(&mut text).as_bytes());
    Ok(())
}

/// DuckDB keeps a UUID's top bit flipped, so that the values sort as signed numbers.
pub(super) fn uuid_of(value: i128) -> uuid::Uuid {
    uuid::Uuid::from_u128(value.cast_unsigned() ^ 1 << 127)
}

/// A BIT as its digits 0 and 1.
pub(super) fn bits(value: &Bytes, out: &mut Vec<u8>) -> Result<(), Fault> {
    // SAFETY: printers are called with values that are not NULL, while their vector lives.
    out.extend(bits_of(unsafe { value.get() }));
    Ok(())
}

/// The digits of a BIT, whose first byte counts the padding bits at the start of the second.
pub(super) fn bits_of(value: &[u8]) -> impl Iterator<Item = u8> {
    let (padding, bytes) =
        value.split_first().map_or((0, value), |(padding, bytes)| (usize::from(*padding), bytes));
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| b'0' + (byte >> bit & 1))).skip(padding)
}

/// All digits of a BIGNUM.
pub(super) fn bignum(value: &Bytes, out: &mut Vec<u8>) -> Result<(), Fault> {
    // SAFETY: printers are called with values that are not NULL, while their vector lives.
    let number = bignum_of(unsafe { value.get() })?;
    write(out, format_args!("{number}"))
}

/// A BIGNUM from a header of three bytes, whose top bit is clear for a negative number, and the magnitude,
/// most significant byte first. The bytes of a negative number are inverted.
pub(super) fn bignum_of(value: &[u8]) -> Result<BigInt, Fault> {
    let (header, magnitude) = value.split_at_checked(3).ok_or_else(|| Fault::new("a BIGNUM is cut short"))?;
    Ok(match header[0] & 0x80 {
        0 => BigInt::from_bytes_be(Sign::Minus, &magnitude.iter().map(|byte| !byte).collect::<Vec<_>>()),
        _ => BigInt::from_bytes_be(Sign::Plus, magnitude),
    })
}

/// A TIMETZ with its offset, such as `01:02:03.500+02:00`.
pub(super) fn time_tz(value: &ffi::duckdb_time_tz, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (micros, offset) = split_time_tz(*value);
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    write(out, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60))?;
    match fraction {
        0 => {}
        _ if fraction % 1000 == 0 => write(out, format_args!(".{:03}", fraction / 1000))?,
        _ => write(out, format_args!(".{fraction:06}"))?,
    }
    let (sign, distance) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
    write(out, format_args!("{sign}{:02}:{:02}", distance / 3600, distance / 60 % 60))?;
    match distance % 60 {
        0 => Ok(()),
        seconds => write(out, format_args!(":{seconds:02}")),
    }
}

/// An INTERVAL as its parts that are not zero, such as `1 mons 2 days 3 hours 4 mins 5.500000000 secs` (LN-03): Arrow's has
/// no room for the hours that DuckDB's may have.
pub(super) fn interval(value: &ffi::duckdb_interval, out: &mut Vec<u8>) -> Result<(), Fault> {
    const MINUTE: i64 = 60_000_000;
    let start = out.len();
    let minutes = value.micros / MINUTE;
    let parts = [
        (i64::from(value.months), "mons"),
        (i64::from(value.days), "days"),
        (minutes / 60, "hours"),
        (minutes % 60, "mins"),
    ];
    for (count, name) in parts.into_iter().filter(|(count, _)| *count != 0) {
        write(out, format_args!("{count} {name} "))?;
    }
    let rest = value.micros % MINUTE;
    let (sign, distance) = (if rest < 0 { "-" } else { "" }, rest.unsigned_abs());
    match distance {
        0 if out.len() == start => write(out, format_args!("0 secs")),
        0 => {
            out.pop();
            Ok(())
        }
        _ => write(out, format_args!("{sign}{}.{:06}000 secs", distance / 1_000_000, distance % 1_000_000)),
    }
}

fn write(out: &mut Vec<u8>, text: fmt::Arguments<'_>) -> Result<(), Fault> {
    // Writing to memory does not fail; `io::Write` is not used, because its error would hide that.
    Appended(out).write_fmt(text).map_err(|_| Fault::new("a value cannot be printed"))
}

struct Appended<'a>(&'a mut Vec<u8>);

impl Write for Appended<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, 0, 0, "0 secs")]
    #[case(1, 2, 11_045_500_000, "1 mons 2 days 3 hours 4 mins 5.500000000 secs")]
    #[case(-13, 0, 0, "-13 mons")]
    #[case(0, 0, -90_000_000, "-1 mins -30.000000000 secs")]
    #[case(0, 1, -1, "1 days -0.000001000 secs")]
    #[case(0, 0, 90_000_000_000, "25 hours")]
    #[case(0, 0, 2_562_048 * 3_600_000_000, "2562048 hours")]
    #[case(
        i32::MAX,
        i32::MIN,
        i64::MAX,
        "2147483647 mons -2147483648 days 2562047788 hours 54.775807000 secs"
    )]
    #[case(0, 0, i64::MIN, "-2562047788 hours -54.775808000 secs")]
    fn intervals(#[case] months: i32, #[case] days: i32, #[case] micros: i64, #[case] expected: &str) {
        let mut out = Vec::new();
        interval(&ffi::duckdb_interval { months, days, micros }, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
