//! Parsed and prepared statements.

use std::ptr;
use std::sync::Arc;

use libduckdb_sys as ffi;

use super::connection::{Connection, InterruptHandle};
use super::database::c_text;
use super::error::{copy_text, sql_error};
use super::logical_type;
use super::pending::Pending;
use super::result::ResultSet;
use super::type_handle::TypeHandle;
use super::value::Value;
use super::workers::Crew;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Column, LogicalType};

/// What DuckDB says a statement is; `Other` is what gives rows and matters no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are DuckDB's statement types")]
pub enum StatementKind {
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    Copy,
    Create,
    Alter,
    Drop,
    Prepare,
    Explain,
    Transaction,
    Set,
    Attach,
    Detach,
    Pragma,
    Analyze,
    Vacuum,
    Export,
    Load,
    Extension,
    CopyDatabase,
    UpdateExtensions,
    Other,
}

impl StatementKind {
    fn from_raw(raw: ffi::duckdb_statement_type) -> Self {
        match raw {
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SELECT => Self::Select,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_INSERT => Self::Insert,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_UPDATE => Self::Update,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_DELETE => Self::Delete,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_MERGE_INTO => Self::Merge,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_COPY => Self::Copy,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_CREATE
            | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_CREATE_FUNC => Self::Create,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_ALTER => Self::Alter,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_DROP => Self::Drop,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_PREPARE => Self::Prepare,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_EXPLAIN => Self::Explain,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_TRANSACTION => Self::Transaction,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SET
            | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_VARIABLE_SET => Self::Set,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_ATTACH => Self::Attach,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_DETACH => Self::Detach,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_PRAGMA => Self::Pragma,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_ANALYZE => Self::Analyze,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_VACUUM => Self::Vacuum,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_EXPORT => Self::Export,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_LOAD => Self::Load,
            ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_EXTENSION => Self::Extension,
            COPY_DATABASE => Self::CopyDatabase,
            UPDATE_EXTENSIONS => Self::UpdateExtensions,
            _ => Self::Other,
        }
    }
}

/// Statement types that DuckDB gives out and its C header does not name.
const COPY_DATABASE: ffi::duckdb_statement_type = 28;
const UPDATE_EXTENSIONS: ffi::duckdb_statement_type = 29;

/// The statements of a text, parsed and not executed.
#[derive(Debug)]
pub struct Extracted {
    raw: ffi::duckdb_extracted_statements,
    count: u64,
}

impl Extracted {
    pub(super) fn parse(connection: &Connection, sql: &str) -> Result<Self> {
        let text = c_text(sql)?;
        let mut extracted = Self { raw: ptr::null_mut(), count: 0 };
        // SAFETY: connection and text live for the call.
        let count =
            unsafe { ffi::duckdb_extract_statements(connection.raw(), text.as_ptr(), &mut extracted.raw) };
        extracted.count = count;
        if count == 0 {
            // SAFETY: the error text lives as long as the extracted statements.
            if let Some(message) = unsafe { copy_text(ffi::duckdb_extract_statements_error(extracted.raw)) } {
                return Err(sql_error(Some(message)));
            }
        }
        Ok(extracted)
    }

    /// How many statements the text holds; a PIVOT that DuckDB expands counts each of its parts.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether the text holds none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Plans statement `index`. DuckDB closes any live result of the connection while it plans.
    ///
    /// # Errors
    /// DuckDB's binder error.
    pub fn prepare(&self, connection: &Connection, index: u64) -> Result<Prepared> {
        let mut raw = ptr::null_mut();
        let state = connection.interrupts().plan(|| {
            // SAFETY: both handles are live and `index` is checked by DuckDB.
            unsafe { ffi::duckdb_prepare_extracted_statement(connection.raw(), self.raw, index, &mut raw) }
        });
        let (crew, interrupt) = (Arc::clone(connection.crew()), connection.interrupt_handle());
        let prepared = Prepared { raw, crew, interrupt };
        if state == ffi::DuckDBSuccess {
            return Ok(prepared);
        }
        // SAFETY: the error text belongs to the failed statement, which `prepared` still owns.
        Err(sql_error(unsafe { copy_text(ffi::duckdb_prepare_error(prepared.raw)) }))
    }
}

impl Drop for Extracted {
    fn drop(&mut self) {
        // SAFETY: destroyed once; null is accepted.
        unsafe { ffi::duckdb_destroy_extracted(&mut self.raw) };
    }
}

/// A planned statement with its parameters.
#[derive(Debug)]
pub struct Prepared {
    raw: ffi::duckdb_prepared_statement,
    crew: Arc<Crew>,
    interrupt: Arc<InterruptHandle>,
}

// SAFETY: owned data that one thread uses at a time; its connection is used under the same session lock.
unsafe impl Send for Prepared {}

