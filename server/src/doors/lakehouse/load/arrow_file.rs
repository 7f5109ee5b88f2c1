//! Arrow IPC streams and files, read batch by batch (LU-08).

use std::io::BufReader;

use crate::doors::lakehouse::arrow_batches::ArrowBatches;
use duck::types::input;
use engine::ingest::{ArrowSource, UploadFile};
use engine::{Error, ErrorKind, Result};

/// The batches of an IPC file or stream, whose messages have at most so many bytes decompressed; the file goes with them.
///
/// # Errors
/// InvalidData for a body that is neither, or has a column that cannot be stored.
pub(super) fn open(file: UploadFile, message_limit: u64) -> Result<ArrowSource> {
    let reader = file.reopen().map_err(|fault| Error::internal(format!("cannot read an upload: {fault}")))?;
    let mut batches = ArrowBatches::open(BufReader::with_capacity(1 << 18, reader), message_limit)?;
    let schema = batches.schema();
    for field in schema.fields() {
        let storable = input::input_type(field);
        storable.map_err(|fault| Error::new(ErrorKind::InvalidData, fault.message()))?;
    }
    let batches = Box::new(std::iter::from_fn(move || {
        let _kept = &file;
        batches.next()
    }));
    Ok(ArrowSource { schema, batches })
}
