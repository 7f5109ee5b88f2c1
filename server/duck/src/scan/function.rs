//! The table function's callbacks.

use std::ffi::{CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use libduckdb_sys as ffi;

use super::super::fault::Fault;
use super::super::planning::Refusing;
use super::super::table_function::first_argument;
use super::super::type_handle::TypeHandle;
use super::fill::{self, Filler, Target};
use super::transfer::{self, ChunkReader};
use super::{BatchReader, Found, SCAN_FUNCTION, ScanRegistry, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::types::input;

/// Rows per output chunk.
const CHUNK_ROWS: usize = 2048;

/// # Safety
/// `connection` is live.
pub(super) unsafe fn install(connection: ffi::duckdb_connection, registry: ScanRegistry) -> Result<()> {
    let name = CString::new(SCAN_FUNCTION).map_err(|error| Error::internal(error.to_string()))?;
    // SAFETY: every handle is live until its destruction here; DuckDB owns the registry from `set_extra_info`
    // on.
    let state = unsafe {
        let mut function = ffi::duckdb_create_table_function();
        ffi::duckdb_table_function_set_name(function, name.as_ptr());
        let mut varchar = ffi::duckdb_create_logical_type(ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR);
        ffi::duckdb_table_function_add_parameter(function, varchar);
        ffi::duckdb_destroy_logical_type(&mut varchar);
        let extra = Box::into_raw(Box::new(registry));
        ffi::duckdb_table_function_set_extra_info(function, extra.cast(), Some(drop_boxed::<ScanRegistry>));
        ffi::duckdb_table_function_set_bind(function, Some(bind));
        ffi::duckdb_table_function_set_init(function, Some(init));
        ffi::duckdb_table_function_set_function(function, Some(next_chunk));
        let state = ffi::duckdb_register_table_function(connection, function);
        ffi::duckdb_destroy_table_function(&mut function);
        state
    };
    match state {
        ffi::DuckDBSuccess => Ok(()),
        _ => Err(Error::internal("DuckDB refused the table function that reads ingested rows")),
    }
}

/// # Safety
/// `data` is a box of `T` that was given to DuckDB, and is given back once.
unsafe extern "C" fn drop_boxed<T>(data: *mut c_void) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(data.cast::<T>()) });
}

/// # Safety
/// Called by DuckDB, with the registry as extra info.
unsafe extern "C" fn bind(info: ffi::duckdb_bind_info) {
    let _nothing_thrown = Refusing::never();
    // SAFETY: the extra info is the registry given at installation, which outlives the call.
    let outcome = guarded(|| unsafe {
        let registry = &*ffi::duckdb_bind_get_extra_info(info).cast::<ScanRegistry>();
        let token = first_argument(info).unwrap_or_default();
        let found = registry.find(&token).ok_or_else(unknown_token)?;
        match &found {
            Found::Batches(source) => {
                for column in &source.columns {
                    add_column(info, &column.name, TypeHandle::new(&column.ty).as_ref())?;
                }
            }
            Found::Chunks(source) => {
                for (name, ty) in &source.layout.0 {
                    add_column(info, name, Some(ty))?;
                }
            }
        }
        let data = Box::into_raw(Box::new(found));
        ffi::duckdb_bind_set_bind_data(info, data.cast(), Some(drop_boxed::<Found>));
        Ok(())
    });
    if let Err(error) = outcome {
        // SAFETY: the text lives for the call, and is copied.
        unsafe { ffi::duckdb_bind_set_error(info, c_message(&error).as_ptr()) }
    }
}

/// # Safety
/// `info` is live.
unsafe fn add_column(info: ffi::duckdb_bind_info, name: &str, ty: Option<&TypeHandle>) -> Result<()> {
    let (Ok(c_name), Some(ty)) = (CString::new(name), ty) else {
        return Err(Error::invalid(format!("Column \"{name}\" has a name that DuckDB cannot take")));
    };
    // SAFETY: name and type live for the call, and are copied.
    unsafe { ffi::duckdb_bind_add_result_column(info, c_name.as_ptr(), ty.raw()) };
    Ok(())
}

fn unknown_token() -> Error {
    Error::invalid(format!("{SCAN_FUNCTION} reads the rows of an ingest call, and this one has ended"))
}

/// One execution of a statement that reads rows.
enum Reading {
    Batches(Execution),
    Chunks(ChunkReader),
}

/// Rows as batches: their reader, and the batch whose rows are being handed over.
struct Execution {
    source: Arc<Source>,
    reader: BatchReader,
    batch: Option<PartialBatch>,
}

/// A batch with the rows that DuckDB has not taken yet.
struct PartialBatch {
    /// DuckDB's strings point into the batch, so it stays until DuckDB asks for rows beyond it.
    _batch: RecordBatch,
    fillers: Vec<Box<dyn Filler>>,
    rows: usize,
    next: usize,
}

