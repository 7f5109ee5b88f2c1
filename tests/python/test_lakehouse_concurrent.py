"""Many at once over REST: appends to one table, sessions of one user, users, and one long query among them."""

from __future__ import annotations

import json
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from mock_server import ALICE, MockServer
from waiting import wait_until_logged

ENDLESS = "SELECT sum((a.range * b.range) % 7) FROM range(10000000) a, range(10000000) b"
CLIENTS = 8
MANY = 64


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer("--user", ":".join(ALICE.pair), "--allow-any-user") as running:
        yield running


def rest(server: MockServer, pair: tuple[str, str] = ALICE.pair) -> httpx.Client:
    return httpx.Client(base_url=server.lakehouse_url, auth=pair, timeout=30)


def rows(client: httpx.Client, statement: str, **fields: object) -> list[list]:
    lines = client.post("/query", json={"statement": statement, **fields}).raise_for_status().text.splitlines()
    assert '{"error"' not in lines[-1], lines[-1]
    return [json.loads(line) for line in lines[2:]]


def at_once(count: int, act: Callable[[int], object]) -> list:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


def append(client: httpx.Client, table: str, body: object) -> dict:
    target = {"catalog": "memory", "schema": "main", "table": table}
    return client.post("/append", params=target, json=body).raise_for_status().json()


def test_appends_of_many_clients_lose_nothing(server: MockServer, table: str) -> None:
    def work(client: int) -> None:
        with rest(server) as http:
            for at in range(100):
                assert append(http, table, {"id": client * 100 + at, "name": f"n{at}"})["ok"]

    # The table is made by whoever comes first.
    at_once(CLIENTS, work)
    with rest(server) as http:
        assert rows(http, f"SELECT count(*), count(DISTINCT id), sum(id)::BIGINT FROM {table}") == [[800, 800, 319600]]


def test_a_refused_append_takes_no_other_with_it(server: MockServer, table: str) -> None:
    """LP-04: appends that arrive together may be stored together, and fail apart."""
    with rest(server) as http:
        rows(http, f"CREATE TABLE {table} (id BIGINT CHECK (id % 10 <> 3), small TINYINT)")

    def work(client: int) -> list[bool]:
        with rest(server) as http:
            return [append(http, table, {"id": client * 50 + at})["ok"] for at in range(50)]

    outcomes = [ok for client in at_once(CLIENTS, work) for ok in client]
    assert outcomes == [at % 10 != 3 for at in range(400)]
    with rest(server) as http:
        assert rows(http, f"SELECT count(*) FROM {table}") == [[360]]


def test_appends_widen_and_add_columns_under_others(server: MockServer, table: str) -> None:
    values = [1, 300, 70_000, 5_000_000_000, 2**63]

    def work(client: int) -> None:
        with rest(server) as http:
            for at in range(20):
                body = {"id": client * 20 + at, "v": values[at % 5] if client % 2 else 1, f"c{client}": at}
                assert append(http, table, body if at % 3 else {"id": body["id"]})["ok"]

    with rest(server) as http:
        rows(http, f"CREATE TABLE {table} (id BIGINT, v TINYINT)")
        at_once(CLIENTS, work)
        assert rows(http, f"SELECT count(*), count(DISTINCT id), typeof(any_value(v)) FROM {table}") == [
            [160, 160, "HUGEINT"]
        ]
        assert rows(http, f"SELECT count(*) FROM (DESCRIBE {table})") == [[2 + CLIENTS]]


def test_sessions_of_one_user_run_side_by_side(server: MockServer, table: str) -> None:
    with rest(server) as http:
        rows(http, f"CREATE TABLE {table} (i INTEGER)")

    def work(number: int) -> None:
        session = str(uuid.uuid4())
        with rest(server) as http:
            rows(http, f"SET VARIABLE mine = {number}", session_id=session)
            rows(http, f"CREATE TEMP TABLE own AS SELECT {number} AS i", session_id=session)
            rows(http, f"INSERT INTO {table} FROM own", session_id=session)
            assert rows(http, "SELECT getvariable('mine'), i FROM own", session_id=session) == [[number, number]]

    at_once(MANY, work)
    with rest(server) as http:
        assert rows(http, f"SELECT count(DISTINCT i) FROM {table}") == [[MANY]]


def test_users_run_side_by_side(server: MockServer) -> None:
    def work(number: int) -> None:
        with rest(server, (f"user{number}", "secret")) as http:
            rows(http, f"CREATE TABLE t AS SELECT {number} AS i")
            assert rows(http, "FROM t") == [[number]]
            assert rows(http, "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'memory'") == [[1]]

    at_once(MANY, work)


def test_a_long_query_delays_no_other_session(server: MockServer) -> None:
    """LS-06: what 64 sessions get while one is busy for good, and appends and uploads with them."""
    query, session = str(uuid.uuid4()), str(uuid.uuid4())
    with ThreadPoolExecutor(1) as pool, rest(server) as http:
        fields = {"statement": ENDLESS, "query_id": query, "session_id": session}
        busy = pool.submit(lambda: rest(server).post("/query", json=fields, timeout=60).text)
        try:
            wait_until_logged(http, query)

            def work(_: int) -> float:
                with rest(server) as other:
                    started = time.monotonic()
                    assert rows(other, "SELECT 42", session_id=str(uuid.uuid4())) == [[42]]
                    assert append(other, "beside", {"id": 1})["ok"]
                    return time.monotonic() - started

            took = at_once(MANY, work)
            assert not busy.done(), "the long query still runs"
            assert statistics.median(took) < 5, "they have waited for one another, and not for the long query"
        finally:
            cancelled = http.delete(f"/query/{query}", params={"session_id": session}).json()
        assert cancelled["cancelled"]
        assert "cancelled" in busy.result(timeout=10)
