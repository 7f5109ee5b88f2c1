//! Compressed messages made plain: the body's buffers decompressed, and the header that says where they are written anew.
//!
//! Arrow's reader could decompress too, but makes room for whatever length a buffer claims, and reads LZ4 beyond it.

use std::borrow::Cow;
use std::io::Read;

use arrow::buffer::{Buffer, MutableBuffer};
use arrow::ipc::{
    Buffer as Place, CompressionType, DictionaryBatchBuilder, FieldNode, Message, MessageBuilder,
    MessageHeader, RecordBatch, RecordBatchBuilder, root_as_message,
};
use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::{layout, malformed, no_header, too_large};
use engine::{Error, ErrorKind, Result};

/// What each buffer begins at a multiple of.
const ALIGNMENT: usize = 64;

/// The length that says that a buffer is not compressed after all.
const AS_IT_IS: i64 = -1;

/// A message without compression.
pub(super) struct Plain<'a> {
    header: Cow<'a, [u8]>,
    pub(super) body: Buffer,
}

impl Plain<'_> {
    /// The message.
    ///
    /// # Errors
    /// `InvalidArgument`, for one that was none before.
    pub(super) fn message(&self) -> Result<Message<'_>> {
        root_as_message(&self.header).map_err(|e| malformed(&e))
    }
}

/// A message that holds a batch or a dictionary, without compression; its buffers lie within its body.
///
/// # Errors
/// `InvalidArgument` for buffers beyond the body, and for data that cannot be decompressed or takes more than `limit` bytes.
pub(super) fn plain<'a>(
    message: &Message<'_>,
    header: &'a [u8],
    body: Buffer,
    limit: u64,
) -> Result<Plain<'a>> {
    let dictionary = message.header_as_dictionary_batch();
    let batch = message.header_as_record_batch().or_else(|| dictionary.and_then(|batch| batch.data()));
    let batch = batch.ok_or_else(no_header)?;
    layout::check_bounds(batch.buffers().into_iter().flatten(), body.len())?;
    let Some(compression) = batch.compression() else {
        return Ok(Plain { header: Cow::Borrowed(header), body });
    };
    let (places, body) = decompress_all(batch, compression.codec(), &body, limit)?;
    let mut builder = FlatBufferBuilder::new();
    let data = without_compression(&mut builder, batch, &places);
    let (kind, data) = match dictionary {
        None => (MessageHeader::RecordBatch, data.as_union_value()),
        Some(dictionary) => {
            let mut written = DictionaryBatchBuilder::new(&mut builder);
            written.add_id(dictionary.id());
            written.add_data(data);
            written.add_isDelta(dictionary.isDelta());
            (MessageHeader::DictionaryBatch, written.finish().as_union_value())
        }
    };
    let mut written = MessageBuilder::new(&mut builder);
    written.add_version(message.version());
    written.add_header_type(kind);
    written.add_header(data);
    written.add_bodyLength(i64::try_from(body.len()).unwrap_or(i64::MAX));
    let root = written.finish();
    builder.finish(root, None);
    Ok(Plain { header: Cow::Owned(builder.finished_data().to_vec()), body })
}

/// The header of a batch again, its buffers at other places.
fn without_compression<'b>(
    builder: &mut FlatBufferBuilder<'b>,
    batch: RecordBatch<'_>,
    places: &[Place],
) -> WIPOffset<RecordBatch<'b>> {
    let nodes: Vec<FieldNode> = batch.nodes().into_iter().flatten().copied().collect();
    let nodes = builder.create_vector(&nodes);
    let places = builder.create_vector(places);
    let variadic: Option<Vec<i64>> = batch.variadicBufferCounts().map(|counts| counts.iter().collect());
    let variadic = variadic.map(|counts| builder.create_vector(&counts));
    let mut written = RecordBatchBuilder::new(builder);
    written.add_length(batch.length());
    written.add_nodes(nodes);
    written.add_buffers(places);
    if let Some(variadic) = variadic {
        written.add_variadicBufferCounts(variadic);
    }
    written.finish()
}

/// The buffers of a batch decompressed into one body, and where they are in it.
fn decompress_all(
    batch: RecordBatch<'_>,
    codec: CompressionType,
    body: &Buffer,
    limit: u64,
) -> Result<(Vec<Place>, Buffer)> {
    let mut plain = MutableBuffer::new(0);
    let mut places = Vec::new();
    let mut left = limit;
    for buffer in batch.buffers().into_iter().flatten() {
        let (offset, length) = (buffer.offset() as usize, buffer.length() as usize);
        let start = plain.len();
        if length > 0 {
            let decompressed = decompress(&body[offset..offset + length], codec, left)?;
            let decompressed = decompressed.ok_or_else(|| beyond(limit))?;
            left -= decompressed.len() as u64;
            plain.extend_from_slice(&decompressed);
        }
        places.push(Place::new(start as i64, (plain.len() - start) as i64));
        plain.resize(plain.len().next_multiple_of(ALIGNMENT), 0);
    }
    Ok((places, plain.into()))
}

/// A buffer as it was before compression: its length comes first, in eight bytes. `None` if that is more than is left.
fn decompress(bytes: &[u8], codec: CompressionType, left: u64) -> Result<Option<Cow<'_, [u8]>>> {
    let (length, bytes) =
        bytes.split_first_chunk().ok_or_else(|| Error::invalid("A compressed buffer has no length"))?;
    let length = match i64::from_le_bytes(*length) {
        0 => return Ok(Some(Cow::Borrowed(&[]))),
        AS_IT_IS => return Ok((bytes.len() as u64 <= left).then_some(Cow::Borrowed(bytes))),
        length => match u64::try_from(length) {
            Ok(length) if length <= left => length,
            _ => return Ok(None),
        },
    };
    let mut plain = Vec::new();
    // One byte more than it claims tells that it claims too little.
    let read = match codec {
        CompressionType::LZ4_FRAME => {
            lz4_flex::frame::FrameDecoder::new(bytes).take(length + 1).read_to_end(&mut plain)
        }
        CompressionType::ZSTD => zstd::stream::read::Decoder::with_buffer(bytes)
            .and_then(|decoder| decoder.single_frame().take(length + 1).read_to_end(&mut plain)),
        _ => return Err(Error::invalid("The stream is compressed in a way that Arrow does not have")),
    };
    read.map_err(|e| malformed(&format!("a buffer cannot be decompressed: {e}")))?;
    match plain.len() as u64 == length {
        true => Ok(Some(Cow::Owned(plain))),
        false => Err(Error::invalid("A compressed buffer has another length than it claims")),
    }
}

fn beyond(limit: u64) -> Error {
    too_large("a message of Arrow once it is decompressed", limit, ErrorKind::InvalidArgument)
}
