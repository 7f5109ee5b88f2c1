//! Writing one variant as JSON.

use std::fmt::{Display, Write};

use libduckdb_sys as ffi;

use super::super::casts::{
    Blob, Date, Decimal, Interval, Time, TimeTz, Timestamp, shortest_digits, write_fixed, write_mantissa,
};
use super::super::column::Fault;
use super::super::geometry::wkt;
use super::super::text::{bignum_of, bits_of, uuid_of};
use super::rows::{Cursor, Variant, malformed};

/// How deep a variant may nest before it is refused, so that a malformed one cannot exhaust the stack.
const MAX_DEPTH: usize = 1000;

const MICROS: i64 = 1_000_000;
const NANOS: i64 = 1_000_000_000;

/// Appends a variant's JSON text.
pub(super) fn write(variant: &Variant<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut json = Json { variant, out: String::new() };
    json.value(0, 0)?;
    out.extend_from_slice(json.out.as_bytes());
    Ok(())
}

struct Json<'v, 'a> {
    variant: &'v Variant<'a>,
    out: String,
}

impl Json<'_, '_> {
    fn value(&mut self, index: u32, depth: usize) -> Result<(), Fault> {
        let (ty, mut bytes) = self.variant.value(index)?;
        match ty {
            0 => self.raw("null"),
            1 => self.raw("true"),
            2 => self.raw("false"),
            3..=15 => self.number(ty, &mut bytes),
            16 => {
                let text = bytes.bytes()?;
                self.text(String::from_utf8_lossy(text))
            }
            29 | 30 if depth == MAX_DEPTH => Err(Fault::new("a VARIANT nests too deeply")),
            29 => self.object(&mut bytes, depth),
            30 => self.array(&mut bytes, depth),
            31 => {
                let number = bignum_of(bytes.bytes()?)?;
                self.raw(number)
            }
            _ => self.printed(ty, &mut bytes),
        }
    }

    fn number(&mut self, ty: u8, bytes: &mut Cursor<'_>) -> Result<(), Fault> {
        match ty {
            3 => self.raw(i8::from_le_bytes(bytes.take()?)),
            4 => self.raw(i16::from_le_bytes(bytes.take()?)),
            5 => self.raw(i32::from_le_bytes(bytes.take()?)),
            6 => self.raw(i64::from_le_bytes(bytes.take()?)),
            7 => self.raw(i128::from_le_bytes(bytes.take()?)),
            8 => self.raw(u8::from_le_bytes(bytes.take()?)),
            9 => self.raw(u16::from_le_bytes(bytes.take()?)),
            10 => self.raw(u32::from_le_bytes(bytes.take()?)),
            11 => self.raw(u64::from_le_bytes(bytes.take()?)),
            12 => self.raw(u128::from_le_bytes(bytes.take()?)),
            13 => self.double(f32::from_le_bytes(bytes.take()?).into()),
            14 => self.double(f64::from_le_bytes(bytes.take()?)),
            _ => {
                let decimal = decimal(bytes)?;
                self.raw(decimal)
            }
        }
    }

    /// The types that JSON has only as text.
    fn printed(&mut self, ty: u8, bytes: &mut Cursor<'_>) -> Result<(), Fault> {
        match ty {
            17 => self.text(Blob(bytes.bytes()?)),
            18 => self.text(uuid_of(i128::from_le_bytes(bytes.take()?))),
            19 => self.text(Date(i32::from_le_bytes(bytes.take()?))),
            20 => self.text(Time { count: i64::from_le_bytes(bytes.take()?), per_second: MICROS }),
            21 => self.text(Time { count: i64::from_le_bytes(bytes.take()?), per_second: NANOS }),
            22 => self.timestamp(bytes, 1, ""),
            23 => self.timestamp(bytes, 1000, ""),
            24 => self.timestamp(bytes, MICROS, ""),
            25 => self.timestamp(bytes, NANOS, ""),
            26 => self.text(TimeTz(ffi::duckdb_time_tz { bits: u64::from_le_bytes(bytes.take()?) })),
            27 => self.timestamp(bytes, MICROS, "+00"),
            28 => self.text(Interval(ffi::duckdb_interval {
                months: i32::from_le_bytes(bytes.take()?),
                days: i32::from_le_bytes(bytes.take()?),
                micros: i64::from_le_bytes(bytes.take()?),
            })),
            32 => self.text(bits_of(bytes.bytes()?).map(char::from).collect::<String>()),
            33 => self.text(wkt(bytes.bytes()?)?),
            _ => Err(Fault::new(format!("a VARIANT holds a value of the unknown type {ty}"))),
        }
    }

