//! Lines on their way to where they are written: whoever logs never waits for that.
//!
//! A thread of its own writes what has come, some milliseconds of it at a time: a busy server that wrote each line by itself
//! would wake that thread, and whoever reads the log, for every call. That thread also makes the lines of calls, so that no
//! answer waits until its line has its form. What nobody reads fills the queue, and further lines are lost.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use engine::clock;

/// How many bytes may wait to be written.
const WAITING: usize = 2 << 20;

/// How much memory an idle queue keeps, in bytes.
const KEPT: usize = 16 << 10;

/// How long lines are gathered before they are written.
const GATHERS: Duration = Duration::from_millis(4);

/// How long the end of the log waits for the last lines to be written.
const LAST: Duration = Duration::from_secs(1);

/// Starts the thread that writes to `out` what comes through the queue.
///
/// # Errors
/// The system's, when there can be no thread.
pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(LogWriter, Flush)> {
    let queue = Arc::new(Queue { process: std::process::id(), ..Queue::default() });
    let writes = Arc::clone(&queue);
    thread::Builder::new().name("log".to_owned()).spawn(move || writes.write_all(out))?;
    Ok((LogWriter(Arc::clone(&queue)), Flush(queue)))
}

/// Where lines are put.
#[derive(Debug)]
pub(super) struct LogWriter(Arc<Queue>);

/// Dropped, it has the lines that wait written, for a second at most.
#[derive(Debug)]
pub(super) struct Flush(Arc<Queue>);

/// Logs one line when it is called, on the queue's thread.
pub(super) type MakeLine = Box<dyn FnOnce() + Send>;

impl LogWriter {
    /// Where lines are put whose form is made later.
    pub(super) fn deferred(&self) -> DeferredLines {
        DeferredLines(Arc::clone(&self.0))
    }
}

/// Where lines are put whose form is made later.
#[derive(Debug)]
pub(super) struct DeferredLines(Arc<Queue>);

impl DeferredLines {
    /// Has a line of about so many bytes made and written, with the time of now.
    pub(super) fn put(&self, bytes: usize, make: MakeLine) {
        self.0.put(bytes, || QueuedLine::Later(clock::now(), make));
    }
}

/// The time in a line: of a line that is made later, when it was put into the queue.
#[derive(Debug)]
pub(super) struct LineTime;

impl FormatTime for LineTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let time = MAKING.with_borrow(|making| making.as_ref().map(|made| made.time));
        let time = DateTime::<Utc>::from(time.unwrap_or_else(clock::now));
        writer.write_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

thread_local! {
    /// What the queue's own thread is making.
    static MAKING: RefCell<Option<Making>> = const { RefCell::new(None) };
}

/// A line that is being made: its time, and the lines before it, where it goes.
struct Making {
    time: SystemTime,
    lines: Vec<u8>,
}

impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let is_made = MAKING.with_borrow_mut(|making| {
            making.as_mut().map(|making| making.lines.extend_from_slice(line)).is_some()
        });
        if !is_made {
            self.0.put(line.len(), || QueuedLine::Made(line.into()));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
    written: Condvar,
    /// The process whose thread writes: one that it forks has none.
    process: u32,
}

enum QueuedLine {
    Made(Box<[u8]>),
    Later(SystemTime, MakeLine),
}

#[derive(Default)]
struct Waiting {
    lines: Vec<QueuedLine>,
    /// What they hold, in bytes.
    bytes: usize,
    /// The thread is about to gather or to write.
    is_awake: bool,
    is_ending: bool,
    has_ended: bool,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("process", &self.process).finish_non_exhaustive()
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, bytes: usize, line: impl FnOnce() -> QueuedLine) {
        if self.process != std::process::id() {
            return;
        }
        let mut waiting = self.lock();
        if waiting.bytes + bytes > WAITING {
            return;
        }
        waiting.bytes += bytes;
        waiting.lines.push(line());
        if !waiting.is_awake {
            self.came.notify_one();
        }
    }

    fn write_all(&self, mut out: impl Write) {
        let (mut queued, mut lines) = (Vec::new(), Vec::new());
        while self.gather(&mut queued) {
            for line in queued.drain(..) {
                match line {
                    QueuedLine::Made(line) => lines.extend_from_slice(&line),
                    QueuedLine::Later(time, make) => lines = made(time, lines, make),
                }
            }
            // There is nobody left to tell.
            let _ = out.write_all(&lines).and_then(|()| out.flush());
            lines.clear();
            lines.shrink_to(KEPT);
            queued.shrink_to(KEPT / size_of::<QueuedLine>());
        }
        self.lock().has_ended = true;
        self.written.notify_all();
    }

    /// Waits for lines and takes them; false when the log has ended and there are none.
    fn gather(&self, lines: &mut Vec<QueuedLine>) -> bool {
        let mut waiting = self.lock();
        waiting.is_awake = false;
        while waiting.lines.is_empty() && !waiting.is_ending {
            waiting = self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.is_awake = true;
        if !waiting.is_ending {
            drop(waiting);
            thread::sleep(GATHERS);
            waiting = self.lock();
        }
        std::mem::swap(lines, &mut waiting.lines);
        waiting.bytes = 0;
        !lines.is_empty()
    }
}

