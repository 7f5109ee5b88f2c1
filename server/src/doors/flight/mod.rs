//! Flight SQL on its port (`docs/contract/flight.md`): the commands, actions and uploads it serves.
//!
//! A call finds its [`FlightSession`](session::FlightSession) by its credentials, and the
//! tables below lead from its message to the module that handles it.

mod cancel;
mod credentials;
mod decode;
mod encode;
mod faults;
mod ingest;
mod messages;
mod metadata;
mod options;
mod prepared;
mod query;
mod reflection;
mod schema;
mod server;
mod service;
mod session;
mod sessions;
mod size;
mod statement;
mod status;
mod tickets;
mod token;
mod transaction;
mod transport;
mod unserved;

use std::sync::Arc;

use arrow_flight::sql::{Any, Command};
use bytes::Bytes;
use prost::Message;

use self::decode::Upload;
use self::encode::Answer;
use self::metadata::Metadata;
use self::query::{PlannedCommand, Query};
use self::session::FlightSession;
use self::sessions::SessionsByToken;
use self::statement::Control;
use self::tickets::Run;
use engine::{Call, Error, ErrorKind, Result, Statement};

pub(crate) use self::server::prepare;

/// What a descriptor's command plans to: GetFlightInfo, PollFlightInfo and GetSchema (FQ, FP, FM).
async fn plan(
    session: &Arc<FlightSession>,
    command: Command,
    control: Control,
    call: &Arc<Call>,
) -> Result<PlannedCommand> {
    let metadata = match command {
        Command::CommandStatementQuery(query) => {
            return statement::plan(session, query, control, call).await;
        }
        Command::CommandPreparedStatementQuery(query) => {
            return prepared::plan(session, &query.prepared_statement_handle, call).await;
        }
        Command::CommandGetCatalogs(_) => Metadata::Catalogs,
        Command::CommandGetDbSchemas(command) => Metadata::DbSchemas(command),
        Command::CommandGetTables(command) => Metadata::Tables(command),
        Command::CommandGetTableTypes(_) => Metadata::TableTypes,
        Command::CommandGetPrimaryKeys(command) => Metadata::PrimaryKeys(command),
        Command::CommandGetExportedKeys(command) => Metadata::ExportedKeys(command),
        Command::CommandGetImportedKeys(command) => Metadata::ImportedKeys(command),
        Command::CommandGetCrossReference(command) => Metadata::CrossReference(command),
        Command::CommandGetSqlInfo(command) => Metadata::SqlInfo(command),
        Command::CommandGetXdbcTypeInfo(command) => Metadata::XdbcTypeInfo(command),
        other => return Err(unserved("GetFlightInfo", &other)),
    };
    let schema = metadata.schema();
    Ok(PlannedCommand { schema, announced: true, repeatable: true, query: Query::Metadata(metadata) })
}

/// What a redeemed ticket answers: DoGet.
async fn fetch(session: Arc<FlightSession>, run: Run) -> Result<Answer> {
    match &*Arc::clone(&run.promise) {
        Query::Sql { text, planned, transaction, .. } => {
            let statement =
                planned.upgrade().map_or_else(|| Statement::Sql(text.clone()), Statement::Prepared);
            statement::run(session, run, statement, transaction.clone()).await
        }
        Query::Prepared(statement) => prepared::run(session, run, Arc::clone(statement)).await,
        Query::Done(schema) => Ok(Answer::empty(Arc::clone(schema))),
        Query::Metadata(metadata) => {
            drop(session.turn(&run.call).await?);
            metadata.rows(&session, &run.call).await.map(Answer::of)
        }
    }
}

/// What an upload changes, and the message it is answered with: DoPut.
async fn put(
    session: &Arc<FlightSession>,
    command: Command,
    upload: Upload,
    call: &Arc<Call>,
) -> Result<Bytes> {
    let count = match command {
        Command::CommandStatementUpdate(update) => statement::update(session, update, call).await?,
        Command::CommandStatementIngest(command) => ingest::run(session, command, upload, call).await?,
        Command::CommandPreparedStatementUpdate(update) => {
            prepared::update(session, &update.prepared_statement_handle, upload, call).await?
        }
        Command::CommandPreparedStatementQuery(query) => {
            let bound = prepared::bind(session, query.prepared_statement_handle, upload).await?;
            return Ok(bound.encode_to_vec().into());
        }
        other => return Err(unserved("DoPut", &other)),
    };
    Ok(messages::update_result(count))
}

