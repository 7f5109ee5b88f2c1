//! One server for the whole process, and what has to hold of it after every input.

use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use altertable_mock::MockServer;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// The user whose inputs these are, and one whom they must not concern.
const USERS: [(&str, &str); 2] = [("alice", "YWxpY2U6c2VjcmV0"), ("bystander", "YnlzdGFuZGVyOnNlY3JldA==")];
const PASSWORD: &str = "secret";

/// How many inputs a tenant's database sees before it is dropped, so that memory stays flat.
const INPUTS_PER_TENANT: u32 = 250;

/// How long any call may take. The statement's timeout does not reach into what DuckDB makes in one go, such as the
/// billions of characters that `repeat` can be told to make.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Small limits, so that what a limit has to stop is stopped soon.
const FLAGS: &[&str] = &[
    "--tenant-memory-limit=256MB",
    "--tenant-threads=1",
    "--tenant-spool-limit=256MB",
    "--statement-timeout=2",
    "--worker-threads=2",
    "--shutdown-timeout=1",
];

/// Every setting as text: what a session that begins now finds.
const SETTINGS: &str = "SELECT md5(string_agg(concat(name, '=', value), chr(10) ORDER BY name)) AS s \
    FROM duckdb_settings() WHERE name <> 'max_temp_directory_size'";

/// The server under test.
pub struct Server {
    pub runtime: Runtime,
    pub mock: MockServer,
    http: Option<SendRequest<Full<Bytes>>>,
    inputs: u32,
    settings: Option<String>,
}

/// What a call over HTTP brought.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The server, started by the first input. The working folder is an empty one from then on: nothing may appear in it.
pub fn server() -> MutexGuard<'static, Server> {
    static SERVER: OnceLock<Mutex<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| Mutex::new(Server::start()));
    server.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Server {
    fn start() -> Self {
        if let Ok(folder) = std::env::var("FUZZ_EMPTY_FOLDER") {
            std::env::set_current_dir(folder).expect("FUZZ_EMPTY_FOLDER is a folder");
        }
        abort_on_panic();
        let runtime = altertable_mock::runtime().expect("a runtime");
        let builder = MockServer::builder().user(USERS[0].0, PASSWORD).user(USERS[1].0, PASSWORD);
        let mock =
            runtime.block_on(builder.ephemeral_ports().args(FLAGS).start()).expect("the server starts");
        Self { runtime, mock, http: None, inputs: 0, settings: None }
    }

    /// Begins an input: every so often with an empty database.
    pub fn begin(&mut self) {
        self.inputs += 1;
        if self.inputs % INPUTS_PER_TENANT == 0 {
            let (name, _) = USERS[0];
            self.runtime.block_on(self.mock.remove_user(name)).expect("the user was declared");
            self.mock.add_user(name, PASSWORD, None).expect("the name is free");
            // Its folder of temporary files has a name of its own.
            self.settings = None;
        }
        self.query(0, "DROP TABLE IF EXISTS t");
    }

    /// Sends a request as one of the users, and reads the whole answer. A body that no request can have is skipped.
    pub fn call(
        &mut self,
        user: usize,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Option<Answer> {
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Basic {}", USERS[user].1))
            .header("content-type", content_type)
            .body(Full::new(Bytes::copy_from_slice(body)))
            .ok()?;
        let address = self.mock.addresses().lakehouse;
        let mut open = self.http.take().filter(|open| !open.is_closed());
        let (answer, open) = self.runtime.block_on(async move {
            let calling = async {
                // The server may close a connection whose body it did not want to read.
                if let Some(client) = &mut open {
                    if client.ready().await.is_err() {
                        open = None;
                    }
                }
                let mut client = match open {
                    Some(client) => client,
                    None => connect(address).await,
                };
                let response = client.send_request(request).await.expect("an answer");
                let status = response.status().as_u16();
                let body = response.into_body().collect().await.expect("a whole answer").to_bytes().to_vec();
                (Answer { status, body }, client)
            };
            tokio::time::timeout(PATIENCE, calling).await.expect("an answer in time")
        });
        self.http = Some(open);
        Some(answer)
    }

    /// A statement in a session of its own, and the answer, which is no fault of the server's.
    pub fn query(&mut self, user: usize, sql: &str) -> Answer {
        let body = serde_json::json!({ "statement": sql }).to_string();
        let answer =
            self.call(user, "POST", "/query", "application/json", body.as_bytes()).expect("a request");
        assert!(answer.status < 500, "{}: {sql:?}", answer.text());
        answer
    }

    /// After an input: health answers, and so does another tenant's statement.
    pub fn judge(&mut self) {
        let health = self.call(1, "GET", "/health", "text/plain", b"").expect("a request");
        assert_eq!(health.status, 200, "{}", health.text());
        let other = self.query(1, "SELECT 42").text();
        assert!(other.contains("[42]"), "{other}");
    }

    /// After SQL: a fresh session of the same tenant finds every setting as it was, and no file was written.
    pub fn judge_settings(&mut self) {
        let answer = self.query(0, SETTINGS).text();
        let settings = answer.lines().last().unwrap_or_default().to_owned();
        let expected = self.settings.get_or_insert_with(|| settings.clone());
        assert_eq!(*expected, settings, "the settings of a fresh session have changed: {answer}");
        if std::env::var_os("FUZZ_EMPTY_FOLDER").is_some() {
            let files: Vec<_> = std::fs::read_dir(".").expect("the folder is there").collect();
            assert!(files.is_empty(), "a statement made files: {files:?}");
        }
    }
}

async fn connect(address: std::net::SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let (client, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// Ends the process at any panic, even one that the server would survive, but for those of Arrow's reader, whose
/// asserts stand for errors: the server has to catch them, and to answer no fault of its own.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_arrows = panic.location().is_some_and(|at| at.file().contains("/arrow-"));
        if is_arrows {
            eprintln!("{panic}");
        } else {
            report(panic);
            std::process::abort();
        }
    }));
}