/// `lines`, and the one that `make` logs.
fn made(time: SystemTime, lines: Vec<u8>, make: MakeLine) -> Vec<u8> {
    MAKING.set(Some(Making { time, lines }));
    make();
    MAKING.take().map(|making| making.lines).unwrap_or_default()
}

impl Drop for Flush {
    fn drop(&mut self) {
        let queue = &self.0;
        if queue.process != std::process::id() {
            return;
        }
        let mut waiting = queue.lock();
        waiting.is_ending = true;
        queue.came.notify_one();
        let ended = queue.written.wait_timeout_while(waiting, LAST, |waiting| !waiting.has_ended);
        // Whether they are written or not, the process ends.
        drop(ended);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Tells of each write, and waits until it may go on.
    struct Slow(Sender<Vec<u8>>, Receiver<()>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).unwrap();
            let _ = self.1.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Slow, Receiver<Vec<u8>>, Sender<()>) {
        let ((tell, told), (allow, allowed)) = (channel(), channel());
        (Slow(tell, allowed), told, allow)
    }

    #[test]
    fn lines_come_in_order_and_together() {
        let (out, told, allow) = slow();
        let (lines, flush) = start(out).unwrap();
        drop(allow);
        for number in 0..1000 {
            writeln!(lines.make_writer(), "{number}").unwrap();
        }
        drop(flush);
        let writes: Vec<Vec<u8>> = told.iter().collect();
        let expected: String = (0..1000).map(|number| format!("{number}\n")).collect();
        assert_eq!(String::from_utf8(writes.concat()).unwrap(), expected);
        assert!(writes.len() < 100, "{} writes", writes.len());
    }

    #[test]
    fn who_logs_never_waits_for_a_reader_and_lines_beyond_the_queue_are_lost() {
        let (out, told, allow) = slow();
        let (lines, flush) = start(out).unwrap();
        writeln!(lines.make_writer(), "first").unwrap();
        assert_eq!(told.recv().unwrap(), b"first\n");
        let line = [b'x'; 1024];
        for _ in 0..2 * WAITING / line.len() {
            lines.make_writer().write_all(&line).unwrap();
        }
        assert_eq!(lines.0.lock().bytes, WAITING);
        drop(allow);
        drop(flush);
        assert_eq!(told.iter().map(|bytes| bytes.len()).sum::<usize>(), WAITING);
        assert!(lines.0.lock().lines.capacity() < WAITING / line.len());
    }

    #[test]
    fn a_line_that_is_made_later_stands_in_its_place() {
        let (out, told, allow) = slow();
        let (lines, flush) = start(out).unwrap();
        drop(allow);
        let lines = Arc::new(lines);
        writeln!(lines.make_writer(), "first").unwrap();
        let later = Arc::clone(&lines);
        lines.deferred().put(10, Box::new(move || writeln!(later.make_writer(), "second").unwrap()));
        writeln!(lines.make_writer(), "third").unwrap();
        drop(flush);
        let written: Vec<u8> = told.iter().collect::<Vec<_>>().concat();
        assert_eq!(String::from_utf8(written).unwrap(), "first\nsecond\nthird\n");
    }

    #[test]
    fn the_end_waits_for_no_one_who_does_not_read() {
        let (out, told, allow) = slow();
        let (lines, flush) = start(out).unwrap();
        writeln!(lines.make_writer(), "first").unwrap();
        told.recv().unwrap();
        drop(flush);
        drop(allow);
    }
}
