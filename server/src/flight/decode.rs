//! From FlightData to batches: the inbound side of DoPut, which trusts nothing that it reads.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{read_dictionary, read_record_batch};
use arrow::ipc::{Message, MessageHeader, convert, root_as_message};
use arrow_flight::FlightData;
use tonic::{Status, Streaming};

use crate::error::{Error, ErrorKind, Result};

/// The rows of a DoPut call.
pub(super) struct Upload {
    stream: Streaming<FlightData>,
    first: Option<FlightData>,
    schema: Option<SchemaRef>,
    dictionaries: HashMap<i64, ArrayRef>,
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
        Self { stream, first: Some(first), schema: None, dictionaries: HashMap::new() }
    }

    /// The schema of the rows, which comes before them; none if the stream ends without one.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub(super) async fn schema(&mut self) -> Result<Option<SchemaRef>> {
        while self.schema.is_none() {
            let Some(data) = self.receive().await? else { return Ok(None) };
            if !data.data_header.is_empty() {
                self.schema = Some(read_schema(&data)?);
            }
        }
        Ok(self.schema.clone())
    }

    /// The next rows.
    ///
    /// # Errors
    /// `InvalidArgument` for a message that is not Arrow IPC of the announced schema, `OutOfRange` for one beyond
    /// the limit (FX-4), `Cancelled` when the call breaks off.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.schema().await?.is_none() {
            return Ok(None);
        }
        while let Some(data) = self.receive().await? {
            if data.data_header.is_empty() {
                continue;
            }
            if let Some(batch) = self.read(&data)? {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    async fn receive(&mut self) -> Result<Option<FlightData>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let message = self.stream.message().await.map_err(|status| broken(&status))?;
        if message.is_none() {
            // A cancelled call ends its stream just as a complete one does. Giving way lets hyper look for the
            // cancellation, upon which it drops this future: an upload that goes on from here is complete (FI-5).
            tokio::task::yield_now().await;
        }
        Ok(message)
    }

    fn read(&mut self, data: &FlightData) -> Result<Option<RecordBatch>> {
        let message = root_as_message(&data.data_header).map_err(|e| malformed(&e))?;
        let schema = self.schema.clone().ok_or_else(|| Error::invalid("Rows came before their schema"))?;
        check_bounds(&message, data.data_body.len())?;
        let body = Buffer::from(data.data_body.clone());
        match message.header_type() {
            MessageHeader::RecordBatch => self.read_batch(&message, &body, schema).map(Some),
            MessageHeader::DictionaryBatch => {
                let batch = message.header_as_dictionary_batch().ok_or_else(no_header)?;
                let dictionaries = &mut self.dictionaries;
                guarded(|| read_dictionary(&body, batch, &schema, dictionaries, &message.version()))?;
                Ok(None)
            }
            MessageHeader::Schema if read_schema(data)? == schema => Ok(None),
            other => Err(Error::invalid(format!("Unexpected {} message in the stream", name(other)))),
        }
    }

    fn read_batch(&self, message: &Message<'_>, body: &Buffer, schema: SchemaRef) -> Result<RecordBatch> {
        let batch = message.header_as_record_batch().ok_or_else(no_header)?;
        let nodes = batch.nodes().map_or(0, |nodes| nodes.len());
        if nodes < schema.fields().len() {
            return Err(Error::invalid("A record batch holds fewer columns than its schema"));
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
    let fits = |offset: i64, length: i64| {
        let end = offset.checked_add(length).and_then(|end| usize::try_from(end).ok());
        offset >= 0 && length >= 0 && end.is_some_and(|end| end <= body)
    };
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
