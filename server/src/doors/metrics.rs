//! What `/metrics` tells, in Prometheus' text format: how many calls there were, how long they took, and what the server
//! holds. No label is a user's or a client's word (LX-19).

use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::{HeaderValue, StatusCode, header};
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use engine::{Engine, Error, JournalEntry, Result};

/// The bounds of the latency histogram, in seconds: from a small query to a long one.
const SECONDS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallOutcome {
    /// As its client wished.
    Ok,
    /// With an error, told to its client.
    Error,
    /// Its client went away before the end.
    Cancelled,
}

impl CallOutcome {
    /// The word for it in logs and labels.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The counters of one server.
pub(crate) struct Metrics {
    registry: Registry,
    calls: IntCounterVec,
    seconds: HistogramVec,
    running: IntGaugeVec,
    tenants: IntGauge,
    sessions: IntGauge,
    queries: IntGauge,
    spool: IntGauge,
    resident: IntGauge,
    engine: Weak<Engine>,
}

impl Metrics {
    /// Counters that begin at zero.
    ///
    /// # Errors
    /// Internal when a metric cannot be registered.
    pub(crate) fn new(engine: &Arc<Engine>) -> Result<Arc<Self>> {
        Self::build(Arc::downgrade(engine))
            .map(Arc::new)
            .map_err(|fault| Error::internal(format!("the metrics cannot be registered: {fault}")))
    }

    fn build(engine: Weak<Engine>) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone())).map(|()| gauge)
        };
        let calls = IntCounterVec::new(
            Opts::new("altertable_mock_calls_total", "Calls that have ended"),
            &["door", "operation", "outcome"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "altertable_mock_call_duration_seconds",
                "From a call's arrival to its answer's end",
            )
            .buckets(SECONDS.to_vec()),
            &["door", "operation"],
        )?;
        let running = IntGaugeVec::new(
            Opts::new("altertable_mock_calls_in_progress", "Calls whose answer has not ended"),
            &["door"],
        )?;
        registry.register(Box::new(calls.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(running.clone()))?;
        Ok(Self {
            tenants: gauge("altertable_mock_tenants", "Users whose database is open")?,
            sessions: gauge("altertable_mock_open_sessions", "Open sessions of all users")?,
            queries: gauge(
                "altertable_mock_live_queries",
                "Sessions whose statement runs or whose result is being read",
            )?,
            spool: gauge("altertable_mock_spool_bytes", "Rows that wait for their reader outside of DuckDB")?,
            resident: gauge("process_resident_memory_bytes", "Memory that the process has")?,
            registry,
            calls,
            seconds,
            running,
            engine,
        })
    }

    /// Keeps a call that is no tenant's.
    pub(crate) fn keep_stranger(&self, entry: Arc<JournalEntry>) {
        if let Some(engine) = self.engine.upgrade() {
            engine.strangers().push(entry);
        }
    }

    /// A call begins.
    pub(crate) fn begin(&self, door: &str) {
        self.running.with_label_values(&[door]).inc();
    }

    /// A call has ended.
    pub(crate) fn end(&self, door: &str, operation: &str, outcome: CallOutcome, elapsed: Duration) {
        self.running.with_label_values(&[door]).dec();
        self.calls.with_label_values(&[door, operation, outcome.word()]).inc();
        self.seconds.with_label_values(&[door, operation]).observe(elapsed.as_secs_f64());
    }

    /// The route of `/metrics`.
    pub(crate) fn route<S: Clone + Send + Sync + 'static>(self: Arc<Self>) -> MethodRouter<S> {
        get(move || async move { self.answer() })
    }

    fn answer(&self) -> Response {
        if let Some(engine) = self.engine.upgrade() {
            let vitals = engine.vitals();
            let set = |gauge: &IntGauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            set(&self.tenants, vitals.tenants);
            set(&self.sessions, vitals.sessions);
            set(&self.queries, vitals.live_queries);
            set(&self.spool, vitals.spool_bytes);
            set(&self.resident, vitals.resident_bytes);
        }
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => {
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                ([(header::CONTENT_TYPE, kind)], text).into_response()
            }
            Err(fault) => (StatusCode::INTERNAL_SERVER_ERROR, fault.to_string()).into_response(),
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
