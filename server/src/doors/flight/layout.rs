//! How many nodes and buffers a record batch of a schema holds: Arrow's reader looks for too few only, and takes the
//! batch of another schema for one of its own.

use arrow::datatypes::{DataType, Field, UnionMode};
use arrow::ipc::{MetadataVersion, RecordBatch};

/// Whether a batch is laid out as `fields` are.
pub(super) fn fits<'f>(
    batch: RecordBatch<'_>,
    fields: impl IntoIterator<Item = &'f Field>,
    version: MetadataVersion,
) -> bool {
    let mut expected = Layout { nodes: 0, buffers: 0, version };
    fields.into_iter().for_each(|field| expected.add(field.data_type()));
    let variadic = batch.variadicBufferCounts().map_or(0, |counts| {
        counts
            .iter()
            .fold(0, |sum: usize, count| sum.saturating_add(usize::try_from(count).unwrap_or(usize::MAX)))
    });
    let nodes = batch.nodes().map_or(0, |nodes| nodes.len());
    let buffers = batch.buffers().map_or(0, |buffers| buffers.len());
    nodes == expected.nodes && buffers == expected.buffers.saturating_add(variadic)
}

struct Layout {
    nodes: usize,
    buffers: usize,
    version: MetadataVersion,
}

impl Layout {
    fn add(&mut self, ty: &DataType) {
        self.nodes += 1;
        self.buffers += match ty {
            DataType::Null | DataType::RunEndEncoded(..) => 0,
            DataType::Struct(_) | DataType::FixedSizeList(..) => 1,
            DataType::Union(_, mode) => self.of_union(*mode),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => 3,
            DataType::ListView(_) | DataType::LargeListView(_) => 3,
            _ => 2,
        };
        match ty {
            DataType::List(child)
            | DataType::LargeList(child)
            | DataType::ListView(child)
            | DataType::LargeListView(child)
            | DataType::FixedSizeList(child, _)
            | DataType::Map(child, _) => self.add(child.data_type()),
            DataType::Struct(fields) => fields.iter().for_each(|field| self.add(field.data_type())),
            DataType::Union(fields, _) => fields.iter().for_each(|(_, field)| self.add(field.data_type())),
            DataType::RunEndEncoded(ends, values) => {
                self.add(ends.data_type());
                self.add(values.data_type());
            }
            _ => {}
        }
    }

    /// Before version 5 of the format, a union had a validity of its own.
    fn of_union(&self, mode: UnionMode) -> usize {
        let types = if mode == UnionMode::Dense { 2 } else { 1 };
        if self.version < MetadataVersion::V5 { types + 1 } else { types }
    }
}
