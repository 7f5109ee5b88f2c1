"""Snapshots, restores and tenants that begin as a copy, beside CREATE TABLE AS in this process."""

from __future__ import annotations

import itertools
import statistics
import time

import duckdb
import httpx
from mock_server import ALICE, MockServer
from table import median_ms, row

KEY = "bench-control-key"
NUMBERS = itertools.count()
COLUMNS = "i::BIGINT AS id, 'text ' || i AS t, i / 3 AS b, DATE '2024-01-01' + (i % 1000)::INTEGER AS d"


def measure(_: MockServer, local: duckdb.DuckDBPyConnection) -> None:
    with MockServer("--user", ":".join(ALICE.pair), "--control-key", KEY) as server:
        client = httpx.Client(base_url=server.lakehouse_url, timeout=600)
        small(client)
        rows = 1_000_000
        create(client, rows)
        save(client)
        row("restore of 1,000,000 rows, ms", median_ms(lambda: restore(client), 10), goal="150")
        rows = 20_000_000
        create(client, rows)
        local.execute(f"CREATE TABLE big AS SELECT {COLUMNS} FROM range({rows}) r(i)")
        inside = median_ms(lambda: local.execute("CREATE OR REPLACE TABLE copy AS FROM big"), 5)
        ours = fork_ms(client, 5)
        row("fork of 1 GB, million rows/s", rows / ours / 1000, rows / inside / 1000, goal="ratio 0.5")


def small(client: httpx.Client) -> None:
    for number in range(100):
        run(client, f"CREATE TABLE t{number} AS SELECT {COLUMNS} FROM range(1000) r(i)")
    row("fork of 100 tables of 1,000 rows, ms", fork_ms(client, 30), goal="40")
    row("snapshot of the same, ms", median_ms(lambda: save(client), 30))
    row("restore of the same, ms", median_ms(lambda: restore(client), 30))
    client.post("/_mock/v1/reset", auth=ALICE.pair).raise_for_status()


def create(client: httpx.Client, rows: int) -> None:
    run(client, f"CREATE OR REPLACE TABLE big AS SELECT {COLUMNS} FROM range({rows}) r(i)")


def run(client: httpx.Client, statement: str) -> None:
    client.post("/query", auth=ALICE.pair, json={"statement": statement, "ephemeral": True}).raise_for_status()


def save(client: httpx.Client) -> None:
    client.put("/_mock/v1/snapshots/bench", auth=ALICE.pair).raise_for_status()


def restore(client: httpx.Client) -> None:
    client.post("/_mock/v1/snapshots/bench/restore", auth=ALICE.pair).raise_for_status()


def fork_ms(client: httpx.Client, times: int) -> float:
    """How long it takes until a tenant is there that is a copy, ready for its first call."""
    control, taken = {"Authorization": f"Bearer {KEY}"}, []
    for _ in range(times):
        user = f"fork-{next(NUMBERS)}"
        order = {"user": user, "from": {"tenant": ALICE.name}}
        begun = time.perf_counter()
        client.post("/_mock/v1/tenants", headers=control, json=order).raise_for_status()
        taken.append(time.perf_counter() - begun)
        client.delete(f"/_mock/v1/tenants/{user}", headers=control).raise_for_status()
    return statistics.median(taken) * 1000
