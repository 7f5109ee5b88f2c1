"""Connections: how long they idle, how many there may be, when a client counts as gone (LX-09, LX-14, LQ-07)."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable

import adbc_driver_flightsql.dbapi as flight_sql
import httpx
import pytest
from mock_server import ALICE, API_KEY, BINARY, MockServer
from waiting import wait_until_logged

USER = ("--user", ":".join(ALICE.pair), "--api-key", API_KEY)
AUTHORIZATION = httpx.BasicAuth(*ALICE.pair)._auth_header
LONG = "SELECT count(*) FROM range(100000000000) a WHERE hash(a.range) = 0"
FLIGHT_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=30)


def query(statement: str, authorization: str = AUTHORIZATION, head: str = "", body: bool = True) -> bytes:
    content = json.dumps({"statement": statement}).encode()
    lines = ["POST /query HTTP/1.1", "host: x", f"authorization: {authorization}", f"content-length: {len(content)}"]
    return "\r\n".join([*lines, *filter(None, [head]), "", ""]).encode() + (content if body else b"")


def read_to_end(stream: socket.socket) -> bytes:
    read = b""
    while part := stream.recv(65_536):
        read += part
    return read


def answer(stream: socket.socket) -> bytes:
    """One answer with a content-length."""
    read = b""
    while b"\r\n\r\n" not in read:
        part = stream.recv(65_536)
        assert part, f"the connection was closed after {read!r}"
        read += part
    head, body = read.split(b"\r\n\r\n", 1)
    (length,) = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    while len(body) < length:
        body += stream.recv(65_536)
    return read[: len(head)] + b"\r\n\r\n" + body


def within(seconds: float, holds: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it did not come about in time"
        time.sleep(0.05)
    return time.monotonic() - began


def test_an_idle_connection_outlives_the_time_that_headers_may_take() -> None:
    with MockServer(*USER) as server, connect(server.lakehouse_url) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"keep-alive: timeout=595" in answer(stream).lower()
        time.sleep(32)
        stream.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b" 200 " in answer(stream)


@pytest.mark.parametrize("door", ["lakehouse_url", "analytics_url"])
def test_an_idle_connection_is_closed_after_its_timeout(door: str) -> None:
    with MockServer(*USER, "--idle-connection-timeout", "2") as server, connect(getattr(server, door)) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        answer(stream)
        began = time.monotonic()
        assert stream.recv(1) == b""
        assert 1.5 < time.monotonic() - began < 4


def test_dripped_headers_are_cut_off() -> None:
    with MockServer(*USER) as server, connect(server.lakehouse_url) as stream:
        began = time.monotonic()
        stream.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n")
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 45:
                stream.sendall(b"x-drip: 1\r\n")
                stream.settimeout(0.5)
                with contextlib.suppress(TimeoutError):
                    if stream.recv(1) == b"":
                        break
        assert 29 < time.monotonic() - began < 36


@pytest.mark.parametrize(
    ("door", "request_head", "status"),
    [
        ("lakehouse_url", query("SELECT 1", "Basic eDp5"), b"401"),
        ("lakehouse_url", query("SELECT 1").replace(b"/query", b"/nowhere"), b"404"),
        ("lakehouse_url", query("x" * 60_000, "Basic eDp5"), b"401"),
        ("analytics_url", b"POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody", b"404"),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_an_early_refusal_keeps_the_connection(door: str, request_head: bytes, status: bytes, late: bool) -> None:
    with MockServer(*USER) as server, connect(getattr(server, door)) as stream:
        for _ in range(3):
            # The body comes when the answer may be there already.
            parts = request_head.partition(b"\r\n\r\n") if late else (request_head,)
            for part in (b"".join(parts[:2]), parts[-1]) if late else parts:
                stream.sendall(part)
                time.sleep(0.1 if late else 0)
            assert answer(stream).split(b" ")[1] == status
        stream.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b" 200 " in answer(stream)


def test_an_early_refusal_of_a_body_that_waits_says_that_it_closes() -> None:
    with MockServer(*USER) as server, connect(server.lakehouse_url) as stream:
        stream.sendall(query("SELECT 1", "Basic eDp5", head="expect: 100-continue", body=False))
        refused = answer(stream)
        assert refused.split(b" ")[1] == b"401"
        assert b"connection: close" in refused.lower()
        assert stream.recv(1) == b""


@pytest.mark.parametrize("statement", ["SELECT range FROM range(300000)", "SELECT count(*) FROM range(600000000)"])
def test_a_client_that_ends_its_sending_half_gets_its_whole_answer(statement: str) -> None:
    with MockServer(*USER) as server, connect(server.lakehouse_url) as stream:
        whole = httpx.post(f"{server.lakehouse_url}/query", json={"statement": statement}, auth=ALICE.pair, timeout=60)
        stream.sendall(query(statement))
        stream.shutdown(socket.SHUT_WR)
        stream.settimeout(60)
        head, _, body = read_to_end(stream).partition(b"\r\n\r\n")
        assert b" 200 " in head
        assert body.endswith(b"0\r\n\r\n"), "the last chunk is missing"
        lines = b"".join(body.split(b"\r\n")[1::2]).splitlines()
        expected = whole.text.splitlines()
        assert [json.loads(line) for line in lines[1:]] == [json.loads(line) for line in expected[1:]]


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_has_gone_has_its_query_interrupted(reset: bool) -> None:
    name = "5d1a3a3e-6c0c-4b9e-9b0e-0123456789ab"
    with MockServer(*USER) as server:
        stream = connect(server.lakehouse_url)
        content = json.dumps({"statement": LONG, "query_id": name}).encode()
        stream.sendall(
            query(LONG).partition(b"content-length")[0] + b"content-length: %d\r\n\r\n" % len(content) + content
        )
        stream.recv(65_536)
        if reset:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        stream.close()
        with httpx.Client(base_url=server.lakehouse_url, auth=ALICE.pair) as rest:
            took = within(5, lambda: wait_until_logged(rest, name)["end_time"] is not None)
        assert took < 4


@pytest.mark.parametrize(
    ("door", "status", "code"),
    [("lakehouse_url", 429, ("error", "code")), ("analytics_url", 422, ("error_code",))],
)
def test_a_connection_beyond_the_limit_is_told_so(door: str, status: int, code: tuple[str, ...]) -> None:
    with MockServer(*USER, "--connection-limit", "8") as server, contextlib.ExitStack() as held:
        streams = [held.enter_context(connect(getattr(server, door))) for _ in range(2)]
        time.sleep(0.2)
        refused = httpx.get(f"{getattr(server, door)}/")
        assert refused.status_code == status
        assert refused.headers["connection"] == "close"
        assert refused.headers["x-request-id"]
        said = refused.json()
        for key in code:
            said = said[key]
        assert said == "limit-exceeded"
        assert "at most 2; raise it with --door-connection-limit" in refused.text
        # It costs no other door.
        other = {"lakehouse_url": server.analytics_url, "analytics_url": server.lakehouse_url}[door]
        assert httpx.get(f"{other}/").status_code == 200
        streams[0].close()
        within(2, lambda: httpx.get(f"{getattr(server, door)}/").status_code == 200)


def test_silent_connections_beyond_the_limit_go() -> None:
    with MockServer(*USER, "--connection-limit", "8") as server, contextlib.ExitStack() as held:
        streams = [held.enter_context(connect(server.lakehouse_url)) for _ in range(40)]
        for stream in streams[2:]:
            stream.settimeout(5)
            with contextlib.suppress(ConnectionError):
                assert stream.recv(1) == b""


def limited(files: int, *flags: str) -> MockServer:
    """A server that may have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.MonkeyPatch.context() as patch:
        original = subprocess.Popen

        def popen(*arguments: object, **named: object) -> subprocess.Popen:
            return original(
                *arguments, **named, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
            )

        patch.setattr(subprocess, "Popen", popen)
        server = MockServer(*flags)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
    return server


