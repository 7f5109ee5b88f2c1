"""The Product Analytics door: how fast events arrive, and what a million of them cost to read and to keep."""

from __future__ import annotations

import functools
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
from mock_server import API_KEY, MockServer
from table import median_ms, row
from traffic import BATCH, aliases, batches, connect, event, exchange, identifies, request, seconds_to_send, shares

EVENTS = 1_000_000
TENANTS = 20
EVERYTHING = "product_analytics.analytics.events"

# Questions one asks of events: how often what happened, whom the hours saw, who has which plan.
AGGREGATES = {
    "count by event": "SELECT event, count(*) FROM {events} GROUP BY event",
    "people by hour": "SELECT date_trunc('hour', timestamp) h, count(DISTINCT distinct_id) FROM {events} GROUP BY h",
    "plan by properties": "SELECT json_extract_string(properties, '$.plan') p, count(*) FROM {events} GROUP BY p",
}


def measure(_: MockServer, local: duckdb.DuckDBPyConnection) -> None:
    users = [(f"user{number}", "secret") for number in range(TENANTS)]
    with MockServer(*(f"--user={name}:{password}" for name, password in users), "--api-key", API_KEY) as server:
        arrivals(server, local)
        queries(server, users[0])
        memory(server, users)


def arrivals(server: MockServer, local: duckdb.DuckDBPyConnection) -> None:
    """Events one by one and in batches; identify and alias before and after them."""
    seconds_to_send(server, shares(batches(0, BATCH), 1))
    kinds = {"/identify": identifies, "/alias": aliases}
    few = {path: median_us(server, path, bodies("few")) for path, bodies in kinds.items()}
    row("single /track from 8 clients, k/s", singles(server, 24_000) / 1e3, singles_inside(local, 4_000) / 1e3, "8")
    messages = batches(BATCH, EVENTS - BATCH)
    rate = EVENTS / seconds_to_send(server, shares(messages, 2))
    row("events in batches of 1000, k/s", rate / 1e3, batches_inside(local, 100_000) / 1e3, "100")
    for path, bodies in kinds.items():
        many = median_us(server, path, bodies("many"))
        row(f"{path} with 1M events beside 1k, µs", many, few[path], "ratio 1")


def singles(server: MockServer, count: int) -> float:
    """Events a second, each in a request of its own and answered before the next."""
    return count / seconds_to_send(server, shares([request("/track", event(number)) for number in range(count)], 8))


def singles_inside(local: duckdb.DuckDBPyConnection, count: int) -> float:
    """Rows a second that DuckDB itself takes one statement each."""
    local.execute(
        "CREATE OR REPLACE TABLE one (event VARCHAR, distinct_id VARCHAR, seconds BIGINT, properties VARCHAR)"
    )
    events = [event(number) for number in range(count)]
    values = [(e["event"], e["distinct_id"], e["timestamp"], json.dumps(e["properties"])) for e in events]
    started = time.perf_counter()
    for value in values:
        local.execute("INSERT INTO one VALUES (?, ?, ?, ?)", value)
    return count / (time.perf_counter() - started)


def batches_inside(local: duckdb.DuckDBPyConnection, count: int) -> float:
    """Events a second that DuckDB itself reads into a table from JSON files of one batch each."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.json" for number in range(count // BATCH)]
        for number, file in enumerate(files):
            file.write_text(json.dumps([event(at) for at in range(number * BATCH, (number + 1) * BATCH)]))
        local.execute(f"CREATE OR REPLACE TABLE many AS SELECT * FROM read_json('{files[0]}') LIMIT 0")
        started = time.perf_counter()
        for file in files:
            local.execute(f"INSERT INTO many SELECT * FROM read_json('{file}')")
        return count / (time.perf_counter() - started)


def median_us(server: MockServer, path: str, bodies: Iterator[object], times: int = 300) -> float:
    """The median time of a request, in microseconds."""
    messages = [request(path, body) for _, body in zip(range(times), bodies, strict=False)]
    with connect(server) as connection:
        exchange(connection, messages[0])
        taken = []
        for message in messages:
            started = time.perf_counter()
            exchange(connection, message)
            taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e6


class Reader:
    """One tenant's session."""

    def __init__(self, server: MockServer, user: tuple[str, str]) -> None:
        self.http = httpx.Client(base_url=server.lakehouse_url, auth=user, timeout=120)
        self.session = str(uuid.uuid4())

    def rows(self, statement: str) -> list[object]:
        answer = self.http.post("/query", json={"statement": statement, "session_id": self.session})
        if not answer.is_success:
            raise AssertionError(answer.text)
        lines = [json.loads(line) for line in answer.text.splitlines()]
        if isinstance(lines[-1], dict) and "error" in lines[-1]:
            raise AssertionError(lines[-1])
        return lines[2:]


def queries(server: MockServer, user: tuple[str, str]) -> None:
    """Aggregates over the store beside the same over a table of the same engine."""
    reader = Reader(server, user)
    reader.rows(f"CREATE TABLE native AS SELECT * FROM {EVERYTHING}")
    for name, aggregate in AGGREGATES.items():
        ours = median_ms(functools.partial(reader.rows, aggregate.format(events=EVERYTHING)), 9)
        native = median_ms(functools.partial(reader.rows, aggregate.format(events="native")), 9)
        row(f"{name} over 1M events beside a table, ms", ours, native, "ratio 2")
    reader.rows("DROP TABLE native")


def memory(server: MockServer, users: list[tuple[str, str]]) -> None:
    """What many tenants that look at a million events hold beside what one does."""
    count = f"SELECT count(*), count(DISTINCT distinct_id) FROM {EVERYTHING}"
    Reader(server, users[0]).rows(count)
    one = server.resident_bytes() / (1 << 20)
    for user in users:
        Reader(server, user).rows(count)
    row(f"memory with {TENANTS} tenants beside one, MiB", server.resident_bytes() / (1 << 20), one, "ratio 2")
