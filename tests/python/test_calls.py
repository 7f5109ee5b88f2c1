"""What the log and a collector are told of calls (LX-20), and the ids of calls on Flight (FX-9)."""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from mock_server import ALICE, API_KEY, BINARY, MockServer

USER = f"--user={ALICE.name}:{ALICE.password}"


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(USER, f"--api-key={API_KEY}", "--log-format=json") as server:
        yield server


def calls(server: MockServer, operation: str, count: int = 1) -> list[dict[str, Any]]:
    """The lines of the calls of this operation, once there are `count` of them."""
    deadline = time.monotonic() + 10
    while True:
        lines = [json.loads(line) for line in list(server.log) if line.startswith("{")]
        found = [line for line in lines if line.get("operation") == operation]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"no line of {operation}:\n" + "\n".join(server.log)
        time.sleep(0.02)


def query(server: MockServer, statement: str, **more: object) -> httpx.Response:
    body = {"statement": statement, **more}
    return httpx.post(f"{server.lakehouse_url}/query", json=body, auth=ALICE.pair, headers={"x-request-id": "mine-1"})


def connect(server: MockServer) -> tuple[flight.FlightClient, flight.FlightCallOptions]:
    client = flight.FlightClient(f"grpc://{server.flight_address}")
    header = client.authenticate_basic_token(*ALICE.pair)
    return client, flight.FlightCallOptions(headers=[header, (b"x-request-id", b"mine-2")])


def test_a_query_is_one_line(server: MockServer) -> None:
    query(server, "SELECT * FROM range(3)")
    [line] = calls(server, "POST /query")
    known = {name: line[name] for name in ("level", "door", "tenant", "rows", "status", "outcome", "request_id")}
    assert known == {
        "level": "INFO",
        "door": "lakehouse",
        "tenant": "alice",
        "rows": 3,
        "status": 200,
        "outcome": "ok",
        "request_id": "mine-1",
    }
    assert line["duration_ms"] > 0 and len(line["session"]) == 36 and "error" not in line


def test_a_failure_has_the_engines_text_and_no_statement(server: MockServer) -> None:
    query(server, "SELECT no_such_column, 'private words'")
    [line] = calls(server, "POST /query")
    assert line["outcome"] == "error" and line["error"].startswith("Binder Error: Referenced column")
    assert httpx.post(f"{server.lakehouse_url}/query", auth=("alice", "wrong-pw"), json={}).status_code == 401
    refused = calls(server, "POST /query", 2)[1]
    assert (refused["status"], refused["outcome"], "tenant" in refused) == (401, "error", False)
    assert refused["error"].startswith("Invalid credentials")
    assert not any(secret in line for line in server.log for secret in ("private words", "wrong-pw", "alice:"))


def test_a_parameters_value_is_in_no_line(server: MockServer) -> None:
    answer = query(server, "SELECT $1::INT", params=["topsecret"])
    assert "topsecret" in answer.text
    [line] = calls(server, "POST /query")
    assert line["error"] == "Conversion Error"
    assert not any("topsecret" in line for line in server.log)


def test_a_secret_that_an_error_quotes_is_in_no_line(server: MockServer) -> None:
    answer = query(server, "CREATE SECRET s (TYPE S3, SECRET 'topsecret")
    assert "topsecret" in answer.text
    [line] = calls(server, "POST /query")
    assert line["error"] == "Parser Error"
    assert not any("topsecret" in line for line in server.log)


