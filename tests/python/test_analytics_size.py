"""Many events, batches and identities at once: nothing is lost, doubled, or seen by halves (AX-07, AM-03, AC-04)."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from mock_server import ALICE, API_KEY, MockServer

BATCH = 1_000
BATCHES = 60
PEOPLE = 5_000
CLIENTS = 4


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """A server that nobody else fills."""
    with MockServer("--user", ":".join(ALICE.pair), "--api-key", API_KEY) as running:
        yield running


@pytest.fixture
def client(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.analytics_url, headers={"X-API-Key": API_KEY}, timeout=120) as client:
        yield client


def send(client: httpx.Client, path: str, items: list[dict[str, object]]) -> None:
    answer = client.post(path, json=items)
    assert answer.status_code == 200, answer.text


def ask(server: MockServer, statement: str, session: str | None = None) -> list[list[object]]:
    body = {"statement": statement, **({"session_id": session} if session else {})}
    answer = httpx.post(f"{server.lakehouse_url}/query", auth=ALICE.pair, json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()][2:]


def events(batch: int) -> list[dict[str, object]]:
    """One batch; every person comes by equally often, at first without being known."""
    numbers = range(batch * BATCH, (batch + 1) * BATCH)
    return [
        {"event": f"kind {n % 7}", "anonymous_id": f"a{n % PEOPLE}", "timestamp": n, "properties": {"n": n}}
        for n in numbers
    ]


def test_a_batch_is_seen_whole_while_others_arrive(server: MockServer, client: httpx.Client) -> None:
    count = "SELECT count(*), count(DISTINCT uuid) FROM product_analytics.main.events"
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        session = str(uuid.uuid4())
        while not done.is_set():
            ((number, distinct),) = ask(server, count, session)
            assert number == distinct, "the two counts of one statement differ"
            seen.append(int(str(number)))

    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        watcher = threads.submit(watch)
        sent = [threads.submit(send, client, "/track", events(batch)) for batch in range(BATCHES)]
        try:
            for each in sent:
                each.result()
        finally:
            done.set()
        watcher.result()
    assert {number % BATCH for number in seen} <= {0}, "a reader saw part of a batch"
    assert seen == sorted(seen), "a reader saw events go"
    assert ask(server, count) == [[BATCH * BATCHES, BATCH * BATCHES]]
    statement = "SELECT count(DISTINCT (properties->>'$.n')::INTEGER), sum((properties->>'$.n')::BIGINT)::BIGINT"
    expected = [BATCH * BATCHES, sum(range(BATCH * BATCHES))]
    assert ask(server, f"{statement} FROM product_analytics.main.events") == [expected]


def test_identities_resolve_at_size(server: MockServer, client: httpx.Client) -> None:
    """Every visitor becomes a person with two ids, and every fifth person turns out to be the next one."""
    people = range(PEOPLE)
    known = [{"distinct_id": f"u{n}", "anonymous_id": f"a{n}", "traits": {"n": n}} for n in people]
    pairs = [{"distinct_id": f"u{n}", "new_user_id": f"u{n + 1}"} for n in people[::5]]
    for start in range(0, PEOPLE, BATCH):
        send(client, "/identify", known[start : start + BATCH])
    send(client, "/alias", pairs)
    assert ask(
        server,
        "SELECT count(*), count(*) FILTER (is_deleted), count(*) FILTER (is_identified AND NOT is_deleted)"
        " FROM product_analytics.main.identities",
    ) == [[2 * PEOPLE, PEOPLE + PEOPLE // 5, PEOPLE - PEOPLE // 5]]
    ids = "SELECT count(*), count(DISTINCT distinct_id), count(DISTINCT identity_uuid) FROM"
    resolved = [2 * PEOPLE, 2 * PEOPLE, PEOPLE - PEOPLE // 5]
    assert ask(server, f"{ids} product_analytics.analytics.identities") == [resolved]
    moved = "SELECT count(*) FROM product_analytics.main.identity_distinct_id_overrides"
    assert ask(server, moved) == [[PEOPLE + PEOPLE // 5]]
    each = BATCH * BATCHES // PEOPLE
    per_person = (
        "SELECT events, count(*) FROM (SELECT count(*) AS events FROM product_analytics.analytics.events"
        " GROUP BY identity_uuid) GROUP BY events ORDER BY events"
    )
    assert ask(server, per_person) == [[each, PEOPLE - 2 * (PEOPLE // 5)], [2 * each, PEOPLE // 5]]
    # Of a merged pair the first one's trait wins, whoever sent the event.
    wrong = (
        "SELECT count(*) FROM product_analytics.analytics.events WHERE (identity_traits->>'$.n')::INTEGER <>"
        f" (properties->>'$.n')::INTEGER % {PEOPLE} - CASE (properties->>'$.n')::INTEGER % 5 WHEN 1 THEN 1 ELSE 0 END"
    )
    assert ask(server, wrong) == [[0]]
