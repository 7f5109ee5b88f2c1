//! Reading DuckDB's type handles into [`LogicalType`] values.

use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

use libduckdb_sys as ffi;

use super::type_handle::TypeHandle;
use super::whole_names::{EnumMembers, mark_cut};
use crate::types::LogicalType;

/// The logical type behind a handle, with its children; the handle stays the caller's. Without somebody who reads the
/// members of an ENUM whole, each ends at its first NUL.
///
/// # Safety
/// `raw` is a live type handle.
pub(super) unsafe fn read(raw: ffi::duckdb_logical_type, whole: Option<&EnumMembers>) -> LogicalType {
    // SAFETY: the handle is live for every call below.
    unsafe {
        let id = ffi::duckdb_get_type_id(raw);
        match id {
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => LogicalType::Decimal {
                width: ffi::duckdb_decimal_width(raw),
                scale: ffi::duckdb_decimal_scale(raw),
            },
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => read_varchar(raw),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_ENUM => read_enum(raw, whole),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST => {
                LogicalType::List(Box::new(take(ffi::duckdb_list_type_child_type(raw), whole)))
            }
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => read_array(raw, whole),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => read_struct(raw, whole),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => LogicalType::Map(
                Box::new(take(ffi::duckdb_map_type_key_type(raw), whole)),
                Box::new(take(ffi::duckdb_map_type_value_type(raw), whole)),
            ),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => read_union(raw, whole),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_GEOMETRY => {
                LogicalType::Geometry(owned_text(ffi::duckdb_geometry_type_get_crs(raw)).map(Arc::from))
            }
            _ => read_plain(id),
        }
    }
}

/// The logical type behind a handle that is given up; `Unknown` for a null one.
///
/// # Safety
/// `raw` is null, or a live type handle that the caller owns.
pub(super) unsafe fn take(raw: ffi::duckdb_logical_type, whole: Option<&EnumMembers>) -> LogicalType {
    if raw.is_null() {
        return LogicalType::Unknown;
    }
    // SAFETY: the handle is the caller's to give, and lives until the end of this function.
    unsafe { read(TypeHandle::own(raw).raw(), whole) }
}

fn read_plain(id: ffi::duckdb_type) -> LogicalType {
    use LogicalType as T;
    match id {
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => T::Boolean,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT => T::TinyInt,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => T::SmallInt,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => T::Integer,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => T::BigInt,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => T::UTinyInt,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => T::USmallInt,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => T::UInteger,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => T::UBigInt,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => T::HugeInt,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => T::UHugeInt,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGNUM => T::BigNum,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => T::Float,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => T::Double,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID => T::Uuid,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => T::Blob,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIT => T::Bit,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARIANT => T::Variant,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL => T::Null,
        _ => read_temporal(id),
    }
}

fn read_temporal(id: ffi::duckdb_type) -> LogicalType {
    use LogicalType as T;
    match id {
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE => T::Date,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME => T::Time,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS => T::TimeNs,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ => T::TimeTz,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => T::Timestamp,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S => T::TimestampS,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS => T::TimestampMs,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => T::TimestampNs,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => T::TimestampTz,
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => T::Interval,
        // The C API has one number for everything it cannot name, among them the type of an unbound
        // parameter.
        _ => T::Unknown,
    }
}

/// # Safety
/// `raw` is a live handle of a VARCHAR type.
unsafe fn read_varchar(raw: ffi::duckdb_logical_type) -> LogicalType {
    // SAFETY: the handle is live; the alias is null or a string that the caller owns.
    let alias = unsafe { owned_text(ffi::duckdb_logical_type_get_alias(raw)) };
    match alias.as_deref() {
        Some("JSON") => LogicalType::Json,
        _ => LogicalType::Varchar,
    }
}

/// # Safety
/// `raw` is a live handle of an ENUM type.
unsafe fn read_enum(raw: ffi::duckdb_logical_type, whole: Option<&EnumMembers>) -> LogicalType {
    // SAFETY: the handle is live.
    if let Some(members) = whole.and_then(|whole| unsafe { whole.of(raw) }) {
        return LogicalType::Enum(members);
    }
    // SAFETY: every index is below the dictionary's size, and each string is the caller's to free.
    unsafe {
        let size = u64::from(ffi::duckdb_enum_dictionary_size(raw));
        let value = |i| owned_text(ffi::duckdb_enum_dictionary_value(raw, i)).unwrap_or_default();
        LogicalType::Enum((0..size).map(value).collect())
    }
}

/// # Safety
/// `raw` is a live handle of an ARRAY type.
unsafe fn read_array(raw: ffi::duckdb_logical_type, whole: Option<&EnumMembers>) -> LogicalType {
    // SAFETY: the handle is live, and the child handle is the caller's.
    unsafe {
        let size = ffi::duckdb_array_type_array_size(raw);
        let child = take(ffi::duckdb_array_type_child_type(raw), whole);
        // DuckDB refuses arrays of 100,000 elements and more.
        LogicalType::Array(Box::new(child), u32::try_from(size).unwrap_or(u32::MAX))
    }
}

/// # Safety
/// `raw` is a live handle of a STRUCT type.
unsafe fn read_struct(raw: ffi::duckdb_logical_type, whole: Option<&EnumMembers>) -> LogicalType {
    // SAFETY: every index is below the child count; names and child handles are the caller's.
    unsafe {
        let count = ffi::duckdb_struct_type_child_count(raw);
        let field = |i| {
            let name = owned_text(ffi::duckdb_struct_type_child_name(raw, i)).unwrap_or_default();
            (name, take(ffi::duckdb_struct_type_child_type(raw, i), whole))
        };
        let mut fields: Vec<_> = (0..count).map(field).collect();
        mark_cut(raw, &mut fields);
        LogicalType::Struct(fields)
    }
}

/// # Safety
/// `raw` is a live handle of a UNION type.
unsafe fn read_union(raw: ffi::duckdb_logical_type, whole: Option<&EnumMembers>) -> LogicalType {
    // SAFETY: every index is below the member count; names and child handles are the caller's.
    unsafe {
        let count = ffi::duckdb_union_type_member_count(raw);
        let member = |i| {
            let name = owned_text(ffi::duckdb_union_type_member_name(raw, i)).unwrap_or_default();
            (name, take(ffi::duckdb_union_type_member_type(raw, i), whole))
        };
        LogicalType::Union((0..count).map(member).collect())
    }
}

/// Copies and frees a string that DuckDB gave away; `None` for a null pointer.
///
/// # Safety
/// `text` is null or a NUL-terminated string allocated by DuckDB, given up by the caller.
pub(super) unsafe fn owned_text(text: *mut c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: as promised by the caller; freed once, after the copy.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        ffi::duckdb_free(text.cast::<c_void>());
        Some(copy)
    }
}

#[cfg(test)]
#[path = "logical_type_tests.rs"]
mod tests;
