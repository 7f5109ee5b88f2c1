//! HTTP requests and answers as the faults see them.

use axum::http::{HeaderMap, HeaderValue, Method};
use bytes::Bytes;
use serde_json::{Map, Value};

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An answer, complete.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether the connection broke off after this much.
    pub aborted: bool,
}

impl Call {
    /// Whether it is `METHOD /path`; a `/` at the end stands for any path below.
    pub fn is(&self, route: &str) -> bool {
        let (method, path) = route.split_once(' ').unwrap_or(("", route));
        let fits = if path.ends_with('/') { self.path.starts_with(path) } else { self.path == path };
        self.method == method && fits
    }

    /// Changes the object that the body is, or each object of an array.
    pub fn edit(&mut self, change: impl Fn(&mut Map<String, Value>)) {
        let Ok(mut json) = serde_json::from_slice::<Value>(&self.body) else { return };
        match &mut json {
            Value::Object(map) => change(map),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(change),
            _ => return,
        }
        self.body = json.to_string().into();
    }

    /// The call again with the first item of its batch alone; `None` if it is another route's or no batch.
    pub fn first_item(&self, route: &str) -> Option<Self> {
        let items: Vec<Value> = serde_json::from_slice(&self.body).ok()?;
        let body = items.first()?.to_string().into();
        self.is(route).then(|| Self { body, ..self.clone() })
    }

    /// Leaves members out of the body.
    pub fn forget(&mut self, keys: &[&str]) {
        self.edit(|map| keys.iter().for_each(|key| drop(map.shift_remove(*key))));
    }

    /// Leaves query parameters out.
    pub fn forget_parameters(&mut self, names: &[&str]) {
        self.edit_parameters(|name, value| (!names.contains(&name)).then(|| value.to_owned()));
    }

    /// Changes query parameters, as they are encoded.
    pub fn edit_parameters(&mut self, change: impl Fn(&str, &str) -> Option<String>) {
        let Some(query) = &self.query else { return };
        let kept = query.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            change(name, value).map(|value| format!("{name}={value}"))
        });
        self.query = Some(kept.collect::<Vec<_>>().join("&"));
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = [("content-type", "application/json")];
        let headers = headers.map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        Self { status, headers: headers.into_iter().collect(), body: body.to_string().into(), aborted: false }
    }

    /// Changes a JSON body.
    pub fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        if let Ok(mut json) = serde_json::from_slice(&self.body) {
            change(&mut json);
            self.body = json.to_string().into();
        }
    }

    /// Changes the lines of an NDJSON body.
    pub fn edit_lines(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        let is_lines = self
            .headers
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-ndjson"));
        let lines: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_slice(&self.body).into_iter().collect();
        if let (true, Ok(mut lines)) = (is_lines, lines) {
            change(&mut lines);
            self.body = lines.iter().map(|line| format!("{line}\n")).collect::<String>().into();
        }
    }

    /// Changes a text body.
    pub fn edit_text(&mut self, change: impl FnOnce(String) -> String) {
        if let Ok(text) = String::from_utf8(self.body.to_vec()) {
            self.body = change(text).into();
        }
    }

    /// Replaces a header.
    pub fn set_header(&mut self, name: &'static str, value: &'static str) {
        self.headers.insert(name, HeaderValue::from_static(value));
    }
}