def test_the_lines_of_one_call_are_one_line(server: MockServer) -> None:
    query(server, 'SELECT * FROM "a\nINFO b"')
    [line] = calls(server, "POST /query")
    assert "\n" in line["error"]
    with MockServer(USER) as text:
        query(text, 'SELECT * FROM "a\nINFO b"')
        deadline = time.monotonic() + 10
        while not (found := [line for line in text.log if "POST /query" in line]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert "\\n" in found[0] and not any(line.startswith("INFO b") for line in text.log)


def test_a_client_that_goes_away_is_a_cancelled_call(server: MockServer) -> None:
    with httpx.stream(
        "POST",
        f"{server.lakehouse_url}/query",
        json={"statement": "SELECT sum((a.range * b.range) % 7) FROM range(1000000) a, range(1000000) b"},
        auth=ALICE.pair,
    ) as answer:
        next(answer.iter_raw())
    [line] = calls(server, "POST /query")
    assert line["outcome"] == "cancelled"


def test_flight_says_command_rows_and_the_calls_id(server: MockServer) -> None:
    client, options = connect(server)
    with pytest.raises((flight.FlightError, pa.ArrowInvalid)):
        client.get_flight_info(flight.FlightDescriptor.for_command(b"nonsense"), options)
    [line] = calls(server, "GetFlightInfo")
    assert (line["door"], line["tenant"], line["outcome"], line["request_id"]) == ("flight", "alice", "error", "mine-2")
    assert line["error"] and line["grpc_status"] == "INVALID_ARGUMENT" and "status" not in line
    list(client.list_actions(options))
    assert calls(server, "ListActions")[0]["grpc_status"] == "OK"


def test_flight_counts_rows_of_a_query(server: MockServer) -> None:
    import adbc_driver_flightsql.dbapi as adbc

    options = {"username": ALICE.name, "password": ALICE.password}
    with (
        adbc.connect(f"grpc://{server.flight_address}", db_kwargs=options) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT * FROM range(5)")
        assert len(cursor.fetchall()) == 5
    # The driver asks for SqlInfo first.
    assert 5 in [line["rows"] for line in calls(server, "DoGet", 2)]
    assert calls(server, "GetFlightInfo CommandPreparedStatementQuery")[0]["outcome"] == "ok"


class Headers(flight.ClientMiddlewareFactory):
    """Notes the headers of the latest answer."""

    def __init__(self) -> None:
        self.seen: dict[str, list[str]] = {}

    def start_call(self, info: object) -> flight.ClientMiddleware:
        factory = self

        class Noting(flight.ClientMiddleware):
            def received_headers(self, headers: dict[str, list[str]]) -> None:
                factory.seen.update(headers)

        return Noting()


def test_flight_echoes_the_request_id(server: MockServer) -> None:
    """FX-9: also in an answer that is an error alone."""
    headers = Headers()
    client = flight.FlightClient(f"grpc://{server.flight_address}", middleware=[headers])
    token = client.authenticate_basic_token(*ALICE.pair)
    assert len(headers.seen["x-request-id"][0]) == 36
    list(client.list_actions(flight.FlightCallOptions(headers=[token, (b"x-request-id", b"mine-3")])))
    assert headers.seen["x-request-id"] == ["mine-3"]


def test_events_are_lines_too(server: MockServer) -> None:
    httpx.post(f"{server.analytics_url}/track", json={"event": "bought"}, headers={"x-api-key": API_KEY})
    httpx.post(f"{server.analytics_url}/track", json={"event": ""}, headers={"x-api-key": API_KEY})
    first, second = calls(server, "POST /track", 2)
    assert (first["outcome"], second["outcome"], second["status"]) == ("ok", "error", 422)
    assert first["rows"] == 1 and "rows" not in second
    assert "event" in second["error"] and not any(API_KEY in line for line in server.log)


def test_probes_are_no_lines(server: MockServer) -> None:
    for path in ("/", "/health", "/metrics"):
        httpx.get(server.lakehouse_url + path)
    query(server, "SELECT 1")
    calls(server, "POST /query")
    assert not any("GET /" in line for line in server.log)


def test_metrics_can_be_turned_off() -> None:
    with MockServer("--no-metrics") as server:
        for url in (server.lakehouse_url, server.analytics_url):
            assert httpx.get(f"{url}/metrics").status_code == 404


def test_a_log_that_nobody_reads_holds_up_no_call() -> None:
    flags = [
        "--bind=127.0.0.1",
        "--lakehouse-port=0",
        "--analytics-port=0",
        "--flight-port=0",
        "--postgres-port=0",
        USER,
    ]
    reader, writer = os.pipe()
    process = subprocess.Popen([BINARY, *flags], stdout=writer, stderr=subprocess.DEVNULL)
    os.close(writer)
    try:
        text = ""
        while "Starting Flight SQL server" not in text:
            text += os.read(reader, 4096).decode()
        address = text.split("Lakehouse HTTP server on ")[1].split()[0]
        # Nobody reads from here on: a pipe holds 64 KiB, some 300 lines.
        with httpx.Client(auth=ALICE.pair) as client:
            for _ in range(1500):
                answer = client.post(f"http://{address}/validate", json={"statement": "SELECT 1"}, timeout=10)
                assert answer.status_code == 200
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15)
        assert time.monotonic() - began < 5
    finally:
        process.kill()
        os.close(reader)


def test_spans_go_to_a_collector() -> None:
    bodies: list[tuple[str, bytes]] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    trace = "0af7651916cd43dd8448eb211c80319c"
    with MockServer(USER, f"--otlp-endpoint=http://127.0.0.1:{collector.server_port}") as server:
        httpx.post(
            f"{server.lakehouse_url}/query",
            json={"statement": "SELECT 'topsecret'"},
            auth=ALICE.pair,
            headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"},
        )
    collector.shutdown()
    assert {path for path, _ in bodies} == {"/v1/traces"}, server.log
    sent = b"".join(body for _, body in bodies)
    assert b"POST /query" in sent and b"altertable-mock" in sent and bytes.fromhex(trace) in sent
    assert b"topsecret" not in sent and ALICE.password.encode() not in sent


def test_a_collector_has_a_url() -> None:
    ended = subprocess.run([BINARY, "--otlp-endpoint=localhost:4318"], capture_output=True, text=True)
    assert ended.returncode == 2 and "write http://localhost:4318" in ended.stderr
