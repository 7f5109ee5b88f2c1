//! Tables that live outside DuckDB and are read through a table function.
//!
//! DuckDB asks for the columns when it binds, for a scan when it executes, and then for chunks of rows from as many
//! threads as the scan allows. Only the columns that a query needs are asked for.

use std::any::Any;
use std::ffi::{CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use libduckdb_sys as ffi;

use super::connection::Connection;
use super::database::c_text;
use super::error::copy_text;
use super::planning::Refusing;
use super::type_handle::TypeHandle;
use super::vector_writer::ChunkWriter;
use crate::error::{Error, Result};
use crate::types::LogicalType;

/// A connection, for as long as its instance lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// Tables by name.
pub trait TableSource: Send + Sync + 'static {
    /// The columns of `table`, `None` if there is none of that name. The first is what counting rows reads.
    fn columns(&self, table: &str) -> Option<Vec<(&'static str, LogicalType)>>;

    /// Opens `table` for one execution of a statement by `reader`, for the columns at these places.
    fn open(&self, table: &str, reader: ConnectionId, columns: Vec<usize>) -> Option<Box<dyn TableScan>>;

    /// About how many rows `table` has for `reader`; it decides the order of joins.
    fn row_count(&self, table: &str, reader: ConnectionId) -> usize;
}

/// One execution's pass over a table.
pub trait TableScan: Send + Sync + 'static {
    /// How many threads may read at once.
    fn threads(&self) -> usize;

    /// Writes the next rows, at most [`ChunkWriter::capacity`], and says how many; 0 is the end. Columns stand in the
    /// order in which they were asked for, and texts may stay in the scan. Several threads call it.
    fn next<'scan>(&'scan self, out: &mut ChunkWriter<'_, 'scan>) -> usize;
}

/// What binding a call remembers for its executions.
struct Bound {
    table: String,
    reader: ConnectionId,
}

type SharedSource = Arc<dyn TableSource>;
type Scan = Box<dyn TableScan>;

impl Connection {
    /// Makes `name(table)` a table function of the whole instance, which reads from `source`.
    ///
    /// # Errors
    /// Internal when DuckDB refuses the registration.
    pub fn register_tables(&self, name: &str, source: SharedSource) -> Result<()> {
        let name = c_text(name)?;
        let text = TypeHandle::new(&LogicalType::Varchar).ok_or_else(|| Error::internal("no VARCHAR"))?;
        let source = Box::into_raw(Box::new(source)).cast();
        // SAFETY: the function handle is destroyed below; DuckDB copies what it registers and owns `source` from
        // `set_extra_info` on, freeing it as the type it was made of.
        let state = unsafe {
            let mut function = ffi::duckdb_create_table_function();
            ffi::duckdb_table_function_set_name(function, name.as_ptr());
            ffi::duckdb_table_function_add_parameter(function, text.raw());
            ffi::duckdb_table_function_set_extra_info(function, source, Some(free::<SharedSource>));
            ffi::duckdb_table_function_set_bind(function, Some(bind));
            ffi::duckdb_table_function_set_init(function, Some(init));
            ffi::duckdb_table_function_set_function(function, Some(produce));
            ffi::duckdb_table_function_supports_projection_pushdown(function, true);
            let state = ffi::duckdb_register_table_function(self.raw(), function);
            ffi::duckdb_destroy_table_function(&mut function);
            state
        };
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        Err(Error::internal("DuckDB refused the server's table function"))
    }

    /// What table functions know this connection by.
    pub fn id(&self) -> ConnectionId {
        let mut context = std::ptr::null_mut();
        // SAFETY: the connection is open; the context is destroyed after its one use.
        unsafe {
            ffi::duckdb_connection_get_client_context(self.raw(), &mut context);
            take_id(context)
        }
    }
}

/// Reads the connection's id and destroys the context.
///
/// # Safety
/// `context` is live and used nowhere else.
unsafe fn take_id(mut context: ffi::duckdb_client_context) -> ConnectionId {
    // SAFETY: live by the caller's promise, and destroyed once.
    unsafe {
        let id = ffi::duckdb_client_context_get_connection_id(context);
        ffi::duckdb_destroy_client_context(&mut context);
        ConnectionId(id)
    }
}

