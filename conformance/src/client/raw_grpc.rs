//! Unary RPCs of any service, bytes in and bytes out.

use super::flight::outcome;
use super::messages::base64;
use super::rpc::{Call, Wire};
use bytes::{Buf as _, BufMut as _, Bytes};
use serde_json::{Value, json};
use tonic::Status;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

#[derive(Debug, Default, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}

impl Call {
    /// Calls `/package.Service/Method`.
    pub async fn rpc(self, path: &str, body: Bytes) -> Value {
        outcome(self.try_rpc(path, body).await.map_err(|status| (status, "rpc")))
    }

    async fn try_rpc(&self, path: &str, body: Bytes) -> Result<Value, Status> {
        let channel = match &self.wire {
            Wire::Grpc(channel) => channel,
            Wire::Driver(driver, url) => {
                let fields = self.addressed(url, json!({"path": path, "body": base64(&body)}));
                return Ok(json!({"base64": driver.rpc("rpc", fields).await?.remove("body")}));
            }
        };
        let path = path.parse().map_err(|_| Status::internal(format!("{path} is no path")))?;
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let answer = grpc.unary(self.request(body), path, Raw).await?;
        Ok(json!({"base64": base64(&answer.into_inner())}))
    }
}
