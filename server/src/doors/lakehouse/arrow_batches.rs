//! The batches of an Arrow IPC body, a stream or a file (LU-08). Every length in it is looked at before it is believed: a
//! few bytes may claim more than the machine has.

use std::io::{self, ErrorKind as Io, Read, Seek, SeekFrom};
use std::vec::IntoIter;

use arrow::array::RecordBatch;
use arrow::buffer::{Buffer, MutableBuffer};
use arrow::datatypes::SchemaRef;
use arrow::ipc::{Block, root_as_footer, root_as_message};

use crate::doors::arrow_ipc::Decoder;
use engine::{Error, ErrorKind, Result};

const MAGIC: &[u8; 6] = b"ARROW1";

/// Starts a message since Arrow 0.15; before, its length did.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The batches of a body, read one at a time.
pub(super) struct ArrowBatches<R> {
    body: R,
    /// How many bytes the body has.
    end: u64,
    decoder: Decoder,
    schema: SchemaRef,
    rest: Rest,
}

/// Where the next messages are.
enum Rest {
    /// One behind the other.
    Stream,
    /// Where the footer of a file says.
    File(IntoIter<Block>),
    /// Nowhere.
    Over,
}

impl<R: Read + Seek> ArrowBatches<R> {
    /// Opens a body, whose messages have at most so many bytes decompressed.
    ///
    /// # Errors
    /// InvalidData for what is neither a stream nor a file; Internal when the body cannot be read.
    pub(super) fn open(mut body: R, message_limit: u64) -> Result<Self> {
        let end = body.seek(SeekFrom::End(0)).map_err(|fault| unread(&fault))?;
        let mut magic = [0; MAGIC.len()];
        body.rewind().map_err(|fault| unread(&fault))?;
        // A body shorter than the magic is no IPC file, and reading it as a stream says what is wrong with it.
        let is_file = body.read_exact(&mut magic).is_ok() && &magic == MAGIC;
        body.rewind().map_err(|fault| unread(&fault))?;
        let mut opened = Opening { body, end, decoder: Decoder::new(message_limit) };
        let rest = if is_file { opened.file() } else { opened.stream() }.map_err(data)?;
        let Opening { body, end, decoder } = opened;
        let schema = decoder.schema().cloned().ok_or_else(|| malformed("it has no schema"))?;
        Ok(Self { body, end, decoder, schema, rest })
    }

    /// The schema of every batch.
    pub(super) fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// How many bytes the batches so far had, decompressed.
    pub(super) fn bytes(&self) -> u64 {
        self.decoder.bytes()
    }

    fn read(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let message = match &mut self.rest {
                Rest::Stream => next_message(&mut self.body, self.end)?,
                Rest::File(blocks) => {
                    let block = blocks.next();
                    block.map(|block| message_of(&mut self.body, self.end, &block)).transpose()?
                }
                Rest::Over => None,
            };
            let Some((header, body)) = message else { return Ok(None) };
            if let Some(batch) = self.decoder.read(&header, body)? {
                return Ok(Some(batch));
            }
        }
    }
}

impl<R: Read + Seek> Iterator for ArrowBatches<R> {
    type Item = Result<RecordBatch>;

    /// The next batch; InvalidData where the body breaks the format, which ends it.
    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read().map_err(data).transpose();
        if !matches!(read, Some(Ok(_))) {
            self.rest = Rest::Over;
        }
        read
    }
}

/// A body whose schema is being read.
struct Opening<R> {
    body: R,
    end: u64,
    decoder: Decoder,
}

impl<R: Read + Seek> Opening<R> {
    fn stream(&mut self) -> Result<Rest> {
        let (header, body) =
            next_message(&mut self.body, self.end)?.ok_or_else(|| malformed("it has no schema"))?;
        self.decoder.read(&header, body).map(|_| Rest::Stream)
    }

    /// Reads the footer, and the dictionaries that it names, which may be behind the batches that need them.
    fn file(&mut self) -> Result<Rest> {
        const TAIL: u64 = 4 + MAGIC.len() as u64;
        let start = self.end.checked_sub(TAIL).ok_or_else(|| malformed("it is too short"))?;
        let mut tail = [0; TAIL as usize];
        read_at(&mut self.body, start, &mut tail)?;
        let [a, b, c, d, magic @ ..] = tail;
        if &magic != MAGIC {
            return Err(malformed("it is a file that breaks off before its footer"));
        }
        let length = within(i32::from_le_bytes([a, b, c, d]).into(), start)?;
        let mut footer = vec![0; length as usize];
        read_at(&mut self.body, start - length, &mut footer)?;
        let footer = root_as_footer(&footer).map_err(malformed)?;
        self.decoder.set_schema(footer.schema().ok_or_else(|| malformed("it has no schema"))?)?;
        for block in footer.dictionaries().into_iter().flatten() {
            let (header, body) = message_of(&mut self.body, self.end, block)?;
            self.decoder.read(&header, body)?;
        }
        let blocks: Vec<Block> = footer.recordBatches().into_iter().flatten().copied().collect();
        Ok(Rest::File(blocks.into_iter()))
    }
}

