//! What Flight SQL may get wrong.

use super::statements::rewritten;
use crate::fault::{FLIGHT, Flight, HONEST, Wrong};
use altertable_mock_conformance::client::messages::packed;
use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow_flight::sql::{
    ActionBeginTransactionResult, Any, Command, CommandStatementUpdate, DoPutUpdateResult,
    ProstMessageExt as _,
};
use arrow_flight::{FlightEndpoint, PutResult};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost::Message as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

pub const FAULTS: &[Wrong] = &[
    fault(
        "all sessions are one, of one user",
        &["FS-1", "FS-2", "FA-6", "FQ-5", "FS-12", "FT-2"],
        Flight { metadata: |rpc, metadata| instead_of_token(rpc, metadata, "everybody:same"), ..FLIGHT },
    ),
    fault(
        "every call has a session of its own",
        &["FS-2", "FS-3", "FS-8", "FS-10", "FS-11", "FT-1", "FT-3", "FP-1"],
        Flight {
            metadata: |rpc, metadata| {
                static CALLS: AtomicUsize = AtomicUsize::new(0);
                let nobody = format!("nobody-{}:same", CALLS.fetch_add(1, Ordering::Relaxed));
                instead_of_token(rpc, metadata, &nobody)
            },
            ..FLIGHT
        },
    ),
    fault(
        "only tokens and canonical credentials count, and cookies do not",
        &["FA-1", "FA-5", "FA-7"],
        Flight {
            metadata: |rpc, metadata| {
                let credentials =
                    metadata.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("");
                let known = credentials.starts_with("Bearer ")
                    || rpc == "Handshake" && credentials.starts_with("Basic ");
                if known && metadata.get("cookie").is_none() {
                    Ok(())
                } else {
                    Err(Status::unauthenticated("no"))
                }
            },
            ..FLIGHT
        },
    ),
    fault(
        "handshakes take no token and hand none out in a header",
        &["FA-2", "FA-3"],
        Flight {
            metadata: |rpc, metadata| {
                let token = metadata
                    .get("authorization")
                    .is_some_and(|value| value.as_bytes().starts_with(b"Bearer"));
                if rpc == "Handshake" && token { Err(Status::unauthenticated("no")) } else { Ok(()) }
            },
            answer: |_, metadata| drop(metadata.remove("authorization")),
            ..FLIGHT
        },
    ),
    fault(
        "every answer hands out a token",
        &["FA-4"],
        Flight {
            answer: |_, metadata| drop(metadata.insert("authorization", "Bearer new".parse().unwrap())),
            ..FLIGHT
        },
    ),
    fault(
        "the last row of a batch is lost",
        &["FQ-2", "FQ-4", "FP-2", "FP-4", "FP-6", "FM-1", "FM-2", "FM-3", "FM-5", "FM-6", "FM-7", "FS-4"],
        Flight { batch: Some(|batch| batch.slice(0, batch.num_rows().saturating_sub(1))), ..FLIGHT },
    ),
    fault(
        "all but the first batch is lost",
        &["FS-4", "FX-4"],
        Flight { data: |index, data| (index < 2).then_some(data), ..FLIGHT },
    ),
    fault(
        "texts are large, integers wide, and the columns of counts have other names",
        &["FY-1", "FY-2", "FY-3", "FM-1", "FQ-4"],
        Flight { batch: Some(widened), ..FLIGHT },
    ),
    fault(
        "columns tell nothing of themselves",
        &["FY-4", "FY-5", "FM-1"],
        Flight {
            batch: Some(|batch| {
                with_fields(batch, |field| Field::new(field.name(), field.data_type().clone(), true))
            }),
            ..FLIGHT
        },
    ),
    fault("keys are numbered from 0", &["FM-5"], Flight { batch: Some(from_zero), ..FLIGHT }),
    fault(
        "FlightInfo has no schema, a location and a count",
        &["FQ-1", "FQ-2", "FQ-7", "FY-1"],
        Flight {
            info: |info| {
                info.schema = Bytes::new();
                info.total_records = 1;
                let odd = |endpoint: FlightEndpoint| endpoint.with_location("grpc://elsewhere");
                info.endpoint = std::mem::take(&mut info.endpoint).into_iter().map(odd).collect();
            },
            ..FLIGHT
        },
    ),
    fault(
        "a stream has no schema",
        &["FQ-7"],
        Flight { data: |index, data| (index > 0).then_some(data), ..FLIGHT },
    ),
    fault(
        "errors are swallowed",
        &[
            "FE-1", "FQ-5", "FQ-6", "FP-5", "FI-2", "FI-4", "FI-6", "FI-7", "FI-8", "FT-2", "FT-7", "AC-05",
            "LX-12", "LX-17",
        ],
        Flight { status: |_| None, ..FLIGHT },
    ),
    fault(
        "every error is UNKNOWN and has a prefix",
        &["FE-1", "FE-2", "FA-6", "FS-5", "FT-2", "FT-5", "FT-7", "FI-3", "FP-9"],
        Flight {
            status: |status| Some(Status::new(Code::Unknown, format!("Error: {}", status.message()))),
            ..FLIGHT
        },
    ),
    fault("an error ends its session", &["FE-3"], Flight { fatal: true, ..FLIGHT }),
    fault(
        "a cancellation is promised and forgotten, and hanging up changes nothing",
        &["FC-1", "FC-2", "FC-3"],
        Flight {
            action: |action| match action.r#type.as_str() {
                "CancelFlightInfo" => Err(vec![Bytes::from_static(&[8, 1])]),
                "CancelQuery" => {
                    let result = arrow_flight::sql::ActionCancelQueryResult { result: 1 };
                    Err(vec![packed(&result.as_any())])
                }
                _ => Ok(action),
            },
            detached: true,
            ..FLIGHT
        },
    ),
    fault(
        "GetSchema, PollFlightInfo and ListActions are not there",
        &["FQ-9", "FQ-10", "FC-4"],
        Flight {
            metadata: |rpc, _| {
                let gone = ["GetSchema", "PollFlightInfo", "ListActions"].contains(&rpc);
                if gone { Err(Status::unimplemented(rpc.to_owned())) } else { Ok(()) }
            },
            ..FLIGHT
        },
    ),
    fault(
        "transactions are only promised",
        &["FT-1", "FT-2", "FT-3", "FT-4", "FT-5"],
        Flight {
            action: |action| match action.r#type.as_str() {
                "BeginTransaction" => {
                    let result = ActionBeginTransactionResult { transaction_id: Bytes::from_static(b"id") };
                    Err(vec![packed(&result.as_any())])
                }
                "EndTransaction" => Err(vec![]),
                _ => Ok(action),
            },
            command: |_, command| without_transaction(command),
            ..FLIGHT
        },
    ),
    fault(
        "temporary tables are not kept, and savepoints are promised",
        &["FT-6", "FT-7", "FS-2", "FM-3"],
        Flight {
            command: |_, command| rewritten(command, without_temporary),
            action: |action| if action.r#type.contains("Savepoint") { Err(vec![]) } else { Ok(action) },
            ..FLIGHT
        },
    ),
    fault(
        "bound parameters are forgotten",
        &["FP-4", "FP-5", "FP-6", "FP-7"],
        Flight {
            put: |command| match parsed(command)? {
                Command::CommandPreparedStatementQuery(_) => Some(PutResult::default()),
                Command::CommandPreparedStatementUpdate(_) => Some(count(0)),
                _ => None,
            },
            ..FLIGHT
        },
    ),
    fault(
        "a prepared statement tells nothing of itself and cannot be closed",
        &["FP-1", "FP-2", "FP-3", "FP-8", "FP-9"],
        Flight {
            acted: |kind, results| {
                if kind == "CreatePreparedStatement" { results.iter().map(silent).collect() } else { results }
            },
            action: |action| if action.r#type == "ClosePreparedStatement" { Err(vec![]) } else { Ok(action) },
            ..FLIGHT
        },
    ),
    fault(
        "planning executes",
        &["FQ-2", "FQ-3"],
        Flight {
            beforehand: |rpc, command| match parsed(command)? {
                Command::CommandStatementQuery(query) if rpc == "GetFlightInfo" => {
                    let update =
                        CommandStatementUpdate { query: query.query, transaction_id: query.transaction_id };
                    Some(packed(&update.as_any()))
                }
                _ => None,
            },
            ..FLIGHT
        },
    ),
    fault("nothing counts", &["FQ-8", "FI-1", "FP-7"], Flight { put_result: |_| count(-1), ..FLIGHT }),
    fault(
        "every ingest creates or appends, to main, without keys",
        &["FI-1", "FI-2", "FI-3", "FI-4", "FI-8", "FI-9", "FI-10"],
        Flight { command: |_, command| edited(command, plain_ingest), ..FLIGHT },
    ),
    fault(
        "an ingest ends with its first batch",
        &["FI-1", "FI-5"],
        Flight { upload: |index, data| (index < 2).then_some(data), ..FLIGHT },
    ),
    fault(
        "an ingest is only promised",
        &["FI-3", "FI-6", "FI-7", "FY-7"],
        Flight {
            put: |command| matches!(parsed(command)?, Command::CommandStatementIngest(_)).then(|| count(1)),
            ..FLIGHT
        },
    ),
    fault(
        "options are taken and forgotten, and a session never closes",
        &["FS-6", "FS-7", "FS-8", "FS-9", "FS-10", "FS-11", "FS-12", "FY-4"],
        Flight {
            action: |action| match action.r#type.as_str() {
                "SetSessionOptions" | "GetSessionOptions" => Err(vec![Bytes::new()]),
                "CloseSession" => Err(vec![Bytes::from_static(&[8, 1])]),
                _ => Ok(action),
            },
            ..FLIGHT
        },
    ),
    fault(
        "requests wrapped in an Any are not understood",
        &["FS-7"],
        Flight {
            action: |action| {
                let wrapped = action.r#type == "SetSessionOptions"
                    && Any::decode(action.body.clone()).is_ok_and(|any| any.type_url.contains("SetSession"));
                if wrapped { Err(vec![]) } else { Ok(action) }
            },
            ..FLIGHT
        },
    ),
    fault(
        "metadata is not filtered and has no schemas",
        &["FM-2", "FM-4", "FY-6"],
        Flight { command: |_, command| edited(command, unfiltered), ..FLIGHT },
    ),
];

