//! Lists of scalars, which are PostgreSQL's arrays of one dimension.

use arrow::array::{Array, AsArray, FixedSizeListArray, ListArray};
use arrow::datatypes::DataType;

use super::ValueFormat;
use super::column::Cells;
use crate::doors::postgres::report::Result;
use crate::doors::postgres::types;
use crate::doors::postgres::wire::backend::count32;
use duck::types::LogicalType;

/// A column of arrays.
pub(in super::super) struct Lists<'a> {
    outer: Outer<'a>,
    cells: Box<Cells<'a>>,
    element: u32,
}

enum Outer<'a> {
    Any(&'a ListArray),
    Fixed(&'a FixedSizeListArray),
}

impl<'a> Lists<'a> {
    /// The lists of a column; none if their elements are no scalars.
    pub(super) fn new(child: &'a LogicalType, array: &'a dyn Array) -> Option<Self> {
        let element = types::oid(child);
        types::array_of(element)?;
        if matches!(child, LogicalType::List(_) | LogicalType::Array(..)) {
            return None;
        }
        let (outer, values) = match (array.as_list_opt::<i32>(), array.as_fixed_size_list_opt()) {
            (Some(lists), _) => (Outer::Any(lists), lists.values()),
            (_, Some(lists)) => (Outer::Fixed(lists), lists.values()),
            _ => return None,
        };
        let cells = Box::new(Cells::new(child, values.as_ref()).ok()?);
        Some(Self { outer, cells, element })
    }

    /// The lists of a column of one of PostgreSQL's vectors: of small numbers, or of those of objects.
    pub(super) fn vector(array: &'a dyn Array) -> Option<Self> {
        let lists: &ListArray = array.as_list_opt()?;
        let (cells, element) = match lists.value_type() {
            DataType::Int16 => (Cells::Int16(lists.values().as_primitive_opt()?), types::INT2),
            _ => (Cells::Oid(lists.values().as_primitive_opt()?), types::OID),
        };
        Some(Self { outer: Outer::Any(lists), cells: Box::new(cells), element })
    }

    /// Writes a list as `1 2`.
    pub(super) fn plain_text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let range = self.range(row);
        for at in range.clone() {
            if at > range.start {
                out.push(b' ');
            }
            self.cells.text(at, out)?;
        }
        Ok(())
    }

    /// The column.
    pub(super) fn array(&self) -> &dyn Array {
        match self.outer {
            Outer::Any(lists) => lists,
            Outer::Fixed(lists) => lists,
        }
    }

    /// Where the elements of a row are.
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let place = |at: i32| usize::try_from(at).unwrap_or(0);
        match self.outer {
            Outer::Any(lists) => {
                let offsets = lists.value_offsets();
                place(offsets[row])..place(offsets[row + 1])
            }
            Outer::Fixed(lists) => place(lists.value_offset(row))..place(lists.value_offset(row + 1)),
        }
    }

    /// Writes a list as `{1,2,NULL}`, an element in quotes where it would be read as another.
    pub(super) fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'{');
        let range = self.range(row);
        let mut element = Vec::new();
        for at in range.clone() {
            if at > range.start {
                out.push(b',');
            }
            if self.cells.is_null(at) {
                out.extend_from_slice(b"NULL");
                continue;
            }
            element.clear();
            self.cells.text(at, &mut element)?;
            quote(&element, out);
        }
        out.push(b'}');
        Ok(())
    }

    /// Writes a list as bytes.
    pub(super) fn binary(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let range = self.range(row);
        let has_nulls = range.clone().any(|at| self.cells.is_null(at));
        out.extend_from_slice(&i32::from(!range.is_empty()).to_be_bytes());
        out.extend_from_slice(&i32::from(has_nulls).to_be_bytes());
        out.extend_from_slice(&self.element.to_be_bytes());
        if range.is_empty() {
            return Ok(());
        }
        out.extend_from_slice(&count32(range.len()).to_be_bytes());
        out.extend_from_slice(&1_i32.to_be_bytes());
        range.into_iter().try_for_each(|at| super::value(&self.cells, at, ValueFormat::Binary, out))
    }
}

fn quote(element: &[u8], out: &mut Vec<u8>) {
    let is_special = |byte: &u8| b"{},\"\\ \t\n\r\x0b\x0c".contains(byte);
    if !element.is_empty() && !element.eq_ignore_ascii_case(b"null") && !element.iter().any(is_special) {
        out.extend_from_slice(element);
        return;
    }
    out.push(b'"');
    for byte in element {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_quoted_where_they_would_be_read_as_others() {
        for (element, expected) in
            [("a", "a"), ("", "\"\""), ("NULL", "\"NULL\""), ("a b", "\"a b\""), ("a\"\\", "\"a\\\"\\\\\"")]
        {
            let mut out = Vec::new();
            quote(element.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
