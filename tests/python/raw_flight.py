"""The Flight service without a client library between."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import grpc
import pyarrow as pa
from altertable_flightsql.generated import arrow_flight_pb2 as messages
from altertable_flightsql.generated import arrow_flight_sql_pb2 as sql
from google.protobuf.any_pb2 import Any
from mock_server import Credentials


@dataclass
class Raw:
    """The Flight service without a client library between."""

    channel: grpc.Channel
    user: Credentials

    @property
    def basic(self) -> list[tuple[str, str]]:
        """The headers of a call that names no session."""
        return [("authorization", "Basic " + base64.b64encode(":".join(self.user.pair).encode()).decode())]

    def call(self, kind: str, rpc: str, answer: type) -> Callable[..., object]:
        method = f"/arrow.flight.protocol.FlightService/{rpc}"
        return getattr(self.channel, kind)(
            method,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )

    def put(
        self, parts: Iterator[messages.FlightData], headers: list[tuple[str, str]] | None = None
    ) -> list[messages.PutResult]:
        do_put = self.call("stream_stream", "DoPut", messages.PutResult)
        return list(do_put(parts, metadata=headers or self.basic, timeout=60))

    def session(self) -> list[tuple[str, str]]:
        """The headers of a session of its own."""
        shake = self.call("stream_stream", "Handshake", messages.HandshakeResponse)
        (answer,) = shake(iter(()), metadata=self.basic)
        return [("authorization", f"Bearer {answer.payload.decode()}")]

    def plan(self, statement: str, headers: list[tuple[str, str]], timeout: float = 60) -> messages.Ticket:
        """The ticket of a query that is planned in the session of `headers`."""
        descriptor = messages.FlightDescriptor(type=2, cmd=packed(sql.CommandStatementQuery(query=statement)))
        get_info = self.call("unary_unary", "GetFlightInfo", messages.FlightInfo)
        return get_info(descriptor, metadata=headers, timeout=timeout).endpoint[0].ticket

    def redeem(
        self, ticket: messages.Ticket, headers: list[tuple[str, str]], timeout: float | None = None
    ) -> grpc.Call:
        """The answer to a ticket, which nobody has begun to read."""
        return self.call("unary_stream", "DoGet", messages.FlightData)(ticket, metadata=headers, timeout=timeout)

    def get(self, statement: str) -> grpc.Call:
        """An answer that nobody has begun to read, in a session of its own."""
        headers = self.session()
        return self.redeem(self.plan(statement, headers), headers)

    def prepare(self, statement: str, headers: list[tuple[str, str]]) -> bytes:
        """The handle of a prepared statement."""
        request = packed(sql.ActionCreatePreparedStatementRequest(query=statement))
        (answer,) = self.act("CreatePreparedStatement", request, headers)
        wrapped = Any.FromString(answer.body)
        return sql.ActionCreatePreparedStatementResult.FromString(wrapped.value).prepared_statement_handle

    def act(self, kind: str, body: bytes, headers: list[tuple[str, str]]) -> list[messages.Result]:
        """What an action answers."""
        do_action = self.call("unary_stream", "DoAction", messages.Result)
        return list(do_action(messages.Action(type=kind, body=body), metadata=headers, timeout=60))


def packed(command: object) -> bytes:
    wrapped = Any()
    wrapped.Pack(command)
    return wrapped.SerializeToString()


def ingest(table: str) -> messages.FlightDescriptor:
    options = sql.CommandStatementIngest.TableDefinitionOptions(if_not_exist=1, if_exists=1)
    command = sql.CommandStatementIngest(table=table, table_definition_options=options)
    return messages.FlightDescriptor(type=2, cmd=packed(command))


def prepared(kind: type, handle: bytes) -> messages.FlightDescriptor:
    """What a prepared statement's rows are for: `CommandPreparedStatementQuery` or `…Update`."""
    return messages.FlightDescriptor(type=2, cmd=packed(kind(prepared_statement_handle=handle)))


def upload(table: str, *batches: pa.RecordBatch) -> list[messages.FlightData]:
    """The messages of an ingest: schema, dictionaries and rows, as pyarrow writes them."""
    return rows(ingest(table), *batches)


def rows(
    purpose: messages.FlightDescriptor, *batches: pa.RecordBatch, compression: str | None = None
) -> list[messages.FlightData]:
    """The messages of a DoPut: schema, dictionaries and rows, as pyarrow writes them."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True, compression=compression)
    with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    parts = [
        messages.FlightData(
            data_header=message.metadata.to_pybytes(), data_body=message.body.to_pybytes() if message.body else b""
        )
        for message in pa.ipc.MessageReader.open_stream(sink.getvalue())
    ]
    parts[0].flight_descriptor.CopyFrom(purpose)
    return parts
