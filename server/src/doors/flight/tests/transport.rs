use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::sql::{CommandStatementIngest, TableDefinitionOptions};
use futures::StreamExt;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};
use tower::ServiceExt;

use super::client::{Door, descriptor};
use crate::config::{FlightOptions, TlsOptions};
use crate::doors::calls;
use crate::doors::flight::server::MANNER;
use crate::doors::metrics::Metrics;
use crate::doors::tls::TlsIdentity;
use engine::{Account, Engine, EngineConfig};

fn with_tls() -> (Door, Arc<ClientConfig>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let tls = TlsIdentity::new(&TlsOptions::Generate { ca_file: ca_file.clone() }).unwrap();
    let door = Door::open_as(EngineConfig::default(), &FlightOptions::default(), Some(&tls));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    (door, Arc::new(config), folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_port_takes_tls_and_plaintext() {
    let (door, config, _folder) = with_tls();
    let silent = TcpStream::connect(door.address).await.unwrap();
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    for name in ["localhost", "127.0.0.1", "::1", &host] {
        let stream = TcpStream::connect(door.address).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = TlsConnector::from(Arc::clone(&config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame[3], 4, "a SETTINGS frame comes first");
    }
    let mut client = door.client("alice").await;
    assert_eq!(client.query("SELECT 1").await.unwrap(), "1");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_closed() {
    let door = Door::open();
    let mut silent = TcpStream::connect(door.address).await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(12), silent.read(&mut [0])).await;
    assert_eq!(closed.unwrap().unwrap_or_default(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_without_calls_are_answered_and_never_held_against_a_client() {
    const PING: u8 = 6;
    let door = Door::open();
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut answered = 0;
    for _ in 0..200 {
        stream.write_all(b"\0\0\x08\x06\0\0\0\0\0pingpong").await.unwrap();
        let mut head = [0; 9];
        loop {
            stream.read_exact(&mut head).await.unwrap();
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            stream.read_exact(&mut payload).await.unwrap();
            assert_ne!(head[3], 7, "GOAWAY after {answered} pings");
            if head[3] == PING && head[4] == 1 {
                break;
            }
        }
        answered += 1;
    }
    assert_eq!(answered, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_served_without_credentials() {
    let door = Door::open();
    let mut health = HealthClient::new(door.endpoint.connect().await.unwrap());
    for service in ["", "arrow.flight.protocol.FlightService"] {
        let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap();
        assert_eq!(answer.into_inner().status, 1);
    }
    let unknown = health.check(HealthCheckRequest { service: "unknown".to_owned() }).await;
    assert_eq!(unknown.unwrap_err().code(), tonic::Code::NotFound);
}

async fn ask(door: &Door, message: MessageRequest) -> MessageResponse {
    let mut client = ServerReflectionClient::new(door.endpoint.connect().await.unwrap());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let answers = client.server_reflection_info(futures::stream::iter([request])).await.unwrap();
    let answer: ServerReflectionResponse = answers.into_inner().message().await.unwrap().unwrap();
    answer.message_response.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_every_service() {
    let door = Door::open();
    let MessageResponse::ListServicesResponse(list) =
        ask(&door, MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list")
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    let expected = [
        "arrow.flight.protocol.FlightService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];
    assert_eq!(names, expected);
    for symbol in
        ["arrow.flight.protocol.SetSessionOptionsRequest", "arrow.flight.protocol.sql.CommandStatementIngest"]
    {
        let answer = ask(&door, MessageRequest::FileContainingSymbol(symbol.to_owned())).await;
        assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{answer:?}");
    }
}

#[tokio::test]
async fn a_panic_is_internal_also_in_the_middle_of_an_answer() {
    let router = calls::watch(
        calls::panicking(),
        MANNER,
        Metrics::new(&Engine::new(EngineConfig::default())).unwrap(),
    );
    let request = |path: &str| http::Request::builder().uri(path).body(axum::body::Body::empty()).unwrap();
    let response = router.clone().oneshot(request("/panic")).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "13");
    let later = router.oneshot(request("/panic/later")).await.unwrap();
    let trailers = later.into_body().collect().await.unwrap().trailers().cloned().unwrap();
    assert_eq!(trailers["grpc-status"], "13");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_beyond_the_limit_is_told_so_and_closed() {
    let second = Duration::from_secs(1);
    let server = Door::server(EngineConfig::default(), &FlightOptions::default(), None);
    let door = Door::open_server(server, Door::connections(Some(1), 120 * second));
    let held = door.endpoint.connect().await.unwrap();
    let check = || HealthCheckRequest { service: String::new() };
    assert!(HealthClient::new(held.clone()).check(check()).await.is_ok());
    let refused = HealthClient::new(door.endpoint.connect().await.unwrap()).check(check()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    assert!(refused.message().contains("at most 1; raise it with --door-connection-limit"), "{refused}");
    assert!(HealthClient::new(held.clone()).check(check()).await.is_ok(), "the one in its place goes on");

    let mut stream = TcpStream::connect(door.address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let closed = async { while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(5 * second, closed).await.unwrap();
}

/// A path to `target` on which everything is lost once `cut` fires, without a word to either end.
async fn lossy_path(target: SocketAddr, cut: CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut client = listener.accept().await.unwrap().0;
        let mut server = TcpStream::connect(target).await.unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
            () = cut.cancelled() => std::future::pending().await,
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_lost_in_the_middle_of_an_upload_costs_its_transaction_within_the_timeout() {
    let second = Duration::from_secs(1);
    let account = Account { name: "alice".to_owned(), password: "alice-pw".to_owned() };
    let engine = EngineConfig { users: vec![account], ..EngineConfig::default() };
    let server = Door::server(engine, &FlightOptions::default(), None);
    let mut door = Door::open_server(server, Door::connections(None, 4 * second));
    let mut other = door.client("alice").await;

    let cut = CancellationToken::new();
    let path = lossy_path(door.address, cut.clone()).await;
    door.endpoint = Endpoint::from_shared(format!("http://{path}")).unwrap();
    let mut lost = door.client("alice").await;
    let rows = std::iter::repeat_with(|| {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100_000));
        Ok(RecordBatch::try_from_iter([("id", ids)]).unwrap())
    });
    let command = CommandStatementIngest {
        table: "t".to_owned(),
        table_definition_options: Some(TableDefinitionOptions { if_not_exist: 1, if_exists: 1 }),
        ..Default::default()
    };
    let endless = FlightDataEncoderBuilder::new()
        .with_flight_descriptor(Some(descriptor(&command)))
        .build(futures::stream::iter(rows))
        .map(Result::unwrap)
        .then(|data| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            data
        });
    let uploading = tokio::spawn(async move { lost.put(endless).await });
    tokio::time::sleep(second).await;
    let create = "CREATE TABLE t (other VARCHAR)";
    assert!(other.update(create).await.is_err(), "the upload's transaction has made the table");

    cut.cancel();
    let began = std::time::Instant::now();
    while other.update(create).await.is_err() {
        assert!(began.elapsed() < 8 * second, "the transaction of a lost peer is still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() > second, "the peer was not lost");
    assert_eq!(other.query("SELECT count(*) FROM t").await.unwrap(), "0");
    uploading.abort();
}
