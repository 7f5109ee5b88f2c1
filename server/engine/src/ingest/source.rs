//! Where an ingest's rows come from.

use std::fmt;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::appended::AppendColumn;
use super::file::UploadFile;
use super::{delimiter, footer};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::ingest as sql;
use duck::Connection;
use duck::types::{Column, LogicalType};

/// The rows of an ingest.
#[derive(Debug)]
pub enum Source {
    /// A file in the tenant's private folder.
    File {
        /// The file, which is removed when the ingest has ended.
        file: UploadFile,
        /// What it holds.
        format: FileFormat,
    },
    /// Arrow batches, pulled as DuckDB asks for them.
    Arrow(ArrowSource),
    /// Rows of JSON values.
    Json(JsonSource),
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// Parquet.
    Parquet,
}

/// Arrow batches as a client sends them.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A stream of Arrow batches of one schema (FY-7 says which types).
pub struct ArrowSource {
    /// The schema of every batch.
    pub schema: SchemaRef,
    /// The batches. The iterator may block; an error of its own fails the ingest with that error.
    pub batches: Batches,
}

impl fmt::Debug for ArrowSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrowSource").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Rows of JSON values, whose columns and kinds are known before the first of them is loaded.
pub struct JsonSource {
    /// Every key that any row has.
    pub columns: Vec<AppendColumn>,
    /// The values, per column as text, strings unquoted, and behind all of them per column 1 for a string.
    pub rows: ArrowSource,
}

impl fmt::Debug for JsonSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonSource").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// A file as a relation, with every type inferred.
///
/// # Errors
/// Internal for a path that is not UTF-8, or a file that is gone.
pub(super) fn inferred(path: &Path, format: FileFormat) -> Result<String> {
    let text = text(path)?;
    Ok(match format {
        FileFormat::Csv => sql::read_csv(text, length(path)?, delimiter::of(path)?, &[]),
        FileFormat::Parquet => sql::read_parquet(text),
    })
}

/// A file as a relation whose types keep every digit: DuckDB infers DOUBLE for what it takes for numbers, however long, and
/// BIGINT where the beginning of a large file has no fraction.
///
/// # Errors
/// As [`inferred`]; DuckDB's, when it cannot read the file.
pub(super) fn exact(connection: &Connection, path: &Path, format: FileFormat) -> Result<String> {
    let relation = inferred(path, format)?;
    if format != FileFormat::Csv {
        return Ok(relation);
    }
    let is_sampled = length(path)? > sql::INFERRED_WHOLE;
    let (mut names, mut doubles) = (Vec::new(), Vec::new());
    for Column { name, ty, .. } in columns(connection, &relation)? {
        if ty == LogicalType::Double || is_sampled && ty == LogicalType::BigInt {
            names.push(name);
            doubles.push(ty == LogicalType::Double);
        }
    }
    if names.is_empty() {
        return Ok(relation);
    }
    let read =
        |types: &[_]| Ok::<_, Error>(sql::read_csv(text(path)?, length(path)?, delimiter::of(path)?, types));
    let texts: Vec<_> = names.iter().map(|name| (name.clone(), LogicalType::Varchar)).collect();
    let told = connection.query(&sql::describe_numbers(&names, &read(&texts)?))?.text_rows()?;
    let told: Vec<bool> = told.into_iter().flatten().map(|told| told.as_deref() == Some("true")).collect();
    let types =
        names.into_iter().zip(doubles).zip(told.as_chunks::<3>().0).filter_map(|((name, double), told)| {
            let ty = match told {
                [true, _, _] if !double => return None,
                [true, true, _] => LogicalType::HugeInt,
                [true, false, _] => LogicalType::BigNum,
                [_, _, true] => LogicalType::Varchar,
                _ if double => return None,
                _ => LogicalType::Double,
            };
            Some((name, ty))
        });
    read(&types.collect::<Vec<_>>())
}

/// A file as a relation whose columns go into those of a table, each pair a column and the type it is cast to.
///
/// Inference would lose digits, zeros in front and the like on the way to an exact type, so there the text is cast.
///
/// # Errors
/// As [`inferred`].
pub(super) fn towards(path: &Path, format: FileFormat, columns: &[(String, LogicalType)]) -> Result<String> {
    let text = text(path)?;
    Ok(match format {
        FileFormat::Csv => {
            let exact = columns.iter().filter(|(_, ty)| !is_inferred_exactly(ty));
            let exact: Vec<_> = exact.map(|(name, _)| (name.clone(), LogicalType::Varchar)).collect();
            sql::read_csv(text, length(path)?, delimiter::of(path)?, &exact)
        }
        FileFormat::Parquet => sql::read_parquet(text),
    })
}

/// The columns that a relation has.
///
/// # Errors
/// DuckDB's, when it cannot read the relation.
pub(super) fn columns(connection: &Connection, relation: &str) -> Result<Vec<Column>> {
    Ok(connection.prepare(&sql::all_of(relation))?.columns().to_vec())
}

/// Refuses what DuckDB does not survive in a Parquet file: columns that nest too deeply, and a VARIANT, which it decodes as
/// deep as its bytes say, on the thread's stack (LX-17).
///
/// # Errors
/// InvalidData; Internal when the file cannot be read; DuckDB's, when it cannot read the relation.
pub(super) fn check(
    connection: &Connection,
    file: &UploadFile,
    relation: &str,
    format: FileFormat,
) -> Result<()> {
    if format != FileFormat::Parquet {
        return Ok(());
    }
    let invalid = |message| Err(Error::new(ErrorKind::InvalidData, message));
    let refusal = file.reopen().and_then(footer::refusal);
    if let Some(refusal) = refusal.map_err(|fault| Error::internal(format!("the uploaded file: {fault}")))? {
        return invalid(refusal);
    }
    match columns(connection, relation)?.into_iter().find(|column| holds_variant(&column.ty)) {
        None => Ok(()),
        Some(Column { name, .. }) => invalid(format!(
            "The column \"{name}\" holds a VARIANT, which is not read from Parquet; send JSON"
        )),
    }
}

/// Whether a type is VARIANT, or a child of it is.
fn holds_variant(ty: &LogicalType) -> bool {
    use LogicalType as T;
    match ty {
        T::Variant => true,
        T::List(child) | T::Array(child, _) => holds_variant(child),
        T::Map(key, value) => holds_variant(key) || holds_variant(value),
        T::Struct(fields) | T::Union(fields) => fields.iter().any(|(_, ty)| holds_variant(ty)),
        _ => false,
    }
}

/// Whether CSV inference keeps everything that a column of this type can hold.
fn is_inferred_exactly(ty: &LogicalType) -> bool {
    use LogicalType as T;
    matches!(
        ty,
        T::Boolean
            | T::TinyInt
            | T::SmallInt
            | T::Integer
            | T::UTinyInt
            | T::USmallInt
            | T::UInteger
            | T::Float
            | T::Double
            | T::Date
            | T::Time
            | T::Timestamp
            | T::TimestampS
            | T::TimestampMs
            | T::TimestampTz
    )
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::internal("the spool folder's path is not UTF-8"))
}

fn length(path: &Path) -> Result<u64> {
    let file = std::fs::metadata(path);
    file.map(|file| file.len()).map_err(|fault| Error::internal(format!("the uploaded file: {fault}")))
}
