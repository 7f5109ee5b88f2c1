//! From batches to FlightData: a schema message first (FQ-7), then messages below 2 MiB (FX-4).
//!
//! Encoding runs where the response stream is polled, never on the DuckDB thread.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::{CompressionContext, DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use arrow_flight::{FlightData, SchemaAsIpc};
use futures::stream::{BoxStream, Stream, StreamExt, TryStreamExt, try_unfold, unfold};
use tonic::Status;

use super::size::batch_size;
use super::status::status;
use engine::{Error, Result};

/// What a message aims to stay below, in bytes; arrow-rs clients take 4 MiB.
const TARGET: usize = 2 * 1024 * 1024 - 64 * 1024;

/// A result on its way out: its schema, then its batches.
pub(super) struct Answer {
    /// The schema of the first message, as FlightInfo promised it.
    pub(super) schema: SchemaRef,
    /// The rows; the first error ends the stream.
    pub(super) batches: BoxStream<'static, Result<RecordBatch>>,
}

impl Answer {
    /// An answer of one batch that is already there.
    pub(super) fn of(batch: RecordBatch) -> Self {
        let schema = batch.schema();
        Self { schema, batches: futures::stream::iter([Ok(batch)]).boxed() }
    }

    /// An answer without rows.
    pub(super) fn empty(schema: SchemaRef) -> Self {
        Self { schema, batches: futures::stream::empty().boxed() }
    }

    /// The same answer, whose rows are counted on their way out.
    pub(super) fn count_rows(self, mut count: impl FnMut(usize) + Send + 'static) -> Self {
        let counted = self.batches.inspect_ok(move |batch| count(batch.num_rows()));
        Self { schema: self.schema, batches: counted.boxed() }
    }

    /// The same answer up to so many rows; `reaches` is told when they have come.
    pub(super) fn stop_after(self, rows: u64, reaches: impl Fn() + Send + 'static) -> Self {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let state = (self.batches, rows, reaches);
        let batches = unfold(state, |(mut batches, left, reaches)| async move {
            if left == 0 {
                reaches();
                return None;
            }
            let batch = batches.next().await?.map(|batch| batch.slice(0, batch.num_rows().min(left)));
            let taken = batch.as_ref().map_or(0, RecordBatch::num_rows);
            Some((batch, (batches, left - taken, reaches)))
        });
        Self { schema: self.schema, batches: batches.boxed() }
    }

    /// The answer as the messages of a DoGet.
    pub(super) fn into_messages(self) -> impl Stream<Item = Result<FlightData, Status>> + Send + 'static {
        let options = IpcWriteOptions::default();
        let schema: FlightData = SchemaAsIpc::new(&self.schema, &options).into();
        let encoder = Encoder::new(self.schema, options);
        let state = (encoder, self.batches, VecDeque::from([schema]));
        try_unfold(state, |(mut encoder, mut batches, mut ready)| async move {
            while ready.is_empty() {
                let Some(batch) = batches.next().await else { return Ok(None) };
                encoder.encode(&batch?, &mut ready)?;
            }
            Ok(ready.pop_front().map(|message| (message, (encoder, batches, ready))))
        })
        .map(|message| message.map_err(|error: Error| status(&error)))
    }
}

struct Encoder {
    schema: SchemaRef,
    options: IpcWriteOptions,
    generator: IpcDataGenerator,
    dictionaries: DictionaryTracker,
    compression: CompressionContext,
}

impl Encoder {
    fn new(schema: SchemaRef, options: IpcWriteOptions) -> Self {
        Self {
            schema,
            options,
            generator: IpcDataGenerator::default(),
            dictionaries: DictionaryTracker::new(false),
            compression: CompressionContext::default(),
        }
    }