const fn fault(name: &'static str, breaks: &'static [&'static str], flight: Flight) -> Wrong {
    Wrong { name, breaks, flight, ..HONEST }
}

/// Credentials in the place of the token that a handshake has handed out.
fn instead_of_token(rpc: &str, metadata: &mut MetadataMap, pair: &str) -> Result<(), Status> {
    if rpc != "Handshake" {
        metadata.insert("authorization", format!("Basic {}", STANDARD.encode(pair)).parse().unwrap());
    }
    Ok(())
}

fn parsed(command: &Bytes) -> Option<Command> {
    Command::try_from(Any::decode(command.clone()).ok()?).ok()
}

fn edited(command: Bytes, change: fn(&mut Command)) -> Bytes {
    let Some(mut parsed) = parsed(&command) else { return command };
    change(&mut parsed);
    parsed.into_any().encode_to_vec().into()
}

fn without_temporary(sql: &str) -> String {
    if sql.contains(" TEMP ") { "SELECT 0" } else { sql }.to_owned()
}

fn without_transaction(command: Bytes) -> Bytes {
    edited(command, |command| match command {
        Command::CommandStatementQuery(query) => query.transaction_id = None,
        Command::CommandStatementUpdate(update) => update.transaction_id = None,
        Command::CommandStatementIngest(ingest) => ingest.transaction_id = None,
        _ => {}
    })
}

fn plain_ingest(command: &mut Command) {
    if let Command::CommandStatementIngest(ingest) = command {
        ingest.table_definition_options =
            Some(arrow_flight::sql::TableDefinitionOptions { if_not_exist: 1, if_exists: 2 });
        ingest.options.clear();
        (ingest.catalog, ingest.schema, ingest.temporary) = (None, None, false);
    }
}

fn unfiltered(command: &mut Command) {
    match command {
        Command::CommandGetTables(tables) => *tables = arrow_flight::sql::CommandGetTables::default(),
        Command::CommandGetDbSchemas(schemas) => *schemas = arrow_flight::sql::CommandGetDbSchemas::default(),
        _ => {}
    }
}

fn count(record_count: i64) -> PutResult {
    PutResult { app_metadata: DoPutUpdateResult { record_count }.encode_to_vec().into() }
}

/// A prepared statement's answer with its handle alone.
fn silent(body: &Bytes) -> Bytes {
    use arrow_flight::sql::ActionCreatePreparedStatementResult as Prepared;
    let Ok(Some(whole)) = Any::decode(body.clone()).map(|any| any.unpack::<Prepared>().ok().flatten()) else {
        return body.clone();
    };
    let handle = whole.prepared_statement_handle;
    packed(&Prepared { prepared_statement_handle: handle, ..Prepared::default() }.as_any())
}

fn with_fields(batch: &RecordBatch, change: impl Fn(&Field) -> Field) -> RecordBatch {
    let fields: Vec<Field> = batch.schema().fields().iter().map(|field| change(field)).collect();
    let columns =
        batch.columns().iter().zip(&fields).map(|(column, field)| cast(column, field.data_type()).unwrap());
    let columns: Vec<ArrayRef> = columns.collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap_or_else(|_| batch.clone())
}

fn widened(batch: &RecordBatch) -> RecordBatch {
    with_fields(batch, |field| {
        let wider = match field.data_type() {
            DataType::Utf8 => DataType::LargeUtf8,
            DataType::Int8 | DataType::Int16 | DataType::Int32 => DataType::Int64,
            other => other.clone(),
        };
        Field::new(field.name().to_lowercase(), wider, field.is_nullable())
            .with_metadata(field.metadata().clone())
    })
}

fn from_zero(batch: &RecordBatch) -> RecordBatch {
    let Ok(at) = batch.schema().index_of("key_sequence") else { return batch.clone() };
    let mut columns = batch.columns().to_vec();
    columns[at] =
        Arc::new(columns[at].as_primitive::<Int32Type>().unary::<_, Int32Type>(|number| number - 1));
    RecordBatch::try_new(batch.schema(), columns).unwrap_or_else(|_| batch.clone())
}
