"""Flight SQL calls: gRPC with the messages of the published client, data through pyarrow."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import grpc
import pyarrow as pa
from altertable_flightsql.generated import arrow_flight_pb2 as flight
from altertable_flightsql.generated import arrow_flight_sql_pb2 as sql
from data import Number, Outcome, double
from flight_wire import Stream, info_shown, messages, opened, packed, schema_of, text64
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from notation import metadata_of, schema_text

if TYPE_CHECKING:
    from background import Gate

SERVICE = "/arrow.flight.protocol.FlightService/"
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

# ActionCreatePreparedStatementResult.is_update, which the published client's messages do not know yet.
IS_UPDATE = 4


def connect(address: str, secure: bool) -> grpc.Channel:
    if secure:
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(), options=UNLIMITED)
    return grpc.insecure_channel(address, options=UNLIMITED)


class Call:
    """Calls with the same metadata; `run` turns a gRPC status into an outcome."""

    def __init__(self, channel: grpc.Channel, metadata: list[tuple[str, str]]) -> None:
        self.channel, self.metadata = channel, metadata
        self.at, self.open = "", []

    def run(self, act: Callable[[Outcome], None]) -> Outcome:
        made: Outcome = {}
        try:
            act(made)
        except grpc.RpcError as failure:
            made |= {"status": failure.code().name, "message": failure.details(), "at": self.at}
        else:
            made["status"] = "OK"
        return made

    def cancel(self) -> None:
        for call in self.open:
            call.cancel()

    def unary(self, rpc: str, request: Message, answer: type[Message]) -> Message:
        self.at = rpc
        call = self.channel.unary_unary(SERVICE + rpc, type(request).SerializeToString, answer.FromString)
        result, made = call.with_call(request, metadata=self.metadata, timeout=60)
        self.headers = {key: value for key, value in made.initial_metadata() if isinstance(value, str)}
        return result

    def stream(self, rpc: str, request: Message, answer: type[Message]) -> Iterator[Message]:
        self.at = rpc
        call = self.channel.unary_stream(SERVICE + rpc, type(request).SerializeToString, answer.FromString)
        made = call(request, metadata=self.metadata, timeout=60)
        self.open.append(made)
        return made

    def info(self, command: bytes, into: Outcome) -> bytes | None:
        descriptor = flight.FlightDescriptor(type=flight.FlightDescriptor.CMD, cmd=command)
        into["info"], ticket = info_shown(self.unary("GetFlightInfo", descriptor, flight.FlightInfo))
        into["headers"] = self.headers
        return ticket

    def query(self, command: bytes, into: Outcome, gate: Gate) -> None:
        ticket = self.info(command, into)
        self.fetch(ticket or b"", into, gate)

    def fetch(self, ticket: bytes, into: Outcome, gate: Gate) -> None:
        source = Stream(iter(self.stream("DoGet", flight.Ticket(ticket=ticket), flight.FlightData)))
        count = 0
        try:
            reader = pa.ipc.open_stream(pa.PythonFile(io.BufferedReader(source, 1 << 16), "r"))
            into |= {"schema": schema_text(reader.schema), "metadata": metadata_of(reader.schema)}
            into |= {"rows": [], "row_count": Number(0)}
            for batch in reader:
                count += 1
                into["rows"] += opened(batch)
                into["row_count"] = Number(len(into["rows"]))
                gate.reach(count, lambda: into)
        except (pa.ArrowInvalid, OSError):
            if source.failure is None:
                raise
        if source.failure is not None:
            raise source.failure
        into["batches"] = Number(count)

    def poll(self, command: bytes, into: Outcome) -> None:
        descriptor = flight.FlightDescriptor(type=flight.FlightDescriptor.CMD, cmd=command)
        polled = self.unary("PollFlightInfo", descriptor, flight.PollInfo)
        into |= {"info": info_shown(polled.info)[0], "progress": double(polled.progress)}
        into["descriptor"] = "present" if polled.HasField("flight_descriptor") else None

    def schema(self, command: bytes, into: Outcome) -> None:
        descriptor = flight.FlightDescriptor(type=flight.FlightDescriptor.CMD, cmd=command)
        schema = schema_of(self.unary("GetSchema", descriptor, flight.SchemaResult).schema)
        into |= {"schema": schema_text(schema), "metadata": metadata_of(schema)}

    def action(self, kind: str, body: bytes) -> list[bytes]:
        request = flight.Action(type=kind, body=body)
        return [result.body for result in self.stream("DoAction", request, flight.Result)]

    def one(self, kind: str, body: bytes, answer: Message, wrapped: bool) -> Message:
        """The single result of an action, out of an Any if it is wrapped."""
        (result,) = self.action(kind, body)
        answer.ParseFromString(Any.FromString(result).value if wrapped else result)
        return answer

    def put(
        self, command: bytes, data: tuple[pa.Schema, list[pa.RecordBatch]] | None, breaks: int | None
    ) -> list[bytes]:
        self.at = "DoPut"
        call = self.channel.stream_stream(
            SERVICE + "DoPut", flight.FlightData.SerializeToString, flight.PutResult.FromString
        )
        released = threading.Event()
        made = call(messages(command, data, breaks, released), metadata=self.metadata, timeout=60)
        self.open.append(made)
        if breaks is not None:
            threading.Timer(0.2, made.cancel).start()
        try:
            return [result.app_metadata for result in made]
        finally:
            released.set()

    def update(self, command: bytes, data: tuple | None, into: Outcome, breaks: int | None = None) -> None:
        (result,) = self.put(command, data, breaks)
        into["count"] = Number(sql.DoPutUpdateResult.FromString(result).record_count)

    def bind(self, handle: bytes, data: tuple | None, into: Outcome) -> None:
        command = packed(sql.CommandPreparedStatementQuery(prepared_statement_handle=handle))
        results = self.put(command, data, None)
        into |= {"results": Number(len(results)), "same_handle": False}
        if results:
            answered = sql.DoPutPreparedStatementResult.FromString(results[0])
            into["same_handle"] = answered.prepared_statement_handle == handle

    def handshake(self, requests: int, into: Outcome) -> None:
        self.at = "Handshake"
        kinds = (flight.HandshakeRequest.SerializeToString, flight.HandshakeResponse.FromString)
        call = self.channel.stream_stream(SERVICE + "Handshake", *kinds)
        made = call(iter([flight.HandshakeRequest()] * requests), metadata=self.metadata, timeout=60)
        answers = list(made)
        headers = dict(made.initial_metadata())
        first = answers[0] if answers else None
        into |= {"answers": Number(len(answers)), "header": headers.get("authorization")}
        into["token"] = first.payload.decode() if first else None
        into["protocol_version"] = Number(first.protocol_version) if first else None

    def prepare(self, text: str, transaction: bytes | None, into: Outcome) -> None:
        request = sql.ActionCreatePreparedStatementRequest(query=text, transaction_id=transaction)
        result = sql.ActionCreatePreparedStatementResult()
        self.one("CreatePreparedStatement", packed(request), result, wrapped=True)
        schema, parameters = schema_of(result.dataset_schema), schema_of(result.parameter_schema)
        into |= {"handle": text64(result.prepared_statement_handle), "schema": schema_text(schema)}
        into |= {"metadata": metadata_of(schema), "parameters": schema_text(parameters)}
        flags = [bool(field.data) for field in UnknownFieldSet(result) if field.field_number == IS_UPDATE]
        into["is_update"] = flags[-1] if flags else None

    def rpc(self, path: str, body: bytes, into: Outcome) -> None:
        self.at = "rpc"
        call = self.channel.unary_unary(path, bytes, bytes)
        into["base64"] = text64(call(body, metadata=self.metadata, timeout=60))
