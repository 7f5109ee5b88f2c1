//! Session actions, transactions, cancellation and the other actions of Flight SQL.

use super::flight::outcome;
use super::messages::{self, CloseResult, OptionValue, SessionOptions, SetResult, base64};
use super::rpc::Call;
use crate::fault::Result;
use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionBeginTransactionResult, ActionCancelQueryRequest,
    ActionCancelQueryResult, ActionClosePreparedStatementRequest, ActionEndTransactionRequest, Any,
    ProstMessageExt as _,
};
use arrow_flight::{CancelFlightInfoRequest, CancelFlightInfoResult, FlightEndpoint, FlightInfo, Ticket};
use bytes::Bytes;
use prost::Message as _;
use serde_json::{Map, Value, json};
use tonic::Status;

impl Call {
    async fn acted(
        self,
        kind: &str,
        body: Bytes,
        shown: impl FnOnce(Vec<Bytes>) -> Result<Value, Status>,
    ) -> Value {
        outcome(self.act(kind, body).await.and_then(shown).map_err(|status| (status, "DoAction")))
    }

    /// SetSessionOptions, bare or wrapped in an `Any` of that type.
    ///
    /// # Errors
    /// A value that no option can have.
    pub async fn set_options(self, options: &Map<String, Value>, wrapped: Option<String>) -> Result<Value> {
        let mut request = SessionOptions::default();
        for (key, value) in options {
            request.options.insert(key.clone(), OptionValue::read(value)?);
        }
        let bare = Bytes::from(request.encode_to_vec());
        let body = wrapped.map_or_else(
            || bare.clone(),
            |type_url| messages::packed(&Any { type_url, value: bare.clone() }),
        );
        let shown = |results: Vec<Bytes>| {
            let result: SetResult = messages::bare(&results)?;
            let errors: Map<String, Value> = result
                .errors
                .iter()
                .map(|(key, error)| (key.clone(), option_error(error.value).into()))
                .collect();
            Ok(json!({"errors": errors}))
        };
        Ok(self.acted("SetSessionOptions", body, shown).await)
    }

    /// GetSessionOptions.
    pub async fn get_options(self) -> Value {
        let shown = |results: Vec<Bytes>| {
            let result: SessionOptions = messages::bare(&results)?;
            let options: Map<String, Value> =
                result.options.iter().map(|(key, value)| (key.clone(), value.shown())).collect();
            Ok(json!({"options": options}))
        };
        self.acted("GetSessionOptions", Bytes::new(), shown).await
    }

    /// CloseSession.
    pub async fn close_session(self) -> Value {
        let shown = |results: Vec<Bytes>| {
            let result: CloseResult = messages::bare(&results)?;
            Ok(json!({"result": close_status(result.status)}))
        };
        self.acted("CloseSession", Bytes::new(), shown).await
    }

    /// ClosePreparedStatement.
    pub async fn close_prepared(self, prepared_statement_handle: Bytes) -> Value {
        let body =
            messages::packed(&ActionClosePreparedStatementRequest { prepared_statement_handle }.as_any());
        self.acted("ClosePreparedStatement", body, |results| Ok(json!({"results": results.len()}))).await
    }

    /// BeginTransaction.
    pub async fn begin(self) -> Value {
        let body = messages::packed(&ActionBeginTransactionRequest {}.as_any());
        let shown = |results: Vec<Bytes>| {
            let result: ActionBeginTransactionResult = messages::unpacked(&results)?;
            Ok(json!({"transaction": base64(&result.transaction_id)}))
        };
        self.acted("BeginTransaction", body, shown).await
    }

    /// EndTransaction.
    pub async fn end(self, transaction_id: Bytes, action: i32) -> Value {
        let body = messages::packed(&ActionEndTransactionRequest { transaction_id, action }.as_any());
        self.acted("EndTransaction", body, |results| Ok(json!({"results": results.len()}))).await
    }

    /// CancelFlightInfo of a ticket.
    pub async fn cancel_info(self, ticket: Bytes) -> Value {
        let body = CancelFlightInfoRequest { info: Some(info_of(ticket)) }.encode_to_vec().into();
        let shown = |results: Vec<Bytes>| {
            let result: CancelFlightInfoResult = messages::bare(&results)?;
            Ok(json!({"result": cancel_status(result.status)}))
        };
        self.acted("CancelFlightInfo", body, shown).await
    }

    /// CancelQuery of a ticket.
    pub async fn cancel_query(self, ticket: Bytes) -> Value {
        let body = messages::packed(
            &ActionCancelQueryRequest { info: info_of(ticket).encode_to_vec().into() }.as_any(),
        );
        let shown = |results: Vec<Bytes>| {
            let result: ActionCancelQueryResult = messages::unpacked(&results)?;
            Ok(json!({"result": cancel_status(result.result)}))
        };
        self.acted("CancelQuery", body, shown).await
    }
}

fn info_of(ticket: Bytes) -> FlightInfo {
    FlightInfo::new().with_endpoint(FlightEndpoint::new().with_ticket(Ticket { ticket }))
}

fn option_error(number: i32) -> String {
    named(number, &["UNSPECIFIED", "INVALID_NAME", "INVALID_VALUE", "ERROR"])
}

fn close_status(number: i32) -> String {
    named(number, &["UNSPECIFIED", "CLOSED", "CLOSING", "NOT_CLOSEABLE"])
}

fn cancel_status(number: i32) -> String {
    named(number, &["UNSPECIFIED", "CANCELLED", "CANCELLING", "NOT_CANCELLABLE"])
}

fn named(number: i32, names: &[&str]) -> String {
    usize::try_from(number)
        .ok()
        .and_then(|at| names.get(at))
        .map_or_else(|| number.to_string(), |name| (*name).to_owned())
}
