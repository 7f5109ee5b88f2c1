//! A server of the test's own, and what every test does with its client.

use altertable_mock::MockServer;
use arrow::array::RecordBatch;
use arrow_flight::FlightInfo;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use tonic::transport::{Channel, Endpoint};

pub type Client = FlightSqlServiceClient<Channel>;

/// A server that stops with the test.
pub async fn server() -> MockServer {
    MockServer::builder().user("alice", "secret").ephemeral_ports().start().await.unwrap()
}

/// A client without a session.
pub async fn stranger(server: &MockServer) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.addresses().flight)).unwrap();
    FlightSqlServiceClient::new(endpoint.connect().await.unwrap())
}

/// A client with a session; the handshake keeps its token.
pub async fn client(server: &MockServer) -> Client {
    let mut client = stranger(server).await;
    client.handshake("alice", "secret").await.unwrap();
    client
}

/// All rows of a planned query.
pub async fn fetch(client: &mut Client, info: FlightInfo) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    for endpoint in info.endpoint {
        let stream = client.do_get(endpoint.ticket.unwrap()).await.unwrap();
        batches.extend(stream.try_collect::<Vec<_>>().await.unwrap());
    }
    batches
}

/// The rows of a statement as a table of text.
pub async fn query(client: &mut Client, sql: &str) -> String {
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    shown(&fetch(client, info).await)
}

/// One line per row, its values between commas.
pub fn shown(batches: &[RecordBatch]) -> String {
    let mut text = Vec::new();
    let mut writer = arrow::csv::WriterBuilder::new().with_header(false).build(&mut text);
    for batch in batches {
        writer.write(batch).unwrap();
    }
    drop(writer);
    String::from_utf8(text).unwrap()
}
