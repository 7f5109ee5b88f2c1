"""Memory stays flat: after many queries, sessions, prepared statements and large results the process holds what it held
after the first hundredth of them. `make test-memory` asks for the full numbers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import adbc_driver_flightsql.dbapi as flightsql
import httpx
import pytest
from mock_server import ALICE, MockServer

MIB = 1 << 20
FULL = "FULL_MEMORY" in os.environ
pytestmark = pytest.mark.skipif("MEMORY" not in os.environ and not FULL, reason="make test-memory runs it")
# How often each is done, the first hundredth before the first measure.
QUERIES, SESSIONS, PREPARED, RESULTS, TEXTS = (
    (100_000, 10_000, 10_000, 1_000, 1_000) if FULL else (2_000, 200, 200, 30, 50)
)
SETTLE = 10 if FULL else 3
# What the process may hold beyond the first measure.
SLACK = 32 * MIB


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    flags = ("--tenant-session-limit", "64", "--query-log-limit", "1MB")
    with MockServer("--user", ":".join(ALICE.pair), *flags) as running:
        yield running


@pytest.fixture
def rest(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.lakehouse_url, auth=ALICE.pair, timeout=120) as client:
        yield client


def used(rest: httpx.Client) -> dict[str, int]:
    answer = rest.get("/health", params={"verbose": "1"})
    answer.raise_for_status()
    return {limit["name"]: limit["used"] for limit in answer.json()["limits"]["user"]}


def fill_the_logs(rest: httpx.Client) -> None:
    """LG-05: entries of 64 KiB, until the log has no room for another."""
    for _ in range(40):
        rest.post("/query", json={"statement": f"SELECT 1 -- {'x' * MIB}"}).raise_for_status()


def query(rest: httpx.Client, _: MockServer, at: int) -> None:
    rest.post("/query", json={"statement": f"SELECT {at} AS a"}).raise_for_status()


def leave_a_session(rest: httpx.Client, _: MockServer, at: int) -> None:
    """LS-11: each is kept, until another takes its place."""
    rest.post("/query", json={"statement": f"SET VARIABLE x = {at}"}).raise_for_status()


def read_ten_megabytes(rest: httpx.Client, _: MockServer, at: int) -> None:
    with rest.stream("POST", "/query", json={"statement": "SELECT repeat('x', 1000) FROM range(10000)"}) as answer:
        size = sum(len(chunk) for chunk in answer.iter_bytes())
    assert size > 10_000_000


def send_a_megabyte(rest: httpx.Client, _: MockServer, at: int) -> None:
    statement = f"SELECT {at} AS a, '{'y' * MIB}' AS b"
    rest.post("/query", json={"statement": statement}).raise_for_status()


def prepare_and_close(server: MockServer, count: int) -> None:
    """FP-9, through one connection per hundred statements."""
    options = {"username": ALICE.name, "password": ALICE.password}
    for begin in range(0, count, 100):
        with flightsql.connect(f"grpc://{server.flight_address}", db_kwargs=options, autocommit=True) as connection:
            for at in range(begin, min(begin + 100, count)):
                with connection.cursor() as cursor:
                    cursor.execute(f"SELECT ? + {at} AS a", (1,))
                    assert cursor.fetchall() == [(1 + at,)]


def settled(server: MockServer) -> int:
    time.sleep(SETTLE)
    return server.resident_bytes()


@pytest.mark.parametrize(
    ("work", "count"),
    [
        pytest.param(query, QUERIES, id="queries"),
        pytest.param(leave_a_session, SESSIONS, id="sessions"),
        pytest.param(read_ten_megabytes, RESULTS, id="results"),
        pytest.param(send_a_megabyte, TEXTS, id="texts"),
    ],
)
def test_memory_is_flat_over(
    work: Callable[[httpx.Client, MockServer, int], None], count: int, server: MockServer, rest: httpx.Client
) -> None:
    fill_the_logs(rest)
    for at in range(max(count // 100, 10)):
        work(rest, server, at)
    before = settled(server)
    for at in range(count):
        work(rest, server, at)
    after = settled(server)
    print(f"{work.__name__}: {before / MIB:.1f} MiB, then {after / MIB:.1f} MiB; {used(rest)}")
    assert after <= before + SLACK
    assert used(rest)["query-log-limit"] <= MIB
    assert used(rest)["tenant-session-limit"] <= 64


def test_memory_is_flat_over_prepared_statements(server: MockServer, rest: httpx.Client) -> None:
    fill_the_logs(rest)
    prepare_and_close(server, 100)
    before = settled(server)
    prepare_and_close(server, PREPARED)
    after = settled(server)
    print(f"prepared: {before / MIB:.1f} MiB, then {after / MIB:.1f} MiB; {used(rest)}")
    assert after <= before + SLACK
    assert used(rest)["tenant-prepared-limit"] == 0
