//! Table functions of DuckDB that are put out of use, however SQL calls them.

use std::ffi::CString;

use libduckdb_sys as ffi;

use super::connection::Connection;
use super::database::c_text;
use crate::error::{Error, Result};

impl Connection {
    /// Puts a table function that takes any number of arguments out of use in the whole instance.
    ///
    /// DuckDB's catalog does not let a function of its own be replaced or dropped. It takes further signatures, though,
    /// and refuses a call that two of them fit equally well. So each call, by any name, out of any text, view or macro,
    /// ends when it is bound. `repeated` is what DuckDB declares the arguments to be; it takes one at most.
    ///
    /// # Errors
    /// Internal when DuckDB refuses the registration.
    pub fn disable_table_function(&self, name: &str, repeated: Repeated) -> Result<()> {
        self.shadow(name, None)?;
        self.shadow(name, Some(repeated))
    }

    fn shadow(&self, name: &str, argument: Option<Repeated>) -> Result<()> {
        let name = c_text(name)?;
        // SAFETY: the handles are destroyed below, once each; DuckDB copies what it registers.
        let state = unsafe {
            let mut function = ffi::duckdb_create_table_function();
            ffi::duckdb_table_function_set_name(function, name.as_ptr());
            if let Some(argument) = argument {
                let mut ty = argument.logical_type();
                ffi::duckdb_table_function_add_parameter(function, ty);
                ffi::duckdb_destroy_logical_type(&mut ty);
            }
            ffi::duckdb_table_function_set_bind(function, Some(refuse));
            ffi::duckdb_table_function_set_init(function, Some(never_begun));
            ffi::duckdb_table_function_set_function(function, Some(never_run));
            let state = ffi::duckdb_register_table_function(self.raw(), function);
            ffi::duckdb_destroy_table_function(&mut function);
            state
        };
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        Err(Error::internal("DuckDB did not let one of its functions be put out of use"))
    }
}

/// The type of arguments that may be repeated.
#[derive(Debug, Clone, Copy)]
pub enum Repeated {
    /// `ANY`.
    Any,
    /// `VARCHAR[]`.
    Texts,
}

impl Repeated {
    /// The type, which the caller destroys.
    fn logical_type(self) -> ffi::duckdb_logical_type {
        // SAFETY: primitive types are always valid, and the element is destroyed after DuckDB has copied it.
        unsafe {
            match self {
                Self::Any => ffi::duckdb_create_logical_type(ffi::DUCKDB_TYPE_DUCKDB_TYPE_ANY),
                Self::Texts => {
                    let mut text = ffi::duckdb_create_logical_type(ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR);
                    let list = ffi::duckdb_create_list_type(text);
                    ffi::duckdb_destroy_logical_type(&mut text);
                    list
                }
            }
        }
    }
}

/// Where a parameter without a type is the argument, DuckDB prefers our signature.
unsafe extern "C" fn refuse(info: ffi::duckdb_bind_info) {
    let message: CString = c"this function is managed by the server".into();
    // SAFETY: `info` is live during this call, which copies the text.
    unsafe { ffi::duckdb_bind_set_error(info, message.as_ptr()) };
}

unsafe extern "C" fn never_begun(_: ffi::duckdb_init_info) {}

unsafe extern "C" fn never_run(_: ffi::duckdb_function_info, chunk: ffi::duckdb_data_chunk) {
    // SAFETY: the chunk is live during this call.
    unsafe { ffi::duckdb_data_chunk_set_size(chunk, 0) };
}
