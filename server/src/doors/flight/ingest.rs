//! StatementIngest: an upload of Arrow batches into a table (FI).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow_flight::sql::{
    CommandStatementIngest, TableDefinitionOptions, TableExistsOption, TableNotExistOption,
};
use tokio::sync::mpsc;

use super::decode::Upload;
use super::session::FlightSession;
use super::statement::as_count;
use super::tickets::cancelled;
use super::transaction::{admit, named};
use engine::ingest::{ArrowSource, IfExists, IfMissing, Ingest, IngestMode, IngestTarget, Keys, Source};
use engine::{Call, CancelOnDrop};
use engine::{Error, Result};

/// Decoded batches that may wait for DuckDB.
const AHEAD: usize = 2;

/// How much of an upload is read before its turn on the connection comes, in bytes: while a client gathers the rows of
/// a small upload, it may run queries in the same session.
const READ_AHEAD: usize = 8 * 1024 * 1024;

/// Runs an ingest; answers the rows received.
///
/// # Errors
/// `InvalidArgument` for a malformed command or stream, `NotFound` for a transaction not open here, and what the
/// engine's ingest answers.
pub(super) async fn run(
    session: &Arc<FlightSession>,
    command: CommandStatementIngest,
    mut upload: Upload,
    call: &Arc<Call>,
) -> Result<i64> {
    let mode = mode(command.table_definition_options)?;
    let target = target(&command)?;
    let schema = upload.schema().await?.ok_or_else(|| Error::invalid("The upload has no schema"))?;
    let keys = keys(&command, &schema)?;
    let transaction = named(command.transaction_id);
    upload.read_ahead(READ_AHEAD).await?;
    // A dropped call interrupts its ingest (FC-1).
    let _gone = CancelOnDrop::new(call.cancel(), "The upload was cancelled");
    let turn = session.turn(call).await?;
    if transaction.is_some() {
        admit(&session.engine.transaction(), transaction.as_deref())?;
    }
    let (sender, receiver) = mpsc::channel(AHEAD);
    let source = Source::Arrow(ArrowSource { schema, batches: Box::new(Received(Some(receiver))) });
    let ingest = Ingest { target: in_session(session, target), mode, source, keys };
    let ingested = turn.ingest(ingest);
    tokio::pin!(ingested);
    let received = tokio::select! {
        // An ingest that ends before its upload has failed.
        ingested = &mut ingested => ingested.map(|_| 0)?,
        received = forward(upload, sender) => ingested.await.map(|_| received)?,
    };
    as_count(received)
}

/// What the upload hands to DuckDB's thread: without its end, the ingest fails (FI-5).
enum Part {
    Rows(RecordBatch),
    Failed(Error),
    End,
}

/// Decodes the upload as fast as DuckDB takes it, and counts its rows; stops when DuckDB has stopped.
async fn forward(mut upload: Upload, sender: mpsc::Sender<Part>) -> usize {
    let mut rows = 0;
    loop {
        let part = match upload.next().await {
            Ok(Some(batch)) => {
                rows += batch.num_rows();
                Part::Rows(batch)
            }
            Ok(None) => Part::End,
            Err(error) => Part::Failed(error),
        };
        let more = matches!(part, Part::Rows(_));
        if sender.send(part).await.is_err() || !more {
            return rows;
        }
    }
}

/// The receiving end, which blocks DuckDB's thread while the client is slower.
struct Received(Option<mpsc::Receiver<Part>>);

impl Iterator for Received {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = match self.0.as_mut()?.blocking_recv() {
            Some(Part::Rows(batch)) => return Some(Ok(batch)),
            Some(Part::End) => None,
            Some(Part::Failed(error)) => Some(Err(error)),
            None => Some(Err(cancelled())),
        };
        self.0 = None;
        item
    }
}

fn mode(options: Option<TableDefinitionOptions>) -> Result<IngestMode> {
    let unspecified = || Error::invalid("if_not_exist and if_exists must both be specified");
    let options = options.ok_or_else(unspecified)?;
    let if_missing = match TableNotExistOption::try_from(options.if_not_exist) {
        Ok(TableNotExistOption::Create) => IfMissing::Create,
        Ok(TableNotExistOption::Fail) => IfMissing::Fail,
        _ => return Err(unspecified()),
    };
    let if_exists = match TableExistsOption::try_from(options.if_exists) {
        Ok(TableExistsOption::Fail) => IfExists::Fail,
        Ok(TableExistsOption::Append) => IfExists::Append,
        Ok(TableExistsOption::Replace) => IfExists::Replace,
        _ => return Err(unspecified()),
    };
    Ok(IngestMode { if_missing, if_exists })
}

