//! Whether the server can serve: what `/health` answers on both HTTP ports (LX-14).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::routing::{MethodRouter, get};
use http::{StatusCode, header};
use serde::Serialize;
use tokio::sync::watch;

use crate::engine::Engine;

/// How often the server's own database is asked.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// A database silent for this long makes the server unhealthy.
const SILENT: Duration = Duration::from_secs(5);

/// The state of the server, shared by the doors.
#[derive(Debug)]
pub struct Health {
    started: Instant,
    answered: AtomicU64,
    stopping: AtomicBool,
    asked: AtomicBool,
    serving: watch::Sender<bool>,
}

/// The answer to `/health`.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// Whether the server serves; false is 503.
    pub is_serving: bool,
    /// The JSON body.
    pub body: String,
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    doors: Doors,
}

/// The doors share one engine and one process, so that they stand and fall together.
#[derive(Serialize)]
struct Doors {
    lakehouse: &'static str,
    analytics: &'static str,
    flight: &'static str,
}

impl Health {
    /// A healthy state; the first probe is due.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            answered: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            serving: watch::Sender::new(true),
        })
    }

    /// Whether the server serves: its own database answers, and it is not stopping.
    pub fn is_serving(&self) -> bool {
        let answered = Duration::from_millis(self.answered.load(Ordering::SeqCst));
        !self.stopping.load(Ordering::SeqCst) && self.started.elapsed().saturating_sub(answered) < SILENT
    }

    /// The route that both HTTP doors answer `/health` with.
    pub(crate) fn route<S: Clone + Send + Sync + 'static>(self: Arc<Self>) -> MethodRouter<S> {
        get(move || async move {
            let report = self.report();
            let status = if report.is_serving { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, [(header::CONTENT_TYPE, "application/json")], report.body)
        })
    }

    /// What `/health` says now.
    pub(crate) fn report(&self) -> Report {
        self.asked.store(true, Ordering::SeqCst);
        let is_serving = self.is_serving();
        let word = if is_serving { "ok" } else { "unavailable" };
        let answer = Answer {
            status: word,
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: self.started.elapsed().as_secs(),
            doors: Doors { lakehouse: word, analytics: word, flight: word },
        };
        Report { is_serving, body: serde_json::to_string(&answer).unwrap_or_default() }
    }

    /// Follows the state as it changes.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.serving.subscribe()
    }

    /// From now on the server does not serve: it is about to stop.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.serving.send_replace(false);
    }

    fn note_answer(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.answered.store(now, Ordering::SeqCst);
    }

    /// Asks the server's own database again and again, once anybody has used the server or asked for its health: a
    /// server that nobody uses opens no database at all.
    pub(crate) async fn probe(self: Arc<Self>, engine: Arc<Engine>) {
        while !self.asked.load(Ordering::SeqCst) && !engine.is_used() {
            tokio::time::sleep(PROBE_EVERY).await;
            self.note_answer();
        }
        loop {
            self.note_answer();
            let serving = self.is_serving();
            self.serving.send_if_modified(|was| std::mem::replace(was, serving) != serving);
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }
}
