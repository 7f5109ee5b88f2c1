//! Data chunks into Arrow record batches: each value is copied once, from DuckDB's vectors into Arrow's
//! buffers.
//!
//! DuckDB's own Arrow export is not used, because it loses UHUGEINT, TIMETZ and BIT, has no VARIANT, and
//! gives one small batch per chunk. A [`BatchBuilder`] gathers several chunks of 2,048 rows into one batch.
//!
//! DuckDB's result collectors copy every chunk into new flat vectors, their children included, so that no constant
//! or dictionary vector is met here.

mod casts;
mod column;
mod geometry;
mod lists;
mod primitive;
mod strings;
mod structs;
mod text;
mod union;
mod validity;
mod variant;
mod vector;

#[cfg(test)]
pub(super) mod tests;

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use libduckdb_sys as ffi;

use crate::error::{Error, Result};
use crate::types::{Column, Fidelity, ResultShape};

use super::length;

use self::column::{ColumnBuilder, Fault, column_builder};
use self::vector::Vector;

/// Gathers data chunks of one result into Arrow record batches of that result's schema.
pub struct BatchBuilder {
    schema: SchemaRef,
    columns: Arc<[Column]>,
    builders: Vec<Box<dyn ColumnBuilder>>,
    rows: usize,
}

impl fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchBuilder")
            .field("schema", &self.schema)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl BatchBuilder {
    /// An empty builder for a result of this shape, whose schema was made with the same fidelity.
    pub fn new(shape: &ResultShape, fidelity: Fidelity) -> Self {
        let fields = shape.schema.fields();
        let builders = shape.columns.iter().zip(fields.iter());
        Self {
            schema: Arc::clone(&shape.schema),
            columns: Arc::clone(&shape.columns),
            builders: builders
                .map(|(column, field)| column_builder(&column.ty, field.data_type(), fidelity))
                .collect(),
            rows: 0,
        }
    }

    /// Copies a chunk's rows to the end of the batch in the making.
    ///
    /// After an error the batch in the making is void.
    ///
    /// # Errors
    /// Internal, naming the column, for a value that its Arrow type cannot hold (FY-3), and for a column that
    /// would exceed Arrow's 2 GiB.
    ///
    /// # Safety
    /// `chunk` is a live, flattened data chunk, as `duckdb_fetch_chunk` returns it, whose columns have the shape's
    /// types.
    pub(super) unsafe fn append(&mut self, chunk: ffi::duckdb_data_chunk) -> Result<()> {
        // SAFETY: the chunk is live for the whole call, and each index is below its column count.
        unsafe {
            let rows = length(ffi::duckdb_data_chunk_get_size(chunk));
            for ((builder, column), index) in self.builders.iter_mut().zip(self.columns.iter()).zip(0..) {
                let vector = Vector::new(ffi::duckdb_data_chunk_get_vector(chunk, index));
                builder.append(vector, 0, rows).map_err(|fault| name_column(column, &fault))?;
            }
            self.rows += rows;
        }
        Ok(())
    }

    /// How many rows the batch in the making has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes the batch in the making takes.
    pub fn bytes(&self) -> usize {
        self.builders.iter().map(|builder| builder.bytes()).sum()
    }

    /// The batch of all rows appended since the last one; the builder is empty afterwards.
    ///
    /// # Errors
    /// Internal, naming the column, if its values do not make a valid array, such as text that is not UTF-8.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        let finished = self.builders.iter_mut().zip(self.columns.iter());
        let arrays = finished
            .map(|(builder, column)| builder.finish().map_err(|fault| name_column(column, &fault)))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| Error::internal(format!("Result columns do not make a batch: {error}")))
    }
}

fn name_column(column: &Column, fault: &Fault) -> Error {
    Error::internal(format!("Column \"{}\" of type {}: {fault}", column.name, column.ty))
}
