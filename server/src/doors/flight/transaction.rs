//! Flight transactions: one per session, known by a random id (FT).

use std::sync::Arc;

use arrow_flight::sql::{ActionBeginTransactionResult, ActionEndTransactionRequest, Any, EndTransaction};
use bytes::Bytes;

use super::messages::wrap;
use super::session::Session;
use super::token::random_id;
use engine::{CancelToken, Error, ErrorKind, Result, StatementKind};

/// The Flight transaction of a session, if one is open.
#[derive(Default)]
pub(super) struct Transaction(Option<Bytes>);

impl Transaction {
    /// Admits a statement that names transaction `id`, or none (FT-2).
    ///
    /// # Errors
    /// `FailedPrecondition` for a statement without id while a transaction is open, `NotFound` for an id that is not.
    pub(super) fn admit(&self, id: Option<&Bytes>) -> Result<()> {
        match (&self.0, id) {
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
    pub(super) fn admit_prepared(&self, created_with: Option<&Bytes>) -> Result<()> {
        if created_with.is_some() { Ok(()) } else { self.admit(None) }
    }

    fn take(&mut self, id: &Bytes) -> Result<()> {
        match self.0.take_if(|open| open == id) {
            Some(_) => Ok(()),
            None => Err(Error::new(ErrorKind::NotFound, "Transaction not found")),
        }
    }
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
pub(super) async fn begin(session: &Arc<Session>, cancel: &CancelToken) -> Result<Any> {
    let id = random_id()?;
    let _turn = session.turn(cancel).await?;
    if session.transaction.lock().0.is_some() || !session.engine.begin(cancel).await? {
        return Err(busy());
    }
    session.transaction.lock().0 = Some(id.clone());
    Ok(wrap("ActionBeginTransactionResult", &ActionBeginTransactionResult { transaction_id: id }))
}

/// EndTransaction; the transaction is over even if its commit fails (FT-1).
///
/// # Errors
/// `InvalidArgument` for another action, `NotFound` for an id not open here, DuckDB's error of a failed commit.
pub(super) async fn end(
    session: &Arc<Session>,
    request: &ActionEndTransactionRequest,
    cancel: &CancelToken,
) -> Result<()> {
    let commit = match EndTransaction::try_from(request.action) {
        Ok(EndTransaction::Commit) => true,
        Ok(EndTransaction::Rollback) => false,
        _ => return Err(Error::invalid("EndTransaction takes the action commit (1) or rollback (2)")),
    };
    let _turn = session.turn(cancel).await?;
    session.transaction.lock().take(&request.transaction_id)?;
    if commit { session.engine.commit(cancel).await } else { session.engine.rollback(cancel).await }
}

fn busy() -> Error {
    let message = "a transaction is already active; commit or rollback it first";
    Error::new(ErrorKind::FailedPrecondition, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(transaction: &Transaction, id: Option<&'static [u8]>) -> Result<(), ErrorKind> {
        let id = id.map(Bytes::from_static);
        transaction.admit(id.as_ref()).map_err(|e| e.kind())
    }

    #[test]
    fn statements_are_admitted_by_the_open_id_alone() {
        let none = Transaction(None);
        assert_eq!(kinds(&none, None), Ok(()));
        assert_eq!(kinds(&none, Some(b"a")), Err(ErrorKind::NotFound));
        let open = Transaction(Some(Bytes::from_static(b"a")));
        assert_eq!(kinds(&open, Some(b"a")), Ok(()));
        assert_eq!(kinds(&open, Some(b"b")), Err(ErrorKind::NotFound));
        assert_eq!(kinds(&open, None), Err(ErrorKind::FailedPrecondition));
    }

    #[test]
    fn a_prepared_statement_outlives_its_transaction() {
        let other = Transaction(Some(Bytes::from_static(b"b")));
        assert!(other.admit_prepared(Some(&Bytes::from_static(b"a"))).is_ok());
        assert!(other.admit_prepared(None).is_err());
    }
}
