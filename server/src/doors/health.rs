//! Whether the server can serve: what `/health` answers on both HTTP ports (LX-14).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::{StatusCode, header};
use serde::Serialize;
use tokio::sync::watch;

use super::{DOORS, Door};

/// How often the executor runs a task that only says that it does.
const BEAT: Duration = Duration::from_secs(1);

/// So many beats left out in a row make the server unhealthy. They are counted rather than timed: a process that was
/// stopped for an hour has left out none.
const BEATS_LEFT_OUT: u32 = 5;

/// The state of the server, shared by the doors.
#[derive(Debug)]
pub struct Health {
    started: Instant,
    stopping: AtomicBool,
    /// The doors whose serving task has ended.
    ended: [AtomicBool; DOORS.len()],
    beats: AtomicU64,
    /// Whether the executor runs no tasks.
    stalled: AtomicBool,
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
struct HealthAnswer {
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    doors: serde_json::Map<String, serde_json::Value>,
}

/// Kept by the task that serves a door; when it ends, however it does, the door is known to be gone.
#[derive(Debug)]
pub(crate) struct Serving {
    health: Arc<Health>,
    /// Its place in the list.
    door: usize,
}

impl Health {
    /// A healthy state.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            started: engine::clock::moment(),
            stopping: AtomicBool::new(false),
            ended: Default::default(),
            beats: AtomicU64::new(0),
            stalled: AtomicBool::new(false),
            serving: watch::Sender::new(true),
        })
    }

    /// Notes that `door` is served for as long as the returned value is kept.
    pub(crate) fn serve(self: &Arc<Self>, door: &Door) -> Serving {
        let door = DOORS.iter().position(|other| other.name == door.name).unwrap_or(0);
        Serving { health: Arc::clone(self), door }
    }

    /// Whether the server serves: every door has its task, the executor runs tasks, and the server is not stopping.
    pub fn is_serving(&self) -> bool {
        (0..DOORS.len()).all(|door| self.is_open(door))
    }

    fn is_open(&self, door: usize) -> bool {
        let is_off = |flag: &AtomicBool| !flag.load(Ordering::SeqCst);
        is_off(&self.stopping) && is_off(&self.stalled) && is_off(&self.ended[door])
    }

    /// The route of `/health` on a door of HTTP.
    pub(crate) fn route<S: Clone + Send + Sync + 'static>(self: Arc<Self>) -> MethodRouter<S> {
        get(move || async move { self.answer() })
    }

    /// The answer to `/health`.
    pub(crate) fn answer(&self) -> Response {
        let report = self.report();
        let status = if report.is_serving { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, [(header::CONTENT_TYPE, "application/json")], report.body).into_response()
    }

    /// What `/health` says now.
    pub(crate) fn report(&self) -> Report {
        let word = |is_well| if is_well { "ok" } else { "unavailable" };
        let is_serving = self.is_serving();
        let answer = HealthAnswer {
            status: word(is_serving),
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: self.started.elapsed().as_secs(),
            doors: DOORS
                .iter()
                .enumerate()
                .map(|(at, door)| (door.name.to_owned(), word(self.is_open(at)).into()))
                .collect(),
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
        self.tell();
    }

    /// Tells those who follow the state.
    fn tell(&self) {
        let serving = self.is_serving();
        self.serving.send_if_modified(|was| std::mem::replace(was, serving) != serving);
    }

    /// Says again and again that the executor runs tasks.
    pub(crate) async fn beat(self: Arc<Self>) {
        loop {
            self.beats.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(BEAT).await;
        }
    }

    /// Starts a thread that listens to the beats, for as long as there is this state. It needs the executor for nothing:
    /// if every worker is blocked nothing answers `/health`, and this thread's line in the log is what tells why.
    ///
    /// # Errors
    /// The system's, when it refuses a thread.
    pub(crate) fn start_watchdog(self: &Arc<Self>) -> std::io::Result<()> {
        let health = Arc::downgrade(self);
        let thread = std::thread::Builder::new().name("watchdog".to_owned());
        thread.spawn(move || watch_beats(&health)).map(drop)
    }

    fn note_stall(&self, stalled: bool) {
        if self.stalled.swap(stalled, Ordering::SeqCst) == stalled || self.stopping.load(Ordering::SeqCst) {
            return;
        }
        match stalled {
            true => tracing::error!("The server has run no task for 5 s: its threads are blocked"),
            false => tracing::warn!("The server runs tasks again"),
        }
        self.tell();
    }
}

fn watch_beats(health: &Weak<Health>) {
    engine::leave_signals_to_others();
    let (mut heard, mut left_out) = (0, 0);
    loop {
        std::thread::sleep(BEAT);
        let Some(health) = health.upgrade() else { return };
        let beats = health.beats.load(Ordering::SeqCst);
        left_out = if beats == heard { left_out + 1 } else { 0 };
        heard = beats;
        health.note_stall(left_out >= BEATS_LEFT_OUT);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if self.health.stopping.load(Ordering::SeqCst) {
            return;
        }
        tracing::error!("The {} server has ended by itself; the other doors go on", DOORS[self.door].title);
        self.health.ended[self.door].store(true, Ordering::SeqCst);
        self.health.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until `health` says `serving`, and returns how long that took.
    fn until(health: &Health, serving: bool) -> Duration {
        let began = Instant::now();
        while health.is_serving() != serving {
            assert!(began.elapsed() < Duration::from_secs(30), "it never became {serving}");
            std::thread::sleep(Duration::from_millis(20));
        }
        began.elapsed()
    }

    #[test]
    fn a_blocked_executor_is_unhealthy_within_seven_seconds_and_healthy_once_it_runs_tasks() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let health = Health::new();
        health.start_watchdog().unwrap();
        runtime.spawn(Arc::clone(&health).beat());
        std::thread::sleep(2 * BEAT);
        let watched = health.watch();

        let (block, blocked) = std::sync::mpsc::channel::<()>();
        runtime.spawn(async move {
            let _ = blocked.recv();
        });
        assert!(until(&health, false) <= (BEATS_LEFT_OUT + 2) * BEAT);
        assert!(health.report().body.contains("\"flight\":\"unavailable\""), "{:?}", health.report());
        // FX-7: those who watch hear of it too.
        assert!(!*watched.borrow());

        drop(block);
        until(&health, true);
        assert!(*watched.borrow());
    }

    #[tokio::test]
    async fn a_door_whose_task_has_ended_is_unavailable_and_the_others_are_not() {
        let health = Health::new();
        let (flight, lakehouse) = (health.serve(&DOORS[2]), health.serve(&DOORS[0]));
        let failing = tokio::spawn(async move {
            let _flight = flight;
            panic!("the test has a door's task fail");
        });
        failing.await.unwrap_err();
        let report = health.report();
        assert!(!report.is_serving && !*health.watch().borrow());
        assert!(report.body.starts_with("{\"status\":\"unavailable\""), "{}", report.body);
        let doors = r#""doors":{"lakehouse":"ok","analytics":"ok","flight":"unavailable","postgres":"ok"}"#;
        assert!(report.body.contains(doors), "{}", report.body);
        drop(lakehouse);
    }
}
