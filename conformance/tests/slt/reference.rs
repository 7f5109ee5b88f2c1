//! The reference: DuckDB in this process, by its C API and its own conversion to Arrow, none of which the server uses.

use crate::answer::{Answer, Kind, first_line};
use altertable_mock_conformance::arrow_data::values;
use altertable_mock_conformance::fault::{During as _, Fault, Result};
use arrow::array::{RecordBatch, StructArray};
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use libduckdb_sys as ffi;
use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::Arc;

/// An in-memory database.
pub struct Database(ffi::duckdb_database);

/// A connection to it.
pub struct Connection {
    raw: ffi::duckdb_connection,
    _database: Arc<Database>,
}

/// The materialized result of a statement.
struct Rows(ffi::duckdb_result);

// SAFETY: DuckDB's database handle may be used from any thread.
unsafe impl Send for Database {}
// SAFETY: as above; nothing takes the handle mutably but `Drop`.
unsafe impl Sync for Database {}
// SAFETY: a connection may move between threads; `&mut self` has one thread use it at a time.
unsafe impl Send for Connection {}

impl Database {
    /// A fresh one.
    pub fn open() -> Result<Arc<Self>> {
        let mut raw = ptr::null_mut();
        // SAFETY: a null path means in memory; the out pointer is valid.
        let state = unsafe { ffi::duckdb_open(ptr::null(), &mut raw) };
        succeeded(state).map(|()| Arc::new(Self(raw)))
    }

    /// A connection that begins as sessions of the server do (LS-07).
    pub fn connect(self: &Arc<Self>) -> Result<Connection> {
        let mut raw = ptr::null_mut();
        // SAFETY: the database is open while `self` lives.
        succeeded(unsafe { ffi::duckdb_connect(self.0, &mut raw) })?;
        let mut connection = Connection { raw, _database: Arc::clone(self) };
        connection.run("SET TimeZone = 'Etc/UTC'")?;
        Ok(connection)
    }
}

fn succeeded(state: ffi::duckdb_state) -> Result<()> {
    if state == ffi::DuckDBSuccess { Ok(()) } else { Err(Fault::new("DuckDB does not open in this process")) }
}

impl Connection {
    /// Runs a statement to its end.
    pub fn run(&mut self, sql: &str) -> Result<Answer> {
        let sql = CString::new(sql).during("the statement")?;
        // SAFETY: an all-zero result is the empty one that DuckDB fills.
        let mut rows = Rows(unsafe { std::mem::zeroed() });
        // SAFETY: connection and text live for the call, and the result is destroyed by its `Drop`, failed or not.
        if unsafe { ffi::duckdb_query(self.raw, sql.as_ptr(), &mut rows.0) } == ffi::DuckDBSuccess {
            return rows.answer();
        }
        // SAFETY: the text lives as long as the result.
        Err(first_line(&unsafe { text(ffi::duckdb_result_error(&mut rows.0)) }))
    }
}

impl Rows {
    fn answer(mut self) -> Result<Answer> {
        // SAFETY: the result is live.
        let width = unsafe { ffi::duckdb_column_count(&mut self.0) };
        let (mut names, mut kinds, mut types) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..width {
            // SAFETY: the index is in range; the name lives as long as the result.
            names.push(unsafe { text(ffi::duckdb_column_name(&mut self.0, index)) });
            // SAFETY: the index is in range; the type is destroyed below.
            let logical = unsafe { ffi::duckdb_column_logical_type(&mut self.0, index) };
            kinds.push(kind(logical));
            types.push(logical);
        }
        let rows = self.rows(&names, &mut types);
        for mut logical in types {
            // SAFETY: made above, destroyed once.
            unsafe { ffi::duckdb_destroy_logical_type(&mut logical) };
        }
        Ok(Answer { names, kinds: kinds.into_iter().collect::<Result<_>>()?, rows: rows? })
    }

