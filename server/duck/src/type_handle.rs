//! DuckDB's type handles, made from [`LogicalType`] values.

use std::ffi::{CString, c_char};

use libduckdb_sys as ffi;

use crate::types::LogicalType;

/// An owned type handle, destroyed on drop.
pub(super) struct TypeHandle(ffi::duckdb_logical_type);

impl TypeHandle {
    /// Takes over a handle.
    ///
    /// # Safety
    /// `raw` is null, or a live handle that nobody else destroys.
    pub(super) unsafe fn own(raw: ffi::duckdb_logical_type) -> Self {
        Self(raw)
    }

    /// A handle of `ty`; `None` for a type that cannot be made, such as one of [`LogicalType::Other`], or
    /// with a name that holds a NUL.
    pub(super) fn new(ty: &LogicalType) -> Option<Self> {
        use LogicalType as T;
        let raw = match ty {
            // SAFETY: any width and scale may be asked for.
            T::Decimal { width, scale } => unsafe { ffi::duckdb_create_decimal_type(*width, *scale) },
            T::Json => json(),
            T::Enum(values) => enumeration(values)?,
            // SAFETY: the child handle lives for the call.
            T::List(child) => unsafe { ffi::duckdb_create_list_type(Self::new(child)?.0) },
            // SAFETY: the child handle lives for the call.
            T::Array(child, size) => unsafe {
                ffi::duckdb_create_array_type(Self::new(child)?.0, ffi::idx_t::from(*size))
            },
            // SAFETY: both handles live for the call.
            T::Map(key, value) => unsafe {
                ffi::duckdb_create_map_type(Self::new(key)?.0, Self::new(value)?.0)
            },
            T::Struct(fields) => composite(fields, ffi::duckdb_create_struct_type)?,
            T::Union(members) => composite(members, ffi::duckdb_create_union_type)?,
            // SAFETY: any type number may be asked for.
            _ => unsafe { ffi::duckdb_create_logical_type(plain_id(ty)?) },
        };
        (!raw.is_null()).then_some(Self(raw))
    }

    pub(super) fn raw(&self) -> ffi::duckdb_logical_type {
        self.0
    }
}

impl Drop for TypeHandle {
    fn drop(&mut self) {
        // SAFETY: the handle is owned by this value and destroyed once; null is accepted.
        unsafe { ffi::duckdb_destroy_logical_type(&mut self.0) }
    }
}

/// JSON is VARCHAR by another name.
fn json() -> ffi::duckdb_logical_type {
    // SAFETY: the handle is live, and the alias is copied.
    unsafe {
        let raw = ffi::duckdb_create_logical_type(ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR);
        ffi::duckdb_logical_type_set_alias(raw, c"JSON".as_ptr());
        raw
    }
}

fn enumeration(values: &[String]) -> Option<ffi::duckdb_logical_type> {
    let texts = c_texts(values.iter())?;
    let mut pointers = texts.iter().map(|text| text.as_ptr()).collect::<Vec<_>>();
    // SAFETY: as many texts as told, alive for the call.
    Some(unsafe { ffi::duckdb_create_enum_type(pointers.as_mut_ptr(), pointers.len() as ffi::idx_t) })
}

type CreateComposite = unsafe extern "C" fn(
    *mut ffi::duckdb_logical_type,
    *mut *const c_char,
    ffi::idx_t,
) -> ffi::duckdb_logical_type;

fn composite(fields: &[(String, LogicalType)], create: CreateComposite) -> Option<ffi::duckdb_logical_type> {
    let names = c_texts(fields.iter().map(|(name, _)| name))?;
    let handles = fields.iter().map(|(_, ty)| TypeHandle::new(ty)).collect::<Option<Vec<_>>>()?;
    let mut names = names.iter().map(|name| name.as_ptr()).collect::<Vec<_>>();
    let mut types = handles.iter().map(TypeHandle::raw).collect::<Vec<_>>();
    // SAFETY: as many names and live handles as told, alive for the call.
    Some(unsafe { create(types.as_mut_ptr(), names.as_mut_ptr(), types.len() as ffi::idx_t) })
}

fn c_texts<'a>(texts: impl Iterator<Item = &'a String>) -> Option<Vec<CString>> {
    texts.map(|text| CString::new(text.as_str()).ok()).collect()
}

/// The number of a type without parameters.
fn plain_id(ty: &LogicalType) -> Option<ffi::duckdb_type> {
    use LogicalType as T;
    Some(match ty {
        T::Boolean => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN,
        T::TinyInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT,
        T::SmallInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT,
        T::Integer => ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER,
        T::BigInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT,
        T::UTinyInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT,
        T::USmallInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT,
        T::UInteger => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER,
        T::UBigInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT,
        T::HugeInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT,
        T::UHugeInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT,
        T::BigNum => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGNUM,
        T::Float => ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT,
        T::Double => ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE,
        T::Varchar => ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR,
        T::Uuid => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID,
        T::Blob => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB,
        T::Bit => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIT,
        T::Null => ffi::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL,
        _ => return temporal_id(ty),
    })
}

fn temporal_id(ty: &LogicalType) -> Option<ffi::duckdb_type> {
    use LogicalType as T;
    Some(match ty {
        T::Date => ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE,
        T::Time => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME,
        T::TimeNs => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS,
        T::TimeTz => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ,
        T::Timestamp => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP,
        T::TimestampS => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S,
        T::TimestampMs => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS,
        T::TimestampNs => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS,
        T::TimestampTz => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ,
        T::Interval => ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL,
        _ => return None,
    })
}
