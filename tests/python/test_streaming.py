"""Results stream: bounded memory, early first rows, no work once the reader is gone, no deadlock in one session."""

from __future__ import annotations

import decimal
import itertools
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import adbc_driver_flightsql.dbapi as adbc
import adbc_driver_manager
import httpx
import pyarrow.flight as flight
import pytest
from adbc_driver_manager.dbapi import Cursor
from altertable_flightsql import Client
from mock_server import ALICE, MockServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the server's memory and work are read from /proc")

MIB = 1 << 20
ROWS = 20_000_000
MANY_ROWS = f"SELECT i, i / 7.0 AS fraction, 'row number ' || i AS name FROM range({ROWS}) t(i)"
# Fails on its last row: what arrives before that was sent before the query could have finished.
FAILS_AT_THE_END = (
    f"SELECT CASE WHEN i = {ROWS - 1} THEN error('the end') ELSE i::VARCHAR END AS v FROM range({ROWS}) t(i)"
)
# Runs for hours on every core, and has no row until the end.
ENDLESS = "SELECT sum(a.range * b.range) AS s FROM range(10000000) a, range(10000000) b"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """A server of its own, so that nothing else counts as its memory or processor time."""
    with MockServer("--user", ":".join(ALICE.pair)) as running:
        yield running


@pytest.fixture
def fresh() -> Iterator[MockServer]:
    """A server that has no memory left over from earlier tests."""
    with MockServer("--user", ":".join(ALICE.pair)) as running:
        yield running


def connect(server: MockServer) -> Client:
    return Client(*ALICE.pair, host="127.0.0.1", port=server.flight_port, tls=False)


@contextmanager
def post_query(server: MockServer, statement: str, **body: object) -> Iterator[httpx.Response]:
    request = {"statement": statement, **body}
    with httpx.Client(base_url=server.lakehouse_url, auth=ALICE.pair, timeout=60) as client:
        with client.stream("POST", "/query", json=request) as response:
            assert response.status_code == 200
            yield response


@contextmanager
def memory_growth(server: MockServer) -> Iterator[Callable[[], int]]:
    """Samples the server's memory; the value is the most that it grew by."""
    before = server.resident_bytes()
    peak, done = before, threading.Event()

    def sample() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, server.resident_bytes())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield lambda: peak - before
    finally:
        done.set()
        sampler.join()


def assert_goes_idle(server: MockServer, within: float = 1.0) -> None:
    """The server uses (almost) no processor time from `within` seconds on."""
    time.sleep(within)
    before = server.cpu_seconds()
    time.sleep(0.5)
    used = server.cpu_seconds() - before
    assert used < 0.1, f"{used:.2f} s of processor time were used in half a second without any reader"


def pause(early: bool) -> None:
    """Holds a reader up at its first batches, for long enough that an eager server would run far ahead."""
    if early:
        time.sleep(0.04)


def test_flight_streams_within_bounded_memory(server: MockServer) -> None:
    with connect(server) as client:
        client.query("SELECT * FROM range(100000)").read_all()
        with memory_growth(server) as growth:
            rows = 0
            for number, chunk in enumerate(client.query(MANY_ROWS)):
                rows += chunk.data.num_rows
                pause(early=number < 50)
    assert rows == ROWS
    assert growth() < 128 * MIB, f"memory grew by {growth() / MIB:.0f} MiB"


def test_ndjson_streams_within_bounded_memory(server: MockServer) -> None:
    with post_query(server, "SELECT * FROM range(100000)") as response:
        response.read()
    with memory_growth(server) as growth, post_query(server, MANY_ROWS) as response:
        lines = 0
        for number, chunk in enumerate(response.iter_raw()):
            lines += chunk.count(b"\n")
            pause(early=number < 50)
    assert lines == ROWS + 2
    assert growth() < 128 * MIB, f"memory grew by {growth() / MIB:.0f} MiB"


