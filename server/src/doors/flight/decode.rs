//! From FlightData to batches: the inbound side of DoPut, which trusts nothing that it reads.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{read_dictionary, read_record_batch};
use arrow::ipc::{Message, MessageHeader, convert, root_as_message};
use arrow_flight::FlightData;
use tonic::{Status, Streaming};

use super::layout;
use super::size::batch_size;
use engine::{Error, ErrorKind, Result};

/// The most rows of one batch: a column of NULLs takes no bytes, so that the message's size is no bound.
const MAX_ROWS: i64 = i32::MAX as i64;

/// The most that the dictionaries of one stream may take, in bytes.
const MAX_DICTIONARIES: usize = 1 << 30;

/// The rows of a DoPut call.
pub(super) struct Upload {
    stream: Streaming<FlightData>,
    first: Option<FlightData>,
    decoder: Decoder,
    ready: VecDeque<RecordBatch>,
    ended: bool,
}

impl Upload {
    /// The first message of a call, which carries the descriptor.
    ///
    /// # Errors
    /// `InvalidArgument` when there is none, and as [`Self::next`].
    pub(super) async fn first(stream: &mut Streaming<FlightData>) -> Result<FlightData> {
        let first = stream.message().await.map_err(|status| broken(&status))?;
        first.ok_or_else(|| Error::invalid("The upload is empty"))
    }

    /// The rows from the first message on.
    pub(super) fn new(first: FlightData, stream: Streaming<FlightData>) -> Self {
        let decoder = Decoder::default();
        Self { stream, first: Some(first), decoder, ready: VecDeque::new(), ended: false }
    }

