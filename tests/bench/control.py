"""What the control plane costs, and how fast it is. Goals are those of a test that uses it for each of its cases."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from http.client import HTTPConnection

import duckdb
from mock_server import ALICE, MockServer
from table import in_turns_ms, row, seconds
from wire import basic

KEY = "bench"
USER = ("--user", ":".join(ALICE.pair))


def measure(_: MockServer, __: duckdb.DuckDBPyConnection) -> None:
    unused()
    with MockServer(*USER, f"--control-key={KEY}") as server:
        plane = Http(server, f"Bearer {KEY}")
        fresh_tenants(server, plane)
        alice = Http(server, basic(*ALICE.pair))
        waits(alice)
        resets(alice)


class Http:
    """One connection that is kept, with these credentials."""

    def __init__(self, server: MockServer, login: str) -> None:
        host, port = server.addresses["Lakehouse HTTP"].rsplit(":", 1)
        self._connection = HTTPConnection(host, int(port))
        self._headers = {"Authorization": login, "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: object = None) -> bytes:
        self._connection.request(method, path, None if body is None else json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text!r}")
        return text

    def query(self, statement: str) -> bytes:
        text = self.call("POST", "/query", {"statement": statement})
        if b'"error"' in text:
            raise RuntimeError(f"{statement}: {text!r}")
        return text


def unused() -> None:
    """SELECT 42 over REST with the plane and its journal, beside a server that has neither."""
    with MockServer(*USER) as with_plane, MockServer(*USER, "--no-control") as without:
        asks: list[Callable[[], float]] = []
        for server in (with_plane, without):
            http = Http(server, basic(*ALICE.pair))
            body = {"statement": "SELECT 42", "session_id": "0191e7a0-0000-7000-8000-000000000001"}
            asks.append(lambda http=http, body=body: seconds(lambda: http.call("POST", "/query", body)))
            for _ in range(500):
                asks[-1]()
        row("SELECT 42 over REST with control plane and journal, beside none, ms", *in_turns_ms(*asks), goal="1.02")


def fresh_tenants(server: MockServer, plane: Http) -> None:
    """From the call that makes a tenant to its first answer, after a rest and without one."""

    def first_answer() -> float:
        started = time.perf_counter()
        made = json.loads(plane.call("POST", "/_mock/v1/tenants", {}))
        Http(server, basic(made["user"], made["password"])).query("SELECT 42")
        taken = time.perf_counter() - started
        made_users.append(made["user"])
        return taken * 1000

    made_users: list[str] = []
    first_answer()
    rested = []
    for _ in range(20):
        time.sleep(0.25)
        rested.append(first_answer())
    row("fresh tenant to its first answer, from the pool, ms", statistics.median(rested), goal="6")
    before = server.resident_bytes()
    row("the same, one after the other, ms", statistics.median(first_answer() for _ in range(100)), goal="20")
    row("memory of each of these tenants, MiB", (server.resident_bytes() - before) / 100 / (1 << 20))
    for user in made_users:
        plane.call("DELETE", f"/_mock/v1/tenants/{user}")


def waits(alice: Http) -> None:
    """From the end of a call to the answer that tells of it."""

    def wait() -> float:
        alice.query("SELECT 42")
        match = {"match": {"operation": "POST /query"}, "timeout_ms": 5000}
        return seconds(lambda: alice.call("POST", "/_mock/v1/requests/wait", match))

    row("a wait for a call that has ended, ms", statistics.median(wait() for _ in range(300)) * 1000, goal="2")


def resets(alice: Http) -> None:
    """Of a tenant that holds a gigabyte."""

    def reset() -> float:
        alice.query("CREATE TABLE big AS SELECT hash(i) a, hash(i + 1) b, hash(i + 2) c FROM range(42000000) t(i)")
        time.sleep(1)
        return seconds(lambda: alice.call("POST", "/_mock/v1/reset")) * 1000

    row("reset of a tenant with 1 GB, ms", statistics.median(reset() for _ in range(5)), goal="5")
