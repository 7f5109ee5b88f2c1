"""LX-18: one statement never takes the memory of the machine, whichever way it asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from mock_server import ALICE, MockServer

MIB = 1 << 20
LIMIT = 600 * MIB


@pytest.fixture
def server() -> Iterator[MockServer]:
    """One for each test: what it held at most is the test's own."""
    with MockServer("--user", ":".join(ALICE.pair), "--user", "bob:hunter2", "--memory-limit", "600MB") as running:
        yield running
        assert running.process.poll() is None, "the server ended:\n" + "\n".join(running.log)


def rows(server: MockServer, statement: str, user: tuple[str, str] = ALICE.pair) -> str:
    answer = httpx.post(f"{server.lakehouse_url}/query", json={"statement": statement}, auth=user, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


GREEDY = {
    "one value": "SELECT length(repeat('x', 1000000000))",
    "a padded value": "SELECT length(lpad('', 1000000000, 'x'))",
    "a long list": "SELECT len(range(100000000))",
    "a long list at planning time": "SELECT unnest(range(100000000)) LIMIT 1",
    "many values in one column": "SELECT count(DISTINCT repeat('x', 1000000) || i) FROM range(2000) t(i)",
    "an aggregate": "SELECT length(string_agg(repeat('x', 1000000), '')) FROM range(2000)",
    "a list of values": "SELECT len(list(repeat('x', 1000000) || i)) FROM range(2000) t(i)",
}


@pytest.mark.parametrize("statement", GREEDY.values(), ids=GREEDY.keys())
def test_a_greedy_statement_fails_alone(server: MockServer, statement: str) -> None:
    rows(server, "CREATE OR REPLACE TABLE kept AS SELECT 42 AS answer", ("bob", "hunter2"))
    rows(server, "CREATE OR REPLACE TABLE kept AS SELECT 43 AS answer")
    answer = rows(server, statement)
    assert "Out of Memory Error" in answer, answer[:500]
    assert server.resident_bytes() < LIMIT + 300 * MIB
    assert "[42]" in rows(server, "FROM kept", ("bob", "hunter2"))
    assert "[43]" in rows(server, "FROM kept")


@pytest.mark.parametrize(
    "statement",
    ["SELECT length(histogram(range)::VARCHAR) FROM range(100000000)", "SELECT mode(range) FROM range(100000000)"],
)
def test_what_is_made_of_small_blocks_is_interrupted(server: MockServer, statement: str) -> None:
    rows(server, "CREATE OR REPLACE TABLE kept AS SELECT 43 AS answer")
    answer = rows(server, statement)
    assert "raise it with --memory-limit" in answer or "Out of Memory Error" in answer, answer[:500]
    assert server.peak_resident_bytes() < LIMIT + 700 * MIB
    assert "[43]" in rows(server, "FROM kept")


def test_many_at_once_stay_within_the_limit(server: MockServer) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: rows(server, "SELECT length(repeat('x', 300000000))"), range(48)))
    assert all("Out of Memory Error" in answer or "[300000000]" in answer for answer in answers)
    assert server.peak_resident_bytes() < LIMIT + 400 * MIB
    limits = httpx.get(f"{server.lakehouse_url}/health?verbose=1", auth=ALICE.pair).json()["limits"]["server"]
    memory = next(limit for limit in limits if limit["name"] == "memory-limit")
    assert memory["limit"] == LIMIT
    assert memory["used"] < LIMIT // 4
