//! Log lines: on stdout, as text or JSON, filtered by `RUST_LOG`; and a span of each call to an OpenTelemetry collector.
//!
//! Lines go through a [`queue`].

mod queue;

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use self::queue::{DeferredLines, Flush, LineTime, LogWriter};
use crate::config::LogFormat;
use engine::{Error, ErrorKind, Result};

/// A log that goes on. Dropped, it writes the lines that wait, for a second at most.
#[derive(Debug)]
pub struct Logging {
    _lines: Flush,
    spans: Option<SdkTracerProvider>,
}

/// Whether lines are all that is made of spans: the subscriber is ours, and no collector has them.
static LINES_ALONE: AtomicBool = AtomicBool::new(false);

/// Whether anybody reads what is recorded in a span when its call ends. A line of the log has it by itself.
pub(crate) fn reads_spans() -> bool {
    !LINES_ALONE.load(Ordering::Relaxed)
}

/// The queue of this process's log, if the subscriber is ours.
static DEFERRED: OnceLock<DeferredLines> = OnceLock::new();

/// Has `log` log one line of about so many bytes soon, on a thread that nobody waits for; at once if the subscriber is not
/// ours.
pub(crate) fn log_later(bytes: usize, log: impl FnOnce() + Send + 'static) {
    match DEFERRED.get() {
        Some(lines) => lines.put(bytes, Box::new(log)),
        None => log(),
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        if let Some(spans) = self.spans.take()
            && let Err(fault) = spans.shutdown()
        {
            tracing::warn!(%fault, "the last spans were not sent to --otlp-endpoint");
        }
    }
}

/// Starts logging for this process, and sending spans to the collector at `otlp_endpoint`; if another subscriber was set
/// before, that one stays.
///
/// # Errors
/// Config when the endpoint cannot be used; Internal when there can be no thread.
pub fn init(format: LogFormat, otlp_endpoint: Option<&str>) -> Result<Logging> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let (writer, lines) = queue(std::io::stdout())?;
    let deferred = writer.deferred();
    let logs = fmt::layer().with_target(false).with_timer(LineTime).with_writer(writer);
    let logs = match format {
        LogFormat::Text => logs.with_ansi(std::io::stdout().is_terminal()).boxed(),
        LogFormat::Json => logs.json().flatten_event(true).boxed(),
    };
    let spans = otlp_endpoint.map(collector).transpose()?;
    let exporter = spans.as_ref().map(|provider| {
        // Spans are sent whatever RUST_LOG says of lines.
        let calls = filter_fn(|metadata| metadata.is_span() && metadata.name() == "call");
        tracing_opentelemetry::layer().with_tracer(provider.tracer("altertable-mock")).with_filter(calls)
    });
    // Somebody else's subscriber is just as good: a library's caller may have set one.
    if tracing_subscriber::registry().with(logs.with_filter(filter)).with(exporter).try_init().is_ok() {
        LINES_ALONE.store(spans.is_none(), Ordering::Relaxed);
        let _ = DEFERRED.set(deferred);
    }
    Ok(Logging { _lines: lines, spans })
}

/// Starts logging to stderr what `filter` selects, in the syntax of `RUST_LOG`, for a process whose stdout is its own.
///
/// # Errors
/// Config when the filter cannot be read; Internal when there can be no thread.
pub fn init_to_stderr(filter: &str) -> Result<Logging> {
    let filter = EnvFilter::try_new(filter).map_err(|fault| {
        Error::new(ErrorKind::Config, format!("the log filter \"{filter}\" cannot be read: {fault}"))
    })?;
    let (writer, lines) = queue(std::io::stderr())?;
    let deferred = writer.deferred();
    let logs = fmt::layer().with_target(false).with_ansi(false).with_timer(LineTime).with_writer(writer);
    if tracing_subscriber::registry().with(logs.with_filter(filter)).try_init().is_ok() {
        LINES_ALONE.store(true, Ordering::Relaxed);
        let _ = DEFERRED.set(deferred);
    }
    Ok(Logging { _lines: lines, spans: None })
}

fn queue(out: impl Write + Send + 'static) -> Result<(LogWriter, Flush)> {
    queue::start(out).map_err(|fault| Error::internal(format!("cannot start the log's thread: {fault}")))
}

fn collector(endpoint: &str) -> Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .map_err(|fault| {
            Error::new(ErrorKind::Config, format!("--otlp-endpoint {endpoint} cannot be used: {fault}"))
        })?;
    let resource = Resource::builder().with_service_name("altertable-mock").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Makes `span` a child of the one that a call's `traceparent` names.
pub(crate) fn continue_trace(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Headers(headers));
        if parent.span().span_context().is_valid() {
            // Nobody exports spans, if this fails.
            let _ = span.set_parent(parent);
        }
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

/// Writes what the user asked to read, such as the help text.
///
/// # Errors
/// Internal when stdout cannot be written.
pub fn print(text: &str) -> Result<()> {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    written.map_err(|fault| Error::internal(format!("cannot write to stdout: {fault}")))
}

/// Writes the one line that a failed start ends with.
pub fn print_fault(error: &Error) {
    // There is nobody left to tell if stderr is closed.
    let _ = writeln!(std::io::stderr().lock(), "error: {error}");
}