    fn rows(
        &mut self,
        names: &[String],
        types: &mut [ffi::duckdb_logical_type],
    ) -> Result<Vec<Vec<serde_json::Value>>> {
        // SAFETY: the result is live; the options are destroyed below.
        let mut options = unsafe { ffi::duckdb_result_get_arrow_options(&mut self.0) };
        let mut rows = Vec::new();
        let mut outcome = Ok(());
        while outcome.is_ok() {
            // SAFETY: the result is live; the chunk is destroyed below.
            let mut chunk = unsafe { ffi::duckdb_fetch_chunk(self.0) };
            if chunk.is_null() {
                break;
            }
            outcome = batch(options, names, types, chunk).and_then(|batch| {
                let values = values::rows(&batch)?;
                rows.extend(values.into_iter().filter_map(|row| row.as_array().cloned()));
                Ok(())
            });
            // SAFETY: fetched above, destroyed once.
            unsafe { ffi::duckdb_destroy_data_chunk(&mut chunk) };
        }
        // SAFETY: made above, destroyed once.
        unsafe { ffi::duckdb_destroy_arrow_options(&mut options) };
        outcome.map(|()| rows)
    }
}

/// A chunk as DuckDB itself converts it to Arrow.
fn batch(
    options: ffi::duckdb_arrow_options,
    names: &[String],
    types: &mut [ffi::duckdb_logical_type],
    chunk: ffi::duckdb_data_chunk,
) -> Result<RecordBatch> {
    let names =
        names.iter().map(|name| CString::new(name.as_str()).during("a name")).collect::<Result<Vec<_>>>()?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let (mut schema, mut array) = (FFI_ArrowSchema::empty(), FFI_ArrowArray::empty());
    // SAFETY: as many names as types, all alive; both structs are those of the C data interface.
    checked(unsafe {
        let out = (&raw mut schema).cast();
        ffi::duckdb_to_arrow_schema(
            options,
            types.as_mut_ptr(),
            pointers.as_mut_ptr(),
            types.len() as u64,
            out,
        )
    })?;
    // SAFETY: the chunk is live, and what DuckDB hands over is owned by `array` from here on.
    checked(unsafe { ffi::duckdb_data_chunk_to_arrow(options, chunk, (&raw mut array).cast()) })?;
    // SAFETY: schema and array belong to the same chunk.
    let data = unsafe { from_ffi(array, &schema) }.during("reading DuckDB's Arrow data")?;
    let columns = StructArray::from(data);
    Ok(columns.into())
}

fn checked(mut error: ffi::duckdb_error_data) -> Result<()> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the error is live, and its text is copied before it is destroyed.
    unsafe {
        let fault = ffi::duckdb_error_data_has_error(error)
            .then(|| first_line(&text(ffi::duckdb_error_data_message(error))));
        ffi::duckdb_destroy_error_data(&mut error);
        fault.map_or(Ok(()), Err)
    }
}

fn kind(logical: ffi::duckdb_logical_type) -> Result<Kind> {
    // SAFETY: the type is live; the alias is freed once, null included.
    let json = unsafe {
        let alias = ffi::duckdb_logical_type_get_alias(logical);
        let json = text(alias) == "JSON";
        ffi::duckdb_free(alias.cast());
        json
    };
    // SAFETY: the type is live.
    let id = unsafe { ffi::duckdb_get_type_id(logical) };
    Ok(Kind::letter(match id {
        _ if json => 'J',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => 'B',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT..=ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => 'I',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT | ffi::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => 'H',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => 'N',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT | ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => 'R',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => 'T',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID => 'U',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_ENUM => 'E',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => 'X',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE => 'D',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS => 'C',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP
        | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S
        | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS
        | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => 'S',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => 'Z',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => 'V',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST | ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => 'L',
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT
        | ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP
        | ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => 'O',
        other => return Err(Fault(format!("a column of DuckDB's type {other}, which no letter stands for"))),
    }))
}

/// # Safety
/// Null, or a text that lives during the call.
unsafe fn text(raw: *const c_char) -> String {
    if raw.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned()
}

impl Drop for Rows {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_result(&mut self.0) };
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened once, closed once, before its database.
        unsafe { ffi::duckdb_disconnect(&mut self.raw) };
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: opened once, closed once, after its connections.
        unsafe { ffi::duckdb_close(&mut self.0) };
    }
}
