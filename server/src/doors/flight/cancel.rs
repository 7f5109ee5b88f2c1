//! CancelFlightInfo and CancelQuery: both name a query by the ticket of its FlightInfo (FC).

use arrow_flight::sql::{ActionCancelQueryRequest, ActionCancelQueryResult, Any};
use arrow_flight::{CancelFlightInfoRequest, CancelFlightInfoResult, FlightInfo};
use bytes::Bytes;
use prost::Message;

use super::messages::wrap;
use super::session::FlightSession;
use engine::{Error, Result};

/// CancelFlightInfo, whose messages are bare.
///
/// # Errors
/// `InvalidArgument` for a body without a ticket, `NotFound` for a ticket of another session.
pub(super) fn flight_info(session: &FlightSession, body: &[u8]) -> Result<CancelFlightInfoResult> {
    let request = CancelFlightInfoRequest::decode(body).map_err(|e| Error::invalid(e.to_string()))?;
    let status = session.cancel(&ticket(request.info)?)?;
    Ok(CancelFlightInfoResult { status })
}

/// CancelQuery, whose messages are wrapped in `Any`.
///
/// # Errors
/// As [`flight_info`].
pub(super) fn query(session: &FlightSession, request: &ActionCancelQueryRequest) -> Result<Any> {
    let info = FlightInfo::decode(request.info.clone()).map_err(|e| Error::invalid(e.to_string()))?;
    let result = session.cancel(&ticket(Some(info))?)?;
    Ok(wrap("ActionCancelQueryResult", &ActionCancelQueryResult { result }))
}

fn ticket(info: Option<FlightInfo>) -> Result<Bytes> {
    let endpoint = info.and_then(|info| info.endpoint.into_iter().next());
    let ticket = endpoint.and_then(|endpoint| endpoint.ticket);
    ticket.map(|t| t.ticket).ok_or_else(|| Error::invalid("The FlightInfo to cancel has no ticket"))
}
