//! Lets another program act: it makes the calls through the clients of its language, while the spec is read here and what
//! comes back is judged here. How the two speak is told in `spec/DRIVERS.md`.

use crate::fault::{During as _, Fault, Result};
use crate::gate::Gate;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc as channel};
use std::thread::JoinHandle;
use tokio::sync::mpsc;
use tonic::{Code, Status};

/// The kinds of calls without which no step speaks Flight SQL.
const FLIGHT: [&str; 3] = ["handshake", "sql.flight", "info"];

/// What a driver says first.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// What its clients are written in, for reports.
    pub driver: String,
    /// The kinds of calls it can make.
    pub calls: HashSet<String>,
}

/// The program at the other end.
#[derive(Debug)]
pub struct Driver {
    makes: HashSet<String>,
    /// What is to be said, line by line; none once everything is.
    lines: Mutex<Option<channel::Sender<String>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    waiting: Mutex<Waiting>,
    next: AtomicU64,
}

/// Who waits for the replies to a call, by its number; nobody can once the driver is not listened to any more.
#[derive(Debug, Default)]
struct Waiting {
    calls: HashMap<u64, mpsc::UnboundedSender<Reply>>,
    /// Why not.
    over: Option<String>,
}

/// What a driver says of a call.
#[derive(Debug, PartialEq)]
enum Reply {
    /// It has ended so.
    Answer(Value),
    /// So much has come, and no more is read before it is resumed.
    Paused(Value),
    /// Its clients cannot express that.
    Cannot(String),
    /// It leaves the call to the plainer kind that does the same.
    Declined,
    /// The driver itself failed.
    Broke(String),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Driver {
    /// Hears the driver's first line, and listens to it from then on.
    ///
    /// # Errors
    /// A first line that is none.
    pub fn connect(
        mut input: impl BufRead + Send + 'static,
        mut output: impl Write + Send + 'static,
    ) -> Result<(Arc<Self>, Hello)> {
        let mut first = String::new();
        input.read_line(&mut first).during("reading the driver's first line")?;
        let hello: Hello = serde_json::from_str(&first).during("the driver's first line")?;
        let (lines, to_write) = channel::channel::<String>();
        let writer = std::thread::spawn(move || {
            for line in to_write {
                // A driver that is gone is noticed by the reader.
                if output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_err() {
                    return;
                }
            }
        });
        let driver = Arc::new(Self {
            makes: hello.calls.clone(),
            lines: Mutex::new(Some(lines)),
            writer: Mutex::new(Some(writer)),
            waiting: Mutex::default(),
            next: AtomicU64::new(1),
        });
        let listening = Arc::clone(&driver);
        std::thread::spawn(move || listening.listen(input));
        Ok((driver, hello))
    }

    /// The calls of one case.
    pub fn connection(self: &Arc<Self>, number: usize) -> Connection {
        Connection { driver: Arc::clone(self), number, cannot: Arc::default() }
    }

    /// Tells what became of a case; whatever the driver holds open for it can be closed.
    pub fn tell(&self, connection: usize, mut verdict: Value) {
        verdict["connection"] = connection.into();
        self.say(&json!({"verdict": verdict}));
    }

    /// Waits until everything has been said.
    pub fn finish(&self) {
        locked(&self.lines).take();
        if let Some(writer) = locked(&self.writer).take() {
            // Its loop does not panic.
            let _ = writer.join();
        }
    }

    fn say(&self, message: &Value) {
        if let Some(lines) = locked(&self.lines).as_ref() {
            // As above: the reader notices.
            let _ = lines.send(format!("{message}\n"));
        }
    }

    /// Why it cannot make a call of a kind that it did not name.
    fn lack(&self, kind: &str) -> String {
        match kind {
            "http" | "socket" => format!("it makes no {kind} calls"),
            _ if FLIGHT.iter().all(|kind| !self.makes.contains(*kind)) => {
                "it speaks no Flight SQL".to_owned()
            }
            _ => format!("it makes no {kind} calls"),
        }
    }

    fn listen(&self, input: impl BufRead) {
        let mut over = "the driver is gone".to_owned();
        for line in input.lines().map_while(std::io::Result::ok) {
            let Some((number, reply)) = serde_json::from_str(&line).ok().and_then(reply) else {
                over = format!("the driver said what is no reply: {line}");
                break;
            };
            if let Some(caller) = locked(&self.waiting).calls.get(&number) {
                // Who has hung up does not care.
                let _ = caller.send(reply);
            }
        }
        let mut waiting = locked(&self.waiting);
        waiting.over = Some(over);
        waiting.calls.clear();
    }

    fn start(self: &Arc<Self>, connection: usize, kind: &str, fields: Value, pause: Option<usize>) -> Call {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (caller, replies) = mpsc::unbounded_channel();
        let mut waiting = locked(&self.waiting);
        if waiting.over.is_none() {
            waiting.calls.insert(number, caller);
        }
        drop(waiting);
        let mut message = json!({"call": number, "kind": kind, "connection": connection});
        if let (Value::Object(message), Value::Object(fields)) = (&mut message, fields) {
            message.extend(fields);
            message.extend(pause.map(|items| ("pause_after".to_owned(), items.into())));
        }
        self.say(&message);
        Call { driver: Arc::clone(self), number, replies, ended: false }
    }
}

/// `{"call": 7, "answer": …}` and its like.
fn reply(line: Value) -> Option<(u64, Reply)> {
    let Value::Object(mut line) = line else { return None };
    let number = line.remove("call")?.as_u64()?;
    let (word, value) = line.into_iter().next()?;
    let text = value.as_str().unwrap_or_default().to_owned();
    let reply = match word.as_str() {
        "answer" => Reply::Answer(value),
        "paused" => Reply::Paused(value),
        "cannot" => Reply::Cannot(text),
        "declined" => Reply::Declined,
        "broke" => Reply::Broke(text),
        _ => return None,
    };
    Some((number, reply))
}

/// A call that the driver makes; it hangs up if this is dropped before the end.
struct Call {
    driver: Arc<Driver>,
    number: u64,
    replies: mpsc::UnboundedReceiver<Reply>,
    ended: bool,
}

impl Drop for Call {
    fn drop(&mut self) {
        locked(&self.driver.waiting).calls.remove(&self.number);
        if !self.ended {
            self.driver.say(&json!({"hang_up": self.number}));
        }
    }
}

/// The calls of one case.
#[derive(Debug, Clone)]
pub struct Connection {
    driver: Arc<Driver>,
    number: usize,
    cannot: Arc<Mutex<Option<String>>>,
}

impl Connection {
    /// Whether the driver makes calls of this kind.
    pub(crate) fn makes(&self, kind: &str) -> bool {
        self.driver.makes.contains(kind)
    }

