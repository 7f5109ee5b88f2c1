"""Rows that bind parameters over Flight SQL, as pyarrow writes them and no client library sends them (FP-5, FY-7)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import grpc
import pyarrow as pa
import pytest
from altertable_flightsql.generated import arrow_flight_pb2 as messages
from altertable_flightsql.generated import arrow_flight_sql_pb2 as sql
from mock_server import ALICE, MockServer
from raw_flight import Raw, packed, prepared, rows


@pytest.fixture
def raw(server: MockServer) -> Iterator[Raw]:
    with grpc.insecure_channel(server.flight_address) as channel:
        yield Raw(channel, ALICE)


def answered(raw: Raw, command: bytes, headers: list[tuple[str, str]]) -> list[dict[str, object]]:
    """The rows that a command answers."""
    descriptor = messages.FlightDescriptor(type=2, cmd=command)
    get_info = raw.call("unary_unary", "GetFlightInfo", messages.FlightInfo)
    ticket = get_info(descriptor, metadata=headers, timeout=60).endpoint[0].ticket
    found = b""
    for part in raw.redeem(ticket, headers):
        size = len(part.data_header)
        padding = -size % 8
        found += b"\xff\xff\xff\xff" + (size + padding).to_bytes(4, "little")
        found += part.data_header + bytes(padding) + part.data_body
    return pa.ipc.open_stream(found).read_all().to_pylist()


BOUND = pa.record_batch(
    {
        "0": pa.array(range(300), pa.int64()),
        "1": [f"a text of many letters {at % 7}" for at in range(300)],
        "2": pa.array([["x", None, "y" * 40]] * 300),
        "3": pa.array(["one", None, "two"] * 100).dictionary_encode(),
    }
)


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_compressed_rows_bind(raw: Raw, table: str, compression: str | None) -> None:
    headers = raw.session()
    create = f"CREATE TABLE {table} (i BIGINT, s VARCHAR, l VARCHAR[], d VARCHAR)"
    answered(raw, packed(sql.CommandStatementQuery(query=create)), headers)
    insert = raw.prepare(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", headers)
    parts = rows(prepared(sql.CommandPreparedStatementUpdate, insert), BOUND, compression=compression)
    (result,) = raw.put(iter(parts), headers)
    assert sql.DoPutUpdateResult.FromString(result.app_metadata).record_count == 300
    select = raw.prepare(f"SELECT * FROM {table} WHERE i = ? AND s = ? AND l = ? AND d IS NOT DISTINCT FROM ?", headers)
    parts = rows(prepared(sql.CommandPreparedStatementQuery, select), BOUND, compression=compression)
    raw.put(iter(parts), headers)
    found = answered(raw, packed(sql.CommandPreparedStatementQuery(prepared_statement_handle=select)), headers)
    assert [list(row.values()) for row in found] == [list(row.values()) for row in BOUND.to_pylist()]


# A value that the type does not have, in the buffers of one that it has.
BAD = {
    "a day": pa.array([-(1 << 31)], pa.int32()).view(pa.date32()),
    "a time": pa.array([86_400_000_001], pa.int64()).view(pa.time64("us")),
    "a time before midnight": pa.array([-1], pa.int32()).view(pa.time32("s")),
    "an instant": pa.array([-(1 << 63)], pa.int64()).view(pa.timestamp("us")),
    "an instant with a zone": pa.array([-(1 << 63)], pa.int64()).view(pa.timestamp("us", "UTC")),
    "too many seconds": pa.array([1 << 60], pa.int64()).view(pa.timestamp("s")),
    "too many digits": pa.Array.from_buffers(
        pa.decimal128(3, 1), 1, [None, pa.py_buffer((12345).to_bytes(16, "little"))]
    ),
    "no UTF-8": pa.Array.from_buffers(
        pa.utf8(), 1, [None, pa.py_buffer(pa.array([0, 1], pa.int32()).buffers()[1]), pa.py_buffer(b"\xff")]
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("inside", [False, True], ids=["itself", "in a list"])
def test_a_value_that_its_type_does_not_have_is_refused(raw: Raw, name: str, inside: bool) -> None:
    headers = raw.session()
    column = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), BAD[name]) if inside else BAD[name]
    handle = raw.prepare("SELECT ?::VARCHAR AS v", headers)
    purpose = prepared(sql.CommandPreparedStatementQuery, handle)

    def bind_and_run() -> None:
        raw.put(iter(rows(purpose, pa.record_batch({"0": column}))), headers)
        answered(raw, packed(sql.CommandPreparedStatementQuery(prepared_statement_handle=handle)), headers)

    with pytest.raises(grpc.RpcError) as refused:
        bind_and_run()
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT, refused.value
    # The session goes on.
    raw.put(iter(rows(purpose, pa.record_batch({"0": [datetime.date(2024, 1, 15)]}))), headers)
    found = answered(raw, packed(sql.CommandPreparedStatementQuery(prepared_statement_handle=handle)), headers)
    assert found == [{"v": "2024-01-15"}]
