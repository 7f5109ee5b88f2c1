//! How loads end: at once, late, or when they are told (TK).

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::{Scope, Steered};
use super::answer::{PlaneRefusal, PlaneResult, RefusalCode};
use super::body::Order;
use super::fault_order::milliseconds;
use super::openapi::{ListAnswers, ScopeAnswers};
use engine::{LateTask, TaskDesk, TaskMode, TaskStatus};

/// When loads are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum TaskTiming {
    /// Before they are answered.
    Instant,
    /// So much later.
    Delay,
    /// When they are told.
    Manual,
}

/// How loads end that come in from now on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"mode": "delay", "delay_ms": 500}))]
pub(super) struct TaskOrder {
    mode: TaskTiming,
    /// With `delay`: how much later, 600000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
}

/// Why a load is to fail.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FailureOrder {
    /// What `GET /tasks/{id}` tells as `error_message`.
    message: Option<String>,
}

/// How a load has ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndedTask {
    task_id: Uuid,
    /// `completed` or `failed`.
    status: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

/// How many bytes a message may have.
const LONGEST_MESSAGE: usize = 10_000;

fn desk_of(scope: Scope) -> PlaneResult<Arc<TaskDesk>> {
    scope.tenant("tasks are").map(|Steered { tenant, .. }| Arc::clone(tenant.tasks()))
}

fn shown(desk: &TaskDesk) -> Json<TaskOrder> {
    let (mode, delay) = match desk.mode() {
        TaskMode::Instant => (TaskTiming::Instant, None),
        TaskMode::Delay(delay) => (TaskTiming::Delay, Some(delay)),
        TaskMode::Manual => (TaskTiming::Manual, None),
    };
    let delay_ms = delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
    Json(TaskOrder { mode, delay_ms })
}

/// The pending task of an id.
fn pending(desk: &TaskDesk, id: Result<Path<String>, PathRejection>) -> PlaneResult<(Uuid, Arc<LateTask>)> {
    let id = id.ok().and_then(|Path(text)| Uuid::try_parse(&text).ok());
    let found = id.and_then(|id| Some((id, desk.find(id)?)));
    let unknown = || PlaneRefusal::new(RefusalCode::NotFound, "no such task is pending");
    let (id, task) = found.ok_or_else(unknown)?;
    if task.status() != TaskStatus::Pending {
        return Err(PlaneRefusal::conflict("the task has failed already"));
    }
    Ok((id, task))
}

fn ended(task_id: Uuid, status: TaskStatus) -> Json<EndedTask> {
    let (status, error_message) = match status {
        TaskStatus::Failed(message) => ("failed", Some(message)),
        TaskStatus::Completed | TaskStatus::Pending => ("completed", None),
    };
    Json(EndedTask { task_id, status, error_message })
}

/// Shows when loads are done.
///
/// # Errors
/// As every route.
#[utoipa::path(get, path = "/_mock/v1/tasks", tag = "Tasks",
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = TaskOrder, description = "When loads are done"), ListAnswers))]
pub(super) async fn show(scope: Scope) -> PlaneResult<Json<TaskOrder>> {
    Ok(shown(&*desk_of(scope)?))
}

/// Has loads be done at once, late, or when they are told, from the next one on.
///
/// # Errors
/// `bad-request` for a delay without its mode, or a mode without its delay.
#[utoipa::path(put, path = "/_mock/v1/tasks", tag = "Tasks", request_body = TaskOrder,
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = TaskOrder, description = "It is in force"), ScopeAnswers))]
pub(super) async fn set(scope: Scope, Order(order): Order<TaskOrder>) -> PlaneResult<Json<TaskOrder>> {
    let desk = desk_of(scope)?;
    let delay: Option<Duration> = milliseconds("delay_ms", order.delay_ms)?;
    let mode = match (order.mode, delay) {
        (TaskTiming::Instant, None) => TaskMode::Instant,
        (TaskTiming::Manual, None) => TaskMode::Manual,
        (TaskTiming::Delay, Some(delay)) => TaskMode::Delay(delay),
        _ => return Err(PlaneRefusal::bad_request("`delay_ms` is of the mode `delay`, which needs it")),
    };
    desk.set_mode(mode);
    Ok(shown(&desk))
}

/// Has a pending load run now, and answers when it has ended.
///
/// # Errors
/// `not-found` for a task that is not pending, `conflict` for one that has failed.
#[utoipa::path(post, path = "/_mock/v1/tasks/{id}/complete", tag = "Tasks",
    params(("id" = Uuid, Path, description = "The task"),
        ("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = EndedTask, description = "It has ended"), ScopeAnswers))]
pub(super) async fn complete(
    scope: Scope,
    id: Result<Path<String>, PathRejection>,
) -> PlaneResult<Json<EndedTask>> {
    let (id, task) = pending(&*desk_of(scope)?, id)?;
    Ok(ended(id, task.complete().await))
}

/// Has a pending load fail.
///
/// # Errors
/// As [`complete`].
#[utoipa::path(post, path = "/_mock/v1/tasks/{id}/fail", tag = "Tasks", request_body = FailureOrder,
    params(("id" = Uuid, Path, description = "The task"),
        ("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = EndedTask, description = "It has ended"), ScopeAnswers))]
pub(super) async fn fail(
    scope: Scope,
    id: Result<Path<String>, PathRejection>,
    Order(order): Order<FailureOrder>,
) -> PlaneResult<Json<EndedTask>> {
    let (id, task) = pending(&*desk_of(scope)?, id)?;
    let message = order.message.unwrap_or_else(|| "the control plane had the task fail".to_owned());
    if message.len() > LONGEST_MESSAGE {
        let refusal = format!("`message` has {LONGEST_MESSAGE} bytes at most");
        return Err(PlaneRefusal::bad_request(refusal));
    }
    Ok(ended(id, task.fail(message).await))
}
