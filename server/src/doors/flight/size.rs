//! How many bytes a batch takes on the wire: what its rows refer to, not what its buffers have allocated.

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait, RecordBatch};
use arrow::datatypes::DataType;

/// The approximate body size, in bytes, of a batch as one IPC message.
pub(super) fn batch_size(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(array_size).sum()
}

fn array_size(array: &ArrayRef) -> usize {
    let validity = array.len() / 8;
    validity
        + match array.data_type() {
            DataType::List(_) => list_size::<i32>(array),
            DataType::LargeList(_) => list_size::<i64>(array),
            DataType::FixedSizeList(_, _) => array_size(array.as_fixed_size_list().values()),
            DataType::Map(_, _) => {
                let map = array.as_map();
                let (from, to) = bounds(map.offsets());
                let entries: ArrayRef = std::sync::Arc::new(map.entries().slice(from, to - from));
                4 * array.len() + array_size(&entries)
            }
            DataType::Struct(_) => array.as_struct().columns().iter().map(array_size).sum(),
            DataType::Union(fields, _) => {
                let children = fields.iter().map(|(id, _)| array_size(array.as_union().child(id)));
                array.len() + children.sum::<usize>()
            }
            _ => array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size()),
        }
}

fn list_size<O: OffsetSizeTrait>(array: &ArrayRef) -> usize {
    let list = array.as_list::<O>();
    let (from, to) = bounds(list.offsets());
    size_of::<O>() * array.len() + array_size(&list.values().slice(from, to - from))
}

fn bounds<O: OffsetSizeTrait>(offsets: &[O]) -> (usize, usize) {
    let at = |offset: Option<&O>| offset.map_or(0, |o| o.as_usize());
    (at(offsets.first()), at(offsets.last()))
}