    /// The schema of the rows, which comes before them; none if the stream ends without one.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub(super) async fn schema(&mut self) -> Result<Option<SchemaRef>> {
        while self.decoder.schema.is_none() {
            let Some(data) = self.receive().await? else { return Ok(None) };
            self.decoder.read(&data)?;
        }
        Ok(self.decoder.schema.clone())
    }

    /// The next rows.
    ///
    /// # Errors
    /// `InvalidArgument` for a message that is not Arrow IPC of the announced schema, `OutOfRange` for one beyond
    /// the limit (FX-4), `Cancelled` when the call breaks off.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        match self.ready.pop_front() {
            None => self.decode_next().await,
            batch => Ok(batch),
        }
    }

    /// Decodes up to about `bytes` of rows ahead, for [`Self::next`] to return without waiting on the client.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub(super) async fn read_ahead(&mut self, bytes: usize) -> Result<()> {
        let mut size = 0;
        while size < bytes {
            let Some(batch) = self.decode_next().await? else { break };
            size += batch_size(&batch);
            self.ready.push_back(batch);
        }
        Ok(())
    }

    async fn decode_next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(data) = self.receive().await? {
            if let Some(batch) = self.decoder.read(&data)? {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    async fn receive(&mut self) -> Result<Option<FlightData>> {
        if self.first.is_some() || self.ended {
            return Ok(self.first.take());
        }
        let message = self.stream.message().await.map_err(|status| broken(&status))?;
        if message.is_none() {
            // A cancelled call ends its stream just as a complete one does. Giving way lets hyper look for the
            // cancellation, upon which it drops this future: an upload that goes on from here is complete (FI-5).
            tokio::task::yield_now().await;
            self.ended = true;
        }
        Ok(message)
    }
}

/// What the messages of an upload have said so far.
#[derive(Default)]
struct Decoder {
    schema: Option<SchemaRef>,
    has_unions: bool,
    dictionaries: HashMap<i64, ArrayRef>,
}

impl Decoder {
    /// Reads a message; the rows if it holds some. One without header is the descriptor alone.
    fn read(&mut self, data: &FlightData) -> Result<Option<RecordBatch>> {
        if data.data_header.is_empty() {
            return Ok(None);
        }
        let Some(schema) = self.schema.clone() else {
            let schema = read_schema(data)?;
            self.has_unions = schema.fields().iter().any(|field| holds_union(field.data_type()));
            self.schema = Some(schema);
            return Ok(None);
        };
        let message = root_as_message(&data.data_header).map_err(|e| malformed(&e))?;
        check_bounds(&message, data.data_body.len())?;
        let body = self.body(data);
        match message.header_type() {
            MessageHeader::RecordBatch => self.read_batch(&message, &body, schema).map(Some),
            MessageHeader::DictionaryBatch => {
                let batch = message.header_as_dictionary_batch().ok_or_else(no_header)?;
                let dictionaries = &mut self.dictionaries;
                guarded(|| read_dictionary(&body, batch, &schema, dictionaries, &message.version()))?;
                self.check_dictionaries()?;
                Ok(None)
            }
            MessageHeader::Schema if read_schema(data)? == schema => Ok(None),
            other => Err(Error::invalid(format!("Unexpected {} message in the stream", name(other)))),
        }
    }

    /// Each message is bounded by its size, and a dictionary grows with each of them (FX-6).
    fn check_dictionaries(&self) -> Result<()> {
        let size: usize = self.dictionaries.values().map(Array::get_array_memory_size).sum();
        match size <= MAX_DICTIONARIES {
            true => Ok(()),
            false => {
                let message = "The dictionaries of the stream take more than 1 GiB";
                Err(Error::new(ErrorKind::OutOfRange, message))
            }
        }
    }

    /// The body of a message. Arrow's reader aligns what it reads, except for the offsets of dense unions, and where
    /// gRPC puts a body is chance.
    fn body(&self, data: &FlightData) -> Buffer {
        match self.has_unions {
            true => Buffer::from(data.data_body.as_ref()),
            false => Buffer::from(data.data_body.clone()),
        }
    }

    fn read_batch(&self, message: &Message<'_>, body: &Buffer, schema: SchemaRef) -> Result<RecordBatch> {
        let batch = message.header_as_record_batch().ok_or_else(no_header)?;
        if !(0..=MAX_ROWS).contains(&batch.length()) {
            return Err(Error::invalid("A record batch claims more rows than one may hold"));
        }
        if !layout::fits(batch, schema.fields().iter().map(Arc::as_ref), message.version()) {
            return Err(Error::invalid("A record batch does not have the columns of the stream's schema"));
        }
        guarded(|| read_record_batch(body, batch, schema, &self.dictionaries, None, &message.version()))
    }
}

fn read_schema(data: &FlightData) -> Result<SchemaRef> {
    let message = root_as_message(&data.data_header).map_err(|e| malformed(&e))?;
    let schema = message
        .header_as_schema()
        .ok_or_else(|| Error::invalid("The stream does not start with a schema"))?;
    guarded(|| Ok(Arc::new(convert::fb_to_schema(schema))))
}

fn holds_union(ty: &DataType) -> bool {
    match ty {
        DataType::Union(..) => true,
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::ListView(child)
        | DataType::LargeListView(child)
        | DataType::FixedSizeList(child, _)
        | DataType::Map(child, _)
        | DataType::RunEndEncoded(_, child) => holds_union(child.data_type()),
        DataType::Dictionary(_, values) => holds_union(values),
        DataType::Struct(fields) => fields.iter().any(|field| holds_union(field.data_type())),
        _ => false,
    }
}

/// Arrow's reader asserts some of what a hostile stream may break: such a message is refused like any other.
fn guarded<T>(read: impl FnOnce() -> Result<T, ArrowError>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|e| malformed(&e)),
        Err(_) => Err(Error::invalid("The stream is not valid Arrow IPC")),
    }
}

/// Arrow's reader slices the body by these numbers unchecked.
fn check_bounds(message: &Message<'_>, body: usize) -> Result<()> {
    let batch = match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|d| d.data()),
        _ => return Ok(()),
    };
    let buffers = batch.and_then(|batch| batch.buffers());
    let end =
        |offset: i64, length: i64| usize::try_from(offset).ok()?.checked_add(usize::try_from(length).ok()?);
    let fits = |offset, length| end(offset, length).is_some_and(|end| end <= body);
    match buffers.is_none_or(|buffers| buffers.iter().all(|b| fits(b.offset(), b.length()))) {
        true => Ok(()),
        false => Err(Error::invalid("A record batch is truncated: its buffers exceed the message body")),
    }
}

