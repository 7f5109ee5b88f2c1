"""The Lakehouse door: small queries, many rows out, many small appends, one large one."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import httpx
from mock_server import ALICE, MockServer
from table import READ, READ_ROWS, in_turns, in_turns_ms, median_ms, rate, row, seconds
from wire import Connection, calls_per_second

CLIENTS = 8
QUERIES = 20_000
APPENDS = 10_000
BATCH_ROWS = 100_000
APPEND = "/append?catalog=memory&schema=main&table="
SELECT = json.dumps({"statement": "SELECT 42"}).encode()


def measure(server: MockServer, local: duckdb.DuckDBPyConnection) -> None:
    small_queries(server, local)
    with httpx.Client(base_url=server.lakehouse_url, auth=ALICE.pair, timeout=120) as rest:
        row("REST first bytes, ms", median_ms(lambda: first_bytes(rest), 10), goal="20")
        row("NDJSON, M rows/s", rate(READ_ROWS, lambda: query(rest, READ)), copy_json(local), "1.6")
        small_appends(server, rest, local)
        large_append(server, local)


def small_queries(server: MockServer, local: duckdb.DuckDBPyConnection) -> None:
    """One after another on one connection, each beside its twin in process; then from several clients at once."""
    connection = Connection(server.lakehouse_url)
    request = connection.request("/query", SELECT)
    ours, inside = in_turns_ms(
        lambda: seconds(lambda: connection.call(request)),
        lambda: seconds(lambda: local.execute("SELECT 42").fetchall()),
    )
    row("REST SELECT 42, p50 ms", ours, inside, "+0.15 ms")
    bodies = [[SELECT] * (QUERIES // CLIENTS)] * CLIENTS
    with_cpu(
        server,
        "REST SELECT 42, 8 clients",
        QUERIES,
        lambda: calls_per_second(server.lakehouse_url, "/query", bodies, b"\n[42]\n"),
    )


def small_appends(server: MockServer, rest: httpx.Client, local: duckdb.DuckDBPyConnection) -> None:
    """Rows of one column and nothing lost."""
    table = "bench_append"
    statement(rest, f"CREATE OR REPLACE TABLE {table} (id BIGINT)")
    share = APPENDS // CLIENTS
    bodies = [[b'{"id":%d}' % (client * share + at) for at in range(share)] for client in range(CLIENTS)]
    local.execute("CREATE OR REPLACE TABLE t (id BIGINT)")
    connection = Connection(server.lakehouse_url)
    request = connection.request(APPEND + table, b'{"id":-1}')
    row(
        "append of 1 row, p50 ms",
        *in_turns_ms(
            lambda: seconds(lambda: connection.call(request)),
            lambda: seconds(lambda: local.execute("INSERT INTO t VALUES (?)", [-1])),
        ),
        "0.9 ms",
    )
    statement(rest, f"DELETE FROM {table}")
    inside = APPENDS / seconds(lambda: [local.execute("INSERT INTO t VALUES (?)", [at]) for at in range(APPENDS)])
    with_cpu(
        server,
        "append of 1 row, 8 clients beside INSERTs one after another",
        APPENDS,
        lambda: calls_per_second(server.lakehouse_url, APPEND + table, bodies, b'"ok":true'),
        inside,
    )
    stored = statement(rest, f"SELECT count(*), count(DISTINCT id), sum(id) FROM {table}")
    expected = [APPENDS, APPENDS, APPENDS * (APPENDS - 1) // 2]
    if stored != expected:
        raise RuntimeError(f"appends were lost: {stored} instead of {expected}")


def large_append(server: MockServer, local: duckdb.DuckDBPyConnection) -> None:
    rows = [{"id": at, "name": f"name {at}", "price": at / 4, "flag": at % 2 == 0} for at in range(BATCH_ROWS)]
    body = json.dumps(rows).encode()
    connection = Connection(server.lakehouse_url)
    request = connection.request(APPEND + "bench_batch", body)
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(body)
        file.flush()
        local.execute(f"CREATE OR REPLACE TABLE t AS FROM '{file.name}' LIMIT 0")
        connection.call(request)
        ours, inside = in_turns(
            lambda: seconds(lambda: connection.call(request)),
            lambda: seconds(lambda: local.execute(f"INSERT INTO t FROM '{file.name}'")),
            times=9,
        )
    row("append of 100,000 rows, k rows/s", BATCH_ROWS / ours / 1e3, BATCH_ROWS / inside / 1e3, "500")


def with_cpu(
    server: MockServer, what: str, calls: int, per_second: Callable[[], float], inside: float | None = None
) -> None:
    """Prints the rate, and the processor time of the server, which the clients and other programs do not blur."""
    before = server.cpu_seconds()
    row(f"{what}, calls/s", per_second(), inside, "5000")
    row(f"{what}, server's CPU µs per call", (server.cpu_seconds() - before) / calls * 1e6)


def copy_json(local: duckdb.DuckDBPyConnection) -> float:
    """DuckDB writing the same rows as JSON to a file in memory."""
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".json") as file:
        return rate(READ_ROWS, lambda: local.execute(f"COPY ({READ}) TO '{file.name}' (FORMAT json)"))


def query(rest: httpx.Client, statement: str) -> None:
    with rest.stream("POST", "/query", json={"statement": statement}) as response:
        for _ in response.iter_raw():
            pass


def statement(rest: httpx.Client, text: str) -> list:
    """The first row of a statement's result; empty if it has none."""
    lines = rest.post("/query", json={"statement": text}).raise_for_status().text.splitlines()
    return json.loads(lines[2]) if len(lines) > 2 else []


def first_bytes(rest: httpx.Client) -> None:
    with rest.stream("POST", "/query", json={"statement": READ}) as response:
        next(response.iter_raw())
