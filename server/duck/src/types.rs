//! DuckDB's logical types as a value: what a column is, how DuckDB spells it, and which Arrow type carries
//! it.

use std::sync::Arc;

use ::arrow::datatypes::SchemaRef;

pub mod arrow;
pub mod input;
mod keywords;
mod text;

pub use text::FieldName;

/// A DuckDB logical type, with its children.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants carry DuckDB's own type names")]
pub enum LogicalType {
    Boolean,
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    UTinyInt,
    USmallInt,
    UInteger,
    UBigInt,
    HugeInt,
    UHugeInt,
    BigNum,
    Float,
    Double,
    Decimal {
        width: u8,
        scale: u8,
    },
    Varchar,
    /// VARCHAR with the alias JSON.
    Json,
    Uuid,
    /// The dictionary, in order.
    Enum(Arc<[String]>),
    Blob,
    Bit,
    Date,
    Time,
    TimeNs,
    TimeTz,
    Timestamp,
    TimestampS,
    TimestampMs,
    TimestampNs,
    TimestampTz,
    Interval,
    List(Box<LogicalType>),
    Array(Box<LogicalType>, u32),
    /// Fields in order; an unnamed (tuple) struct has empty names. One that holds a NUL ends with that, see
    /// [`LogicalType::has_cut_name`].
    Struct(Vec<(String, LogicalType)>),
    Map(Box<LogicalType>, Box<LogicalType>),
    Union(Vec<(String, LogicalType)>),
    Variant,
    /// With its coordinate reference system, if it has one.
    Geometry(Option<Arc<str>>),
    /// The type of an untyped NULL; results report INTEGER instead.
    Null,
    /// A type known only at execution (FP-8).
    Unknown,
    /// Any other type, by DuckDB's name for it.
    Other(String),
}

/// One result column: its name as DuckDB gives it and its logical type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The column's name; names may repeat within a result.
    pub name: String,
    /// The column's DuckDB type.
    pub ty: LogicalType,
}

/// The shape of a result: DuckDB's columns, and the Arrow schema that its batches have.
#[derive(Debug, Clone)]
pub struct ResultShape {
    /// DuckDB's names and types, in order.
    pub columns: Arc<[Column]>,
    /// The Arrow schema of every batch of the result, by the FY-2 table (or its exact variant).
    pub schema: SchemaRef,
}

impl ResultShape {
    /// Whether every type is known before execution (FP-8).
    pub fn is_resolved(&self) -> bool {
        !self.columns.is_empty() && self.columns.iter().all(|column| column.ty != LogicalType::Unknown)
    }
}

/// How values without an exact Arrow type are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fidelity {
    /// The FY-2 table: what Arrow clients expect, even where a type loses something (TIMETZ its zone).
    Standard,
    /// As FY-2, but UHUGEINT, TIMETZ and BIT travel as their exact text in Utf8.
    Exact,
}

impl LogicalType {
    /// Whether it is an integer type of fixed width.
    pub fn is_integer(&self) -> bool {
        use LogicalType as T;
        let signed = matches!(self, T::TinyInt | T::SmallInt | T::Integer | T::BigInt | T::HugeInt);
        signed || matches!(self, T::UTinyInt | T::USmallInt | T::UInteger | T::UBigInt | T::UHugeInt)
    }

    /// Whether it is a type of numbers.
    pub fn is_number(&self) -> bool {
        self.is_integer() || matches!(self, Self::Float | Self::Double | Self::Decimal { .. } | Self::BigNum)
    }

    /// Whether the name of a field, here or in a child, goes on behind a NUL, where DuckDB's C API cuts it.
    pub fn has_cut_name(&self) -> bool {
        match self {
            Self::List(child) | Self::Array(child, _) => child.has_cut_name(),
            Self::Struct(fields) | Self::Union(fields) => {
                fields.iter().any(|(name, field)| name.ends_with('\0') || field.has_cut_name())
            }
            Self::Map(key, value) => key.has_cut_name() || value.has_cut_name(),
            _ => false,
        }
    }

    /// Whether its Arrow type names the session's time zone, here or in a child.
    pub fn has_time_zone(&self) -> bool {
        match self {
            Self::TimestampTz => true,
            Self::List(child) | Self::Array(child, _) => child.has_time_zone(),
            Self::Struct(fields) | Self::Union(fields) => {
                fields.iter().any(|(_, field)| field.has_time_zone())
            }
            Self::Map(key, value) => key.has_time_zone() || value.has_time_zone(),
            _ => false,
        }
    }
}
