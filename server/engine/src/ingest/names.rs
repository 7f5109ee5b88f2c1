//! Refuses names that hold a NUL character: DuckDB keeps them, but its C API hands them on cut, so that a value would get into
//! another column, or out of none.

use std::fs::File;
use std::io::{self, Read};

use super::file::UploadFile;
use super::source::FileFormat;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::ingest as sql;
use duck::Connection;

/// How much of a file is looked at at once.
const BLOCK: usize = 1 << 18;

/// How far into a CSV file its header may reach: as far as DuckDB reads a line.
const HEADER: u64 = 4 << 20;

/// Makes sure that no column or field of a file has a name with a NUL.
///
/// # Errors
/// InvalidData, naming the column; Internal when the file cannot be read.
pub(super) fn check(
    connection: &Connection,
    file: &UploadFile,
    relation: &str,
    format: FileFormat,
) -> Result<()> {
    let fault = |fault: io::Error| Error::internal(format!("the uploaded file: {fault}"));
    // Asking DuckDB for the names takes as long as finding them.
    if !may_hold_nul(file.reopen().map_err(fault)?, format).map_err(fault)? {
        return Ok(());
    }
    let found = connection.query(&sql::columns_with_nul(relation))?.text_rows()?;
    let Some(name) = found.into_iter().flatten().next() else { return Ok(()) };
    Err(holds_nul(&name.unwrap_or_default()))
}

/// Makes sure that none of the names holds a NUL.
///
/// # Errors
/// InvalidData, naming it.
pub(super) fn refuse_nul<'a>(mut names: impl Iterator<Item = &'a str>) -> Result<()> {
    names.find(|name| name.contains('\0')).map_or(Ok(()), |name| Err(holds_nul(name)))
}

fn holds_nul(name: &str) -> Error {
    let name: String = name.chars().take(60).collect();
    let message = format!("The column {name:?} has a name, or a field with one, that holds a NUL character");
    Error::new(ErrorKind::InvalidData, message)
}

fn may_hold_nul(file: File, format: FileFormat) -> io::Result<bool> {
    match format {
        FileFormat::Parquet => Ok(true),
        FileFormat::Csv => has_nul(file.take(HEADER)),
    }
}

fn has_nul(mut text: impl Read) -> io::Result<bool> {
    let mut block = vec![0; BLOCK];
    loop {
        match text.read(&mut block)? {
            0 => return Ok(false),
            read if memchr::memchr(0, &block[..read]).is_some() => return Ok(true),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_wherever_blocks_end() {
        for at in BLOCK - 8..BLOCK + 2 {
            let text = [vec![b'x'; at], vec![0], vec![b'x'; 5]].concat();
            assert!(has_nul(text.as_slice()).unwrap(), "{at}");
            assert!(!has_nul(&text[..at]).unwrap(), "{at}");
        }
    }
}
