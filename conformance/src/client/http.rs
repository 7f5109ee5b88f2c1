//! HTTP steps: a request as the spec describes it, and its answer as an outcome.

use super::Client;
use super::messages::{self, base64};
use crate::arrow_data::{input, notation, values};
use crate::driver::Connection;
use crate::fault::{During, Fault, Result};
use crate::gate::Gate;
use crate::step::{Auth, Given, Step};
use crate::target::Account;
use crate::vars::as_text;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// An HTTP request ready to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method, as written.
    pub method: String,
    /// The address, query included.
    pub url: String,
    /// In the order they are sent.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Option<Bytes>,
    forms: Forms,
    /// The account whose credentials these are, if the request is one that a client library would send.
    plain: Option<Account>,
}

/// How requests of one door show who sends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Basic credentials.
    Lakehouse,
    /// An API key.
    Analytics,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    #[serde(default)]
    query: Map<String, Value>,
    #[serde(default, deserialize_with = "present")]
    json: Option<Value>,
    text: Option<String>,
    base64: Option<String>,
    fill: Option<Fill>,
    arrow: Option<ArrowBody>,
}

/// Keeps `json: null` apart from no `json`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A long text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    #[serde(default)]
    head: String,
    repeat: String,
    times: usize,
    #[serde(default)]
    tail: String,
}

impl Fill {
    /// The text itself.
    pub fn text(&self) -> String {
        format!("{}{}{}", self.head, self.repeat.repeat(self.times), self.tail)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArrowBody {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    #[serde(default)]
    format: ArrowFormat,
    batch_rows: Option<usize>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum ArrowFormat {
    #[default]
    Stream,
    File,
}

impl Request {
    /// The request that a step describes.
    ///
    /// # Errors
    /// A malformed step.
    pub fn build(step: &Step, base: &str, style: Style, account: &Account) -> Result<Self> {
        let own: Own = step.own()?;
        let Some((method, path)) = step.text()?.split_once(' ') else {
            return Err(Fault(format!("{:?} is not METHOD PATH", step.argument)));
        };
        let mut url = reqwest::Url::parse(&format!("{base}{path}")).during(path)?;
        if !own.query.is_empty() {
            url.query_pairs_mut()
                .extend_pairs(own.query.iter().map(|(name, value)| (name.clone(), as_text(value))));
        }
        let mut headers = HeaderMap::new();
        if own.json.is_some() {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        authorize(&mut headers, step.common.auth.as_ref(), style, account)?;
        set_headers(&mut headers, &step.common.headers)?;
        let forms = Forms { json: step.common.looks_at("json"), lines: step.common.looks_at("lines") };
        let plain = step.common.is_plain().then(|| account.clone());
        Ok(Self { method: method.to_owned(), url: url.into(), headers, body: body(&own)?, forms, plain })
    }

    /// The same request, with its answer read as JSON lines.
    #[must_use]
    pub fn in_lines(self) -> Self {
        Self { forms: Forms { json: false, lines: true }, ..self }
    }

    /// A command line that repeats it by hand.
    pub fn as_curl(&self) -> String {
        let mut text = format!("curl -isS -X {} '{}'", self.method, self.url);
        for (name, value) in &self.headers {
            text.push_str(&format!(
                " -H '{name}: {}'",
                String::from_utf8_lossy(value.as_bytes()).replace('\'', "'\\''")
            ));
        }
        if let Some(body) = &self.body {
            const SHOWN: usize = 2_000;
            let shown = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]).replace('\'', "'\\''");
            let rest =
                if body.len() > SHOWN { format!("  # {} bytes in all", body.len()) } else { String::new() };
            text.push_str(&format!(" --data-binary '{shown}'{rest}"));
        }
        text
    }

    /// Sends it and reads the answer.
    ///
    /// # Errors
    /// No answer at all.
    pub async fn send(self, client: &Client, gate: Gate) -> Result<Value> {
        match client {
            Client::Own(client) => self.send_own(client, gate).await,
            Client::Driven(driver) => self.have_sent(driver, gate).await,
        }
    }

    async fn have_sent(self, driver: &Connection, mut gate: Gate) -> Result<Value> {
        let headers: Vec<Value> = self
            .headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
            .collect();
        let mut fields = json!({"method": self.method, "url": self.url, "headers": headers});
        fields["body"] = self.body.as_ref().map(|body| base64(body)).into();
        if let Some(Account { user, password, .. }) = self.plain {
            fields["plain"] = json!({"user": user, "password": password});
        }
        let read = |answer: &Value| Answer::read(answer, self.forms).map(|answer| answer.outcome());
        let so_far = |answer: &Value| read(answer).unwrap_or_else(|fault| fault.0.into());
        read(&driver.call("http", fields, &mut gate, so_far).await?.unwrap_or_default())
    }

    async fn send_own(self, client: &reqwest::Client, mut gate: Gate) -> Result<Value> {
        let method = self.method.parse().during("the method")?;
        let mut request = client.request(method, &self.url).headers(self.headers);
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await.during("sending the request")?;
        let mut answer = Answer {
            status: response.status().as_u16(),
            headers: header_map(response.headers()),
            forms: self.forms,
            ..Answer::default()
        };
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => answer.take(&chunk, &mut gate).await,
                Err(_) => answer.aborted = true,
            }
        }
        Ok(answer.outcome())
    }
}

