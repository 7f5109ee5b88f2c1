//! One column of a batch, prepared once so that writing a row's value is a match and no allocation.

use arrow::array::{BinaryArray, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};

use super::temporal::{self, Unit};
use super::zone::Zone;
use super::{number, text};

/// A column whose rows can be written as LN values.
pub(super) struct Cell<'a> {
    pub(super) nulls: Option<&'a NullBuffer>,
    pub(super) values: Values<'a>,
}

/// The values of a column, by how LN writes them.
pub(super) enum Values<'a> {
    /// Every row is NULL.
    Nothing,
    Boolean(&'a BooleanBuffer),
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    /// HUGEINT has scale 0.
    Decimal(&'a [i128], u8),
    Float(&'a [f32]),
    Double(&'a [f64]),
    /// Text that is a number already: UHUGEINT and BIGNUM.
    Digits(&'a StringArray),
    /// Text that needs no escape: UUID, BIT and INTERVAL.
    Plain(&'a StringArray),
    Text(&'a StringArray),
    Json(&'a StringArray),
    Blob(&'a BinaryArray),
    Date(&'a [i32]),
    Time(&'a [i64], Unit),
    TimeTz(&'a StringArray),
    Timestamp(&'a [i64], Unit),
    TimestampTz(&'a [i64], Zone),
    List(&'a [i32], Box<Cell<'a>>),
    Array(usize, Box<Cell<'a>>),
    /// Each field with its name as `"name":`.
    Struct(Vec<(Vec<u8>, Cell<'a>)>),
    Tuple(Vec<Cell<'a>>),
    Map(&'a [i32], Box<Cell<'a>>, Box<Cell<'a>>),
    Union(&'a [i8], Vec<(i8, Cell<'a>)>),
}

impl Cell<'_> {
    /// Whether the value of `row` is written as null.
    #[inline]
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
            || match &self.values {
                Values::Nothing => true,
                Values::Float(values) => !values[row].is_finite(),
                Values::Double(values) => !values[row].is_finite(),
                Values::Union(type_ids, members) => {
                    active(type_ids[row], members).is_none_or(|member| member.is_null(row))
                }
                _ => false,
            }
    }

    /// Appends the JSON value of `row`.
    #[inline]
    pub(super) fn json(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            return out.extend_from_slice(b"null");
        }
        match &self.values {
            Values::Text(values) => text::string(values.value(row), out),
            Values::Json(values) => {
                if !text::json(values.value(row), out) {
                    text::string(values.value(row), out);
                }
            }
            Values::Struct(fields) => structure(fields, row, out),
            Values::Tuple(fields) => {
                sequence(fields.iter(), b'[', b']', out, |field, out| field.json(row, out));
            }
            Values::List(offsets, child) => list(span(offsets, row), child, out),
            Values::Array(len, child) => list(row * len..(row + 1) * len, child, out),
            Values::Map(offsets, keys, values) => map(span(offsets, row), keys, values, out),
            Values::Union(type_ids, members) => {
                if let Some(member) = active(type_ids[row], members) {
                    member.json(row, out);
                }
            }
            values if values.is_quoted() => {
                out.push(b'"');
                self.text(row, out);
                out.push(b'"');
            }
            _ => self.text(row, out),
        }
    }

    /// Appends the value of a row that is not null as bare text: without quotes or escapes, nested values as JSON.
    #[inline]
    pub(super) fn text(&self, row: usize, out: &mut Vec<u8>) {
        match &self.values {
            Values::Boolean(values) => {
                out.extend_from_slice(if values.value(row) { b"true" } else { b"false" });
            }
            Values::I8(values) => number::integer(values[row], out),
            Values::I16(values) => number::integer(values[row], out),
            Values::I32(values) => number::integer(values[row], out),
            Values::I64(values) => number::integer(values[row], out),
            Values::U8(values) => number::integer(values[row], out),
            Values::U16(values) => number::integer(values[row], out),
            Values::U32(values) => number::integer(values[row], out),
            Values::U64(values) => number::integer(values[row], out),
            Values::Decimal(values, scale) => number::decimal(values[row], *scale, out),
            Values::Float(values) => number::float(values[row], out),
            Values::Double(values) => number::double(values[row], out),
            Values::Digits(values) | Values::Plain(values) | Values::Text(values) => {
                out.extend_from_slice(values.value(row).as_bytes());
            }
            _ => self.long_text(row, out),
        }
    }

    /// The rest of [`Self::text`], kept out of the hot loop.
    fn long_text(&self, row: usize, out: &mut Vec<u8>) {
        match &self.values {
            Values::Json(values) => {
                if !text::json(values.value(row), out) {
                    out.extend_from_slice(values.value(row).as_bytes());
                }
            }
            Values::Blob(values) => text::hex(values.value(row), out),
            Values::Date(values) => temporal::date(values[row], out),
            Values::Time(values, unit) => temporal::time(values[row], *unit, out),
            Values::TimeTz(values) => temporal::time_tz(values.value(row), out),
            Values::Timestamp(values, unit) => temporal::timestamp(values[row], *unit, out),
            Values::TimestampTz(values, zone) => temporal::timestamp_tz(values[row], zone, out),
            Values::Union(type_ids, members) => {
                if let Some(member) = active(type_ids[row], members) {
                    member.text(row, out);
                }
            }
            _ => self.json(row, out),
        }
    }

    /// Whether the bare text of a value may hold a comma, a quote or a line break.
    pub(super) fn may_need_csv_quotes(&self) -> bool {
        !matches!(
            self.values,
            Values::Boolean(_)
                | Values::I8(_)
                | Values::I16(_)
                | Values::I32(_)
                | Values::I64(_)
                | Values::U8(_)
                | Values::U16(_)
                | Values::U32(_)
                | Values::U64(_)
                | Values::Decimal(..)
                | Values::Float(_)
                | Values::Double(_)
                | Values::Blob(_)
                | Values::Date(_)
                | Values::Timestamp(..)
        )
    }
}

impl Values<'_> {
    /// Whether the bare text becomes JSON by quotes alone.
    #[inline]
    fn is_quoted(&self) -> bool {
        matches!(
            self,
            Self::Plain(_)
                | Self::Blob(_)
                | Self::Date(_)
                | Self::Time(..)
                | Self::TimeTz(_)
                | Self::Timestamp(..)
                | Self::TimestampTz(..)
        )
    }
}

/// The member of a union that a row holds.
fn active<'m, 'a>(type_id: i8, members: &'m [(i8, Cell<'a>)]) -> Option<&'m Cell<'a>> {
    members.iter().find(|(id, _)| *id == type_id).map(|(_, member)| member)
}

/// The rows of the child that a list or map row covers.
#[inline]
#[expect(clippy::cast_sign_loss, reason = "Arrow offsets are never negative")]
fn span(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}

fn list(rows: std::ops::Range<usize>, child: &Cell<'_>, out: &mut Vec<u8>) {
    sequence(rows, b'[', b']', out, |row, out| child.json(row, out));
}

fn structure(fields: &[(Vec<u8>, Cell<'_>)], row: usize, out: &mut Vec<u8>) {
    sequence(fields.iter(), b'{', b'}', out, |(name, field), out| {
        out.extend_from_slice(name);
        field.json(row, out);
    });
}

fn map(rows: std::ops::Range<usize>, keys: &Cell<'_>, values: &Cell<'_>, out: &mut Vec<u8>) {
    // Keys are rarely anything but strings; others go through a buffer, as their text is to be escaped.
    let mut scratch = Vec::new();
    sequence(rows, b'{', b'}', out, |row, out| {
        if let Values::Text(names) = &keys.values {
            text::string(names.value(row), out);
        } else {
            scratch.clear();
            keys.text(row, &mut scratch);
            text::string(&String::from_utf8_lossy(&scratch), out);
        }
        out.push(b':');
        values.json(row, out);
    });
}

/// Appends items between `open` and `close`, separated by commas.
#[inline]
fn sequence<T>(
    items: impl Iterator<Item = T>,
    open: u8,
    close: u8,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(close);
}
