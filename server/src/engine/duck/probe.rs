//! The least of DuckDB that unit tests of this folder need: an instance, and the streamed chunks of a query.

use std::ffi::{CStr, CString};
use std::ptr;

use arrow::array::RecordBatch;
use libduckdb_sys as ffi;

use super::{BatchBuilder, Value, logical_type};
use crate::engine::types::arrow::arrow_schema;
use crate::engine::types::{Column, Fidelity, ResultShape};
use crate::error::{Error, ErrorKind, Result};

pub(super) struct Probe {
    database: ffi::duckdb_database,
    pub(super) connection: ffi::duckdb_connection,
}

impl Probe {
    pub(super) fn new() -> Self {
        let mut probe = Self { database: ptr::null_mut(), connection: ptr::null_mut() };
        // SAFETY: a null path opens an in-memory database; the out pointers are valid.
        unsafe {
            assert_eq!(ffi::duckdb_open(ptr::null(), &mut probe.database), 0);
            assert_eq!(ffi::duckdb_connect(probe.database, &mut probe.connection), 0);
        }
        probe
    }

    /// The query's result in one batch, through the exporter.
    pub(super) fn batch(&self, sql: &str, fidelity: Fidelity) -> Result<RecordBatch> {
        self.bound_batch(sql, &[], fidelity)
    }

    /// As [`Probe::batch`], with parameters.
    pub(super) fn bound_batch(&self, sql: &str, values: &[Value], fidelity: Fidelity) -> Result<RecordBatch> {
        let mut builder = None;
        self.for_each_chunk(sql, values, |shape, chunk| {
            let builder = builder.get_or_insert_with(|| {
                let schema = arrow_schema(&shape, fidelity, "Etc/UTC");
                BatchBuilder::new(&ResultShape { columns: shape.into(), schema }, fidelity)
            });
            // SAFETY: the chunk is live, and the builder has the shape of its result.
            if chunk.is_null() { Ok(()) } else { unsafe { builder.append(chunk) } }
        })?;
        builder.unwrap().finish()
    }

    /// Streams the query; the last call has a null chunk.
    pub(super) fn for_each_chunk(
        &self,
        sql: &str,
        values: &[Value],
        mut visit: impl FnMut(Vec<Column>, ffi::duckdb_data_chunk) -> Result<()>,
    ) -> Result<()> {
        let text = CString::new(sql).unwrap();
        // SAFETY: every handle is made, used and destroyed here, in order.
        unsafe {
            let mut statement = ptr::null_mut();
            if ffi::duckdb_prepare(self.connection, text.as_ptr(), &mut statement) != 0 {
                let message =
                    CStr::from_ptr(ffi::duckdb_prepare_error(statement)).to_string_lossy().into_owned();
                ffi::duckdb_destroy_prepare(&mut statement);
                return Err(Error::new(ErrorKind::Sql, message));
            }
            for (index, value) in (1..).zip(values) {
                assert_eq!(ffi::duckdb_bind_value(statement, index, value.raw()), 0);
            }
            let mut pending = ptr::null_mut();
            assert_eq!(ffi::duckdb_pending_prepared_streaming(statement, &mut pending), 0);
            let mut result = std::mem::zeroed();
            if ffi::duckdb_execute_pending(pending, &mut result) != 0 {
                let message =
                    CStr::from_ptr(ffi::duckdb_result_error(&mut result)).to_string_lossy().into_owned();
                ffi::duckdb_destroy_result(&mut result);
                ffi::duckdb_destroy_pending(&mut pending);
                ffi::duckdb_destroy_prepare(&mut statement);
                return Err(Error::new(ErrorKind::Sql, message));
            }
            let shape = columns(&mut result);
            let outcome = loop {
                let mut chunk = ffi::duckdb_fetch_chunk(result);
                let outcome = visit(shape.clone(), chunk);
                let last = chunk.is_null() || outcome.is_err();
                ffi::duckdb_destroy_data_chunk(&mut chunk);
                if last {
                    break outcome;
                }
            };
            let error = ffi::duckdb_result_error(&mut result);
            assert!(
                error.is_null() || CStr::from_ptr(error).is_empty(),
                "{sql}: {:?}",
                CStr::from_ptr(error)
            );
            ffi::duckdb_destroy_result(&mut result);
            ffi::duckdb_destroy_pending(&mut pending);
            ffi::duckdb_destroy_prepare(&mut statement);
            outcome
        }
    }
}

unsafe fn columns(result: &mut ffi::duckdb_result) -> Vec<Column> {
    // SAFETY: each index is below the column count; the type handle is ours.
    unsafe {
        let count = ffi::duckdb_column_count(result);
        let column = |i| Column {
            name: CStr::from_ptr(ffi::duckdb_column_name(result, i)).to_str().unwrap().to_owned(),
            ty: logical_type::take(ffi::duckdb_column_logical_type(result, i)),
        };
        (0..count).map(column).collect()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // SAFETY: both handles are ours and closed once.
        unsafe {
            ffi::duckdb_disconnect(&mut self.connection);
            ffi::duckdb_close(&mut self.database);
        }
    }
}
