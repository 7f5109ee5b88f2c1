"""The Lakehouse door: one small query, many rows out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import httpx
from mock_server import ALICE, MockServer
from table import READ, READ_ROWS, median_ms, rate, row


def measure(server: MockServer, local: duckdb.DuckDBPyConnection) -> None:
    with httpx.Client(base_url=server.lakehouse_url, auth=ALICE.pair, timeout=120) as rest:
        inside = median_ms(lambda: local.execute("SELECT 42").fetchall())
        row("REST SELECT 42, p50 ms", median_ms(lambda: query(rest, "SELECT 42")), inside, "+0.15 ms")
        row("REST first bytes, ms", median_ms(lambda: first_bytes(rest), 10), goal="20")
        row("NDJSON, M rows/s", rate(READ_ROWS, lambda: query(rest, READ)), copy_json(local), "1.6")


def copy_json(local: duckdb.DuckDBPyConnection) -> float:
    """DuckDB writing the same rows as JSON to a file in memory."""
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".json") as file:
        return rate(READ_ROWS, lambda: local.execute(f"COPY ({READ}) TO '{file.name}' (FORMAT json)"))


def query(rest: httpx.Client, statement: str) -> None:
    with rest.stream("POST", "/query", json={"statement": statement}) as response:
        for _ in response.iter_raw():
            pass


def first_bytes(rest: httpx.Client) -> None:
    with rest.stream("POST", "/query", json={"statement": READ}) as response:
        next(response.iter_raw())
