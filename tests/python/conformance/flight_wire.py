"""What travels in Flight SQL calls, as values of the spec: schemas, data, commands, options."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator

import grpc
import pyarrow as pa
from altertable_flightsql.generated import arrow_flight_pb2 as flight
from altertable_flightsql.generated import arrow_flight_sql_pb2 as sql
from data import Number, Outcome, Value, as_text, double, encode
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from notation import metadata_of, schema_text
from values import rows_of

CANCELLED = ("UNSPECIFIED", "CANCELLED", "CANCELLING", "NOT_CANCELLABLE")
MODES = {"create": (1, 1), "append": (2, 2), "create_append": (1, 2), "replace": (1, 3)}


def packed(message: Message) -> bytes:
    wrapped = Any()
    wrapped.Pack(message)
    return wrapped.SerializeToString()


def text64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def schema_of(raw: bytes) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(raw)) if raw else pa.schema([])


class Stream(io.RawIOBase):
    """The messages of a DoGet as one IPC stream."""

    def __init__(self, messages: Iterator[flight.FlightData]) -> None:
        self.messages = messages
        self.left = b""
        self.failure: grpc.RpcError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:
        while not self.left:
            try:
                message = next(self.messages)
            except StopIteration:
                return 0
            except grpc.RpcError as failure:
                self.failure = failure
                return 0
            header = message.data_header + b"\0" * (-len(message.data_header) % 8)
            if header:
                self.left = b"\xff\xff\xff\xff" + len(header).to_bytes(4, "little") + header + message.data_body
        count = min(len(into), len(self.left))
        into[:count] = self.left[:count]
        self.left = self.left[count:]
        return count


def messages(
    command: bytes, data: tuple | None, breaks: int | None, released: threading.Event
) -> Iterator[flight.FlightData]:
    descriptor = flight.FlightDescriptor(type=flight.FlightDescriptor.CMD, cmd=command)
    if data is None:
        yield flight.FlightData(flight_descriptor=descriptor)
        return
    schema, parts = data
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        for part in parts if breaks is None else parts[:breaks]:
            writer.write_batch(part)
    for number, message in enumerate(pa.ipc.MessageReader.open_stream(sink.getvalue())):
        first = {"flight_descriptor": descriptor} if number == 0 else {}
        body = message.body.to_pybytes() if message.body is not None else b""
        yield flight.FlightData(data_header=message.metadata.to_pybytes(), data_body=body, **first)
    if breaks is not None:
        released.wait(5)


def opened(batch: pa.RecordBatch) -> list[Value]:
    """Rows, with the encapsulated schemas that GetTables returns opened."""
    rows = rows_of(batch)
    for at in batch.schema.get_all_field_indices("table_schema"):
        if batch.schema.field(at).type == pa.binary():
            for row, raw in zip(rows, batch.column(at).to_pylist(), strict=True):
                schema = schema_of(raw)
                row[at] = {"schema": schema_text(schema), "metadata": metadata_of(schema)}
    return rows


def info_shown(info: flight.FlightInfo) -> tuple[Outcome, bytes | None]:
    schema = schema_of(info.schema)
    tickets = [endpoint.ticket.ticket for endpoint in info.endpoint]
    return {
        "schema": schema_text(schema),
        "metadata": metadata_of(schema),
        "records": Number(info.total_records),
        "bytes": Number(info.total_bytes),
        "locations": [[location.uri for location in endpoint.location] for endpoint in info.endpoint],
        "ticket": text64(tickets[0]) if tickets else None,
        "descriptor": text64(info.flight_descriptor.cmd),
    }, (tickets[0] if tickets else None)


def named_command(name: str, fields: dict[str, Value]) -> bytes:
    message = getattr(sql, f"Command{name}")()
    return packed(json_format.Parse(encode(fields), message))


def ingest(fields: dict[str, Value], transaction: bytes | None) -> bytes:
    pair = MODES.get(fields.get("mode", ""), (0, 0))
    missing, existing = int(fields.get("if_not_exist", pair[0])), int(fields.get("if_exists", pair[1]))
    command = sql.CommandStatementIngest(table=fields.get("table", ""), transaction_id=transaction)
    command.table_definition_options.if_not_exist = missing
    command.table_definition_options.if_exists = existing
    for key in ("catalog", "schema"):
        if key in fields:
            setattr(command, key, fields[key])
    command.temporary = fields.get("temporary") is True
    command.options.update({key: as_text(value) for key, value in fields.get("options", {}).items()})
    return packed(command)


def set_options(fields: dict[str, Value], wrapped: str | None) -> bytes:
    request = flight.SetSessionOptionsRequest()
    for key, value in fields.items():
        option = request.session_options[key]
        if isinstance(value, bool):
            option.bool_value = value
        elif isinstance(value, str):
            option.string_value = value
        elif isinstance(value, Number):
            option.int64_value = int(value)
        elif isinstance(value, list):
            option.string_list_value.values.extend(map(as_text, value))
        elif isinstance(value, dict):
            option.double_value = float(value["$double"])
    body = request.SerializeToString()
    return Any(type_url=wrapped, value=body).SerializeToString() if wrapped else body


def option_shown(option: flight.SessionOptionValue) -> Value:
    kind = option.WhichOneof("option_value")
    if kind == "int64_value":
        return Number(option.int64_value)
    if kind == "double_value":
        return double(option.double_value)
    return getattr(option, kind) if kind in ("string_value", "bool_value") else None


def cancel_body(ticket: bytes) -> flight.FlightInfo:
    return flight.FlightInfo(endpoint=[flight.FlightEndpoint(ticket=flight.Ticket(ticket=ticket))])


def name_of(number: int, names: tuple[str, ...]) -> str:
    return names[number] if number < len(names) else str(number)
