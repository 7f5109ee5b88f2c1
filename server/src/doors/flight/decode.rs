//! From FlightData to batches: the inbound side of DoPut.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow_flight::FlightData;
use tonic::{Status, Streaming};

use super::size::batch_size;
use crate::doors::arrow_ipc::Decoder;
use engine::{Error, ErrorKind, Result};

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

    /// The rows from the first message on, of which each takes at most so many bytes decompressed.
    pub(super) fn new(first: FlightData, stream: Streaming<FlightData>, message_limit: u64) -> Self {
        let decoder = Decoder::new(message_limit);
        Self { stream, first: Some(first), decoder, ready: VecDeque::new(), ended: false }
    }

    /// The schema of the rows, which comes before them; none if the stream ends without one.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub(super) async fn schema(&mut self) -> Result<Option<SchemaRef>> {
        while self.decoder.schema().is_none() {
            let Some(data) = self.receive().await? else { return Ok(None) };
            self.decode(data)?;
        }
        Ok(self.decoder.schema().cloned())
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
            if let Some(batch) = self.decode(data)? {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Reads a message; the rows if it holds some. One without header is the descriptor alone.
    fn decode(&mut self, data: FlightData) -> Result<Option<RecordBatch>> {
        match data.data_header.is_empty() {
            true => Ok(None),
            false => self.decoder.read(&data.data_header, Buffer::from(data.data_body)),
        }
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

fn broken(status: &Status) -> Error {
    let kind = match status.code() {
        tonic::Code::OutOfRange => ErrorKind::OutOfRange,
        tonic::Code::InvalidArgument | tonic::Code::Internal => ErrorKind::InvalidArgument,
        _ => ErrorKind::Cancelled,
    };
    Error::new(kind, status.message())
}