def test_a_server_without_file_descriptors_recovers_as_connections_end() -> None:
    with limited(64, *USER, "--connection-limit", "64", "--door-connection-limit", "64") as server:
        assert httpx.get(f"{server.lakehouse_url}/").status_code == 200
        with contextlib.ExitStack() as held:
            for _ in range(80):
                held.enter_context(connect(server.lakehouse_url))
            within(5, lambda: any("cannot accept" in line for line in server.log))
        for url in (server.lakehouse_url, server.analytics_url):
            assert httpx.get(f"{url}/health", timeout=5).status_code == 200
        with connect(f"http://{server.flight_address}") as stream:
            stream.sendall(FLIGHT_PREFACE)
            assert stream.recv(9)[3] == 4


def test_the_default_limits_fit_the_file_descriptors() -> None:
    with limited(64, *USER) as server, contextlib.ExitStack() as held:
        for _ in range(80):
            held.enter_context(connect(server.lakehouse_url))
        assert httpx.get(f"{server.analytics_url}/", timeout=5).status_code == 200
        said = httpx.post(
            f"{server.analytics_url}/track", json={"event": "e", "distinct_id": "d"}, headers={"x-api-key": API_KEY}
        )
        assert said.status_code == 200
        assert not any("cannot accept" in line for line in server.log)


