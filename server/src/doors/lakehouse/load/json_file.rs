//! The rows of a JSON file: an object, an array of objects, or one object after another (LU-03), read twice. The first time
//! tells the columns and what their values are, the second hands them on.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use arrow::array::RecordBatch;

use super::json_inside::note_all;
use super::json_text::Objects;
use crate::doors::lakehouse::append::RowMembers;
use crate::doors::lakehouse::json_columns::{KeyFault, RowKeys, RowValues};
use engine::ingest::{ArrowSource, JsonSource, UploadFile, value_schema};
use engine::{Error, ErrorKind, Result};

/// How many rows a batch has, and how many bytes of them make it end earlier.
const ROWS: usize = 2048;
const BYTES: usize = 16 << 20;

/// The rows of a file, which goes with them. They may have so many different keys, and their objects as many fields, to be
/// STRUCTs.
///
/// # Errors
/// InvalidData for what is no JSON or no rows, saying where.
pub(super) fn open(file: UploadFile, key_limit: usize) -> Result<JsonSource> {
    let mut keys = RowKeys::new(key_limit);
    let mut objects = read(&file)?;
    let (mut row, mut places, mut fields_left) = (Vec::new(), Vec::new(), key_limit);
    while objects.next(&mut row)? {
        let members = place(&mut keys, &row, &mut places, &objects)?;
        for ((_, value), column) in members.0.iter().zip(&places) {
            let kinds = &mut keys.columns[*column].kinds;
            note_all(value.get(), kinds, &mut fields_left).map_err(|fault| objects.malformed(&fault))?;
        }
    }
    if keys.columns.is_empty() {
        return Err(invalid("the body holds no JSON object with a key, so it has no columns"));
    }
    let (columns, schema) = (keys.columns.clone(), value_schema(keys.columns.len()));
    let mut rows = Rows { objects: read(&file)?, keys, over: false };
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

/// The members of a row, whose columns get into `places`.
fn place<'a>(
    keys: &mut RowKeys,
    row: &'a [u8],
    places: &mut Vec<usize>,
    at: &Objects<BufReader<File>>,
) -> Result<RowMembers<'a>> {
    let members = members(row, at)?;
    keys.place(&members, places).map_err(|fault| match fault {
        KeyFault::TooMany => keys.too_many(),
        KeyFault::Twice { column, .. } => {
            let name = &keys.columns[column].name;
            invalid(format!("line {}: a row has the key \"{name}\" twice", at.line()))
        }
    })?;
    Ok(members)
}

fn members<'a>(row: &'a [u8], at: &Objects<BufReader<File>>) -> Result<RowMembers<'a>> {
    serde_json::from_slice(row).map_err(|fault| at.malformed(&fault))
}

/// The second reading.
struct Rows {
    objects: Objects<BufReader<File>>,
    keys: RowKeys,
    over: bool,
}

impl Rows {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.over {
            return Ok(None);
        }
        let mut values = RowValues::new(self.keys.columns.len());
        let (mut row, mut bytes) = (Vec::new(), 0);
        while values.rows() < ROWS && bytes < BYTES {
            if !self.objects.next(&mut row)? {
                self.over = true;
                break;
            }
            for (at, (key, value)) in members(&row, &self.objects)?.0.iter().enumerate() {
                let Some(column) = self.keys.find(at, key) else { continue };
                values.put(column, value.get()).map_err(|fault| self.objects.malformed(&fault))?;
            }
            bytes += row.len();
            values.end_row();
        }
        if values.rows() == 0 { Ok(None) } else { values.finish().map(Some) }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidData, message)
}
