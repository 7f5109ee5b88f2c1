//! What the decoder makes of whole and of damaged messages.

use arrow::array::{DictionaryArray, Int64Array, ListArray, StringArray};
use arrow::datatypes::Int32Type;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt};
use proptest::prelude::*;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow_flight::FlightData;

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
    let mut decoder = Decoder::new(1 << 20);
    let read = |message: &FlightData| {
        decoder.read(&message.data_header, Buffer::from(message.data_body.clone())).transpose()
    };
    messages.iter().filter_map(read).collect()
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
    let other = RecordBatch::try_from_iter([("x", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
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
