//! The PostgreSQL type of each DuckDB type, and the numbers of both.

use duck::types::LogicalType;
use engine::postgres_catalogs::known;

use super::wire::backend::FieldDescription;

pub(super) const BOOL: u32 = 16;
pub(super) const BYTEA: u32 = 17;
pub(super) const INT8: u32 = 20;
pub(super) const INT2: u32 = 21;
pub(super) const INT4: u32 = 23;
pub(super) const TEXT: u32 = 25;
pub(super) const OID: u32 = 26;
pub(super) const JSON: u32 = 114;
pub(super) const FLOAT4: u32 = 700;
pub(super) const FLOAT8: u32 = 701;
pub(super) const UNKNOWN: u32 = 705;
pub(super) const BPCHAR: u32 = 1042;
pub(super) const VARCHAR: u32 = 1043;
pub(super) const DATE: u32 = 1082;
pub(super) const TIME: u32 = 1083;
pub(super) const TIMESTAMP: u32 = 1114;
pub(super) const TIMESTAMPTZ: u32 = 1184;
pub(super) const INTERVAL: u32 = 1186;
pub(super) const TIMETZ: u32 = 1266;
pub(super) const BIT: u32 = 1560;
pub(super) const VARBIT: u32 = 1562;
pub(super) const NUMERIC: u32 = 1700;
pub(super) const UUID: u32 = 2950;
pub(super) const JSONB: u32 = 3802;
const NAME: u32 = 19;
const CHAR: u32 = 18;
const REGPROC: u32 = 24;
const XID: u32 = 28;
const REGTYPE: u32 = 2206;
const ACLITEM: u32 = 1033;

/// A type's number, and that of arrays of it.
const ARRAYS: &[(u32, u32)] = &[
    (BOOL, 1000),
    (BYTEA, 1001),
    (INT8, 1016),
    (INT2, 1005),
    (INT4, 1007),
    (TEXT, 1009),
    (OID, 1028),
    (JSON, 199),
    (FLOAT4, 1021),
    (FLOAT8, 1022),
    (BPCHAR, 1014),
    (VARCHAR, 1015),
    (DATE, 1182),
    (TIME, 1183),
    (TIMESTAMP, 1115),
    (TIMESTAMPTZ, 1185),
    (INTERVAL, 1187),
    (TIMETZ, 1270),
    (BIT, 1561),
    (VARBIT, 1563),
    (NUMERIC, 1231),
    (UUID, 2951),
    (JSONB, 3807),
    (NAME, 1003),
    (CHAR, 1002),
    (REGPROC, 1008),
    (XID, 1011),
    (REGTYPE, 2211),
    (ACLITEM, 1034),
];

/// The PostgreSQL type of a DuckDB type.
pub(super) fn oid(ty: &LogicalType) -> u32 {
    use LogicalType as T;
    match ty {
        T::List(child) | T::Array(child, _) => array_of(scalar_oid(child)).unwrap_or(JSON),
        _ => scalar_oid(ty),
    }
}

fn scalar_oid(ty: &LogicalType) -> u32 {
    use LogicalType as T;
    match ty {
        T::Boolean => BOOL,
        T::TinyInt | T::UTinyInt | T::SmallInt => INT2,
        T::USmallInt | T::Integer => INT4,
        T::UInteger | T::BigInt => INT8,
        T::UBigInt | T::HugeInt | T::UHugeInt | T::BigNum | T::Decimal { .. } => NUMERIC,
        T::Float => FLOAT4,
        T::Double => FLOAT8,
        T::Varchar | T::Enum(_) => VARCHAR,
        T::Blob => BYTEA,
        T::Uuid => UUID,
        T::Bit => VARBIT,
        T::Date => DATE,
        T::Time | T::TimeNs => TIME,
        T::TimeTz => TIMETZ,
        T::Timestamp | T::TimestampS | T::TimestampMs | T::TimestampNs => TIMESTAMP,
        T::TimestampTz => TIMESTAMPTZ,
        T::Interval => INTERVAL,
        T::Json | T::Struct(_) | T::Map(..) | T::Union(_) | T::Variant | T::List(_) | T::Array(..) => JSON,
        T::Other(name) => known().type_named(name).unwrap_or(TEXT),
        T::Geometry(_) | T::Null | T::Unknown => TEXT,
    }
}