def test_the_soft_limit_of_files_is_raised() -> None:
    with MockServer(*USER) as server:
        soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        assert soft == hard


def busy_rest(server: MockServer) -> None:
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(f"{server.lakehouse_url}/query", json={"statement": LONG}, auth=ALICE.pair, timeout=60)


def busy_upload(server: MockServer) -> None:
    def rows() -> object:
        yield b"a\n"
        while True:
            time.sleep(0.01)
            yield b"1\n" * 1000

    with contextlib.suppress(httpx.HTTPError):
        params = {"catalog": "memory", "schema": "main", "table": "t", "mode": "create"}
        httpx.post(f"{server.lakehouse_url}/upload", params=params, content=rows(), auth=ALICE.pair, timeout=60)


def busy_flight(server: MockServer) -> None:
    """A result of which one batch is read, and a statement that computes."""
    with flight_sql.connect(
        f"grpc://{server.flight_address}", db_kwargs={"username": ALICE.name, "password": ALICE.password}
    ) as connection:
        with contextlib.suppress(Exception), connection.cursor() as cursor:
            cursor.execute("SELECT range FROM range(100000000000)")
            cursor.fetchone()
            with connection.cursor() as other:
                other.execute(LONG)


@pytest.mark.parametrize("busy", [busy_rest, busy_upload, busy_flight])
@pytest.mark.parametrize("timeout", [1, 2])
def test_it_ends_within_its_timeout_whatever_runs(busy: Callable[[MockServer], None], timeout: int) -> None:
    with MockServer(*USER, "--shutdown-timeout", str(timeout)) as server, connect(server.lakehouse_url) as idle:
        idle.sendall(query("SELECT range FROM range(100000000000)"))
        threading.Thread(target=busy, args=[server], daemon=True).start()
        time.sleep(1)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        took = time.monotonic() - began
        print(f"--shutdown-timeout {timeout}, {busy.__name__}: {took:.2f} s")
        assert took < timeout + 0.3


def test_impossible_limits_and_catalogs_are_start_up_errors() -> None:
    for flags, named in [
        (["--tenant-memory-limit", "1KB"], "memory"),
        (["--tenant-threads", "100000"], "--tenant-threads"),
        (["--worker-threads", "100000"], "--worker-threads"),
        (["--catalog", "a", "--catalog", "A"], "given twice"),
        (["--connection-limit", "999999999"], "--connection-limit"),
        (["--lost-peer-timeout", "1"], "--lost-peer-timeout"),
    ]:
        ports = ["--lakehouse-port=0", "--analytics-port=0", "--flight-port=0", "--postgres-port=0", "--bind=127.0.0.1"]
        ended = subprocess.run([BINARY, *ports, *flags], capture_output=True, text=True, timeout=20, check=False)
        assert ended.returncode == 2, ended.stdout
        assert named in ended.stderr
        assert len(ended.stderr.strip().splitlines()) == 1
