"""The messages that the server reflects (FX-7) are those that the published client was generated from."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from altertable_flightsql.generated import arrow_flight_pb2, arrow_flight_sql_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from mock_server import MockServer

CLIENT_FILES = [arrow_flight_pb2.DESCRIPTOR, arrow_flight_sql_pb2.DESCRIPTOR]


@pytest.fixture(scope="module")
def reflected(server: MockServer) -> Iterator[DescriptorPool]:
    with grpc.insecure_channel(server.flight_address) as channel:
        yield DescriptorPool(ProtoReflectionDescriptorDatabase(channel))


def messages(file: FileDescriptor) -> Iterator[Descriptor]:
    pending = list(file.message_types_by_name.values())
    while pending:
        message = pending.pop()
        pending.extend(message.nested_types)
        yield message


def enums(file: FileDescriptor) -> Iterator[EnumDescriptor]:
    yield from file.enum_types_by_name.values()
    for message in messages(file):
        yield from message.enum_types


def fields(message: Descriptor) -> dict[str, tuple[object, ...]]:
    """What decides how a field stands on the wire, by the field's name."""
    return {
        field.name: (
            field.number,
            field.type,
            field.is_repeated,
            field.message_type and field.message_type.full_name,
            field.enum_type and field.enum_type.full_name,
            field.containing_oneof and field.containing_oneof.name,
        )
        for field in message.fields
    }


def methods(service: ServiceDescriptor) -> dict[str, tuple[object, ...]]:
    return {
        method.name: (
            method.input_type.full_name,
            method.output_type.full_name,
            method.client_streaming,
            method.server_streaming,
        )
        for method in service.methods
    }


CLIENT_MESSAGES = {message.full_name: message for file in CLIENT_FILES for message in messages(file)}
# What Arrow has added since the client was generated (FP-1): JDBC reads it.
NEWER = {"arrow.flight.protocol.sql.ActionCreatePreparedStatementResult": {"is_update"}}
CLIENT_ENUMS = {enum.full_name: enum for file in CLIENT_FILES for enum in enums(file)}


def test_the_client_has_messages_to_compare() -> None:
    assert len(CLIENT_MESSAGES) > 60
    assert {"SqlInfo", "XdbcDataType"} <= {name.rsplit(".", 1)[1] for name in CLIENT_ENUMS}


@pytest.mark.parametrize("name", sorted(CLIENT_MESSAGES))
def test_a_message_has_the_fields_of_the_client(reflected: DescriptorPool, name: str) -> None:
    ours, theirs = fields(reflected.FindMessageTypeByName(name)), fields(CLIENT_MESSAGES[name])
    assert ours.keys() - theirs.keys() == NEWER.get(name, set())
    assert {field: ours.get(field) for field in theirs} == theirs


@pytest.mark.parametrize("name", sorted(CLIENT_ENUMS))
def test_an_enum_has_the_values_of_the_client(reflected: DescriptorPool, name: str) -> None:
    ours, theirs = reflected.FindEnumTypeByName(name), CLIENT_ENUMS[name]
    numbers = [{value.name: value.number for value in enum.values} for enum in (ours, theirs)]
    assert numbers[0] == numbers[1]


def test_the_service_has_the_calls_of_the_client(reflected: DescriptorPool) -> None:
    name = "arrow.flight.protocol.FlightService"
    theirs = arrow_flight_pb2.DESCRIPTOR.services_by_name["FlightService"]
    assert methods(reflected.FindServiceByName(name)) == methods(theirs)


@pytest.mark.parametrize("file", CLIENT_FILES, ids=lambda file: file.name)
def test_no_message_is_the_server_s_alone(reflected: DescriptorPool, file: FileDescriptor) -> None:
    known = next(messages(file)).full_name
    ours = {message.full_name for message in messages(reflected.FindFileContainingSymbol(known))}
    assert ours == {message.full_name for message in messages(file)}
