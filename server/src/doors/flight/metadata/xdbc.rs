//! GetXdbcTypeInfo: DuckDB's types in JDBC's and ODBC's terms (FM-7).

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType as X, XdbcDatetimeSubcode as Sub};

use engine::{Error, Result};

/// What sets a type apart, beside its name and code.
enum TypeTraits {
    Plain,
    /// Whole and real numbers: signed or not, and the radix that `column_size` counts in.
    Number {
        unsigned: bool,
        radix: i32,
    },
    /// Text and bytes, between quotes.
    Quoted {
        case_sensitive: bool,
    },
    Decimal,
    /// Dates and times: their subcode and whether they have fractions of a second.
    Temporal {
        subcode: Sub,
        fraction: bool,
    },
}

const fn number(unsigned: bool, radix: i32) -> TypeTraits {
    TypeTraits::Number { unsigned, radix }
}

/// Name, code, column size and kind of each type.
const TYPES: &[(&str, X, Option<i32>, TypeTraits)] = &[
    ("BOOLEAN", X::XdbcBit, Some(1), TypeTraits::Plain),
    ("TINYINT", X::XdbcTinyint, Some(8), number(false, 2)),
    ("UTINYINT", X::XdbcTinyint, Some(8), number(true, 2)),
    ("SMALLINT", X::XdbcSmallint, Some(16), number(false, 2)),
    ("USMALLINT", X::XdbcSmallint, Some(16), number(true, 2)),
    ("INTEGER", X::XdbcInteger, Some(32), number(false, 2)),
    ("UINTEGER", X::XdbcInteger, Some(32), number(true, 2)),
    ("BIGINT", X::XdbcBigint, Some(64), number(false, 2)),
    ("UBIGINT", X::XdbcBigint, Some(64), number(true, 2)),
    ("HUGEINT", X::XdbcNumeric, Some(38), number(false, 10)),
    ("UHUGEINT", X::XdbcNumeric, Some(38), number(true, 10)),
    ("DECIMAL", X::XdbcDecimal, Some(38), TypeTraits::Decimal),
    ("FLOAT", X::XdbcReal, Some(24), number(false, 2)),
    ("DOUBLE", X::XdbcDouble, Some(53), number(false, 2)),
    ("INTERVAL", X::XdbcInterval, None, TypeTraits::Plain),
    ("VARCHAR", X::XdbcVarchar, None, TypeTraits::Quoted { case_sensitive: true }),
    ("UUID", X::XdbcVarchar, Some(36), TypeTraits::Quoted { case_sensitive: false }),
    ("BLOB", X::XdbcVarbinary, None, TypeTraits::Quoted { case_sensitive: false }),
    // The specification gives DATE the same subcode as YEAR: 1.
    ("DATE", X::XdbcDate, Some(10), TypeTraits::Temporal { subcode: Sub::XdbcSubcodeYear, fraction: false }),
    ("TIME", X::XdbcTime, Some(15), TypeTraits::Temporal { subcode: Sub::XdbcSubcodeTime, fraction: true }),
    (
        "TIMESTAMP",
        X::XdbcTimestamp,
        Some(26),
        TypeTraits::Temporal { subcode: Sub::XdbcSubcodeTimestamp, fraction: true },
    ),
    (
        "TIMESTAMP WITH TIME ZONE",
        X::XdbcTimestamp,
        Some(32),
        TypeTraits::Temporal { subcode: Sub::XdbcSubcodeTimestampWithTimezone, fraction: true },
    ),
];

/// The schema of the answer.
pub(super) fn schema() -> SchemaRef {
    XdbcTypeInfoDataBuilder::new().schema()
}

/// The types, by data type and name; `data_type` keeps those of one code.
///
/// # Errors
/// `Internal` when Arrow cannot build them.
pub(super) fn batch(data_type: Option<i32>) -> Result<RecordBatch> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for (name, code, size, kind) in TYPES {
        builder.append(row(name, *code, *size, kind));
    }
    let data = builder.build().and_then(|data| data.record_batch(data_type));
    data.map_err(|e| Error::internal(format!("GetXdbcTypeInfo cannot be encoded: {e}")))
}

fn row(name: &str, code: X, column_size: Option<i32>, kind: &TypeTraits) -> XdbcTypeInfo {
    let mut info = XdbcTypeInfo {
        type_name: name.to_owned(),
        local_type_name: Some(name.to_owned()),
        data_type: code,
        sql_data_type: code,
        column_size,
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        ..XdbcTypeInfo::default()
    };
    match kind {
        TypeTraits::Plain => {}
        TypeTraits::Number { unsigned, radix } => {
            info.unsigned_attribute = Some(*unsigned);
            info.auto_increment = Some(false);
            info.num_prec_radix = Some(*radix);
        }
        TypeTraits::Decimal => {
            info.unsigned_attribute = Some(false);
            info.auto_increment = Some(false);
            info.num_prec_radix = Some(10);
            info.create_params = Some(vec!["precision".to_owned(), "scale".to_owned()]);
            (info.minimum_scale, info.maximum_scale) = (Some(0), Some(38));
        }
        TypeTraits::Quoted { case_sensitive } => {
            info.case_sensitive = *case_sensitive;
            quote(&mut info);
        }
        TypeTraits::Temporal { subcode, fraction } => {
            info.sql_data_type = X::XdbcDatetime;
            info.datetime_subcode = Some(*subcode);
            (info.minimum_scale, info.maximum_scale) = (Some(0), Some(if *fraction { 6 } else { 0 }));
            quote(&mut info);
        }
    }
    info
}

fn quote(info: &mut XdbcTypeInfo) {
    info.literal_prefix = Some("'".to_owned());
    info.literal_suffix = Some("'".to_owned());
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn types_are_ordered_by_code_and_name() {
        let batch = batch(None).unwrap();
        assert_eq!(batch.schema(), schema());
        let names = batch.column(0).as_string::<i32>();
        let codes = batch.column(1).as_primitive::<Int32Type>();
        let rows: Vec<_> = (0..batch.num_rows()).map(|i| (codes.value(i), names.value(i))).collect();
        assert!(rows.is_sorted());
        assert_eq!(rows.len(), TYPES.len());
        for expected in [
            (-7, "BOOLEAN"),
            (-6, "UTINYINT"),
            (-5, "BIGINT"),
            (-3, "BLOB"),
            (2, "HUGEINT"),
            (10, "INTERVAL"),
        ] {
            assert!(rows.contains(&expected), "{expected:?} in {rows:?}");
        }
    }

    #[test]
    fn one_code_is_filtered_exactly() {
        let batch = batch(Some(93)).unwrap();
        let subcodes = batch.column(16).as_primitive::<Int32Type>();
        let sql_types = batch.column(15).as_primitive::<Int32Type>();
        assert_eq!((subcodes.values().to_vec(), sql_types.values().to_vec()), (vec![3, 5], vec![9, 9]));
        assert_eq!(super::batch(Some(1234)).unwrap().num_rows(), 0);
    }
}
