//! Functions of DuckDB that no statement may call.

use libduckdb_sys as ffi;

use super::connection::Connection;
use super::planning::Refusing;
use super::type_handle::TypeHandle;
use crate::error::{Error, Result};
use crate::types::LogicalType;

impl Connection {
    /// Puts a refusal in the place of `variant_bytes_to_variant`, for the whole instance. It decodes bytes as deep as they
    /// say, on the thread's stack (LX-17); DuckDB reads Parquet without calling it by name. The first column of
    /// `any_variant`, a query, is a VARIANT.
    ///
    /// # Errors
    /// Internal when DuckDB refuses the registration.
    pub fn withdraw_variant_decoder(&self, any_variant: &str) -> Result<()> {
        // A type made by its number alone is not the one that the function gives, and would only stand beside it.
        let variant = self.prepare(any_variant)?.column_handle(0);
        let blob = TypeHandle::new(&LogicalType::Blob).ok_or_else(|| Error::internal("no BLOB"))?;
        // SAFETY: the types and the function live for the calls, and DuckDB copies what it registers.
        let state = unsafe {
            let mut function = ffi::duckdb_create_scalar_function();
            ffi::duckdb_scalar_function_set_name(function, c"variant_bytes_to_variant".as_ptr());
            ffi::duckdb_scalar_function_add_parameter(function, blob.raw());
            ffi::duckdb_scalar_function_set_return_type(function, variant.raw());
            ffi::duckdb_scalar_function_set_bind(function, Some(refuse));
            ffi::duckdb_scalar_function_set_function(function, Some(compute_nothing));
            let state = ffi::duckdb_register_scalar_function(self.raw(), function);
            ffi::duckdb_destroy_scalar_function(&mut function);
            state
        };
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        Err(Error::internal("DuckDB refused to replace variant_bytes_to_variant"))
    }
}

unsafe extern "C" fn refuse(info: ffi::duckdb_bind_info) {
    let _nothing_thrown = Refusing::never();
    let message = c"variant_bytes_to_variant() is not available: nothing limits how deep it goes";
    // SAFETY: `info` is live during this call, and the message is copied.
    unsafe { ffi::duckdb_scalar_function_bind_set_error(info, message.as_ptr()) };
}

/// Never called, since no call is bound; DuckDB registers no function without one.
unsafe extern "C" fn compute_nothing(
    _: ffi::duckdb_function_info,
    _: ffi::duckdb_data_chunk,
    _: ffi::duckdb_vector,
) {
}

#[cfg(test)]
mod tests {
    use super::super::probe::Probe;
    use crate::types::Fidelity;

    #[test]
    fn bytes_of_any_depth_are_not_decoded() {
        let probe = Probe::new();
        probe.connection.withdraw_variant_decoder("SELECT NULL::VARIANT").unwrap();
        for levels in [1, 5_000_000] {
            let bytes = format!("unhex('010000' || repeat('03010001', {levels}) || '0c01')");
            let sql = format!("SELECT variant_typeof(variant_bytes_to_variant({bytes}))");
            let error = probe.batch(&sql, Fidelity::Exact).expect_err(&sql);
            assert!(error.message().contains("variant_bytes_to_variant() is not available"), "{error}");
        }
    }
}
