//! `GET /tasks/{task_id}`: every task is completed, since loads answer when they are done (LT), unless a test has it otherwise
//! (TK).

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::{Builder, Uuid};

use super::extract::Caller;
use super::openapi::IdAnswers;
use super::response::{ApiError, Code, Result};
use super::session::parse_id;
use super::state::Lakehouse;
use engine::{TaskStatus, Tenant};

/// Issues task ids, and knows those that it issued without keeping them: the second half of an id is the keyed hash
/// of its first half and its tenant.
#[derive(Debug, Default)]
pub(super) struct TaskIds {
    key: RandomState,
}

impl TaskIds {
    /// A new id for a tenant's task.
    pub(super) fn issue(&self, tenant: &Arc<Tenant>) -> Uuid {
        self.signed(tenant, Uuid::new_v4().as_u64_pair().0)
    }

    fn knows(&self, tenant: &Arc<Tenant>, id: Uuid) -> bool {
        self.signed(tenant, id.as_u64_pair().0) == id
    }

    fn signed(&self, tenant: &Arc<Tenant>, nonce: u64) -> Uuid {
        // Two tenants may share a name (LX-13), but not this number, which a reset of the tasks changes (CT-3).
        let hash = self.key.hash_one((tenant.task_epoch(), nonce));
        let bytes = Uuid::from_u64_pair(nonce, hash).into_bytes();
        Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// A task, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Task {
    task_id: Uuid,
    /// `completed`; `pending` or `failed` where the control plane has it so.
    status: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

/// Shows a task of the caller's.
///
/// # Errors
/// `bad-request` for a malformed id, `not-found` for one that was not issued to the caller (LT-02).
#[utoipa::path(get, path = "/tasks/{task_id}", tag = "Load",
    params(("task_id" = Uuid, Path, description = "As /append, /upload or /upsert answered it")),
    responses((status = 200, body = Task, description = "The task"), IdAnswers))]
pub(super) async fn show(
    caller: Caller,
    State(state): State<Lakehouse>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Task>> {
    let Path(id) = id.map_err(|_| ApiError::bad_request("the task id is not a UUID"))?;
    let task_id = parse_id("the task id", &id)?;
    if !state.tasks.knows(&caller.0, task_id) {
        return Err(ApiError::new(Code::NotFound, format!("there is no task {task_id}")));
    }
    let late = caller.0.tasks().find(task_id).map(|task| task.status());
    let (status, error_message) = match late {
        None | Some(TaskStatus::Completed) => (COMPLETED, None),
        Some(TaskStatus::Pending) => (PENDING, None),
        Some(TaskStatus::Failed(message)) => (FAILED, Some(message)),
    };
    Ok(Json(Task { task_id, status, error_message }))
}

/// The status of a task that is done, the one that there is unless a test has it otherwise.
pub(super) const COMPLETED: &str = "completed";

/// The statuses of the others (TK).
pub(super) const PENDING: &str = "pending";
const FAILED: &str = "failed";
