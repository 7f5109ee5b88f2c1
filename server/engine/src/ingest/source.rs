//! Where an ingest's rows come from.

use std::fmt;
use std::io::{self, BufReader, BufWriter};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::file::UploadFile;
use super::job::Matched;
use super::{delimiter, digits, footer};
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
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// An object, an array of objects, or an object per line.
    Json,
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

/// The largest JSON object that fits DuckDB's default buffer, and the largest that it is given a buffer for.
const JSON_OBJECT: std::ops::RangeInclusive<u64> = 16 << 20..=256 << 20;

/// How much of a file is copied at a time.
const COPY: usize = 1 << 16;

/// A file as a relation, with every type inferred.
///
/// # Errors
/// Internal for a path that is not UTF-8, or a file that is gone.
pub(super) fn inferred(path: &Path, format: FileFormat) -> Result<String> {
    let text = text(path)?;
    Ok(match format {
        FileFormat::Csv => sql::read_csv(text, length(path)?, delimiter::of(path)?, &[]),
        FileFormat::Json => sql::read_json(text, largest_object(path)?),
        FileFormat::Parquet => sql::read_parquet(text),
    })
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
            let exact: Vec<_> = exact.map(|(name, _)| name.clone()).collect();
            sql::read_csv(text, length(path)?, delimiter::of(path)?, &exact)
        }
        FileFormat::Json => {
            let read: Vec<_> = columns.iter().map(|(name, ty)| (name.clone(), json_type(ty))).collect();
            sql::read_json_as(text, largest_object(path)?, &read)
        }
        FileFormat::Parquet => sql::read_parquet(text),
    })
}

/// A JSON file again, with the numbers in quotes that the reader would not hand on whole; `None` if it has none.
///
/// # Errors
/// Internal when the file cannot be copied.
pub(super) fn quoted(file: &UploadFile, format: FileFormat, pairs: &Matched) -> Result<Option<UploadFile>> {
    let columns = pairs.inexact();
    if format != FileFormat::Json || columns.is_empty() {
        return Ok(None);
    }
    let fault = |fault: io::Error| Error::internal(format!("cannot copy an upload in TMPDIR: {fault}"));
    let mut copy = file.beside().map_err(fault)?;
    let original = BufReader::with_capacity(COPY, file.reopen().map_err(fault)?);
    digits::quote(original, BufWriter::with_capacity(COPY, &mut copy), &columns).map_err(fault)?;
    Ok(Some(copy))
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

/// The type that a JSON column is read as on its way to `ty`, which the reader does not know for all types.
fn json_type(ty: &LogicalType) -> LogicalType {
    use LogicalType as T;
    match ty {
        T::BigNum | T::Bit | T::Union(_) => T::Varchar,
        nested if is_unreadable(nested) => T::Json,
        _ => ty.clone(),
    }
}

/// Whether the JSON reader refuses a type, here or in a child.
fn is_unreadable(ty: &LogicalType) -> bool {
    use LogicalType as T;
    match ty {
        T::BigNum | T::Bit | T::Union(_) | T::Variant => true,
        T::List(child) | T::Array(child, _) => is_unreadable(child),
        T::Map(key, value) => is_unreadable(key) || is_unreadable(value),
        T::Struct(fields) => fields.iter().any(|(_, ty)| is_unreadable(ty)),
        _ => false,
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::internal("the spool folder's path is not UTF-8"))
}

fn length(path: &Path) -> Result<u64> {
    let file = std::fs::metadata(path);
    file.map(|file| file.len()).map_err(|fault| Error::internal(format!("the uploaded file: {fault}")))
}

fn largest_object(path: &Path) -> Result<u64> {
    Ok(length(path)?.clamp(*JSON_OBJECT.start(), *JSON_OBJECT.end()))
}