unsafe extern "C" fn bind(info: ffi::duckdb_bind_info) {
    let _nothing_thrown = Refusing::never();
    let bound = shielded(|| {
        // SAFETY: the extra info is the `SharedSource` given at registration, alive while the function is.
        let source = unsafe { &*ffi::duckdb_bind_get_extra_info(info).cast::<SharedSource>() };
        // SAFETY: `info` is live during this call.
        let (table, reader) = unsafe { (first_argument(info), reader(info)) };
        let table = table.ok_or("the table to scan is NULL")?;
        let columns =
            source.columns(&table).ok_or_else(|| format!("there is no table \"{table}\" to scan"))?;
        for (name, ty) in columns {
            let (Ok(name), Some(ty)) = (CString::new(name), TypeHandle::new(&ty)) else { continue };
            // SAFETY: name and type live for the call, which copies them.
            unsafe { ffi::duckdb_bind_add_result_column(info, name.as_ptr(), ty.raw()) };
        }
        let rows = source.row_count(&table, reader);
        // SAFETY: `info` is live during this call.
        unsafe { ffi::duckdb_bind_set_cardinality(info, rows as ffi::idx_t, false) };
        Ok(Bound { table, reader })
    });
    // SAFETY: `info` is live; DuckDB owns the bind data and frees it as the type it was made of.
    unsafe {
        match bound {
            Ok(bound) => {
                let bound = Box::into_raw(Box::new(bound)).cast();
                ffi::duckdb_bind_set_bind_data(info, bound, Some(free::<Bound>));
            }
            Err(message) => ffi::duckdb_bind_set_error(info, message.as_ptr()),
        }
    }
}

/// The argument of a call; `None` for NULL.
///
/// # Safety
/// `info` is live, and the function takes one VARCHAR.
pub(super) unsafe fn first_argument(info: ffi::duckdb_bind_info) -> Option<String> {
    // SAFETY: the value and its text are ours to free, once each. Asking NULL for its text would throw a C++ exception
    // through this function, which ends the process.
    unsafe {
        let mut value = ffi::duckdb_bind_get_parameter(info, 0);
        let argument = if ffi::duckdb_is_null_value(value) {
            None
        } else {
            let text = ffi::duckdb_get_varchar(value);
            let argument = copy_text(text);
            ffi::duckdb_free(text.cast());
            argument
        };
        ffi::duckdb_destroy_value(&mut value);
        argument
    }
}

/// # Safety
/// `info` is live.
unsafe fn reader(info: ffi::duckdb_bind_info) -> ConnectionId {
    let mut context = std::ptr::null_mut();
    // SAFETY: `info` is live; the context is destroyed after its one use.
    unsafe {
        ffi::duckdb_table_function_get_client_context(info, &mut context);
        take_id(context)
    }
}

unsafe extern "C" fn init(info: ffi::duckdb_init_info) {
    let _nothing_thrown = Refusing::never();
    let scan = shielded(|| {
        // SAFETY: set at registration and by `bind`, and alive while the statement is.
        let (source, bound) = unsafe {
            (
                &*ffi::duckdb_init_get_extra_info(info).cast::<SharedSource>(),
                &*ffi::duckdb_init_get_bind_data(info).cast::<Bound>(),
            )
        };
        // SAFETY: `info` is live, and the places are in range.
        let columns = unsafe {
            let count = ffi::duckdb_init_get_column_count(info);
            (0..count).map(|at| ffi::duckdb_init_get_column_index(info, at) as usize).collect()
        };
        let scan = source.open(&bound.table, bound.reader, columns);
        scan.ok_or_else(|| format!("there is no table \"{}\" to scan", bound.table))
    });
    // SAFETY: `info` is live; DuckDB owns the scan and frees it as the type it was made of.
    unsafe {
        match scan {
            Ok(scan) => {
                ffi::duckdb_init_set_max_threads(info, scan.threads().max(1) as ffi::idx_t);
                let scan = Box::into_raw(Box::new(scan)).cast();
                ffi::duckdb_init_set_init_data(info, scan, Some(free::<Scan>));
            }
            Err(message) => ffi::duckdb_init_set_error(info, message.as_ptr()),
        }
    }
}

unsafe extern "C" fn produce(info: ffi::duckdb_function_info, chunk: ffi::duckdb_data_chunk) {
    let produced = shielded(|| {
        // SAFETY: set by `init`, and shared by threads as `TableScan: Sync` allows.
        let scan = unsafe { &*ffi::duckdb_function_get_init_data(info).cast::<Scan>() };
        // SAFETY: DuckDB lends the chunk, empty, for this call alone. It frees the scan after the execution that reads
        // the chunk, and what outlives that, such as rows in a result, holds copies of their texts.
        let mut out = unsafe { ChunkWriter::new(chunk) };
        Ok(scan.next(&mut out))
    });
    // SAFETY: both are live during this call.
    unsafe {
        match produced {
            Ok(rows) => ffi::duckdb_data_chunk_set_size(chunk, rows as ffi::idx_t),
            Err(message) => ffi::duckdb_function_set_error(info, message.as_ptr()),
        }
    }
}

/// Runs `work`; a panic becomes an error, because it may not unwind into DuckDB.
fn shielded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, CString> {
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| (&*cause as &dyn Any).downcast_ref::<String>().cloned());
        Err(format!("INTERNAL: scanning failed: {}", text.unwrap_or_default()))
    });
    outcome.map_err(|message| CString::new(message.replace('\0', " ")).unwrap_or_default())
}

/// Frees what `Box::into_raw` gave to DuckDB.
///
/// # Safety
/// `data` came from a `Box<T>` and is freed once.
unsafe extern "C" fn free<T>(data: *mut c_void) {
    // SAFETY: by the caller's promise.
    drop(unsafe { Box::from_raw(data.cast::<T>()) });
}
