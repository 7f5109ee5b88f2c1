//! How DuckDB spells a type: the text of `typeof` and `DESCRIBE` (FY-5, LN-01).

use std::fmt;

use super::LogicalType;
use super::keywords::is_keyword;

impl fmt::Display for LogicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal { width, scale } => write!(f, "DECIMAL({width},{scale})"),
            Self::Enum(values) => write_enum(f, values),
            Self::List(child) => write!(f, "{child}[]"),
            Self::Array(child, size) => write!(f, "{child}[{size}]"),
            Self::Struct(fields) => write_fields(f, "STRUCT", fields),
            Self::Map(key, value) => write!(f, "MAP({key}, {value})"),
            Self::Union(members) => write_fields(f, "UNION", members),
            Self::Geometry(Some(crs)) => write!(f, "GEOMETRY({})", Quoted(crs, '\'')),
            Self::Other(name) => f.write_str(name),
            _ => f.write_str(self.scalar_name()),
        }
    }
}

impl LogicalType {
    /// The name of a type without parameters.
    fn scalar_name(&self) -> &str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::TinyInt => "TINYINT",
            Self::SmallInt => "SMALLINT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::UTinyInt => "UTINYINT",
            Self::USmallInt => "USMALLINT",
            Self::UInteger => "UINTEGER",
            Self::UBigInt => "UBIGINT",
            Self::HugeInt => "HUGEINT",
            Self::UHugeInt => "UHUGEINT",
            Self::BigNum => "BIGNUM",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Varchar => "VARCHAR",
            Self::Json => "JSON",
            Self::Uuid => "UUID",
            Self::Blob => "BLOB",
            Self::Bit => "BIT",
            _ => self.other_name(),
        }
    }

    fn other_name(&self) -> &str {
        match self {
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::TimeNs => "TIME_NS",
            Self::TimeTz => "TIME WITH TIME ZONE",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampS => "TIMESTAMP_S",
            Self::TimestampMs => "TIMESTAMP_MS",
            Self::TimestampNs => "TIMESTAMP_NS",
            Self::TimestampTz => "TIMESTAMP WITH TIME ZONE",
            Self::Interval => "INTERVAL",
            Self::Variant => "VARIANT",
            Self::Geometry(_) => "GEOMETRY",
            Self::Null => "\"NULL\"",
            _ => "UNKNOWN",
        }
    }
}

fn write_enum(f: &mut fmt::Formatter<'_>, values: &[String]) -> fmt::Result {
    f.write_str("ENUM(")?;
    for (i, value) in values.iter().enumerate() {
        let separator = if i == 0 { "" } else { ", " };
        write!(f, "{separator}{}", Quoted(value, '\''))?;
    }
    f.write_str(")")
}

fn write_fields(f: &mut fmt::Formatter<'_>, family: &str, fields: &[(String, LogicalType)]) -> fmt::Result {
    // A struct whose first field has no name is a tuple: DuckDB prints its types alone.
    let unnamed = fields.first().is_some_and(|(name, _)| name.is_empty());
    write!(f, "{family}(")?;
    for (i, (name, ty)) in fields.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        match unnamed {
            true => write!(f, "{ty}")?,
            false => write!(f, "{} {ty}", FieldName(name))?,
        }
    }
    f.write_str(")")
}

/// A field's name as DuckDB prints it inside a type: quoted only where it must be.
pub struct FieldName<'a>(pub &'a str);

impl fmt::Display for FieldName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match is_plain(self.0) && !is_keyword(self.0) {
            true => f.write_str(self.0),
            false => write!(f, "{}", Quoted(self.0, '"')),
        }
    }
}

fn is_plain(name: &str) -> bool {
    name.bytes()
        .enumerate()
        .all(|(i, b)| b.is_ascii_alphabetic() || b == b'_' || (i > 0 && b.is_ascii_digit()))
}

/// A text between quotes, with the quotes inside doubled.
struct Quoted<'a>(&'a str, char);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, quote) = *self;
        write!(f, "{quote}")?;
        for (i, part) in text.split(quote).enumerate() {
            match i {
                0 => f.write_str(part)?,
                _ => write!(f, "{quote}{quote}{part}")?,
            }
        }
        write!(f, "{quote}")
    }
}
