//! What a fault may do: hooks at every place where a request or an answer passes. A hook that a fault does not name is honest.

use crate::message::{Call, Reply};
use arrow::array::RecordBatch;
use arrow_flight::{Action, FlightData, FlightInfo, PutResult};
use bytes::Bytes;
use tonic::Status;
use tonic::metadata::MetadataMap;

/// One way to be wrong.
#[derive(Clone, Copy)]
pub struct Wrong {
    /// What is wrong.
    pub name: &'static str,
    /// The clauses that it breaks: of each, a case has to fail.
    pub breaks: &'static [&'static str],
    /// What happens to HTTP requests.
    pub http: Http,
    /// What happens to Flight calls.
    pub flight: Flight,
}

/// Hooks of both REST doors.
#[derive(Clone, Copy)]
pub struct Http {
    /// Changes a request on its way to the server.
    pub request: fn(&mut Call),
    /// Something that the server is asked beforehand, unseen.
    pub beforehand: fn(&Call) -> Option<Call>,
    /// Answers in the server's place.
    pub instead: fn(&Call) -> Option<Reply>,
    /// Changes the answer, which then arrives all at once.
    pub reply: Option<fn(&Call, &mut Reply)>,
}

/// Hooks of Flight SQL.
#[derive(Clone, Copy)]
pub struct Flight {
    /// Changes the metadata of every call, given the RPC's name; a status refuses the call.
    pub metadata: fn(&str, &mut MetadataMap) -> Result<(), Status>,
    /// Changes a descriptor's command on its way to the server, given the RPC's name.
    pub command: fn(&str, Bytes) -> Bytes,
    /// Executed beforehand by DoPut, unseen, given the RPC's name and the command.
    pub beforehand: fn(&str, &Bytes) -> Option<Bytes>,
    /// Changes the answer to GetFlightInfo.
    pub info: fn(&mut FlightInfo),
    /// Changes the batches of a DoGet.
    pub batch: Option<fn(&RecordBatch) -> RecordBatch>,
    /// Changes or drops the messages of a DoGet, counted from 0.
    pub data: fn(usize, FlightData) -> Option<FlightData>,
    /// Whether a DoGet goes on at the server when the client hangs up, and ends for the client only when complete.
    pub detached: bool,
    /// Changes or drops the messages of a DoPut, counted from 0.
    pub upload: fn(usize, FlightData) -> Option<FlightData>,
    /// Answers a DoPut in the server's place.
    pub put: fn(&Bytes) -> Option<PutResult>,
    /// Changes the answer to a DoPut.
    pub put_result: fn(PutResult) -> PutResult,
    /// Changes an action, or answers it in the server's place.
    pub action: fn(Action) -> Result<Action, Vec<Bytes>>,
    /// Changes the results of an action.
    pub acted: fn(&str, Vec<Bytes>) -> Vec<Bytes>,
    /// Changes an error; without one the call succeeds with nothing.
    pub status: fn(Status) -> Option<Status>,
    /// Whether an error ends the session of its call.
    pub fatal: bool,
    /// Changes the metadata of every answer.
    pub answer: fn(&str, &mut MetadataMap),
}

/// Nothing wrong over HTTP.
pub const HTTP: Http = Http { request: |_| {}, beforehand: |_| None, instead: |_| None, reply: None };

/// Nothing wrong over Flight.
pub const FLIGHT: Flight = Flight {
    metadata: |_, _| Ok(()),
    command: |_, command| command,
    beforehand: |_, _| None,
    info: |_| {},
    batch: None,
    data: |_, data| Some(data),
    detached: false,
    upload: |_, data| Some(data),
    put: |_| None,
    put_result: |result| result,
    action: Ok,
    acted: |_, results| results,
    status: Some,
    fatal: false,
    answer: |_, _| {},
};

/// Nothing wrong at all.
pub const HONEST: Wrong = Wrong { name: "nothing", breaks: &[], http: HTTP, flight: FLIGHT };