def test_queries_of_one_connection_leave_no_memory(fresh: MockServer) -> None:
    """The driver prepares and closes a statement for each; what one computes takes some 10 MiB."""
    credentials = {"username": ALICE.name, "password": ALICE.password}
    uri = f"grpc://{fresh.flight_address}"
    with adbc.connect(uri, db_kwargs=credentials, autocommit=True) as connection:

        def run(times: int) -> None:
            for _ in range(times):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT g, median(a) AS m FROM numbers GROUP BY g")
                    assert len(cursor.fetchall()) == 97

        with connection.cursor() as cursor:
            values = "range % 97 AS g, range * 7919 % 100003 AS a"
            cursor.execute(f"CREATE TABLE numbers AS SELECT {values} FROM range(1500000)")
        run(4)
        before = fresh.resident_bytes()
        run(40)
        growth = fresh.resident_bytes() - before
    assert growth < 128 * MIB, f"memory grew by {growth / MIB:.0f} MiB"


def test_texts_of_one_connection_leave_little_memory(fresh: MockServer) -> None:
    """A ticket holds its statement's text as long as it can be redeemed."""
    with connect(fresh) as client:
        client.query(f"SELECT length('{'x' * MIB}') AS n").read_all()
        before = fresh.resident_bytes()
        for _ in range(300):
            client.query(f"SELECT length('{'x' * MIB}') AS n").read_all()
        growth = fresh.resident_bytes() - before
    assert growth < 160 * MIB, f"memory grew by {growth / MIB:.0f} MiB"


def test_flight_sends_rows_before_the_query_ends(server: MockServer) -> None:
    with connect(server) as client:
        reader = client.query(FAILS_AT_THE_END)
        assert reader.read_chunk().data["v"][0].as_py() == "0"
        with pytest.raises(flight.FlightError, match="the end"):
            for _ in reader:
                pass


def test_ndjson_sends_rows_before_the_query_ends(server: MockServer) -> None:
    with post_query(server, FAILS_AT_THE_END) as response:
        lines = response.iter_lines()
        assert list(itertools.islice(lines, 3))[2] == '["0"]'
        assert "the end" in list(lines)[-1]


def test_ndjson_sends_its_first_line_before_the_query_ends(server: MockServer) -> None:
    with post_query(server, ENDLESS) as response:
        assert '"query_id"' in next(response.iter_lines())
    assert_goes_idle(server)


