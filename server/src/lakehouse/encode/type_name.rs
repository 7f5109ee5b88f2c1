//! How a result line names a column's type (LN-01).

use std::fmt;

use super::keywords::is_keyword;
use crate::engine::types::LogicalType;

/// A type as LN-01 spells it: DuckDB's logical name, bare for LIST, MAP, UNION and ENUM.
pub(crate) struct TypeName<'a>(pub(crate) &'a LogicalType);

impl fmt::Display for TypeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            LogicalType::Decimal { width, scale } => write!(f, "DECIMAL({width}, {scale})"),
            LogicalType::Array(element, _) => write!(f, "{}[]", TypeName(element)),
            LogicalType::Struct(fields) => struct_name(fields, f),
            LogicalType::Other(name) => f.write_str(name),
            simple => f.write_str(bare_name(simple)),
        }
    }
}

fn struct_name(fields: &[(String, LogicalType)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("STRUCT(")?;
    for (index, (name, ty)) in fields.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        match name.as_str() {
            "" => {}
            plain if is_plain(plain) => write!(f, "{plain} ")?,
            odd => write!(f, "\"{}\" ", odd.replace('"', "\"\""))?,
        }
        write!(f, "{}", TypeName(ty))?;
    }
    f.write_str(")")
}

/// Whether DuckDB writes a field name without quotes.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !is_keyword(name)
}

fn bare_name(ty: &LogicalType) -> &'static str {
    match ty {
        LogicalType::Boolean => "BOOLEAN",
        LogicalType::TinyInt => "TINYINT",
        LogicalType::SmallInt => "SMALLINT",
        LogicalType::Integer | LogicalType::Null => "INTEGER",
        LogicalType::BigInt => "BIGINT",
        LogicalType::UTinyInt => "UTINYINT",
        LogicalType::USmallInt => "USMALLINT",
        LogicalType::UInteger => "UINTEGER",
        LogicalType::UBigInt => "UBIGINT",
        LogicalType::HugeInt => "HUGEINT",
        LogicalType::UHugeInt => "UHUGEINT",
        LogicalType::BigNum => "BIGNUM",
        LogicalType::Float => "FLOAT",
        LogicalType::Double => "DOUBLE",
        LogicalType::Decimal { .. } => "DECIMAL",
        LogicalType::Varchar | LogicalType::Unknown | LogicalType::Other(_) => "VARCHAR",
        LogicalType::Json => "JSON",
        LogicalType::Uuid => "UUID",
        LogicalType::Enum(_) => "ENUM",
        LogicalType::Blob => "BLOB",
        LogicalType::Bit => "BIT",
        LogicalType::Date => "DATE",
        LogicalType::Time => "TIME",
        LogicalType::TimeNs => "TIME_NS",
        LogicalType::TimeTz => "TIMETZ",
        LogicalType::Timestamp => "TIMESTAMP",
        LogicalType::TimestampS => "TIMESTAMP_S",
        LogicalType::TimestampMs => "TIMESTAMP_MS",
        LogicalType::TimestampNs => "TIMESTAMP_NS",
        LogicalType::TimestampTz => "TIMESTAMP WITH TIME ZONE",
        LogicalType::Interval => "INTERVAL",
        LogicalType::List(_) | LogicalType::Array(..) => "LIST",
        LogicalType::Struct(_) => "STRUCT",
        LogicalType::Map(..) => "MAP",
        LogicalType::Union(_) => "UNION",
        LogicalType::Variant => "VARIANT",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn field(name: &str, ty: LogicalType) -> (String, LogicalType) {
        (name.to_owned(), ty)
    }

    #[rstest]
    #[case(LogicalType::Decimal { width: 10, scale: 2 }, "DECIMAL(10, 2)")]
    #[case(LogicalType::TimestampTz, "TIMESTAMP WITH TIME ZONE")]
    #[case(LogicalType::List(Box::new(LogicalType::Integer)), "LIST")]
    #[case(LogicalType::Array(Box::new(LogicalType::Integer), 3), "INTEGER[]")]
    #[case(LogicalType::Array(Box::new(LogicalType::Array(Box::new(LogicalType::Float), 2)), 2), "FLOAT[][]")]
    #[case(LogicalType::Map(Box::new(LogicalType::Varchar), Box::new(LogicalType::Integer)), "MAP")]
    #[case(LogicalType::Union(vec![field("n", LogicalType::Integer)]), "UNION")]
    #[case(LogicalType::Enum(["a".to_owned()].into()), "ENUM")]
    #[case(LogicalType::Null, "INTEGER")]
    #[case(LogicalType::Other("GEOMETRY".to_owned()), "GEOMETRY")]
    #[case::nested(
        LogicalType::Struct(vec![
            field("x", LogicalType::Decimal { width: 4, scale: 1 }),
            field("select", LogicalType::Struct(vec![field("My col", LogicalType::Varchar)])),
            field("a\"b", LogicalType::List(Box::new(LogicalType::Date))),
        ]),
        r#"STRUCT(x DECIMAL(4, 1), "select" STRUCT("My col" VARCHAR), "a""b" LIST)"#
    )]
    #[case::unnamed(
        LogicalType::Struct(vec![field("", LogicalType::Integer), field("", LogicalType::Varchar)]),
        "STRUCT(INTEGER, VARCHAR)"
    )]
    fn types_are_spelled(#[case] ty: LogicalType, #[case] expected: &str) {
        assert_eq!(TypeName(&ty).to_string(), expected);
    }
}
