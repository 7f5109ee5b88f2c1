//! A Flight client that sends any bytes as the messages of any RPC.

use bytes::{Buf, BufMut, Bytes};
use futures::StreamExt;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};

use crate::server::PATIENCE;

/// The RPCs, by the first byte of a call.
const RPCS: [&str; 8] = [
    "GetFlightInfo",
    "DoGet",
    "DoPut",
    "DoAction",
    "GetSchema",
    "PollFlightInfo",
    "Handshake",
    "ListActions",
];

/// What divides the calls of an input, and the messages of a call.
const NEXT_CALL: &[u8] = b"~CALL~";
const NEXT_MESSAGE: &[u8] = b"~~MSG~~";

/// Stands for the id in the last answer that held one: ids are 32 hexadecimal digits.
const LAST_ID: &[u8] = b"IDIDIDIDIDIDIDIDIDIDIDIDIDIDIDID";

/// How many bytes of an answer are read before the client goes away.
const ENOUGH: usize = 1 << 20;

/// Makes the calls of an input one after another, in a session of their own.
pub async fn act(address: std::net::SocketAddr, input: &[u8]) {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let channel = endpoint.connect().await.expect("the Flight port is open");
    let hello = call(&channel, "Basic YWxpY2U6c2VjcmV0", "Handshake", Vec::new()).await;
    let token = hello.expect("a session for a declared user");
    let token = token.windows(64).map(String::from_utf8_lossy).next_back();
    let credentials = token.map_or_else(|| "Basic YWxpY2U6c2VjcmV0".to_owned(), |it| format!("Bearer {it}"));
    let mut id = None;
    for part in split(input, NEXT_CALL).into_iter().take(8) {
        let Some((&rpc, messages)) = part.split_first() else { continue };
        let messages =
            split(messages, NEXT_MESSAGE).into_iter().map(|it| with_id(it, id.as_deref())).collect();
        let rpc = RPCS[usize::from(rpc) % RPCS.len()];
        if let Ok(answer) = call(&channel, &credentials, rpc, messages).await {
            id = last_id(&answer).or(id);
        }
    }
    let _ = call(&channel, &credentials, "DoAction", vec![Bytes::from_static(b"\x0a\x0cCloseSession")]).await;
}

/// The first bytes of the answer's messages.
async fn call(
    channel: &Channel,
    credentials: &str,
    rpc: &str,
    messages: Vec<Bytes>,
) -> Result<Vec<u8>, Status> {
    let calling = async {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.expect("the server takes calls");
        let path = format!("/arrow.flight.protocol.FlightService/{rpc}");
        let path = PathAndQuery::try_from(path).expect("a path");
        let mut request = tonic::Request::new(futures::stream::iter(messages));
        let credentials = MetadataValue::try_from(credentials).expect("a header");
        request.metadata_mut().insert("authorization", credentials);
        let mut answers = client.streaming(request, path, Raw).await?.into_inner();
        let mut all = Vec::new();
        while all.len() < ENOUGH {
            match answers.next().await {
                Some(message) => all.extend_from_slice(&message?),
                None => break,
            }
        }
        Ok(all)
    };
    tokio::time::timeout(PATIENCE, calling).await.unwrap_or_else(|_| panic!("{rpc} was not answered in time"))
}

fn split<'a>(input: &'a [u8], by: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some(at) = rest.windows(by.len()).position(|window| window == by) {
        parts.push(&rest[..at]);
        rest = &rest[at + by.len()..];
    }
    parts.push(rest);
    parts
}

fn with_id(message: &[u8], id: Option<&[u8]>) -> Bytes {
    let mut message = message.to_vec();
    if let Some(id) = id {
        while let Some(at) = message.windows(LAST_ID.len()).position(|window| window == LAST_ID) {
            message[at..at + LAST_ID.len()].copy_from_slice(id);
        }
    }
    message.into()
}

fn last_id(answer: &[u8]) -> Option<Vec<u8>> {
    let is_id = |window: &&[u8]| window.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    answer.windows(LAST_ID.len()).rev().find(is_id).map(<[u8]>::to_vec)
}

/// Messages as they are.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
