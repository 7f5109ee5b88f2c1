//! A statement's result: its columns, and its rows chunk by chunk.

use std::sync::Arc;

use arrow::array::{Array, StringArray};
use libduckdb_sys as ffi;

use super::BatchBuilder;
use super::error::{copy_text, sql_error};
use super::logical_type;
use super::whole_names::EnumMembers;
use crate::error::{Error, Result};
use crate::types::arrow::arrow_schema;
use crate::types::{Column, Fidelity, ResultShape};

/// What a statement gives back, as DuckDB classifies it (FQ-4, LQ-08).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// Rows of its own columns.
    Rows,
    /// One `Count` column.
    Count,
    /// One `Success` column without rows.
    Nothing,
}

/// The result of one execution. A live (streaming) result dies when its connection starts another statement.
#[derive(Debug)]
pub struct ResultSet {
    raw: ffi::duckdb_result,
}

// SAFETY: owned data that one thread uses at a time, under the lock of its session.
unsafe impl Send for ResultSet {}

impl ResultSet {
    /// The result that `start` fills in.
    pub(super) fn run(start: impl FnOnce(*mut ffi::duckdb_result) -> ffi::duckdb_state) -> Result<Self> {
        // SAFETY: an all-zero result is the empty one that DuckDB fills.
        let mut result = Self { raw: unsafe { std::mem::zeroed() } };
        if start(&mut result.raw) == ffi::DuckDBSuccess {
            return Ok(result);
        }
        Err(sql_error(result.error_text()))
    }

    fn error_text(&mut self) -> Option<String> {
        // SAFETY: the text lives as long as the result.
        unsafe { copy_text(ffi::duckdb_result_error(&mut self.raw)) }
    }

    /// What the statement gives back.
    pub fn returns(&self) -> Returns {
        // SAFETY: the result is live; the struct is passed by value as the API wants it.
        match unsafe { ffi::duckdb_result_return_type(self.raw) } {
            ffi::duckdb_result_type_DUCKDB_RESULT_TYPE_CHANGED_ROWS => Returns::Count,
            ffi::duckdb_result_type_DUCKDB_RESULT_TYPE_NOTHING => Returns::Nothing,
            _ => Returns::Rows,
        }
    }

    /// The columns, in order.
    pub fn columns(&mut self) -> Arc<[Column]> {
        // SAFETY: the result is live.
        let count = unsafe { ffi::duckdb_column_count(&mut self.raw) };
        let whole = EnumMembers::new(&mut self.raw);
        (0..count)
            .map(|index| {
                // SAFETY: the index is in range; the text lives as long as the result.
                let name = unsafe { copy_text(ffi::duckdb_column_name(&mut self.raw, index)) };
                // SAFETY: the index is in range; the type is ours to destroy.
                let ty = unsafe {
                    logical_type::take(ffi::duckdb_column_logical_type(&mut self.raw, index), Some(&whole))
                };
                Column { name: name.unwrap_or_default(), ty }
            })
            .collect()
    }

    /// How many rows the statement inserted, updated or deleted; 0 for one that changes none.
    pub fn rows_changed(&mut self) -> u64 {
        // SAFETY: the result is live.
        unsafe { ffi::duckdb_rows_changed(&mut self.raw) }
    }

    /// All rows of a result whose columns are VARCHAR, as the server's own catalog queries have.
    ///
    /// # Errors
    /// DuckDB's error; Internal when a column is not text.
    pub fn text_rows(mut self) -> Result<Vec<Vec<Option<String>>>> {
        let columns = self.columns();
        let schema = arrow_schema(&columns, Fidelity::Exact, "");
        let shape = ResultShape { columns, schema };
        let mut builder = BatchBuilder::new(&shape, Fidelity::Exact);
        while let Some(chunk) = self.fetch()? {
            builder.append_chunk(&chunk)?;
        }
        let batch = builder.finish()?;
        let texts: Option<Vec<&StringArray>> =
            batch.columns().iter().map(|column| column.as_any().downcast_ref()).collect();
        let texts = texts.ok_or_else(|| Error::internal("a text query gave a column that is not text"))?;
        let cell = |text: &&StringArray, row| text.is_valid(row).then(|| text.value(row).to_owned());
        Ok((0..batch.num_rows()).map(|row| texts.iter().map(|text| cell(text, row)).collect()).collect())
    }

    /// The next rows, or `None` at the end.
    ///
    /// # Errors
    /// DuckDB's error, when computing the next rows failed. Where a worker met it, which is rare once rows are fetched,
    /// DuckDB may have lost it and tell of an interrupt instead.
    pub fn fetch(&mut self) -> Result<Option<Chunk>> {
        // DuckDB may have failed and given rows all the same; asked once more, it tells of a closed result.
        if let Some(text) = self.error_text() {
            return Err(sql_error(Some(text)));
        }
        // SAFETY: the result is live; the chunk is ours to destroy.
        let raw = unsafe { ffi::duckdb_fetch_chunk(self.raw) };
        if !raw.is_null() {
            return Ok(Some(Chunk { raw }));
        }
        self.error_text().map_or(Ok(None), |text| Err(sql_error(Some(text))))
    }
}

impl Drop for ResultSet {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_result(&mut self.raw) };
    }
}

/// Up to 2,048 rows in DuckDB's own vectors.
#[derive(Debug)]
pub struct Chunk {
    raw: ffi::duckdb_data_chunk,
}

// SAFETY: owned data, which DuckDB ties to no thread.
unsafe impl Send for Chunk {}

impl Chunk {
    pub(super) fn raw(&self) -> ffi::duckdb_data_chunk {
        self.raw
    }

    /// How many rows it holds.
    pub fn rows(&self) -> usize {
        // SAFETY: the chunk is live.
        let rows = unsafe { ffi::duckdb_data_chunk_get_size(self.raw) };
        usize::try_from(rows).unwrap_or(usize::MAX)
    }
}

impl BatchBuilder {
    /// Copies a chunk's rows to the end of the batch in the making.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_chunk(&mut self, chunk: &Chunk) -> Result<()> {
        // SAFETY: the chunk is live and comes from `duckdb_fetch_chunk`; its columns are those of its result, from
        // which every builder is made.
        unsafe { self.append(chunk.raw()) }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_data_chunk(&mut self.raw) };
    }
}
