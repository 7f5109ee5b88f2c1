"""Clients of the Flight port that send what they should not, break off, go away or never read."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc
import pyarrow as pa
import pytest
from altertable_flightsql import Client
from altertable_flightsql.generated import arrow_flight_pb2 as messages
from mock_server import ALICE, MockServer
from raw_flight import Raw, upload
from waiting import wait_until

MIB = 1 << 20
# A stream that never ends, with a message full at every turn.
ENDLESS_ROWS = "SELECT i, repeat('x', 100) AS s FROM range(1000000000000) t(i)"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """A server of its own, so that nothing else counts as its memory; sessions end soon after their last call."""
    with MockServer("--user", ":".join(ALICE.pair), "--session-idle-timeout", "3") as running:
        query(running, "SELECT 1")
        yield running
        assert running.process.poll() is None, "the server ended:\n" + "\n".join(running.log)


def query(server: MockServer, statement: str) -> list[dict[str, object]]:
    with Client(*ALICE.pair, host="127.0.0.1", port=server.flight_port, tls=False) as client:
        return client.query(statement).read_all().to_pylist()


@pytest.fixture
def raw(server: MockServer) -> Iterator[Raw]:
    with grpc.insecure_channel(server.flight_address, [("grpc.max_send_message_length", -1)]) as channel:
        yield Raw(channel, ALICE)


def assert_refused(server: MockServer, raw: Raw, table: str, parts: list[messages.FlightData]) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        raw.put(iter(parts))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT, refused.value
    assert query(server, f"SELECT count(*) AS n FROM duckdb_tables() WHERE table_name = '{table}'") == [{"n": 0}]


NUMBERS = pa.record_batch({"i": pa.array(range(10_000), pa.int64()), "s": [f"text {i}" for i in range(10_000)]})
WORDS = pa.record_batch({"d": pa.array(["a", "b", None, "a"]).dictionary_encode()})


@pytest.mark.parametrize("part", ["data_header", "data_body"])
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.7])
@pytest.mark.parametrize(("batch", "at"), [(NUMBERS, 1), (NUMBERS, 2), (WORDS, 1), (WORDS, 2)])
def test_a_truncated_message_is_refused(
    server: MockServer, raw: Raw, table: str, batch: pa.RecordBatch, at: int, part: str, kept: float
) -> None:
    parts = upload(table, batch, batch)
    whole = getattr(parts[at], part)
    if kept == 0.0 and part == "data_header":
        pytest.skip("a message without a header is none (FQ-8)")
    setattr(parts[at], part, whole[: int(len(whole) * kept)])
    assert_refused(server, raw, table, parts)


@pytest.mark.parametrize(
    "other",
    [
        pa.record_batch({"i": pa.array([1], pa.int64())}),
        pa.record_batch({"i": pa.array([1], pa.int8()), "s": ["x"]}),
        pa.record_batch({"i": pa.array(["x" * 100]), "s": ["x"]}),
        WORDS,
    ],
    ids=["fewer columns", "a narrower column", "a column of text", "a dictionary"],
)
@pytest.mark.parametrize("announced", [True, False])
def test_rows_of_another_schema_are_refused(
    server: MockServer, raw: Raw, table: str, other: pa.RecordBatch, announced: bool
) -> None:
    later = upload(table, other)
    parts = upload(table, NUMBERS) + (later if announced else later[-1:])
    assert_refused(server, raw, table, parts)


def test_a_dictionary_of_many_mebibytes_is_stored(server: MockServer, raw: Raw, table: str) -> None:
    values = pa.array([f"{i:0200}" for i in range(500_000)])
    keys = pa.array([499_999, 0, None, 250_000], pa.int32())
    parts = upload(table, pa.record_batch({"d": pa.DictionaryArray.from_arrays(keys, values)}))
    assert len(parts[1].data_body) > 90 * MIB
    raw.put(iter(parts))
    assert query(server, f"SELECT count(d) AS n, max(d)::INTEGER AS m FROM {table}") == [{"n": 3, "m": 499_999}]


@pytest.mark.parametrize("kind", ["dictionary", "runs"])
def test_a_value_repeated_beyond_memory_is_refused(server: MockServer, raw: Raw, table: str, kind: str) -> None:
    """FX-6: a few mebibytes of message must not become terabytes."""
    value, rows = pa.array(["x" * MIB], pa.large_string()), 10_000_000
    if kind == "runs":
        column = pa.RunEndEncodedArray.from_arrays(pa.array([rows], pa.int32()), value)
    else:
        keys = pa.Array.from_buffers(pa.int8(), rows, [None, pa.py_buffer(bytes(rows))])
        column = pa.DictionaryArray.from_arrays(keys, value)
    before = server.resident_bytes()
    assert_refused(server, raw, table, upload(table, pa.record_batch({"c": column})))
    assert server.resident_bytes() - before < 256 * MIB


def test_a_message_of_600_mebibytes_is_out_of_range(server: MockServer, raw: Raw, table: str) -> None:
    """FX-4."""
    parts = upload(table, NUMBERS)
    parts[1].data_body = bytes(600 * MIB)
    with pytest.raises(grpc.RpcError) as refused:
        raw.put(iter(parts))
    assert refused.value.code() == grpc.StatusCode.OUT_OF_RANGE, refused.value
    assert query(server, "SELECT 1 AS one") == [{"one": 1}]


def test_a_cancelled_upload_leaves_nothing(server: MockServer, raw: Raw, table: str) -> None:
    """FI-5, FC-1."""
    sent: list[int] = []

    def endless() -> Iterator[messages.FlightData]:
        first, rows = upload(table, NUMBERS)
        yield first
        while True:
            sent.append(1)
            yield rows

    do_put = raw.call("stream_stream", "DoPut", messages.PutResult)
    call = do_put(endless(), metadata=raw.basic)
    wait_until(lambda: len(sent) > 100)
    call.cancel()
    left = f"SELECT count(*) AS n FROM duckdb_tables() WHERE table_name = '{table}'"
    wait_until(lambda: query(server, left) == [{"n": 0}])


def rests(server: MockServer) -> bool:
    used = server.cpu_seconds()
    time.sleep(0.5)
    return server.cpu_seconds() - used < 0.1


def test_a_client_that_never_reads_holds_up_nobody(server: MockServer, raw: Raw) -> None:
    """FX-6: what it does not read is not computed; once it goes, so does its statement."""
    before = server.resident_bytes()
    unread = [raw.get(ENDLESS_ROWS) for _ in range(4)]
    wait_until(lambda: rests(server))
    settled, used = server.resident_bytes(), server.cpu_seconds()
    assert settled - before < 128 * MIB
    assert query(server, "SELECT 42 AS n") == [{"n": 42}]
    time.sleep(1)
    assert server.cpu_seconds() - used < 0.3, "rows are computed that nobody reads"
    assert server.resident_bytes() - settled < 16 * MIB
    for call in unread:
        call.cancel()
    wait_until(lambda: rests(server))


def test_sessions_that_nobody_closes_leave_no_memory(server: MockServer, raw: Raw) -> None:
    """FS-5: a thousand sessions with a temporary table each, together 30 MiB, are gone once they have idled out."""
    leave_sessions(raw, 100)
    time.sleep(9)
    before = server.resident_bytes()
    leave_sessions(raw, 1000)
    wait_until(lambda: server.resident_bytes() < before + min(12 * MIB, before // 10))


def leave_sessions(raw: Raw, count: int) -> None:
    for _ in range(count):
        list(raw.get("CREATE TEMP TABLE t AS SELECT * FROM range(100)"))
