//! Arrow IPC streams and files, read batch by batch (LU-08).

use std::io::BufReader;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};

use crate::doors::lakehouse::arrow_frames::{self, guarded};
use engine::ingest::{ArrowSource, Batches, UploadFile};
use engine::{Error, ErrorKind, Result};

/// The batches of an IPC file or stream; the file goes with them.
///
/// # Errors
/// InvalidData for a body that is neither.
pub(super) fn open(file: UploadFile) -> Result<ArrowSource> {
    let reader = file.reopen().map_err(|fault| Error::internal(format!("cannot read an upload: {fault}")))?;
    let mut reader = BufReader::with_capacity(1 << 18, reader);
    let is_file = arrow_frames::is_file(&mut reader).map_err(|fault| unreadable(&fault))?;
    Ok(if is_file {
        let batches = guarded(|| FileReader::try_new(reader, None)).map_err(|fault| unreadable(&fault))?;
        ArrowSource { schema: batches.schema(), batches: with_file(file, batches) }
    } else {
        let batches = guarded(|| StreamReader::try_new(reader, None)).map_err(|fault| unreadable(&fault))?;
        ArrowSource { schema: batches.schema(), batches: with_file(file, batches) }
    })
}

fn with_file(
    file: UploadFile,
    mut batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static,
) -> Batches {
    Box::new(std::iter::from_fn(move || {
        let _kept = &file;
        guarded(|| batches.next().transpose()).map_err(|fault| unreadable(&fault)).transpose()
    }))
}

fn unreadable(fault: &ArrowError) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the body is not an Arrow IPC stream or file: {fault}"))
}