/// # Safety
/// Called by DuckDB, with the source as bind data.
unsafe extern "C" fn init(info: ffi::duckdb_init_info) {
    let _nothing_thrown = Refusing::never();
    // SAFETY: the bind data is the source, which outlives the call.
    let outcome = guarded(|| unsafe {
        let reading = match &*ffi::duckdb_init_get_bind_data(info).cast::<Found>() {
            Found::Batches(source) => {
                let reader = source.reader.lock().take().ok_or_else(unknown_token)?;
                Reading::Batches(Execution { source: Arc::clone(source), reader, batch: None })
            }
            Found::Chunks(source) => Reading::Chunks(source.reader.lock().take().ok_or_else(unknown_token)?),
        };
        let data = Box::into_raw(Box::new(reading));
        ffi::duckdb_init_set_init_data(info, data.cast(), Some(drop_boxed::<Reading>));
        // One thread, so that rows arrive in the stream's order, and the later of two rows stays the later
        // one.
        ffi::duckdb_init_set_max_threads(info, 1);
        Ok(())
    });
    if let Err(error) = outcome {
        // SAFETY: the text lives for the call, and is copied.
        unsafe { ffi::duckdb_init_set_error(info, c_message(&error).as_ptr()) }
    }
}

/// # Safety
/// Called by DuckDB, with the execution as init data, by one thread at a time.
unsafe extern "C" fn next_chunk(info: ffi::duckdb_function_info, output: ffi::duckdb_data_chunk) {
    // SAFETY: the init data is the reading, which one thread uses at a time.
    let reading = unsafe { &mut *ffi::duckdb_function_get_init_data(info).cast::<Reading>() };
    // SAFETY: the chunk has the columns that `bind` added, and room for 2,048 rows.
    let outcome = guarded(|| unsafe {
        match reading {
            Reading::Batches(execution) => execution.fill(output),
            Reading::Chunks(reader) => transfer::hand_over(reader, output),
        }
    });
    if let Err(error) = outcome {
        // SAFETY: the text lives for the call, and is copied.
        unsafe { ffi::duckdb_function_set_error(info, c_message(&error).as_ptr()) };
        if let Reading::Batches(execution) = reading {
            execution.source.progress.lock().error.get_or_insert(error);
        }
    }
}

impl Execution {
    /// Fills a chunk with the next rows; with none at the end.
    ///
    /// # Safety
    /// The chunk has the source's columns, and room for 2,048 rows.
    unsafe fn fill(&mut self, output: ffi::duckdb_data_chunk) -> Result<()> {
        let source = Arc::clone(&self.source);
        let Some(pending) = self.pending()? else {
            // SAFETY: the chunk is live.
            unsafe { ffi::duckdb_data_chunk_set_size(output, 0) };
            return Ok(());
        };
        let (from, len) = (pending.next, CHUNK_ROWS.min(pending.rows - pending.next));
        pending.next += len;
        // SAFETY: the caller's promise; the rows are within the batch.
        unsafe {
            for (index, (filler, column)) in (0..).zip(pending.fillers.iter().zip(&source.columns)) {
                let target = Target::top(ffi::duckdb_data_chunk_get_vector(output, index));
                let filled = filler.fill(from, len, target);
                filled.map_err(|fault| name_column(&column.name, &fault))?;
            }
            ffi::duckdb_data_chunk_set_size(output, len as ffi::idx_t);
        }
        source.progress.lock().rows += len as u64;
        Ok(())
    }

    /// The batch that has rows left; `None` at the end.
    fn pending(&mut self) -> Result<Option<&mut PartialBatch>> {
        while self.batch.as_ref().is_none_or(|batch| batch.next == batch.rows) {
            let Some(batch) = self.reader.next().transpose()? else { return Ok(None) };
            self.batch = Some(self.prepare(batch)?);
        }
        Ok(self.batch.as_mut())
    }

    fn prepare(&self, batch: RecordBatch) -> Result<PartialBatch> {
        let (fields, types) = (self.source.schema.fields(), &self.source.columns);
        if batch.num_columns() != fields.len() {
            return Err(Error::invalid("A batch of the stream has other columns than the stream's schema"));
        }
        let columns = fields.iter().zip(types).zip(batch.columns());
        let fillers = columns.map(|((field, column), array)| {
            // The vectors were made for the schema's types, so the arrays may not differ from them.
            let field = field.as_ref().clone().with_data_type(array.data_type().clone());
            if input::of_field(&field).as_ref() != Some(&column.ty) {
                return Err(Error::invalid(format!(
                    "Column \"{}\": a batch of the stream has another type than the stream's schema",
                    column.name
                )));
            }
            fill::filler(&field, array, None).map_err(|fault| name_column(&column.name, &fault))
        });
        Ok(PartialBatch {
            fillers: fillers.collect::<Result<_>>()?,
            rows: batch.num_rows(),
            next: 0,
            _batch: batch,
        })
    }
}

fn name_column(column: &str, fault: &Fault) -> Error {
    Error::new(ErrorKind::InvalidData, format!("Column \"{column}\": {fault}"))
}

/// Runs a callback's work; a panic becomes an error, because it must not unwind into DuckDB.
fn guarded(work: impl FnOnce() -> Result<()>) -> Result<()> {
    let unwound = |_| Err(Error::internal("The reader of ingested rows failed"));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(unwound)
}

fn c_message(error: &Error) -> CString {
    CString::new(error.message().replace('\0', "\u{fffd}")).unwrap_or_default()
}
