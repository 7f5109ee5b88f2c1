//! How a result line names a column's type (LN-01).

use std::fmt;

use duck::types::{FieldName, LogicalType};

/// A type as LN-01 spells it: DuckDB's logical name, bare for LIST, MAP, UNION and ENUM.
pub(crate) struct TypeName<'a>(pub(crate) &'a LogicalType);

impl fmt::Display for TypeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            LogicalType::Decimal { width, scale } => write!(f, "DECIMAL({width}, {scale})"),
            LogicalType::TimeTz => f.write_str("TIMETZ"),
            LogicalType::Enum(_) => f.write_str("ENUM"),
            LogicalType::List(_) => f.write_str("LIST"),
            LogicalType::Map(..) => f.write_str("MAP"),
            LogicalType::Union(_) => f.write_str("UNION"),
            LogicalType::Null => f.write_str("INTEGER"),
            LogicalType::Unknown => f.write_str("VARCHAR"),
            LogicalType::Array(element, _) => write!(f, "{}[]", TypeName(element)),
            LogicalType::Struct(fields) => struct_name(fields, f),
            simple => write!(f, "{simple}"),
        }
    }
}

fn struct_name(fields: &[(String, LogicalType)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("STRUCT(")?;
    for (index, (name, ty)) in fields.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        if !name.is_empty() {
            write!(f, "{} ", FieldName(name))?;
        }
        write!(f, "{}", TypeName(ty))?;
    }
    f.write_str(")")
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