/// A message's header and its body.
type Message = (Vec<u8>, Buffer);

/// The message that begins here; `None` where the stream ends.
fn next_message(body: &mut (impl Read + Seek), end: u64) -> Result<Option<Message>> {
    let Some(length) = header_length(body)? else { return Ok(None) };
    let start = body.stream_position().map_err(|fault| unread(&fault))?;
    let left = end.saturating_sub(start);
    let mut header = vec![0; within(length, left)? as usize];
    body.read_exact(&mut header).map_err(|fault| unread(&fault))?;
    let length = root_as_message(&header).map_err(malformed)?.bodyLength();
    let contents = buffer(body, within(length, left - header.len() as u64)?)?;
    Ok(Some((header, contents)))
}

/// The length of the next message's header; `None` where the stream ends.
fn header_length(body: &mut impl Read) -> Result<Option<i64>> {
    let mut word = [0; 4];
    match body.read_exact(&mut word) {
        Err(fault) if fault.kind() == Io::UnexpectedEof => return Ok(None),
        read => read.map_err(|fault| unread(&fault))?,
    }
    if word == CONTINUATION {
        body.read_exact(&mut word).map_err(|fault| unread(&fault))?;
    }
    let length = i32::from_le_bytes(word);
    Ok((length != 0).then_some(length.into()))
}

/// The message that a block of a file's footer names.
fn message_of(body: &mut (impl Read + Seek), end: u64, block: &Block) -> Result<Message> {
    let start = within(block.offset(), end)?;
    let length = within(block.metaDataLength().into(), end - start)?;
    let contents = within(block.bodyLength(), end - start - length)?;
    body.seek(SeekFrom::Start(start)).map_err(|fault| unread(&fault))?;
    let told = header_length(body)?.ok_or_else(|| malformed("a block of it has no message"))?;
    let mut header = vec![0; within(told, length)? as usize];
    body.read_exact(&mut header).map_err(|fault| unread(&fault))?;
    body.seek(SeekFrom::Start(start + length)).map_err(|fault| unread(&fault))?;
    Ok((header, buffer(body, contents)?))
}

fn buffer(body: &mut impl Read, length: u64) -> Result<Buffer> {
    let mut buffer = MutableBuffer::from_len_zeroed(length as usize);
    body.read_exact(buffer.as_slice_mut()).map_err(|fault| unread(&fault))?;
    Ok(buffer.into())
}

fn read_at(body: &mut (impl Read + Seek), start: u64, bytes: &mut [u8]) -> Result<()> {
    let read = body.seek(SeekFrom::Start(start)).and_then(|_| body.read_exact(bytes));
    read.map_err(|fault| unread(&fault))
}

/// The length, if so much is left.
fn within(length: i64, left: u64) -> Result<u64> {
    let told = u64::try_from(length).ok().filter(|length| *length <= left);
    told.ok_or_else(|| malformed(format!("a part of it claims {length} bytes where {left} are left")))
}

/// A body that ends too early breaks the format; any other fault of reading it is the server's.
fn unread(fault: &io::Error) -> Error {
    match fault.kind() {
        Io::UnexpectedEof => malformed("it breaks off"),
        _ => Error::internal(format!("cannot read an upload: {fault}")),
    }
}

fn malformed(fault: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the body is not an Arrow IPC stream or file: {fault}"))
}

/// Whatever is wrong with a message is the fault of the data.
fn data(fault: Error) -> Error {
    match fault.kind() {
        ErrorKind::Internal | ErrorKind::InvalidData => fault,
        _ => malformed(fault.message()),
    }
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

    fn read(body: Vec<u8>) -> Result<Vec<RecordBatch>> {
        ArrowBatches::open(Cursor::new(body), 1 << 20)?.collect()
    }

    #[rstest]
    #[case::stream(stream())]
    #[case::file(file())]
    fn streams_and_files_are_told_apart(#[case] body: Vec<u8>) {
        assert_eq!(read(body).unwrap(), [batch()]);
    }

    #[test]
    fn what_breaks_off_is_refused() {
        for body in [stream(), file()] {
            for length in 0..body.len() {
                // A stream may end behind any message, also without the mark for it.
                let read = read(body[..length].to_vec());
                assert!(read.is_err() || read.unwrap().len() <= 1, "{length}");
            }
        }
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
        let fault = read(body).unwrap_err().to_string();
        assert!(fault.contains("are left"), "{fault}");
    }
}
