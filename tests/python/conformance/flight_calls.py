"""Calls of Flight SQL: gRPC with the messages of the published client, data through pyarrow."""

from __future__ import annotations

import io
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import grpc
import pyarrow as pa
from altertable_flightsql.generated import arrow_flight_pb2 as flight
from arrow_streams import Stream, gathered, text
from driver import Call, Fields, Make
from google.protobuf.message import Message

SERVICE = "/arrow.flight.protocol.FlightService/"
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
PATIENCE_S = 60

# What a broken upload waits for the server to say.
GRACE_S = 0.2


def secure(url: str) -> bool:
    return urlsplit(url).scheme not in ("http", "grpc", "grpc+tcp")


def channel(call: Call) -> grpc.Channel:
    def connect() -> tuple[grpc.Channel, Callable[[], object]]:
        url, options = str(call.fields["url"]), UNLIMITED
        if secure(url):
            made = grpc.secure_channel(urlsplit(url).netloc, grpc.ssl_channel_credentials(), options=options)
        else:
            made = grpc.insecure_channel(urlsplit(url).netloc, options=options)
        return made, made.close

    return call.case.hold(call.fields["url"], connect)


def status_of(failure: grpc.RpcError) -> Fields:
    return {"status": {"code": failure.code().value[0], "message": failure.details()}}


def judged(act: Make) -> Make:
    """A status takes the place of an answer."""

    def make(call: Call) -> Fields:
        try:
            return act(call)
        except grpc.RpcError as failure:
            return status_of(failure)

    return make


def begin(call: Call, rpc: str, request: object, kinds: tuple[type[Message], type[Message]], shape: str) -> grpc.Call:
    """Starts a call of the shape `unary_stream` or `stream_stream`."""
    method = getattr(channel(call), shape)(SERVICE + rpc, kinds[0].SerializeToString, kinds[1].FromString)
    made = method(request, metadata=call.fields["metadata"], timeout=PATIENCE_S)
    call.on_hang_up(made.cancel)
    return made


def unary(call: Call, rpc: str, request: Message, answer: type[Message]) -> tuple[Message, grpc.Call]:
    method = channel(call).unary_unary(SERVICE + rpc, type(request).SerializeToString, answer.FromString)
    return method.with_call(request, metadata=call.fields["metadata"], timeout=PATIENCE_S)


def handshake(call: Call) -> Fields:
    requests = iter([flight.HandshakeRequest()] * call.fields["requests"])
    kinds = (flight.HandshakeRequest, flight.HandshakeResponse)
    made = begin(call, "Handshake", requests, kinds, "stream_stream")
    answers = list(made)
    told: Fields = {"answers": len(answers), "header": dict(made.initial_metadata()).get("authorization")}
    for first in answers[:1]:
        told |= {"token": first.payload.decode(), "protocol_version": first.protocol_version}
    return told


def descriptor(call: Call) -> flight.FlightDescriptor:
    return flight.FlightDescriptor(type=flight.FlightDescriptor.CMD, cmd=b64decode(call.fields["command"]))


def info(call: Call) -> Fields:
    found, made = unary(call, "GetFlightInfo", descriptor(call), flight.FlightInfo)
    headers = {key: value for key, value in made.initial_metadata() if isinstance(value, str)}
    return {"info": text(found.SerializeToString()), "headers": headers}


def poll(call: Call) -> Fields:
    return {"poll": text(unary(call, "PollFlightInfo", descriptor(call), flight.PollInfo)[0].SerializeToString())}


def schema(call: Call) -> Fields:
    return {"schema": text(unary(call, "GetSchema", descriptor(call), flight.SchemaResult)[0].schema)}


def get(call: Call) -> Fields:
    ticket = flight.Ticket(ticket=b64decode(call.fields["ticket"]))
    source = Stream(iter(begin(call, "DoGet", ticket, (flight.Ticket, flight.FlightData), "unary_stream")))
    answer: Fields = {}
    try:
        gathered(call, pa.ipc.open_stream(pa.PythonFile(io.BufferedReader(source, 1 << 16), "r")), answer)
    except (pa.ArrowInvalid, OSError):
        if source.failure is None:
            raise
    return answer | status_of(source.failure) if source.failure else answer


def messages(call: Call, released: threading.Event) -> Iterator[flight.FlightData]:
    if "arrow" not in call.fields:
        yield flight.FlightData(flight_descriptor=descriptor(call))
        return
    batches = call.fields["break_after"]
    for number, message in enumerate(pa.ipc.MessageReader.open_stream(b64decode(call.fields["arrow"]))):
        if batches is not None and number > batches:
            break
        first = {"flight_descriptor": descriptor(call)} if number == 0 else {}
        body = message.body.to_pybytes() if message.body is not None else b""
        yield flight.FlightData(data_header=message.metadata.to_pybytes(), data_body=body, **first)
    if batches is not None:
        released.wait(PATIENCE_S)


def put(call: Call) -> Fields:
    released = threading.Event()
    kinds = (flight.FlightData, flight.PutResult)
    made = begin(call, "DoPut", messages(call, released), kinds, "stream_stream")
    if call.fields["break_after"] is not None:
        threading.Timer(GRACE_S, made.cancel).start()
    try:
        return {"results": [text(result.app_metadata) for result in made]}
    finally:
        released.set()


def action(call: Call) -> Fields:
    request = flight.Action(type=call.fields["type"], body=b64decode(call.fields["body"]))
    made = begin(call, "DoAction", request, (flight.Action, flight.Result), "unary_stream")
    return {"results": [text(result.body) for result in made]}


def actions(call: Call) -> Fields:
    made = begin(call, "ListActions", flight.Empty(), (flight.Empty, flight.ActionType), "unary_stream")
    return {"actions": [kind.type for kind in made]}


def rpc(call: Call) -> Fields:
    method = channel(call).unary_unary(call.fields["path"], bytes, bytes)
    body = b64decode(call.fields["body"])
    return {"body": text(method(body, metadata=call.fields["metadata"], timeout=PATIENCE_S))}


KINDS: dict[str, Make] = {
    kind.__name__: judged(kind) for kind in (handshake, info, poll, schema, get, put, action, actions, rpc)
}