fn set_headers(headers: &mut HeaderMap, wanted: &Map<String, Value>) -> Result<()> {
    for (name, value) in wanted {
        let name: HeaderName = name.parse().during("a header name")?;
        headers.remove(&name);
        let values = match value {
            Value::Null => vec![],
            Value::Array(values) => values.iter().map(as_text).collect(),
            value => vec![as_text(value)],
        };
        for value in values {
            headers.append(&name, HeaderValue::from_bytes(value.as_bytes()).during("a header value")?);
        }
    }
    Ok(())
}

fn authorize(headers: &mut HeaderMap, auth: Option<&Auth>, style: Style, account: &Account) -> Result<()> {
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let (name, value) = match (auth, style) {
        (Some(Auth::None), _) => return Ok(()),
        (Some(Auth::OwnBasic), _) | (None, Style::Lakehouse) => ("authorization", basic(&account.pair())),
        (None, Style::Analytics) => ("x-api-key", account.api_key.clone()),
        (Some(Auth::Given(Given::Basic(pair))), _) => ("authorization", basic(pair)),
        (Some(Auth::Given(Given::Bearer(token))), _) => ("authorization", format!("Bearer {token}")),
        (Some(Auth::Given(Given::Header(value))), _) => ("authorization", value.clone()),
        (Some(Auth::Given(Given::ApiKey(key))), _) => ("x-api-key", key.clone()),
    };
    headers.insert(name, HeaderValue::from_str(&value).during("the credentials")?);
    Ok(())
}

fn body(own: &Own) -> Result<Option<Bytes>> {
    let json = own.json.as_ref().map(|value| Ok(Bytes::from(value.to_string())));
    let text = own.text.as_ref().map(|text| Ok(Bytes::from(text.clone())));
    let base64 = own.base64.as_ref().map(|text| STANDARD.decode(text).map(Bytes::from).during("base64"));
    let fill = own.fill.as_ref().map(|fill| Ok(Bytes::from(fill.text())));
    let arrow = own.arrow.as_ref().map(arrow_body);
    let mut given = [json, text, base64, fill, arrow].into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(_), Some(_)) => Err(Fault::new("a request has one body")),
        (body, _) => body.transpose(),
    }
}

