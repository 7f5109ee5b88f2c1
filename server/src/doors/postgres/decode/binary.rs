//! Parameters in the binary format: read by their types into the texts of literals.

use std::fmt::Write;

use bytes::Bytes;

use super::array::{self, Element};
use super::{Parameter, ParameterType, plain, text};
use crate::doors::postgres::encode::{civil, numeric_from_binary};
use crate::doors::postgres::report::{Result, SqlReport};
use crate::doors::postgres::types;
use crate::doors::postgres::wire::Malformed;
use crate::doors::postgres::wire::fields::BodyFields;
use duck::types::LogicalType;

/// Microseconds from 1970 to 2000, where PostgreSQL counts from.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Days from 1970 to 2000.
const EPOCH_DAYS: i32 = 10_957;

const DAY: i64 = 86_400_000_000;

/// Reads the value of the parameter of this number.
///
/// # Errors
/// 22P03 for bytes that are no value of its type.
pub(super) fn read(wanted: ParameterType<'_>, value: &Bytes, number: usize) -> Result<Parameter> {
    let oid = wanted.oid;
    match oid {
        types::BYTEA => return Ok(Parameter::Blob(value.clone())),
        types::NUMERIC => return text::number(&numeric_from_binary(value)?, wanted),
        // An enum's values are its labels.
        _ if types::is_text(oid) || types::is_of_user(oid) => {
            let text = plain(value)?.to_owned();
            return Ok(Parameter::Literal(Some(text), wanted.literal()));
        }
        _ => {}
    }
    let read = match types::element_of(oid) {
        Some(element) => list(value, element),
        None => scalar(oid, value),
    };
    let text = match read {
        Ok(text) => text,
        Err(Unreadable::Unread) => {
            let message = format!("incorrect binary data format in bind parameter {number}");
            return Err(SqlReport::error("22P03", message));
        }
        Err(Unreadable::Told(report)) => return Err(report),
    };
    let ty = types::logical(oid).filter(|ty| types::oid(wanted.resolved) != oid || *ty == LogicalType::Uuid);
    Ok(Parameter::Literal(Some(text), ty.or_else(|| wanted.literal())))
}

/// Why bytes could not be read.
enum Unreadable {
    /// They are of another length or form.
    Unread,
    /// They have an error of their own.
    Told(SqlReport),
}

impl<T: Into<SqlReport>> From<T> for Unreadable {
    fn from(report: T) -> Self {
        Self::Told(report.into())
    }
}

/// An array of one dimension.
fn list(value: &Bytes, element: u32) -> Result<String, Unreadable> {
    let mut fields = BodyFields::new(value.clone());
    let mut long = || fields.long().map_err(SqlReport::from);
    let (dimensions, flags, own) = (long()?, long()?, long()?.cast_unsigned());
    if !(0..=1).contains(&flags) {
        return Err(Unreadable::Told(SqlReport::error("22P03", "invalid array flags")));
    }
    if dimensions == 0 {
        return Ok(array::list([]));
    }
    if dimensions < 0 {
        let message = format!("invalid number of dimensions: {dimensions}");
        return Err(Unreadable::Told(SqlReport::error("22P03", message)));
    }
    if dimensions != 1 {
        let message = "arrays of several dimensions are not supported in binary parameters";
        return Err(Unreadable::Told(SqlReport::error("0A000", message)));
    }
    if own != element && !(types::is_text(own) && types::is_text(element)) {
        return Err(Unreadable::Told(SqlReport::error("42804", "wrong element type")));
    }
    let (length, _lower) = (long()?, long()?);
    let length = usize::try_from(length).map_err(|_| {
        Unreadable::Told(SqlReport::error("54000", "array size exceeds the maximum allowed (134217727)"))
    })?;
    let mut elements: Vec<Element> = Vec::new();
    for _ in 0..length {
        let element_value = fields.value().map_err(SqlReport::from)?;
        elements.push(element_value.map(|value| scalar(element, &value)).transpose()?);
    }
    fields.end().map_err(|_| Unreadable::Unread)?;
    Ok(array::list(elements))
}

