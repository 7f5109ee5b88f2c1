//! Nested values as JSON, as DuckDB's `to_json` writes them.

use arrow::array::{Array, AsArray};

use super::column::Cells;
use crate::doors::postgres::report::{Result, SqlReport};
use duck::types::LogicalType;

/// Whether a row has no value. A union has one if the member has that its row chose.
pub(super) fn is_null(array: &dyn Array, ty: &LogicalType, row: usize) -> bool {
    match (ty, array.as_union_opt()) {
        (LogicalType::Union(_), Some(union)) => {
            union.child(union.type_id(row)).is_null(union.value_offset(row))
        }
        _ => array.is_null(row),
    }
}

/// Writes a value.
///
/// # Errors
/// XX000 for an array of another type.
pub(super) fn write(array: &dyn Array, ty: &LogicalType, row: usize, out: &mut Vec<u8>) -> Result<()> {
    use LogicalType as T;
    if is_null(array, ty, row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match ty {
        T::List(child) => {
            let values = array.as_list_opt::<i32>().ok_or_else(|| mismatch(ty))?.value(row);
            list(values.as_ref(), child, out)
        }
        T::Array(child, _) => {
            let values = array.as_fixed_size_list_opt().ok_or_else(|| mismatch(ty))?.value(row);
            list(values.as_ref(), child, out)
        }
        T::Struct(fields) => structure(array, ty, fields, row, out),
        T::Map(key, value) => map(array, ty, (key, value), row, out),
        T::Union(members) => {
            let union = array.as_union_opt().ok_or_else(|| mismatch(ty))?;
            let id = union.type_id(row);
            let member =
                usize::try_from(id).ok().and_then(|id| members.get(id)).ok_or_else(|| mismatch(ty))?;
            write(union.child(id).as_ref(), &member.1, union.value_offset(row), out)
        }
        _ => scalar(array, ty, row, out),
    }
}

fn list(values: &dyn Array, child: &LogicalType, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'[');
    for at in 0..values.len() {
        if at > 0 {
            out.push(b',');
        }
        write(values, child, at, out)?;
    }
    out.push(b']');
    Ok(())
}

fn structure(
    array: &dyn Array,
    ty: &LogicalType,
    fields: &[(String, LogicalType)],
    row: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    let columns = array.as_struct_opt().ok_or_else(|| mismatch(ty))?.columns();
    let is_tuple = fields.iter().all(|(name, _)| name.is_empty());
    out.push(if is_tuple { b'[' } else { b'{' });
    for (at, ((name, field), column)) in fields.iter().zip(columns).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if !is_tuple {
            text(name.as_bytes(), out);
            out.push(b':');
        }
        write(column.as_ref(), field, row, out)?;
    }
    out.push(if is_tuple { b']' } else { b'}' });
    Ok(())
}

fn map(
    array: &dyn Array,
    ty: &LogicalType,
    (key, value): (&LogicalType, &LogicalType),
    row: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    let entries = array.as_map_opt().ok_or_else(|| mismatch(ty))?.value(row);
    let [keys, values] = entries.columns() else { return Err(mismatch(ty)) };
    out.push(b'{');
    for at in 0..entries.len() {
        if at > 0 {
            out.push(b',');
        }
        let mut name = Vec::new();
        match key {
            LogicalType::List(_) | LogicalType::Struct(_) | LogicalType::Map(..) => {
                write(keys.as_ref(), key, at, &mut name)?;
            }
            _ => Cells::new(key, keys.as_ref())?.text(at, &mut name)?,
        }
        text(&name, out);
        out.push(b':');
        write(values.as_ref(), value, at, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn scalar(array: &dyn Array, ty: &LogicalType, row: usize, out: &mut Vec<u8>) -> Result<()> {
    let cells = Cells::new(ty, array)?;
    match ty {
        LogicalType::Boolean => {
            out.extend_from_slice(if array.as_boolean().value(row) { b"true" } else { b"false" });
        }
        // What JSON has no number for stays a text; JSON itself is JSON already.
        LogicalType::Json | LogicalType::Variant => cells.text(row, out)?,
        _ => {
            let mut value = Vec::new();
            cells.text(row, &mut value)?;
            let is_number =
                ty.is_number() && value.iter().all(|byte| !byte.is_ascii_alphabetic() || *byte == b'e');
            if is_number {
                out.extend_from_slice(&value);
            } else {
                text(&value, out);
            }
        }
    }
    Ok(())
}

/// Writes a text in quotes.
fn text(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in value {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04X}").as_bytes()),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}

fn mismatch(ty: &LogicalType) -> SqlReport {
    SqlReport::error("XX000", format!("a value of {ty} came as another"))
}
