//! How the loads of a tenant end, as a test has it (TK): at once, late, or when it is told.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

use crate::error::Result;
use crate::limits::limit_exceeded;

/// The tasks of one tenant that do not end with their call.
#[derive(Debug)]
pub struct TaskDesk {
    most: usize,
    /// Whether loads are answered before they are done.
    is_late: AtomicBool,
    state: Mutex<DeskState>,
}

#[derive(Debug, Default)]
struct DeskState {
    mode: TaskMode,
    tasks: HashMap<Uuid, Arc<LateTask>>,
    /// Those that have failed, the oldest first: they are remembered as long as there is room.
    failed: VecDeque<Uuid>,
}

/// When a load is done that comes in now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TaskMode {
    /// Before it is answered.
    #[default]
    Instant,
    /// So much later.
    Delay(Duration),
    /// When it is told.
    Manual,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskStatus {
    /// Nothing of it is there.
    Pending,
    /// Its rows are there.
    Completed,
    /// There will be none, for that reason.
    Failed(String),
}

/// A task whose call was answered before it is done.
#[derive(Debug)]
pub struct LateTask {
    due: Option<Duration>,
    order: watch::Sender<Option<Outlook>>,
    status: watch::Sender<TaskStatus>,
}

/// What a task is told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outlook {
    Run,
    Fail(String),
}

impl TaskDesk {
    /// Nothing is late; `most` tasks may be.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, is_late: AtomicBool::new(false), state: Mutex::default() }
    }

    /// When loads are done that come in now.
    pub fn mode(&self) -> TaskMode {
        if self.is_late.load(Ordering::Relaxed) { self.state.lock().mode } else { TaskMode::Instant }
    }

    /// Has loads be done then that come in from now on.
    pub fn set_mode(&self, mode: TaskMode) {
        let mut state = self.state.lock();
        state.mode = mode;
        self.is_late.store(mode != TaskMode::Instant, Ordering::Relaxed);
    }

    /// A new task of that id.
    ///
    /// # Errors
    /// LimitExceeded for one too many.
    pub fn open(&self, id: Uuid) -> Result<Arc<LateTask>> {
        let mut state = self.state.lock();
        while state.tasks.len() >= self.most {
            let Some(oldest) = state.failed.pop_front() else {
                return Err(limit_exceeded("the pending tasks of this user", self.most, "--task-limit"));
            };
            state.tasks.remove(&oldest);
        }
        let due = match state.mode {
            TaskMode::Delay(delay) => Some(delay),
            TaskMode::Instant => Some(Duration::ZERO),
            TaskMode::Manual => None,
        };
        let (order, status) = (watch::Sender::new(None), watch::Sender::new(TaskStatus::Pending));
        let task = Arc::new(LateTask { due, order, status });
        state.tasks.insert(id, Arc::clone(&task));
        Ok(task)
    }

    /// A task that is pending or has failed; one that is completed is not kept.
    pub fn find(&self, id: Uuid) -> Option<Arc<LateTask>> {
        self.state.lock().tasks.get(&id).cloned()
    }

    /// A task has ended, of which nothing is kept but why it failed.
    pub fn close(&self, id: Uuid, failure: Option<String>) {
        let mut state = self.state.lock();
        let Some(task) = state.tasks.get(&id).cloned() else { return };
        let status = match failure {
            None => {
                state.tasks.remove(&id);
                TaskStatus::Completed
            }
            Some(message) => {
                state.failed.push_back(id);
                TaskStatus::Failed(message)
            }
        };
        task.status.send_replace(status);
    }

    /// Every load is done at once again, and none of the pending ones ever is.
    pub(crate) fn clear(&self) {
        self.set_mode(TaskMode::Instant);
        let mut state = self.state.lock();
        state.failed.clear();
        let forgotten = std::mem::take(&mut state.tasks);
        drop(state);
        for task in forgotten.into_values() {
            task.tell(Outlook::Fail("the tasks were reset".to_owned()));
        }
    }

    /// How many tasks are pending, or remembered for their failure.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().tasks.len()
    }
}

impl LateTask {
    /// Waits until it is due or told.
    ///
    /// # Errors
    /// What it was told to fail with.
    pub async fn is_due(&self) -> std::result::Result<(), String> {
        let mut orders = self.order.subscribe();
        let told = orders.wait_for(Option::is_some);
        let told = match self.due {
            // Nobody has told it in time.
            Some(delay) => match tokio::time::timeout(delay, told).await {
                Ok(told) => told,
                Err(_) => return Ok(()),
            },
            None => told.await,
        };
        match told.ok().and_then(|order| order.clone()) {
            Some(Outlook::Fail(message)) => Err(message),
            Some(Outlook::Run) | None => Ok(()),
        }
    }

    /// How far it is.
    pub fn status(&self) -> TaskStatus {
        self.status.borrow().clone()
    }

    /// Has it run now; how it ends.
    pub async fn complete(&self) -> TaskStatus {
        self.tell(Outlook::Run);
        self.ended().await
    }

    /// Has it fail now; how it ends, which may be otherwise if it was running already.
    pub async fn fail(&self, message: String) -> TaskStatus {
        self.tell(Outlook::Fail(message));
        self.ended().await
    }

    /// The first word counts.
    fn tell(&self, outlook: Outlook) {
        self.order.send_if_modified(|order| {
            let is_first = order.is_none();
            order.get_or_insert(outlook);
            is_first
        });
    }

    async fn ended(&self) -> TaskStatus {
        let mut statuses = self.status.subscribe();
        let ended = statuses.wait_for(|status| *status != TaskStatus::Pending).await;
        ended.map_or(TaskStatus::Pending, |status| status.clone())
    }
}
