//! Whether a record batch is laid out as its schema says: Arrow's reader looks for too few nodes and buffers only, takes
//! the batch of another schema for one of its own, and slices the body by the lengths in it unchecked.

use arrow::datatypes::{DataType, Field, UnionMode};
use arrow::ipc::{Buffer, FieldNode, MetadataVersion, RecordBatch};

use engine::{Error, Result};

/// The most rows of one batch: a column of NULLs takes no bytes, so that the message's size is no bound.
const MAX_ROWS: i64 = i32::MAX as i64;

/// Makes sure that a batch holds what columns of these `fields` need, in a body of `body` bytes.
///
/// # Errors
/// `InvalidArgument`, saying what it lacks.
pub(super) fn check<'f>(
    batch: RecordBatch<'_>,
    fields: impl IntoIterator<Item = &'f Field>,
    version: MetadataVersion,
    body: usize,
) -> Result<()> {
    if !(0..=MAX_ROWS).contains(&batch.length()) {
        return Err(Error::invalid("A record batch claims more rows than one may hold"));
    }
    let buffers = batch.buffers().ok_or_else(other_columns)?;
    check_bounds(buffers.iter(), body)?;
    let mut walk = Walk {
        nodes: batch.nodes().ok_or_else(other_columns)?.iter(),
        buffers: buffers.iter(),
        variadic: batch.variadicBufferCounts().into_iter().flatten(),
        version,
    };
    for field in fields {
        let length = walk.column(field.data_type())?;
        if length != batch.length() {
            return Err(Error::invalid("A column of a record batch has another length than the batch"));
        }
    }
    match walk.nodes.next().is_none() && walk.buffers.next().is_none() && walk.variadic.next().is_none() {
        true => Ok(()),
        false => Err(other_columns()),
    }
}

/// Makes sure that buffers lie within a body.
///
/// # Errors
/// `InvalidArgument` if one does not.
pub(super) fn check_bounds<'b>(buffers: impl Iterator<Item = &'b Buffer>, body: usize) -> Result<()> {
    let end = |buffer: &Buffer| {
        usize::try_from(buffer.offset()).ok()?.checked_add(usize::try_from(buffer.length()).ok()?)
    };
    let mut buffers = buffers;
    match buffers.all(|buffer| end(buffer).is_some_and(|end| end <= body)) {
        true => Ok(()),
        false => Err(Error::invalid("A record batch is truncated: its buffers exceed the message body")),
    }
}

fn other_columns() -> Error {
    Error::invalid("A record batch does not have the columns of the stream's schema")
}

fn too_short() -> Error {
    Error::invalid("A record batch is truncated: a buffer is too short for its column")
}

fn enough(holds: bool) -> Result<()> {
    if holds { Ok(()) } else { Err(too_short()) }
}

/// A batch's nodes and buffers, in the order of its columns.
struct Walk<N, B, V> {
    nodes: N,
    buffers: B,
    variadic: V,
    version: MetadataVersion,
}

impl<'a, N, B, V> Walk<N, B, V>
where
    N: Iterator<Item = &'a FieldNode>,
    B: Iterator<Item = &'a Buffer>,
    V: Iterator<Item = i64>,
{
    /// Walks over a column and its children; its length.
    fn column(&mut self, ty: &DataType) -> Result<i64> {
        let node = self.nodes.next().ok_or_else(other_columns)?;
        let (length, nulls) = (node.length(), node.null_count());
        if !(0..=MAX_ROWS).contains(&length) || !(0..=length).contains(&nulls) {
            return Err(Error::invalid(
                "A column of a record batch claims more rows or NULLs than it may hold",
            ));
        }
        match ty {
            DataType::Null if nulls != length => return Err(other_columns()),
            DataType::Null | DataType::RunEndEncoded(..) => {}
            DataType::Union(_, mode) => self.union(*mode, length)?,
            _ => {
                let validity = self.buffer()?;
                enough(nulls == 0 || validity.length() >= (length + 7) / 8)?;
                self.values(ty)?;
            }
        }
        self.children(ty, length)?;
        Ok(length)
    }

    /// The buffers of a column behind its validity, whose lengths Arrow's reader looks at itself.
    fn values(&mut self, ty: &DataType) -> Result<()> {
        let count = match ty {
            DataType::Struct(_) | DataType::FixedSizeList(..) => 0,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => 2,
            DataType::ListView(_) | DataType::LargeListView(_) => 2,
            DataType::Utf8View | DataType::BinaryView => {
                1 + self.variadic.next().filter(|count| *count >= 0).ok_or_else(other_columns)?
            }
            _ => 1,
        };
        (0..count).try_for_each(|_| self.buffer().map(drop))
    }

    /// Before version 5 of the format, a union had a validity of its own.
    fn union(&mut self, mode: UnionMode, length: i64) -> Result<()> {
        if self.version < MetadataVersion::V5 {
            self.buffer()?;
        }
        enough(self.buffer()?.length() >= length)?;
        if mode == UnionMode::Sparse {
            return Ok(());
        }
        let offsets = self.buffer()?;
        enough(offsets.length() >= 4 * length && offsets.offset() % 4 == 0)
    }

    fn children(&mut self, ty: &DataType, length: i64) -> Result<()> {
        match ty {
            DataType::List(child)
            | DataType::LargeList(child)
            | DataType::ListView(child)
            | DataType::LargeListView(child)
            | DataType::Map(child, _) => self.column(child.data_type()).map(drop),
            DataType::FixedSizeList(child, size) => {
                let children = self.column(child.data_type())?;
                enough(children >= length.saturating_mul((*size).into()))
            }
            DataType::Struct(fields) => fields.iter().try_for_each(|field| {
                let child = self.column(field.data_type())?;
                enough(child == length)
            }),
            DataType::Union(fields, mode) => fields.iter().try_for_each(|(_, field)| {
                let child = self.column(field.data_type())?;
                enough(*mode == UnionMode::Dense || child == length)
            }),
            DataType::RunEndEncoded(ends, values) => {
                let ends = self.column(ends.data_type())?;
                let values = self.column(values.data_type())?;
                enough(ends == values && (ends > 0 || length == 0))
            }
            _ => Ok(()),
        }
    }

    fn buffer(&mut self) -> Result<&'a Buffer> {
        self.buffers.next().ok_or_else(other_columns)
    }
}