/// The type of arrays of a type; none of those that travel as JSON.
pub(super) fn array_of(element: u32) -> Option<u32> {
    if element == JSON {
        return None;
    }
    ARRAYS.iter().find(|(of, _)| *of == element).map(|(_, array)| *array)
}

/// What an array type is an array of.
pub(super) fn element_of(array: u32) -> Option<u32> {
    ARRAYS.iter().find(|(_, of)| *of == array).map(|(element, _)| *element)
}

/// The DuckDB type that values of a PostgreSQL type are; none for one that is unknown or says nothing.
pub(super) fn logical(oid: u32) -> Option<LogicalType> {
    use LogicalType as T;
    Some(match oid {
        BOOL => T::Boolean,
        BYTEA => T::Blob,
        INT8 => T::BigInt,
        INT2 => T::SmallInt,
        INT4 => T::Integer,
        OID => T::UInteger,
        JSON | JSONB => T::Json,
        FLOAT4 => T::Float,
        FLOAT8 => T::Double,
        DATE => T::Date,
        TIME => T::Time,
        TIMESTAMP => T::Timestamp,
        TIMESTAMPTZ => T::TimestampTz,
        INTERVAL => T::Interval,
        TIMETZ => T::TimeTz,
        BIT | VARBIT => T::Bit,
        UUID => T::Uuid,
        _ if is_text(oid) => T::Varchar,
        _ => return element_of(oid).and_then(logical).map(|element| T::List(Box::new(element))),
    })
}

/// Whether values of this type are texts, which are literals of whatever type is wanted (PW-18).
pub(super) fn is_text(oid: u32) -> bool {
    matches!(oid, TEXT | VARCHAR | UNKNOWN | BPCHAR | NAME)
}

/// Whether this is the number of a type that a user made; PostgreSQL's own end before.
pub(super) fn is_of_user(oid: u32) -> bool {
    oid >= 16_384
}

/// A column as RowDescription tells it.
pub(super) fn describe(name: &str, ty: &LogicalType) -> FieldDescription {
    let oid = oid(ty);
    FieldDescription { name: name.to_owned(), oid, length: length(oid), modifier: modifier(ty) }
}

fn length(oid: u32) -> i16 {
    match oid {
        BOOL | CHAR => 1,
        NAME => 64,
        INT2 => 2,
        INT4 | FLOAT4 | DATE | OID | REGPROC | XID => 4,
        INT8 | FLOAT8 | TIME | TIMESTAMP | TIMESTAMPTZ => 8,
        TIMETZ => 12,
        UUID | INTERVAL => 16,
        _ => -1,
    }
}

/// How many digits a number has, where that is fixed; of arrays, those of their elements.
fn modifier(ty: &LogicalType) -> i32 {
    let (width, scale): (i32, i32) = match ty {
        LogicalType::Decimal { width, scale } => ((*width).into(), (*scale).into()),
        LogicalType::UBigInt => (20, 0),
        LogicalType::HugeInt => (38, 0),
        LogicalType::List(child) | LogicalType::Array(child, _) => return modifier(child),
        _ => return -1,
    };
    (width << 16 | scale) + 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_an_array_has_its_element_back() {
        for (element, array) in ARRAYS {
            assert_eq!(element_of(*array), Some(*element));
        }
    }

    #[test]
    fn lists_of_scalars_are_arrays_and_others_json() {
        let list = |ty| LogicalType::List(Box::new(ty));
        assert_eq!(oid(&list(LogicalType::Integer)), 1007);
        assert_eq!(oid(&LogicalType::Array(Box::new(LogicalType::Float), 3)), 1021);
        assert_eq!(oid(&list(list(LogicalType::Integer))), JSON);
        assert_eq!(oid(&list(LogicalType::Struct(vec![]))), JSON);
    }

    #[test]
    fn digits_of_numbers_are_told_as_postgresql_does() {
        let column = describe("n", &LogicalType::Decimal { width: 12, scale: 2 });
        assert_eq!((column.oid, column.modifier, column.length), (NUMERIC, ((12 << 16) | 2) + 4, -1));
        assert_eq!(modifier(&LogicalType::Varchar), -1);
    }
}