/// The table; an empty catalog or schema is an unset one (FI-3).
fn target(command: &CommandStatementIngest) -> Result<IngestTarget> {
    let set = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    let (catalog, schema) = (set(&command.catalog), set(&command.schema));
    if command.table.is_empty() {
        return Err(Error::invalid("The table to ingest into has no name"));
    }
    if command.temporary && (catalog.is_some() || schema.is_some()) {
        return Err(Error::invalid("A temporary table takes neither catalog nor schema"));
    }
    Ok(IngestTarget { catalog, schema, table: command.table.clone(), temporary: command.temporary })
}

/// A session's schema that does not exist yet is created by its first ingest (FS-8).
fn in_session(session: &FlightSession, target: IngestTarget) -> IngestTarget {
    if target.temporary || target.schema.is_some() {
        return target;
    }
    let pending = session.engine.pending_schema_in(target.catalog.as_deref());
    IngestTarget { schema: pending, ..target }
}

/// The upsert's columns (FI-8).
fn keys(command: &CommandStatementIngest, schema: &Schema) -> Result<Option<Keys>> {
    let primary = columns(command, "primary_key", schema)?;
    let cursor = columns(command, "cursor_field", schema)?;
    match (primary, cursor) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Error::invalid("cursor_field needs primary_key beside it")),
        (Some(primary), cursor) => Ok(Some(Keys { primary, cursor: cursor.unwrap_or_default() })),
    }
}

fn columns(command: &CommandStatementIngest, option: &str, schema: &Schema) -> Result<Option<Vec<String>>> {
    let Some(text) = command.options.get(option) else { return Ok(None) };
    let names: Vec<String> = serde_json::from_str(text)
        .map_err(|_| Error::invalid(format!("{option} must be a JSON array of column names")))?;
    let has = |name: &String| schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name));
    match names.iter().find(|name| !has(name)) {
        Some(missing) => Err(Error::invalid(format!("{option} names \"{missing}\", which the upload lacks"))),
        None if names.is_empty() => Err(Error::invalid(format!("{option} names no column"))),
        None => Ok(Some(names)),
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::both(Some(r#"["id"]"#), Some(r#"["at"]"#), true)]
    #[case::any_letter_case(Some(r#"["ID"]"#), None, true)]
    #[case::neither(None, None, true)]
    #[case::cursor_alone(None, Some(r#"["at"]"#), false)]
    #[case::missing_column(Some(r#"["nope"]"#), None, false)]
    #[case::no_array(Some("\"id\""), None, false)]
    #[case::no_names(Some("[1]"), None, false)]
    #[case::no_columns(Some("[]"), None, false)]
    #[case::no_json(Some("id"), None, false)]
    fn keys_are_json_arrays_of_the_uploads_columns(
        #[case] primary: Option<&str>,
        #[case] cursor: Option<&str>,
        #[case] accepted: bool,
    ) {
        let given = [("primary_key", primary), ("cursor_field", cursor)];
        let given = given.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.to_owned())));
        let command = CommandStatementIngest { options: given.collect(), ..Default::default() };
        let schema = Schema::new(["id", "at"].map(|name| Field::new(name, DataType::Int64, true)).to_vec());
        assert_eq!(keys(&command, &schema).is_ok(), accepted);
    }

    #[test]
    fn an_upload_without_its_end_fails() {
        let (sender, receiver) = mpsc::channel(1);
        drop(sender);
        let mut received = Received(Some(receiver));
        assert!(matches!(received.next(), Some(Err(_))) && received.next().is_none());
    }

    #[test]
    fn unspecified_modes_are_refused() {
        for (if_not_exist, if_exists, accepted) in [(1, 1, true), (2, 3, true), (0, 1, false), (1, 0, false)]
        {
            let options = TableDefinitionOptions { if_not_exist, if_exists };
            assert_eq!(mode(Some(options)).is_ok(), accepted);
        }
        assert!(mode(None).is_err());
    }
}
