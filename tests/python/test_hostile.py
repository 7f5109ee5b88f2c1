"""Bad input on every door gets the contract's error, and the server stays up."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from mock_server import ALICE, API_KEY, MockServer
from raw_http import connect, send_until_answered

GIB = 1 << 30
QUERY = "/query"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """A server of its own, so that what breaks here breaks here. It may open as many files as this machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with MockServer("--user", ":".join(ALICE.pair), "--api-key", API_KEY) as running:
        yield running
        assert running.process.poll() is None, "the server ended:\n" + "\n".join(running.log)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def rest(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.lakehouse_url, auth=ALICE.pair, timeout=30) as client:
        yield client


@pytest.fixture
def analytics(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.analytics_url, headers={"x-api-key": API_KEY}, timeout=30) as client:
        yield client


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"statement": "SELECT 1"',
        b"null",
        b"[]",
        b'"SELECT 1"',
        b"\xff\xfe{}",
        b'{"statement": "SELECT \xff"}',
        b'{"statement": 1}',
        b'{"statement": ["SELECT 1"]}',
        b'{"statement": "SELECT 1", "session_id": "not-a-uuid"}',
        b'{"statement": "SELECT 1", "limit": -1}',
        b'{"statement": "SELECT 1", "limit": "ten"}',
        b'{"statement": "SELECT 1", "format": "xml"}',
        b'{"no_statement": true}',
        b"{" * 100_000,
        b'{"statement": ' + b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:40]),
)
@pytest.mark.parametrize("route", [QUERY, "/validate"])
def test_a_malformed_lakehouse_body_is_a_bad_request(rest: httpx.Client, route: str, body: bytes) -> None:
    if route == "/validate" and (b"limit" in body or b"format" in body):
        pytest.skip("fields of /query only")
    response = rest.post(route, content=body)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["code"] == "bad-request"
    assert error["message"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid-json"),
        (b"{", 400, "invalid-json"),
        (b"\xff", 400, "invalid-json"),
        (b"[" * 100_000, 400, "invalid-json"),
        (b"null", 422, "invalid-payload"),
        (b"[1]", 422, "invalid-payload"),
        (b'{"distinct_id": 1}', 422, "invalid-payload"),
        (b'{"event": "e", "distinct_id": "d", "properties": []}', 422, "invalid-payload"),
        (b'{"event": "e", "distinct_id": "d", "timestamp": "never"}', 422, "invalid-payload"),
        (b'{"event": "e", "distinct_id": "d", "timestamp": 1e300}', 422, "invalid-payload"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
@pytest.mark.parametrize("route", ["/track", "/identify"])
def test_a_malformed_analytics_body_is_refused(
    analytics: httpx.Client, route: str, body: bytes, status: int, code: str
) -> None:
    if route == "/identify" and b"event" in body and b"timestamp" not in body:
        pytest.skip("fields of /track only")
    response = analytics.post(route, content=body)
    assert (response.status_code, response.json()["error_code"]) == (status, code)


@pytest.mark.parametrize(
    "name", ['x"; DROP TABLE kept; --', "x'; DROP TABLE kept; --", 'a"."b', "", "\x00", "é" * 1000]
)
def test_names_cannot_smuggle_sql(rest: httpx.Client, name: str) -> None:
    rest.post(QUERY, json={"statement": "CREATE TABLE IF NOT EXISTS kept AS SELECT 1 AS i"}).raise_for_status()
    for field in ("catalog", "schema"):
        response = rest.post(QUERY, json={"statement": "SELECT 1", field: name})
        last = json.loads(response.text.splitlines()[-1])
        assert response.status_code == 400 or "error" in last, f"{field}={name!r} was taken: {response.text}"
    kept = rest.post(QUERY, json={"statement": "SELECT count(*) FROM kept"})
    assert kept.text.splitlines()[-1] == "[1]"


@pytest.mark.parametrize("door", ["lakehouse_url", "analytics_url"])
def test_an_endless_header_is_cut_off(server: MockServer, door: str) -> None:
    with connect(getattr(server, door)) as stream:
        answer = send_until_answered(stream, b"GET / HTTP/1.1\r\nhost: x\r\nx-endless: ", b"a" * 65_536, GIB)
    assert answer.split(b" ")[1] == b"431"
    assert httpx.get(getattr(server, door)).status_code == 200


@pytest.mark.parametrize(
    ("door", "route", "header"),
    [("lakehouse_url", QUERY, None), ("lakehouse_url", "/validate", None), ("analytics_url", "/track", API_KEY)],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_an_endless_body_is_cut_off(
    server: MockServer, door: str, route: str, header: str | None, chunked: bool
) -> None:
    auth = f"x-api-key: {header}" if header else f"authorization: {httpx.BasicAuth(*ALICE.pair)._auth_header}"
    size = "transfer-encoding: chunked" if chunked else f"content-length: {GIB}"
    head = f"POST {route} HTTP/1.1\r\nhost: x\r\n{auth}\r\n{size}\r\n\r\n".encode()
    block = b" " * 65_536
    block = b"10000\r\n" + block + b"\r\n" if chunked else block
    before = server.resident_bytes()
    with connect(getattr(server, door)) as stream:
        answer = send_until_answered(stream, head, block, GIB)
    assert answer.split(b" ")[1] == b"413"
    assert server.resident_bytes() - before < GIB // 4
    assert httpx.get(getattr(server, door)).status_code == 200


def test_thousands_of_connections_disturb_nobody(server: MockServer, rest: httpx.Client) -> None:
    wanted = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)
    doors = [f"http://{server.flight_address}", server.lakehouse_url, server.analytics_url]
    with ExitStack() as streams:
        opened = [streams.enter_context(connect(doors[number % 3])) for number in range(wanted)]
        assert rest.post(QUERY, json={"statement": "SELECT 42"}).text.splitlines()[-1] == "[42]"
        assert query_flight(server, "SELECT 42 AS n") == [{"n": 42}]
        # The last ones opened are served too, so none was merely left waiting in the kernel.
        for stream in (opened[number] for number in range(wanted - 30, wanted) if number % 3):
            stream.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b" 200 " in stream.recv(65_536)
    assert rest.get("/").status_code == 200


def flight_client(server: MockServer) -> tuple[flight.FlightClient, flight.FlightCallOptions]:
    client = flight.connect(f"grpc://{server.flight_address}")
    return client, flight.FlightCallOptions(headers=[client.authenticate_basic_token(*ALICE.pair)])


def query_flight(server: MockServer, sql: str) -> list[dict[str, object]]:
    from altertable_flightsql import Client

    with Client(*ALICE.pair, host="127.0.0.1", port=server.flight_port, tls=False) as client:
        return client.query(sql).read_all().to_pylist()


@pytest.mark.parametrize("garbage", [b"", b"\x00", b"garbage", b"\x0a\xff\xff\xff\xff\x0f", b"\xff" * 1000])
def test_flight_garbage_is_refused(server: MockServer, garbage: bytes) -> None:
    client, options = flight_client(server)
    descriptor = flight.FlightDescriptor.for_command(garbage)
    calls = [
        lambda: client.get_flight_info(descriptor, options),
        lambda: client.get_schema(descriptor, options),
        lambda: client.do_get(flight.Ticket(garbage), options).read_all(),
        lambda: put(client, descriptor, options),
        lambda: list(client.do_action(flight.Action("CreatePreparedStatement", garbage), options)),
    ]
    for call in calls:
        with pytest.raises((pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError, flight.FlightError)) as refused:
            call()
        assert not isinstance(refused.value, flight.FlightUnavailableError | flight.FlightInternalError), refused.value
    assert query_flight(server, "SELECT 1 AS n") == [{"n": 1}]


def put(client: flight.FlightClient, descriptor: flight.FlightDescriptor, options: flight.FlightCallOptions) -> None:
    writer, _ = client.do_put(descriptor, pa.schema([]), options)
    writer.close()


def test_flight_names_what_it_does_not_serve(server: MockServer) -> None:
    client, options = flight_client(server)
    with pytest.raises(pa.ArrowNotImplementedError, match="NoSuchAction"):
        list(client.do_action(flight.Action("NoSuchAction", b""), options))
    with pytest.raises(pa.ArrowInvalid):
        client.get_flight_info(flight.FlightDescriptor.for_path("a", "b"), options)
    with pytest.raises(pa.ArrowNotImplementedError, match="ListFlights"):
        list(client.list_flights(b"", options))


UPLOAD_UNTIL_KILLED = """
import sys, time
import pyarrow as pa
from altertable_flightsql import Client

user, password, port, table = sys.argv[1:]
schema = pa.schema([("id", pa.int64())])
client = Client(user, password, host="127.0.0.1", port=int(port), tls=False)
writer = client.ingest(table_name=table, schema=schema)
while True:
    writer.write(pa.record_batch([list(range(10_000))], schema=schema))
    print("written", flush=True)
    time.sleep(0.01)
"""


def test_flight_ingest_leaves_nothing_of_an_upload_that_broke_off(server: MockServer) -> None:
    """FI-5: a call that does not end leaves nothing behind."""
    arguments = [*ALICE.pair, str(server.flight_port), "broken_off"]
    with subprocess.Popen(
        [sys.executable, "-c", UPLOAD_UNTIL_KILLED, *arguments], stdout=subprocess.PIPE, text=True
    ) as uploader:
        assert uploader.stdout is not None
        for _ in range(10):
            assert uploader.stdout.readline() == "written\n"
        uploader.kill()
    time.sleep(0.5)
    assert query_flight(server, "SELECT * FROM duckdb_tables() WHERE table_name = 'broken_off'") == []
