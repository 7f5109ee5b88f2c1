//! The rows of a JSON file: an object, an array of objects, or one object after another (LU-03), read twice. The first time
//! tells the columns and what their values are, the second hands them on.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int8Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::json_text::Objects;
use crate::doors::lakehouse::append::Members;
use crate::doors::lakehouse::json_values::{MAX_KEYS, note, put, too_many_keys};
use engine::ingest::{AppendColumn, ArrowSource, JsonSource, Kinds, UploadFile};
use engine::{Error, ErrorKind, Result};

/// How many rows a batch has, and how many bytes of them make it end earlier.
const ROWS: usize = 2048;
const BYTES: usize = 16 << 20;

/// The rows of a file, which goes with them.
///
/// # Errors
/// InvalidData for what is no JSON or no rows, saying where.
pub(super) fn open(file: UploadFile) -> Result<JsonSource> {
    let mut keys = Keys::default();
    let mut objects = read(&file)?;
    let mut row = Vec::new();
    while objects.next(&mut row)? {
        keys.note(&row, &objects)?;
    }
    if keys.columns.is_empty() {
        return Err(invalid("the body holds no JSON object with a key, so it has no columns"));
    }
    let Keys { columns, index } = keys;
    let schema = schema(columns.len());
    let mut rows = Rows { objects: read(&file)?, index, schema: Arc::clone(&schema), over: false };
    let batches = Box::new(std::iter::from_fn(move || {
        let _kept = &file;
        rows.next_batch().transpose()
    }));
    Ok(JsonSource { columns, rows: ArrowSource { schema, batches } })
}

fn read(file: &UploadFile) -> Result<Objects<BufReader<File>>> {
    let unreadable = |fault| Error::internal(format!("cannot read an upload: {fault}"));
    let mut reader = file.reopen().map_err(unreadable)?;
    let mut mark = Vec::new();
    (&mut reader).take(3).read_to_end(&mut mark).map_err(unreadable)?;
    if mark != b"\xef\xbb\xbf" {
        reader.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    }
    Ok(Objects::new(BufReader::with_capacity(1 << 18, reader)))
}

/// Texts and marks of that many columns.
fn schema(width: usize) -> SchemaRef {
    let field = |at: usize| {
        let ty = if at < width { DataType::Utf8 } else { DataType::Int8 };
        Field::new(format!("c{at}"), ty, true)
    };
    Arc::new(Schema::new((0..2 * width).map(field).collect::<Vec<_>>()))
}

/// The keys of all rows, in the order in which they come, and what their values are.
#[derive(Default)]
struct Keys {
    columns: Vec<AppendColumn>,
    /// The column of each key, in lower case.
    index: HashMap<String, usize>,
}

impl Keys {
    fn note(&mut self, row: &[u8], at: &Objects<BufReader<File>>) -> Result<()> {
        let members = members(row, at)?;
        let mut seen = Vec::with_capacity(members.0.len());
        for (key, value) in members.0 {
            let columns = &mut self.columns;
            let column = *self.index.entry(key.to_lowercase()).or_insert_with(|| {
                columns.push(AppendColumn { name: key.to_string(), kinds: Kinds::default(), ty: None });
                columns.len() - 1
            });
            if columns.len() > MAX_KEYS {
                return Err(too_many_keys());
            }
            seen.push(column);
            note(value.get(), &mut columns[column].kinds).map_err(|fault| at.malformed(&fault))?;
        }
        seen.sort_unstable();
        match seen.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => {
                let name = &self.columns[pair[0]].name;
                Err(invalid(format!("line {}: a row has the key \"{name}\" twice", at.line())))
            }
        }
    }
}

fn members<'a>(row: &'a [u8], at: &Objects<BufReader<File>>) -> Result<Members<'a>> {
    serde_json::from_slice(row).map_err(|fault| at.malformed(&fault))
}

/// The second reading.
struct Rows {
    objects: Objects<BufReader<File>>,
    index: HashMap<String, usize>,
    schema: SchemaRef,
    over: bool,
}

impl Rows {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.over {
            return Ok(None);
        }
        let width = self.schema.fields().len() / 2;
        let mut builders: Vec<(StringBuilder, Int8Builder)> =
            (0..width).map(|_| Default::default()).collect();
        let (mut row, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows < ROWS && bytes < BYTES {
            if !self.objects.next(&mut row)? {
                self.over = true;
                break;
            }
            for (key, value) in members(&row, &self.objects)?.0 {
                let Some(column) = self.index.get(&key.to_lowercase()) else { continue };
                let (texts, marks) = &mut builders[*column];
                put(value.get(), texts, marks).map_err(|fault| self.objects.malformed(&fault))?;
            }
            rows += 1;
            bytes += row.len();
            builders.iter_mut().filter(|(texts, _)| arrow::array::ArrayBuilder::len(texts) < rows).for_each(
                |(texts, marks)| {
                    texts.append_null();
                    marks.append_null();
                },
            );
        }
        if rows == 0 {
            return Ok(None);
        }
        let (texts, marks): (Vec<ArrayRef>, Vec<ArrayRef>) = builders
            .iter_mut()
            .map(|(texts, marks)| {
                (Arc::new(texts.finish()) as ArrayRef, Arc::new(marks.finish()) as ArrayRef)
            })
            .unzip();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), [texts, marks].concat());
        batch.map(Some).map_err(|fault| Error::internal(format!("rows cannot be gathered: {fault}")))
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidData, message)
}
