//! A proxy in front of a REST door that is as wrong as its fault says, and streams what the fault leaves alone.

use crate::HELD;
use crate::fault::Http;
use crate::message::{Call, Reply};
use altertable_mock_conformance::fault::{During as _, Result};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long a connection to the server may idle: less than the server lets it.
const IDLE: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Proxy {
    server: String,
    client: reqwest::Client,
    wrong: Http,
}

/// Starts a proxy in front of `server`; its address.
pub async fn start(server: String, wrong: Http) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.during("a port for the proxy")?;
    let address = listener.local_addr().during("the proxy's address")?;
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).pool_idle_timeout(IDLE);
    let proxy = Proxy { server, client: client.build().during("the proxy's client")?, wrong };
    let router = axum::Router::new().fallback(pass).with_state(proxy);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}"))
}

async fn pass(State(proxy): State<Proxy>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
    };
    if let Some(reply) = (proxy.wrong.instead)(&call) {
        return whole(reply);
    }
    if let Some(extra) = (proxy.wrong.beforehand)(&call) {
        proxy.ask(extra).await;
    }
    let asked = call.clone();
    (proxy.wrong.request)(&mut call);
    match proxy.send(call).await {
        Ok(answer) => proxy.answer(&asked, answer).await,
        Err(error) => whole(Reply { status: 502, body: error.to_string().into(), ..Reply::default() }),
    }
}

impl Proxy {
    async fn send(&self, call: Call) -> reqwest::Result<reqwest::Response> {
        let query = call.query.map(|query| format!("?{query}")).unwrap_or_default();
        let mut headers = call.headers;
        for name in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let request = self.client.request(call.method, format!("{}{}{query}", self.server, call.path));
        let request = request.headers(headers);
        // A body that is not there stays so.
        if call.body.is_empty() { request } else { request.body(call.body) }.send().await
    }

    /// Asks the server something unseen, and stays until it has answered: a statement ends with its client's interest.
    async fn ask(&self, call: Call) {
        let Ok(answer) = self.send(call).await else { return };
        let (mut read, mut chunks) = (0, answer.bytes_stream());
        while let Some(Ok(chunk)) = chunks.next().await {
            read += chunk.len();
            if read > HELD {
                return;
            }
        }
    }

    async fn answer(&self, asked: &Call, answer: reqwest::Response) -> Response {
        let (status, headers) = (answer.status().as_u16(), end_to_end(answer.headers()));
        let Some(change) = self.wrong.reply else {
            return respond(status, headers, Body::from_stream(answer.bytes_stream()));
        };
        let mut reply = Reply { status, headers, ..Reply::default() };
        let (mut body, mut chunks) = (Vec::new(), answer.bytes_stream());
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(chunk) => body.extend_from_slice(&chunk),
                Err(_) => reply.aborted = true,
            }
            // An endless body is waited for as long as its reader waits.
            if body.len() > HELD {
                std::future::pending::<()>().await;
            }
        }
        reply.body = body.into();
        change(asked, &mut reply);
        whole(reply)
    }
}

/// The headers that are not about the one connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        kept.remove(name);
    }
    kept
}

fn whole(reply: Reply) -> Response {
    if !reply.aborted {
        return respond(reply.status, reply.headers, reply.body.into());
    }
    let broken = std::io::Error::other("the server broke off");
    let body = futures::stream::iter([Ok::<Bytes, std::io::Error>(reply.body), Err(broken)]);
    respond(reply.status, reply.headers, Body::from_stream(body))
}

fn respond(status: u16, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = headers;
    response
}