fn broken(status: &Status) -> Error {
    let kind = match status.code() {
        tonic::Code::OutOfRange => ErrorKind::OutOfRange,
        tonic::Code::InvalidArgument | tonic::Code::Internal => ErrorKind::InvalidArgument,
        _ => ErrorKind::Cancelled,
    };
    Error::new(kind, status.message())
}

fn malformed(fault: &dyn std::fmt::Display) -> Error {
    Error::invalid(format!("The stream is not valid Arrow IPC: {fault}"))
}

fn no_header() -> Error {
    Error::invalid("An Arrow IPC message has no header")
}

fn name(header: MessageHeader) -> &'static str {
    header.variant_name().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int32Type;
    use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
    use bytes::Bytes;
    use futures::{FutureExt, StreamExt, TryStreamExt};
    use proptest::prelude::*;

    use super::*;

    fn batch() -> RecordBatch {
        let lists = [Some(vec![Some(1), None]), None, Some(vec![])];
        let words: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
        RecordBatch::try_from_iter_with_nullable([
            ("i", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef, true),
            ("s", Arc::new(StringArray::from(vec![Some("a"), None, Some("ccc")])), true),
            ("l", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)), true),
            ("d", Arc::new(words), true),
        ])
        .unwrap()
    }

    /// A schema, a dictionary and a batch.
    fn messages() -> Vec<FlightData> {
        let encoder = FlightDataEncoderBuilder::new().with_dictionary_handling(DictionaryHandling::Resend);
        let encoded = encoder.build(futures::stream::iter([Ok(batch())]).boxed());
        encoded.try_collect().now_or_never().unwrap().unwrap()
    }

    fn decode(messages: &[FlightData]) -> Result<Vec<RecordBatch>> {
        let mut decoder = Decoder::default();
        messages.iter().filter_map(|message| decoder.read(message).transpose()).collect()
    }

    #[test]
    fn what_was_encoded_is_read_back() {
        assert_eq!(decode(&messages()), Ok(vec![batch()]));
    }

    #[test]
    fn a_body_cut_short_is_refused() {
        let mut messages = messages();
        let body = messages[2].data_body.clone();
        messages[2].data_body = body.slice(..body.len() - 64);
        assert!(decode(&messages).unwrap_err().message().contains("truncated"));
    }

    #[test]
    fn a_batch_of_another_schema_is_refused() {
        let other: [(&str, ArrayRef); 4] = [
            ("i", Arc::new(StringArray::from(vec!["a"]))),
            ("s", Arc::new(StringArray::from(vec!["a"]))),
            ("l", Arc::new(StringArray::from(vec!["a"]))),
            ("d", Arc::new(StringArray::from(vec!["a"]))),
        ];
        let other = RecordBatch::try_from_iter(other).unwrap();
        let encoded = FlightDataEncoderBuilder::new().build(futures::stream::iter([Ok(other)]).boxed());
        let other: Vec<FlightData> = encoded.try_collect().now_or_never().unwrap().unwrap();
        let mut messages = messages();
        messages.truncate(2);
        messages.extend(other.into_iter().skip(1));
        assert!(decode(&messages).unwrap_err().message().contains("columns of the stream's schema"));
    }

    #[test]
    fn another_schema_on_the_way_is_refused() {
        let mut messages = messages();
        let other =
            RecordBatch::try_from_iter([("x", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
        let encoded = FlightDataEncoderBuilder::new().build(futures::stream::iter([Ok(other)]).boxed());
        let other: Vec<FlightData> = encoded.try_collect().now_or_never().unwrap().unwrap();
        messages.splice(2..2, other.into_iter().take(1));
        assert!(decode(&messages).unwrap_err().message().contains("Unexpected Schema message"));
    }

    proptest! {
        #[test]
        fn damaged_messages_end_in_an_answer(at in 0usize..3, header in any::<bool>(), place in 0usize..2_000, byte: u8) {
            let mut messages = messages();
            let part = if header { &mut messages[at].data_header } else { &mut messages[at].data_body };
            let mut bytes = part.to_vec();
            let places = bytes.len().max(1);
            if let Some(damaged) = bytes.get_mut(place % places) {
                *damaged = byte;
            }
            *part = Bytes::from(bytes);
            if let Err(error) = decode(&messages) {
                prop_assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            }
        }
    }
}
