//! Rows with different keys as one batch, so that one INSERT keeps their order.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use arrow::error::ArrowError;

use super::appended::{AppendGroup, value_schema};
use crate::error::{Error, Result};

/// Groups of JSON texts one behind the other, with all of `width` columns, NULL where they had none.
///
/// # Errors
/// Internal if Arrow does not take them.
pub(super) fn unify(groups: &[AppendGroup], width: usize) -> Result<AppendGroup> {
    let fault = |fault: ArrowError| Error::internal(format!("rows cannot be put together: {fault}"));
    let schema = value_schema(width);
    let batches = groups.iter().map(|group| {
        let rows = group.rows.num_rows();
        let mut arrays: Vec<ArrayRef> =
            schema.fields().iter().map(|field| new_null_array(field.data_type(), rows)).collect();
        for (own, at) in group.columns.iter().enumerate() {
            arrays[*at] = Arc::clone(group.rows.column(own));
            arrays[width + at] = Arc::clone(group.rows.column(group.columns.len() + own));
        }
        RecordBatch::try_new(Arc::clone(&schema), arrays)
    });
    let batches: Vec<RecordBatch> = batches.collect::<std::result::Result<_, _>>().map_err(fault)?;
    let rows = concat_batches(&schema, &batches).map_err(fault)?;
    Ok(AppendGroup { columns: (0..width).collect(), rows })
}