/// Every action, as ListActions lists them (FC-4).
const ACTIONS: [(&str, &str); 9] = [
    ("CreatePreparedStatement", "Prepares a statement: ActionCreatePreparedStatementRequest in Any"),
    ("ClosePreparedStatement", "Closes a prepared statement: ActionClosePreparedStatementRequest in Any"),
    ("BeginTransaction", "Begins a transaction: ActionBeginTransactionRequest in Any"),
    ("EndTransaction", "Commits or rolls back a transaction: ActionEndTransactionRequest in Any"),
    ("CancelQuery", "Cancels a query: ActionCancelQueryRequest in Any"),
    ("CancelFlightInfo", "Cancels a query: CancelFlightInfoRequest"),
    ("SetSessionOptions", "Sets session options: SetSessionOptionsRequest"),
    ("GetSessionOptions", "Returns the session options: GetSessionOptionsRequest"),
    ("CloseSession", "Closes the session: CloseSessionRequest"),
];

/// What an action answers: DoAction.
async fn act(
    sessions: &SessionsByToken,
    session: &Arc<FlightSession>,
    name: &str,
    body: Bytes,
    call: &Arc<Call>,
) -> Result<Option<Bytes>> {
    let answer: Bytes = match name {
        "SetSessionOptions" => {
            let request = messages::bare(&body, "SetSessionOptionsRequest")?;
            options::set(session, request, call).await?.encode_to_vec().into()
        }
        "GetSessionOptions" => {
            messages::check(&body)?;
            options::get(session, call).await?.encode_to_vec().into()
        }
        "CloseSession" => {
            messages::check(&body)?;
            sessions.close(session).await;
            messages::closed()
        }
        "CancelFlightInfo" => cancel::flight_info(session, &body)?.encode_to_vec().into(),
        "BeginSavepoint" | "EndSavepoint" => return Err(unimplemented("Savepoints are not supported")),
        "CreatePreparedSubstraitPlan" => return Err(unimplemented("Substrait is not supported")),
        name if ACTIONS.iter().any(|(known, _)| *known == name) => {
            return act_in_any(session, name, &body, call).await;
        }
        name => return Err(unimplemented(&format!("Unknown action \"{name}\""))),
    };
    Ok(Some(answer))
}

/// The actions of Flight SQL, whose messages are wrapped in `Any`.
async fn act_in_any(
    session: &Arc<FlightSession>,
    name: &str,
    body: &[u8],
    call: &Arc<Call>,
) -> Result<Option<Bytes>> {
    let answer: Any = match (name, messages::command(body)?) {
        ("CreatePreparedStatement", Command::ActionCreatePreparedStatementRequest(request)) => {
            prepared::create(session, request, call).await?
        }
        ("ClosePreparedStatement", Command::ActionClosePreparedStatementRequest(request)) => {
            prepared::close(session, &request);
            return Ok(None);
        }
        ("BeginTransaction", Command::ActionBeginTransactionRequest(_)) => {
            transaction::begin(session, call).await?
        }
        ("EndTransaction", Command::ActionEndTransactionRequest(request)) => {
            transaction::end(session, &request, call).await?;
            return Ok(None);
        }
        ("CancelQuery", Command::ActionCancelQueryRequest(request)) => cancel::query(session, &request)?,
        (name, other) => {
            return Err(Error::invalid(format!("{name} does not take a {}", other.type_url())));
        }
    };
    Ok(Some(answer.encode_to_vec().into()))
}

fn unserved(rpc: &str, command: &Command) -> Error {
    match command {
        Command::CommandStatementSubstraitPlan(_) => unimplemented("Substrait is not supported"),
        other => unimplemented(&format!("{rpc} does not serve the command \"{}\"", other.type_url())),
    }
}

fn unimplemented(message: &str) -> Error {
    Error::new(ErrorKind::Unimplemented, message)
}

#[cfg(test)]
mod tests;
