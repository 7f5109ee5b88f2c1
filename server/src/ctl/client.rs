//! Calls of a control plane over HTTP.

use std::io::Read;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Body, Client as Http, RequestBuilder};
use serde_json::Value;

use super::table::visible;
use crate::PackedSeed;
use engine::{Error, ErrorKind, Result};

/// Longer than the longest wait that is asked for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than a seed takes that is of use to anybody.
const LONG_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// How much of an answer is read, in bytes: more than any journal holds that somebody looks at.
const LONGEST_ANSWER: u64 = 256 << 20;

/// Parameters behind the question mark.
pub(super) type Parameters = Vec<(String, String)>;

/// Who asks.
pub(super) enum Identified {
    /// A name and a password.
    User(String, String),
    /// A key of the server's.
    Key(String),
}

/// Whoever steers the server at an address.
pub(super) struct PlaneClient {
    http: Http,
    base: String,
    credentials: Identified,
}

/// A refusal: HTTP's status, and the server's text.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) error: Error,
}

impl PlaneClient {
    pub(super) fn new(url: &str, credentials: Identified) -> Self {
        // Its answers come from where it was asked: nothing is to be sent elsewhere.
        let http = Http::builder().no_proxy().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        let base = format!("{}/_mock/v1", url.trim_end_matches('/'));
        Self { http: http.build().unwrap_or_default(), base, credentials }
    }

    pub(super) fn get(&self, path: &str, query: &Parameters) -> Result<Value> {
        self.call(Method::GET, path, query, None).map_err(|refusal| refusal.error)
    }

    pub(super) fn delete(&self, path: &str, query: &Parameters) -> Result<Value> {
        self.call(Method::DELETE, path, query, None).map_err(|refusal| refusal.error)
    }

    pub(super) fn put(&self, path: &str, query: &Parameters, body: &Value) -> Result<Value> {
        self.call(Method::PUT, path, query, Some(body)).map_err(|refusal| refusal.error)
    }

    pub(super) fn post(&self, path: &str, query: &Parameters, body: &Value) -> Result<Value> {
        self.ask(path, query, body).map_err(|refusal| refusal.error)
    }

    /// Sends a seed, however long it takes to be applied: the server has a limit of its own.
    pub(super) fn send(&self, path: &str, query: &Parameters, seed: PackedSeed) -> Result<Value> {
        let mut query = query.clone();
        query.extend(seed.name.map(|name| ("name".to_owned(), name)));
        let request = self.http.post(format!("{}{path}", self.base)).query(&query).timeout(LONG_PATIENCE);
        let body = Body::sized(seed.file, seed.length);
        let request = request.header("content-type", seed.media).body(body);
        self.sent(request).map_err(|refusal| refusal.error)
    }

    /// As [`post`](Self::post), for whom a refusal is an answer.
    pub(super) fn ask(
        &self,
        path: &str,
        query: &Parameters,
        body: &Value,
    ) -> std::result::Result<Value, Refused> {
        self.call(Method::POST, path, query, Some(body))
    }

    fn call(
        &self,
        method: Method,
        path: &str,
        query: &Parameters,
        body: Option<&Value>,
    ) -> std::result::Result<Value, Refused> {
        let request = self.http.request(method, format!("{}{path}", self.base)).query(query);
        self.sent(match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        })
    }

    fn sent(&self, request: RequestBuilder) -> std::result::Result<Value, Refused> {
        let unreached = |status, text| Refused { status, error: Error::new(ErrorKind::Unavailable, text) };
        let request = match &self.credentials {
            Identified::User(name, password) => request.basic_auth(name, Some(password)),
            Identified::Key(key) => request.bearer_auth(key),
        };
        let answer = request.send().map_err(|fault| root(&fault)).and_then(|answer| {
            let status = answer.status().as_u16();
            let mut text = Vec::new();
            let read = answer.take(LONGEST_ANSWER).read_to_end(&mut text).map_err(|fault| root(&fault))?;
            if read as u64 == LONGEST_ANSWER {
                return Err(format!("it has more than {} MiB", LONGEST_ANSWER >> 20));
            }
            Ok((status, text))
        });
        let (status, text) = answer.map_err(|why| {
            unreached(
                0,
                format!(
                    "no answer from {}: {why}; is the server running, and is it its Lakehouse port?",
                    self.base
                ),
            )
        })?;
        let value: Value = serde_json::from_slice(&text).unwrap_or_default();
        match value["error"]["message"].as_str() {
            _ if (200..300).contains(&status) && value.is_object() => Ok(value),
            Some(message) => Err(unreached(status, format!("{} (HTTP {status})", visible(message)))),
            None => Err(unreached(
                status,
                format!("{} answers HTTP {status}; is it the control plane?", self.base),
            )),
        }
    }
}

/// What a fault comes from in the end.
fn root(fault: &dyn std::error::Error) -> String {
    fault.source().map_or_else(|| fault.to_string(), root)
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    let mut path = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => path.push(byte.into()),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}