fn arrow_body(body: &ArrowBody) -> Result<Bytes> {
    let schema = input::schema(&body.columns)?;
    let batches = input::pieces(&input::batch(&schema, &body.rows)?, body.batch_rows.unwrap_or(usize::MAX))?;
    let mut bytes = Vec::new();
    let write = |bytes: &mut Vec<u8>| match body.format {
        ArrowFormat::Stream => {
            let mut writer = StreamWriter::try_new(bytes, &schema)?;
            batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.finish()
        }
        ArrowFormat::File => {
            let mut writer = FileWriter::try_new(bytes, &schema)?;
            batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.finish()
        }
    };
    write(&mut bytes).during("writing Arrow IPC")?;
    Ok(bytes.into())
}

fn header_map(headers: &HeaderMap) -> Value {
    let mut map = Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        map.insert(name.to_string(), Value::from(values.join(", ")));
    }
    Value::Object(map)
}

/// The forms in which a body is read; large ones take their time.
#[derive(Debug, Clone, Copy, Default)]
struct Forms {
    json: bool,
    lines: bool,
}

#[derive(Default)]
struct Answer {
    status: u16,
    headers: Value,
    body: Vec<u8>,
    lines: usize,
    forms: Forms,
    aborted: bool,
}

impl Answer {
    /// What a driver has read.
    fn read(answer: &Value, forms: Forms) -> Result<Self> {
        let body = messages::bytes(answer["body"].as_str().unwrap_or_default())?.into();
        Ok(Self {
            status: answer["status"].as_u64().and_then(|status| status.try_into().ok()).unwrap_or_default(),
            headers: answer["headers"].clone(),
            body,
            forms,
            aborted: answer["aborted"] == true,
            ..Self::default()
        })
    }

    /// Adds bytes line by line, so that a gate can stop between lines that arrive together.
    async fn take(&mut self, chunk: &[u8], gate: &mut Gate) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.body.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.lines += 1;
                gate.pass(self.lines, || self.outcome()).await;
            }
        }
    }

    fn outcome(&self) -> Value {
        let mut outcome = json!({
            "status": self.status, "headers": self.headers, "text": String::from_utf8_lossy(&self.body), "aborted": self.aborted,
        });
        if self.forms.json
            && let Ok(value) = serde_json::from_slice::<Value>(&self.body)
        {
            outcome["json"] = value;
        }
        if self.forms.lines
            && let Some(lines) = lines(&self.body)
        {
            outcome["lines"] = lines;
        }
        if self.body.starts_with(b"ARROW1") || self.body.starts_with(&[0xff; 4]) {
            outcome["arrow"] = arrow(&self.body).unwrap_or_else(|fault| Value::from(fault.to_string()));
        }
        if self.body.starts_with(b"PAR1") {
            outcome["parquet"] = parquet(&self.body).unwrap_or_else(|fault| Value::from(fault.to_string()));
        }
        outcome
    }
}

/// The JSON lines of a body, if every line is one and ends in `\n`.
fn lines(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    text.split('\n')
        .map(|line| serde_json::from_str::<Value>(line).ok())
        .collect::<Option<Vec<_>>>()
        .map(Value::Array)
}

fn arrow(body: &[u8]) -> Result<Value> {
    let reader = arrow::ipc::reader::StreamReader::try_new(body, None).during("reading Arrow IPC")?;
    let schema = notation::schema(&reader.schema());
    let mut rows = Vec::new();
    for batch in reader {
        rows.extend(values::rows(&batch.during("reading Arrow IPC")?)?);
    }
    Ok(json!({"schema": schema, "rows": rows}))
}

fn parquet(body: &[u8]) -> Result<Value> {
    let file =
        ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(body)).during("reading Parquet")?;
    let reader = file.build().during("reading Parquet")?;
    let schema = notation::schema(&arrow::array::RecordBatchReader::schema(&reader));
    let mut rows = Vec::new();
    for batch in reader {
        rows.extend(values::rows(&batch.during("reading Parquet")?)?);
    }
    Ok(json!({"schema": schema, "rows": rows}))
}
