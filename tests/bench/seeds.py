"""What a seed costs each tenant: a copy of what was loaded once, not a load of its own (SD-3)."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import duckdb
import httpx
from mock_server import MockServer
from table import row

KEY = "the-control-key"
TABLES = "".join(
    f"CREATE TABLE t{at} AS SELECT range AS id, 'name ' || range AS name, range / 7.0 AS x FROM range(100);\n"
    for at in range(10)
)
MILLION = "CREATE TABLE big AS SELECT range AS id, 'name ' || range AS name, range / 7.0 AS x FROM range(1000000);\n"


def measure(_: MockServer, __: duckdb.DuckDBPyConnection) -> None:
    row("1 M rows: first answer of a tenant, ms", statistics.median(ready(MILLION, "big", 10)[1]), goal="150")
    declared, first = ready(TABLES, "t9", 1000)
    row("1000 tenants of 10 tables: to declare all, s", declared, goal="1")
    row("the same: first answer of each, ms p50", statistics.median(first), goal="20")
    row("the same: first answer of each, ms p99", sorted(first)[len(first) * 99 // 100])


def ready(sql: str, table: str, tenants: int) -> tuple[float, list[float]]:
    """Seconds to make so many tenants, and milliseconds that each takes from its first call to the answer."""
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder, "seed.sql")
        seed.write_text(sql)
        flags = (f"--control-key={KEY}", "--seed", str(seed))
        with MockServer(*flags, start_timeout=60) as server, httpx.Client(timeout=60) as client:
            began = time.perf_counter()
            made = [make(server, client) for _ in range(tenants)]
            declared = time.perf_counter() - began
            return declared, [first_answer(server, client, table, user) for user in made]


def make(server: MockServer, client: httpx.Client) -> tuple[str, str]:
    made = client.post(f"{server.lakehouse_url}/_mock/v1/tenants", headers={"Authorization": f"Bearer {KEY}"})
    told = made.raise_for_status().json()
    return told["user"], told["password"]


def first_answer(server: MockServer, client: httpx.Client, table: str, user: tuple[str, str]) -> float:
    began = time.perf_counter()
    body = {"statement": f"SELECT count(*) FROM {table}"}
    answer = client.post(f"{server.lakehouse_url}/query", auth=user, json=body).raise_for_status()
    took = (time.perf_counter() - began) * 1000
    assert answer.text.splitlines()[-1] in ("[100]", "[1000000]"), answer.text
    return took