def test_cancelling_over_adbc_stops_a_silent_query(server: MockServer) -> None:
    credentials = {"username": ALICE.name, "password": ALICE.password}
    with (
        adbc.connect(f"grpc://{server.flight_address}", db_kwargs=credentials, autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        outcome: list[Exception] = []
        runner = threading.Thread(target=lambda: outcome.extend(attempt(cursor)))
        runner.start()
        wait_until_working(server)
        cursor.adbc_cancel()
        runner.join(timeout=10)
        assert_goes_idle(server)
        assert len(outcome) == 1


def attempt(cursor: Cursor) -> Iterator[Exception]:
    try:
        cursor.execute(ENDLESS)
        cursor.fetchall()
    except adbc_driver_manager.Error as error:
        yield error


def wait_until_working(server: MockServer) -> None:
    deadline = time.monotonic() + 10
    before = server.cpu_seconds()
    while server.cpu_seconds() - before < 0.3:
        assert time.monotonic() < deadline, "the query never began to run"
        time.sleep(0.05)


def test_a_killed_flight_client_stops_its_query(server: MockServer) -> None:
    program = "import sys; from altertable_flightsql import Client; " + (
        "Client(*sys.argv[1:3], host='127.0.0.1', port=int(sys.argv[3]), tls=False).query(sys.argv[4]).read_all()"
    )
    arguments = [*ALICE.pair, str(server.flight_port), ENDLESS]
    with subprocess.Popen([sys.executable, "-c", program, *arguments]) as client:
        wait_until_working(server)
        client.kill()
    assert_goes_idle(server)


def test_a_silent_query_sends_its_schema_at_once_and_can_be_cancelled(server: MockServer) -> None:
    """FQ-7: the schema needs no execution, so that a client gets a reader to cancel while nothing has arrived yet."""
    with connect(server) as client:
        started = time.monotonic()
        reader = client.query(ENDLESS)
        assert reader.schema.names == ["s"]
        assert time.monotonic() - started < 1, "the schema waited for the execution"
        wait_until_working(server)
        reader.cancel()
        assert_goes_idle(server)
        assert client.query("SELECT 1 AS one").read_all().to_pylist() == [{"one": 1}]


@pytest.mark.parametrize("bound", [None, 7, 0.5, "text"], ids=repr)
def test_an_early_schema_is_that_of_the_rows(server: MockServer, bound: object) -> None:
    """FP-8: what a bound value decides is known before the execution too."""
    with connect(server) as client, client.prepare("SELECT $1 AS v, [$1] AS l, 1.50 AS d FROM range(3)") as statement:
        table = statement.query(parameters={"1": bound}).read_all()
    assert table.to_pylist() == 3 * [{"v": bound, "l": [bound], "d": decimal.Decimal("1.50")}]


def test_an_error_before_the_first_row_follows_the_schema(server: MockServer) -> None:
    slow = "SELECT max(CASE WHEN i = 99999999 THEN error('late') END) AS m FROM range(100000000) t(i)"
    with connect(server) as client:
        reader = client.query(slow)
        assert reader.schema.names == ["m"]
        with pytest.raises(flight.FlightError, match="late"):
            reader.read_all()
        assert client.query("SELECT 1 AS one").read_all().to_pylist() == [{"one": 1}]


def test_dropping_a_flight_reader_stops_a_stream(server: MockServer) -> None:
    with connect(server) as client:
        reader = client.query("SELECT * FROM range(1000000000000)")
        reader.read_chunk()
        reader.cancel()
        dropped_at = time.monotonic()
        assert client.query("SELECT 1 AS one").read_all().to_pylist() == [{"one": 1}]
        assert time.monotonic() - dropped_at < 1, "the next statement waited for a stream without a reader"
        assert_goes_idle(server)


def test_dropping_an_ndjson_reader_stops_its_query(server: MockServer) -> None:
    query = str(uuid.uuid4())
    with post_query(server, "SELECT * FROM range(1000000000000)", query_id=query) as response:
        next(response.iter_raw())
    time.sleep(1)
    entry = httpx.get(f"{server.lakehouse_url}/query/{query}", auth=ALICE.pair).json()
    assert entry["end_time"] is not None, "the query goes on without a reader"
    assert entry["error"], "LQ-07: a reader that goes away is logged as an error"
    assert_goes_idle(server, within=0)


def test_two_live_streams_of_one_session_can_be_joined(server: MockServer) -> None:
    rows = 3_000_000
    with connect(server) as client:
        left = client.query(f"SELECT i, 'left ' || i AS l FROM range({rows}) t(i)")
        first = left.read_chunk().data
        right = client.query(f"SELECT i, 'right ' || i AS r FROM range({rows}) t(i)")
        total_left, total_right = first.num_rows, 0
        # In turns, as a merge join reads.
        for from_left, from_right in itertools.zip_longest(left, right):
            total_left += from_left.data.num_rows if from_left else 0
            total_right += from_right.data.num_rows if from_right else 0
    assert (total_left, total_right) == (rows, rows)


def test_a_stream_survives_a_second_statement_unchanged(server: MockServer) -> None:
    rows = 2_000_000
    with connect(server) as client:
        reader = client.query(f"SELECT i FROM range({rows}) t(i)")
        parts = [reader.read_chunk().data]
        assert client.execute("CREATE OR REPLACE TABLE in_between AS SELECT 1 AS i") in (0, 1)
        parts += [chunk.data for chunk in reader]
    numbers = itertools.chain.from_iterable(part["i"].to_pylist() for part in parts)
    assert all(expected == found for expected, found in zip(range(rows), numbers, strict=True))


def test_an_unread_ndjson_stream_never_blocks_its_session(server: MockServer) -> None:
    session = str(uuid.uuid4())
    with post_query(server, "SELECT * FROM range(5000000)", session_id=session) as unread:
        with post_query(server, "SELECT 1", session_id=session) as response:
            assert response.read().splitlines()[2] == b"[1]"
        assert sum(chunk.count(b"\n") for chunk in unread.iter_raw()) == 5_000_002