    fn timestamp(&mut self, bytes: &mut Cursor<'_>, per_second: i64, zone: &str) -> Result<(), Fault> {
        let count = i64::from_le_bytes(bytes.take()?);
        let finite = count != i64::MAX && count != -i64::MAX;
        let zone = if finite { zone } else { "" };
        self.text(format_args!("{}{zone}", Timestamp { count, per_second }))
    }

    fn object(&mut self, bytes: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
        let (count, first) = bytes.children()?;
        self.out.push('{');
        for i in 0..count {
            if i > 0 {
                self.out.push(',');
            }
            let child = first.checked_add(i).ok_or_else(malformed)?;
            self.text(String::from_utf8_lossy(self.variant.name(child)?))?;
            self.out.push(':');
            self.value(self.variant.child(child)?, depth + 1)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn array(&mut self, bytes: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
        let (count, first) = bytes.children()?;
        self.out.push('[');
        for i in 0..count {
            if i > 0 {
                self.out.push(',');
            }
            let child = first.checked_add(i).ok_or_else(malformed)?;
            self.value(self.variant.child(child)?, depth + 1)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn raw(&mut self, value: impl Display) -> Result<(), Fault> {
        write!(self.out, "{value}").map_err(|_| malformed())
    }

    fn text(&mut self, value: impl Display) -> Result<(), Fault> {
        self.out.push('"');
        write!(Escaped(&mut self.out), "{value}").map_err(|_| malformed())?;
        self.out.push('"');
        Ok(())
    }

    /// A number with a point or an exponent. DuckDB's JSON has NaN and Infinity too.
    fn double(&mut self, value: f64) -> Result<(), Fault> {
        if value.is_nan() {
            return self.raw("NaN");
        }
        if value.is_sign_negative() {
            self.out.push('-');
        }
        if value.is_infinite() {
            return self.raw("Infinity");
        }
        let (digits, point) = shortest_digits(value);
        let written = match point {
            _ if value == 0.0 => self.out.write_str("0.0"),
            -5..=21 => write_fixed(&mut self.out, &digits, point),
            _ => write_mantissa(&mut self.out, &digits).and_then(|()| write!(self.out, "e{}", point - 1)),
        };
        written.map_err(|_| malformed())
    }
}

/// A decimal behind its width and scale; its size grows with its width.
fn decimal(bytes: &mut Cursor<'_>) -> Result<Decimal, Fault> {
    let (width, scale) = (bytes.varint()?, bytes.varint()?);
    let value = match width {
        0..=4 => i16::from_le_bytes(bytes.take()?).into(),
        5..=9 => i32::from_le_bytes(bytes.take()?).into(),
        10..=18 => i64::from_le_bytes(bytes.take()?).into(),
        _ => i128::from_le_bytes(bytes.take()?),
    };
    Ok(Decimal { value, width, scale })
}

/// Text inside JSON quotes.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        text.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(self.0, "\\{c}"),
            '\n' => self.0.write_str("\\n"),
            '\r' => self.0.write_str("\\r"),
            '\t' => self.0.write_str("\\t"),
            '\u{8}' => self.0.write_str("\\b"),
            '\u{c}' => self.0.write_str("\\f"),
            '\0'..='\u{1f}' => write!(self.0, "\\u{:04X}", u32::from(c)),
            _ => self.0.write_char(c),
        })
    }
}