impl Prepared {
    /// What DuckDB says the statement is.
    pub fn kind(&self) -> StatementKind {
        // SAFETY: the statement is live.
        StatementKind::from_raw(unsafe { ffi::duckdb_prepared_statement_type(self.raw) })
    }

    /// The result's columns as far as planning knows them.
    pub fn columns(&self) -> Arc<[Column]> {
        // SAFETY: the statement is live.
        let count = unsafe { ffi::duckdb_prepared_statement_column_count(self.raw) };
        (0..count)
            .map(|index| Column { name: self.column_name(index), ty: self.column_type(index) })
            .collect()
    }

    fn column_name(&self, index: u64) -> String {
        // SAFETY: the statement is live; out of range gives null.
        let raw = unsafe { ffi::duckdb_prepared_statement_column_name(self.raw, index) };
        take_text(raw)
    }

    fn column_type(&self, index: u64) -> LogicalType {
        // SAFETY: the statement is live; the type is ours to destroy.
        let raw = unsafe { ffi::duckdb_prepared_statement_column_logical_type(self.raw, index) };
        // SAFETY: `raw` is null or a live logical type that nobody else destroys.
        unsafe { logical_type::take(raw, None) }
    }

    /// The type of a column of the result, as DuckDB holds it.
    pub(super) fn column_handle(&self, index: u64) -> TypeHandle {
        // SAFETY: the statement is live; the type is ours to destroy.
        unsafe { TypeHandle::own(ffi::duckdb_prepared_statement_column_logical_type(self.raw, index)) }
    }

    /// Whether the statement takes parameters.
    pub fn has_parameters(&self) -> bool {
        // SAFETY: the statement is live.
        unsafe { ffi::duckdb_nparams(self.raw) > 0 }
    }

    /// The parameters in DuckDB's order: identifier (`1`, `2`, … or the name) and type, [`LogicalType::Unknown`]
    /// where the statement does not decide it.
    pub fn parameters(&self) -> Vec<(String, LogicalType)> {
        // SAFETY: the statement is live.
        let count = unsafe { ffi::duckdb_nparams(self.raw) };
        (1..=count)
            .map(|index| {
                // SAFETY: the index is in range; the text is ours to free.
                let name = take_text(unsafe { ffi::duckdb_parameter_name(self.raw, index) });
                // SAFETY: the index is in range; the type is ours to destroy.
                let ty = unsafe { logical_type::take(ffi::duckdb_param_logical_type(self.raw, index), None) };
                (name, ty)
            })
            .collect()
    }

    /// Binds the parameter at the 1-based `index`.
    ///
    /// # Errors
    /// DuckDB's error, or InvalidArgument when there is no such parameter.
    pub fn bind(&mut self, index: u64, value: &Value) -> Result<()> {
        // SAFETY: both handles are live.
        let state = unsafe { ffi::duckdb_bind_value(self.raw, index, value.raw()) };
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        // SAFETY: the error text belongs to the live statement.
        let text = unsafe { copy_text(ffi::duckdb_prepare_error(self.raw)) };
        Err(text.map_or_else(
            || Error::new(ErrorKind::InvalidArgument, format!("the statement has no parameter {index}")),
            |text| sql_error(Some(text)),
        ))
    }

    /// Forgets all bound values.
    pub fn clear_bindings(&mut self) {
        // SAFETY: the statement is live.
        unsafe { ffi::duckdb_clear_bindings(self.raw) };
    }

    /// Runs the statement to its end, its result in memory.
    ///
    /// # Errors
    /// DuckDB's error.
    pub fn execute(&mut self) -> Result<ResultSet> {
        let pending = Pending::plan(&self.crew, |out| {
            // SAFETY: the statement is live and `out` is valid.
            self.interrupt.plan(|| unsafe { ffi::duckdb_pending_prepared(self.raw, out) })
        })?;
        pending.execute()
    }

    /// Plans an execution whose rows are computed as they are fetched. Afterwards [`columns`](Self::columns) knows
    /// every type that the bound values decide.
    ///
    /// # Errors
    /// DuckDB's binder error.
    pub fn start_streaming(&mut self) -> Result<Pending> {
        Pending::plan(&self.crew, |out| {
            // SAFETY: the statement is live and `out` is valid.
            self.interrupt.plan(|| unsafe { ffi::duckdb_pending_prepared_streaming(self.raw, out) })
        })
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: destroyed once; null is accepted.
        unsafe { ffi::duckdb_destroy_prepare(&mut self.raw) };
    }
}

fn take_text(raw: *const std::ffi::c_char) -> String {
    // SAFETY: null or a NUL-terminated text that DuckDB allocated for us.
    let text = unsafe { copy_text(raw) }.unwrap_or_default();
    // SAFETY: freed once; null is accepted.
    unsafe { ffi::duckdb_free(raw.cast_mut().cast()) };
    text
}
