//! A statement that is looked at and not run: what `/validate`, `/explain` and `/autocomplete` have in common.

use serde::Serialize;
use utoipa::ToSchema;

use super::extract::Caller;
use super::response::{ApiError, Result};
use super::session::{RequestSession, parse_id};
use engine::{Error, ErrorKind, Target, Tenant, lines_before, placed};

/// Where a statement is looked at, as a request names it.
#[derive(Debug)]
pub(super) struct Context {
    /// Switched to for the request alone.
    pub(super) target: Target,
    /// The named session, or one of the request's own.
    pub(super) session: RequestSession,
}

impl Context {
    /// Finds or opens the session that a statement is looked at in.
    ///
    /// # Errors
    /// `bad-request` for a malformed session id; `internal` when no database can be opened.
    pub(super) async fn open(
        caller: &Caller,
        statement: &str,
        catalog: Option<String>,
        schema: Option<String>,
        session_id: Option<String>,
    ) -> Result<Self> {
        let id = session_id.map(|id| parse_id("session_id", &id)).transpose()?;
        caller.meet(Some(statement), id).await?;
        let session = RequestSession::named_or_ephemeral(&caller.0, id).await?;
        Ok(Self { target: Target { catalog, schema }, session })
    }
}

/// The statement of a request.
///
/// # Errors
/// `bad-request` when there is none, `limit-exceeded` when it is too long.
pub(super) fn required(tenant: &Tenant, statement: Option<String>) -> Result<String> {
    let statement = statement.ok_or_else(|| ApiError::bad_request("the field `statement` is missing"))?;
    tenant.limits().check_statement(&statement)?;
    Ok(statement)
}

/// A statement without the blanks around it, and how many lines were sent before it.
pub(super) fn trimmed(sent: &str) -> (String, usize) {
    (sent.trim().to_owned(), lines_before(sent))
}

/// Tells what is wrong with a statement, by the lines that were sent, from what is wrong with the server.
///
/// # Errors
/// `internal` for the latter, `limit-exceeded` for a statement that took too long.
pub(super) fn told<T>(
    outcome: engine::Result<T>,
    lines_before: usize,
) -> Result<std::result::Result<T, String>> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(fault) if is_ours(&fault) => Err(fault.into()),
        Err(fault) => Ok(Err(placed(fault, lines_before).message().to_owned())),
    }
}

fn is_ours(fault: &Error) -> bool {
    use ErrorKind::{Config, Internal, LimitExceeded, Unavailable};
    matches!(fault.kind(), Internal | Unavailable | Config | LimitExceeded)
}

/// `{}`: no external connection ever fails here.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(super) struct ConnectionErrors {}
