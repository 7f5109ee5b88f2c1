//! The lengths inside an Arrow IPC body, looked at before it is read (LU-08): Arrow's readers make room for whatever a
//! length claims, and a few bytes may claim more than the machine has.

use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::error::ArrowError;
use arrow::ipc::{Block, root_as_footer, root_as_message};

type Result<T> = std::result::Result<T, ArrowError>;

const MAGIC: &[u8; 6] = b"ARROW1";
/// Starts a message since Arrow 0.15; before, its length did.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Whether the body is an IPC file rather than a stream; every length in it fits the body.
///
/// # Errors
/// The system's, and a length that reaches beyond the end.
pub(super) fn is_file(body: &mut (impl Read + Seek)) -> Result<bool> {
    let end = body.seek(SeekFrom::End(0))?;
    body.rewind()?;
    let mut magic = [0; MAGIC.len()];
    // A body shorter than the magic is no IPC file, and the stream reader says what is wrong with it.
    let file = body.read_exact(&mut magic).is_ok() && &magic == MAGIC;
    body.rewind()?;
    let fits = if file { file_fits(body, end) } else { stream_fits(body, end) };
    fits?;
    body.rewind()?;
    Ok(file)
}

/// Arrow's reader asserts some of what a hostile body may break: such a body is refused like any other.
///
/// # Errors
/// The reader's.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(malformed("it breaks the format")))
}

fn stream_fits(body: &mut (impl Read + Seek), end: u64) -> Result<()> {
    let mut metadata = Vec::new();
    while let Some(length) = metadata_length(body)? {
        let start = body.stream_position()?;
        within(length, end - start)?;
        metadata.resize(usize::try_from(length).unwrap_or(0), 0);
        body.read_exact(&mut metadata)?;
        let message = root_as_message(&metadata).map_err(malformed)?;
        let skipped = start + within(length, end - start)?;
        let next = skipped + within(message.bodyLength(), end - skipped)?;
        body.seek(SeekFrom::Start(next))?;
    }
    Ok(())
}

/// The length of the next message's metadata; `None` where the stream ends.
fn metadata_length(body: &mut impl Read) -> Result<Option<i64>> {
    let mut word = [0; 4];
    match body.read_exact(&mut word) {
        Err(fault) if fault.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    if word == CONTINUATION {
        body.read_exact(&mut word)?;
    }
    let length = i32::from_le_bytes(word);
    Ok((length != 0).then_some(length.into()))
}

fn file_fits(body: &mut (impl Read + Seek), end: u64) -> Result<()> {
    const TAIL: u64 = 4 + MAGIC.len() as u64;
    let start = end.checked_sub(TAIL).ok_or_else(|| malformed("it is too short"))?;
    body.seek(SeekFrom::Start(start))?;
    let mut word = [0; 4];
    body.read_exact(&mut word)?;
    let length = within(i32::from_le_bytes(word).into(), start)?;
    body.seek(SeekFrom::Start(start - length))?;
    let mut footer = vec![0; usize::try_from(length).unwrap_or(0)];
    body.read_exact(&mut footer)?;
    let footer = root_as_footer(&footer).map_err(malformed)?;
    let blocks = footer.recordBatches().into_iter().chain(footer.dictionaries()).flatten();
    blocks.copied().try_for_each(|block: Block| block_fits(&block, end))
}

fn block_fits(block: &Block, end: u64) -> Result<()> {
    let left = end - within(block.offset(), end)?;
    let left = left - within(block.metaDataLength().into(), left)?;
    within(block.bodyLength(), left).map(drop)
}

/// The length, if so much is left.
fn within(length: i64, left: u64) -> Result<u64> {
    let told = u64::try_from(length).ok().filter(|length| *length <= left);
    told.ok_or_else(|| malformed(format!("a part of it claims {length} bytes where {left} are left")))
}

fn malformed(fault: impl std::fmt::Display) -> ArrowError {
    ArrowError::ParseError(fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use arrow::ipc::writer::{FileWriter, StreamWriter};
    use rstest::rstest;
    use std::io::Cursor;
    use std::sync::Arc;

    fn batch() -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
        RecordBatch::try_from_iter([("a", column)]).unwrap()
    }

    fn stream() -> Vec<u8> {
        let mut writer = StreamWriter::try_new(Vec::new(), &batch().schema()).unwrap();
        writer.write(&batch()).unwrap();
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    }

    fn file() -> Vec<u8> {
        let mut writer = FileWriter::try_new(Vec::new(), &batch().schema()).unwrap();
        writer.write(&batch()).unwrap();
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    }

    /// The body with every occurrence of its batch's length replaced.
    fn lying(mut body: Vec<u8>, claimed: i64) -> Vec<u8> {
        const LENGTH: i64 = 832;
        let found: Vec<usize> =
            (0..body.len() - 8).filter(|at| body[*at..at + 8] == LENGTH.to_le_bytes()).collect();
        assert!(!found.is_empty(), "the batch has another length");
        for at in found {
            body[at..at + 8].copy_from_slice(&claimed.to_le_bytes());
        }
        body
    }

    #[rstest]
    #[case::stream(stream(), false)]
    #[case::file(file(), true)]
    #[case::empty(vec![], false)]
    fn what_fits_is_told_apart(#[case] body: Vec<u8>, #[case] expected: bool) {
        assert_eq!(is_file(&mut Cursor::new(body)).unwrap(), expected);
    }

    #[rstest]
    #[case::text(b"neither stream nor file".to_vec())]
    #[case::metadata([&CONTINUATION[..], &i32::MAX.to_le_bytes(), b"few bytes"].concat())]
    #[case::negative([&CONTINUATION[..], &(-2_i32).to_le_bytes()].concat())]
    #[case::body(lying(stream(), 1 << 50))]
    #[case::negative_body(lying(stream(), -1))]
    #[case::block(lying(file(), 1 << 50))]
    #[case::footer([&b"ARROW1"[..], &i32::MAX.to_le_bytes(), b"ARROW1"].concat())]
    fn a_length_beyond_the_end_is_refused(#[case] body: Vec<u8>) {
        let fault = is_file(&mut Cursor::new(body)).unwrap_err().to_string();
        assert!(fault.contains("are left"), "{fault}");
    }
}