    /// Appends the messages of a batch, split by rows; a single larger row goes whole.
    fn encode(&mut self, batch: &RecordBatch, out: &mut VecDeque<FlightData>) -> Result<()> {
        agree(&self.schema, batch)?;
        let mut pending = vec![batch.clone()];
        while let Some(part) = pending.pop() {
            let (rows, size) = (part.num_rows(), batch_size(&part));
            if size > TARGET && rows > 1 {
                let pieces = size.div_ceil(TARGET).min(rows);
                let step = rows.div_ceil(pieces);
                let starts = (0..rows).step_by(step).rev();
                pending.extend(starts.map(|at| part.slice(at, step.min(rows - at))));
            } else {
                self.write(&part, out)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut VecDeque<FlightData>) -> Result<()> {
        let (dictionaries, data) = self
            .generator
            .encode(batch, &mut self.dictionaries, &self.options, &mut self.compression)
            .map_err(|e| Error::internal(format!("A batch cannot be encoded: {e}")))?;
        out.extend(dictionaries.into_iter().map(FlightData::from));
        out.push_back(data.into());
        Ok(())
    }
}

/// A batch of other types than the schema message announced would be misread by the client.
fn agree(schema: &Schema, batch: &RecordBatch) -> Result<()> {
    let announced = schema.fields().iter().map(|f| f.data_type());
    let actual = batch.columns().iter().map(|c| c.data_type());
    if announced.eq(actual) || compatible(schema, batch) {
        return Ok(());
    }
    Err(Error::internal(format!("The result's types changed under way: {}", batch.schema())))
}

/// Whether the types differ in nested field metadata only, which does not touch the buffers.
fn compatible(schema: &Schema, batch: &RecordBatch) -> bool {
    schema.fields().len() == batch.num_columns()
        && schema
            .fields()
            .iter()
            .zip(batch.columns())
            .all(|(field, column)| field.data_type().equals_datatype(column.data_type()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int64Type;
    use arrow_flight::decode::FlightRecordBatchStream;
    use futures::TryStreamExt;

    use super::*;

    async fn check(column: ArrayRef) -> Vec<FlightData> {
        let batch = RecordBatch::try_from_iter([("c", column)]).unwrap();
        let messages: Vec<_> = Answer::of(batch.clone()).into_messages().try_collect().await.unwrap();
        let stream = futures::stream::iter(messages.clone().into_iter().map(Ok));
        let back: Vec<_> = FlightRecordBatchStream::new_from_flight_data(stream).try_collect().await.unwrap();
        assert_eq!(arrow::compute::concat_batches(&batch.schema(), &back).unwrap(), batch);
        messages
    }

    #[tokio::test]
    async fn large_batches_are_split_below_two_mebibytes() {
        let strings = StringArray::from_iter_values((0..200_000).map(|i| format!("{i:050}")));
        let messages = check(Arc::new(strings)).await;
        assert!((6..=8).contains(&messages.len()), "{}", messages.len());
        assert!(messages.iter().all(|m| m.data_body.len() < 2 * 1024 * 1024));
    }

    #[tokio::test]
    async fn lists_are_split_by_what_their_rows_hold() {
        let rows = (0..4_000).map(|i| Some((0..256).map(move |j| Some(i * j))));
        let messages = check(Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(rows))).await;
        assert!((5..=8).contains(&messages.len()), "{}", messages.len());
        assert!(messages.iter().all(|m| m.data_body.len() < 2 * 1024 * 1024));
    }

    #[tokio::test]
    async fn a_single_large_row_goes_whole() {
        let messages = check(Arc::new(StringArray::from(vec!["x".repeat(5 << 20), "y".to_owned()]))).await;
        assert_eq!(messages.len(), 3);
    }

    #[tokio::test]
    async fn an_empty_answer_still_has_its_schema() {
        let schema = RecordBatch::try_from_iter([("c", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]);
        let answer = Answer::empty(schema.unwrap().schema());
        let messages: Vec<_> = answer.into_messages().try_collect().await.unwrap();
        assert_eq!(messages.len(), 1);
    }
}
