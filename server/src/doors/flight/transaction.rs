//! Flight transactions: one per session, known by a random id (FT).

use std::sync::Arc;

use arrow_flight::sql::{ActionBeginTransactionResult, ActionEndTransactionRequest, Any, EndTransaction};
use bytes::Bytes;

use super::messages::wrap;
use super::session::FlightSession;
use super::token::random_id;
use engine::{AccessMode, Call, Error, ErrorKind, Result, StatementKind, Transaction};

/// Admits a statement that names transaction `id`, or none (FT-2). What SQL has begun has no id.
///
/// # Errors
/// `FailedPrecondition` for a statement without id while a transaction is open, `NotFound` for an id that is not.
pub(super) fn admit(transaction: &Transaction, id: Option<&[u8]>) -> Result<()> {
    match (transaction.name(), id) {
        (None, None) => Ok(()),
        (Some(open), Some(id)) if open == id => Ok(()),
        (Some(_), None) => Err(busy()),
        (_, Some(_)) => Err(Error::new(ErrorKind::NotFound, "transaction not found")),
    }
}

/// Admits a prepared statement by the id it was created with: once that has ended, the statement joins whatever
/// transaction is open (FT-4).
///
/// # Errors
/// `FailedPrecondition` for a statement created without id while a transaction is open.
pub(super) fn admit_prepared(transaction: &Transaction, created_with: Option<&[u8]>) -> Result<()> {
    if created_with.is_some() { Ok(()) } else { admit(transaction, None) }
}

/// An id as messages carry it: an empty one counts as absent.
pub(super) fn named(id: Option<Bytes>) -> Option<Bytes> {
    id.filter(|id| !id.is_empty())
}

/// Refuses transaction control SQL inside a Flight transaction (FT-5).
///
/// # Errors
/// `FailedPrecondition`.
pub(super) fn refuse_control(kind: StatementKind, transaction: Option<&Bytes>) -> Result<()> {
    if kind == StatementKind::Transaction && transaction.is_some() {
        let message = "use EndTransaction to end a Flight transaction";
        return Err(Error::new(ErrorKind::FailedPrecondition, message));
    }
    Ok(())
}

/// BeginTransaction.
///
/// # Errors
/// `FailedPrecondition` while any transaction is open.
pub(super) async fn begin(session: &FlightSession, call: &Arc<Call>) -> Result<Any> {
    let id = random_id()?;
    if !session.turn(call).await?.begin(Arc::from(&*id), AccessMode::ReadWrite).await? {
        return Err(busy());
    }
    Ok(wrap("ActionBeginTransactionResult", &ActionBeginTransactionResult { transaction_id: id }))
}

/// EndTransaction; the transaction is over even if its commit fails (FT-1).
///
/// # Errors
/// `InvalidArgument` for another action, `NotFound` for an id not open here, DuckDB's error of a failed commit.
pub(super) async fn end(
    session: &FlightSession,
    request: &ActionEndTransactionRequest,
    call: &Arc<Call>,
) -> Result<()> {
    let commit = match EndTransaction::try_from(request.action) {
        Ok(EndTransaction::Commit) => true,
        Ok(EndTransaction::Rollback) => false,
        _ => return Err(Error::invalid("EndTransaction takes the action commit (1) or rollback (2)")),
    };
    let turn = session.turn(call).await?;
    if session.engine.transaction().name() != Some(&*request.transaction_id) {
        return Err(Error::new(ErrorKind::NotFound, "Transaction not found"));
    }
    turn.end_transaction(commit).await
}

fn busy() -> Error {
    let message = "a transaction is already active; commit or rollback it first";
    Error::new(ErrorKind::FailedPrecondition, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Option<&[u8]> = Some(b"a");
    const B: Option<&[u8]> = Some(b"b");

    fn kinds(transaction: &Transaction, id: Option<&[u8]>) -> Result<(), ErrorKind> {
        admit(transaction, id).map_err(|e| e.kind())
    }

    #[test]
    fn statements_are_admitted_by_the_open_id_alone() {
        for none in [Transaction::None, Transaction::Open(None), Transaction::Aborted(None)] {
            assert_eq!(kinds(&none, None), Ok(()));
            assert_eq!(kinds(&none, A), Err(ErrorKind::NotFound));
        }
        let a = || Some(Arc::from(*b"a"));
        for open in [Transaction::Open(a()), Transaction::Aborted(a())] {
            assert_eq!(kinds(&open, A), Ok(()));
            assert_eq!(kinds(&open, B), Err(ErrorKind::NotFound));
            assert_eq!(kinds(&open, None), Err(ErrorKind::FailedPrecondition));
        }
    }

    #[test]
    fn a_prepared_statement_outlives_its_transaction() {
        let other = Transaction::Open(Some(Arc::from(*b"b")));
        assert!(admit_prepared(&other, A).is_ok());
        assert!(admit_prepared(&other, None).is_err());
    }
}