    /// What the driver could not express, if there was such a thing.
    pub(crate) fn cannot(&self) -> Option<String> {
        locked(&self.cannot).clone()
    }

    /// Has the driver make a call. None if it leaves that to a plainer kind of call.
    ///
    /// # Errors
    /// A call that it cannot express, or that broke.
    pub(crate) async fn call(
        &self,
        kind: &str,
        fields: Value,
        gate: &mut Gate,
        so_far: impl Fn(&Value) -> Value,
    ) -> Result<Option<Value>> {
        if !self.makes(kind) {
            return Err(self.refused(self.driver.lack(kind)));
        }
        let mut call = self.driver.start(self.number, kind, fields, gate.stops_after());
        while let Some(reply) = call.replies.recv().await {
            call.ended = !matches!(reply, Reply::Paused(_));
            match reply {
                Reply::Answer(answer) => return Ok(Some(answer)),
                Reply::Declined => return Ok(None),
                Reply::Cannot(reason) => return Err(self.refused(reason)),
                Reply::Broke(reason) => return Err(Fault(format!("the driver broke: {reason}"))),
                Reply::Paused(answer) => {
                    gate.pass(usize::MAX, || so_far(&answer)).await;
                    call.driver.say(&json!({"resume": call.number}));
                }
            }
        }
        let over = locked(&self.driver.waiting).over.clone();
        Err(Fault(over.unwrap_or_default()))
    }

    fn refused(&self, reason: String) -> Fault {
        let fault = Fault(format!("the driver cannot: {reason}"));
        locked(&self.cannot).get_or_insert(reason);
        fault
    }

    /// A gRPC call. The answer, or the status in its place.
    ///
    /// # Errors
    /// The status that the server gave; one of this side's own where the driver broke.
    pub(crate) async fn rpc(&self, kind: &str, fields: Value) -> Result<Map<String, Value>, Status> {
        let answer = self.call(kind, fields, &mut Gate::open(), Value::clone).await;
        let answer = answer.map_err(|fault| Status::unknown(fault.0))?.unwrap_or_default();
        match status(&answer) {
            Some(status) => Err(status),
            None => match answer {
                Value::Object(answer) => Ok(answer),
                other => Err(Status::unknown(format!("the driver answered {other}"))),
            },
        }
    }
}

/// The status of a call that failed: `{"status": {"code": 5, "message": "…"}}`.
pub(crate) fn status(answer: &Value) -> Option<Status> {
    let status = answer.get("status").filter(|status| !status.is_null())?;
    let code = status["code"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(-1);
    Some(Status::new(Code::from_i32(code), status["message"].as_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests;