/// A value as the text of a literal.
fn scalar(oid: u32, value: &Bytes) -> Result<String, Unreadable> {
    Ok(match oid {
        types::BOOL => match &value[..] {
            [0] => "false".to_owned(),
            [_] => "true".to_owned(),
            _ => return Err(Unreadable::Unread),
        },
        types::INT2 => i16::from_be_bytes(exact(value)?).to_string(),
        types::INT4 => i32::from_be_bytes(exact(value)?).to_string(),
        types::OID => u32::from_be_bytes(exact(value)?).to_string(),
        types::INT8 => i64::from_be_bytes(exact(value)?).to_string(),
        types::FLOAT4 => f32::from_be_bytes(exact(value)?).to_string(),
        types::FLOAT8 => f64::from_be_bytes(exact(value)?).to_string(),
        types::NUMERIC => numeric_from_binary(value)?,
        types::UUID => uuid::Uuid::from_bytes(exact(value)?).to_string(),
        types::JSONB => match value.split_first() {
            Some((1, text)) => text::json(plain(text)?)?.to_owned(),
            _ => return Err(Unreadable::Told(SqlReport::error("22P03", "unsupported jsonb version number"))),
        },
        types::BYTEA => value.iter().fold(String::new(), |mut text, byte| {
            // Writing to memory does not fail.
            let _ = write!(text, "\\x{byte:02X}");
            text
        }),
        types::BIT | types::VARBIT => bits(value)?,
        types::JSON => text::json(plain(value)?)?.to_owned(),
        _ if types::is_text(oid) => plain(value)?.to_owned(),
        _ => moment(oid, value)?,
    })
}

fn exact<const N: usize>(value: &[u8]) -> Result<[u8; N], Unreadable> {
    if value.len() < N {
        return Err(Unreadable::Told(Malformed::Short.into()));
    }
    value.try_into().map_err(|_| Unreadable::Unread)
}

fn bits(value: &Bytes) -> Result<String, Unreadable> {
    let mut fields = BodyFields::new(value.clone());
    let count = fields.long().ok().and_then(|count| usize::try_from(count).ok()).ok_or(Unreadable::Unread)?;
    let bytes = fields.rest();
    if bytes.len() != count.div_ceil(8) {
        return Err(Unreadable::Unread);
    }
    let digits =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| char::from(b'0' + (byte >> bit & 1))));
    Ok(digits.take(count).collect())
}

/// A moment, or what lies between two.
fn moment(oid: u32, value: &Bytes) -> Result<String, Unreadable> {
    Ok(match oid {
        types::DATE => match i32::from_be_bytes(exact(value)?) {
            i32::MAX => "infinity".to_owned(),
            i32::MIN => "-infinity".to_owned(),
            days => day(i64::from(days) + i64::from(EPOCH_DAYS)),
        },
        types::TIME => time(i64::from_be_bytes(exact(value)?))?,
        types::TIMETZ => {
            let (micros, west) = value.split_first_chunk::<8>().ok_or(Unreadable::Unread)?;
            let west = i32::from_be_bytes(exact(west)?);
            let (sign, distance) = (if west > 0 { '-' } else { '+' }, west.unsigned_abs());
            let (hours, minutes, seconds) = (distance / 3600, distance / 60 % 60, distance % 60);
            format!("{}{sign}{hours:02}:{minutes:02}:{seconds:02}", time(i64::from_be_bytes(*micros))?)
        }
        types::TIMESTAMP => instant(i64::from_be_bytes(exact(value)?), "")?,
        types::TIMESTAMPTZ => instant(i64::from_be_bytes(exact(value)?), "+00")?,
        types::INTERVAL => {
            let (micros, rest) = value.split_first_chunk::<8>().ok_or(Unreadable::Unread)?;
            let (days, months) = rest.split_first_chunk::<4>().ok_or(Unreadable::Unread)?;
            let months = i32::from_be_bytes(exact(months)?);
            let (days, micros) = (i32::from_be_bytes(*days), i64::from_be_bytes(*micros));
            format!("{months} months {days} days {micros} microseconds")
        }
        _ => {
            return Err(Unreadable::Told(SqlReport::error(
                "42883",
                format!("no binary input function available for type {oid}"),
            )));
        }
    })
}

fn instant(micros: i64, zone: &str) -> Result<String, Unreadable> {
    match micros {
        i64::MAX => return Ok("infinity".to_owned()),
        i64::MIN => return Ok("-infinity".to_owned()),
        _ => {}
    }
    let micros = micros.checked_add(EPOCH_MICROS);
    let micros =
        micros.ok_or_else(|| Unreadable::Told(SqlReport::error("22008", "timestamp out of range")))?;
    let era = |day: String| match day.strip_suffix(" (BC)") {
        Some(day) => (day.to_owned(), " (BC)"),
        None => (day, ""),
    };
    let (day, era) = era(day(micros.div_euclid(DAY)));
    Ok(format!("{day}{era} {}{zone}", time(micros.rem_euclid(DAY))?))
}

/// A day counted from 1970, as DuckDB reads it.
fn day(days: i64) -> String {
    let (year, month, day) = civil(days);
    match year {
        ..=0 => format!("{:04}-{month:02}-{day:02} (BC)", 1 - year),
        _ => format!("{year:04}-{month:02}-{day:02}"),
    }
}

fn time(micros: i64) -> Result<String, Unreadable> {
    if !(0..=DAY).contains(&micros) {
        return Err(Unreadable::Told(SqlReport::error("22008", "time out of range")));
    }
    let seconds = micros / 1_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    Ok(format!("{hours:02}:{minutes:02}:{:02}.{:06}", seconds % 60, micros % 1_000_000))
}
