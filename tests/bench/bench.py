"""Measures the release binary against the same work inside this process, and prints a Markdown table.

Run by `make bench`. The figures depend on the machine, so each is given beside its in-process twin of the same run;
nothing here passes or fails.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import httpx
import pyarrow as pa
from altertable_flightsql import Client
from altertable_flightsql.client import IngestTableMode

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
from mock_server import ALICE, BINARY, MockServer

READ_ROWS = 10_000_000
WRITE_ROWS = 5_000_000
COLUMNS = "i::BIGINT a, (i*0.5)::DOUBLE b, 'str'||i c"
READ = f"SELECT {COLUMNS} FROM range({READ_ROWS}) r(i)"
WRITE = f"SELECT {COLUMNS} FROM range({WRITE_ROWS}) r(i)"
MANY_USERS = [f"--user=user{number}:password{number}" for number in range(1000)]


def main() -> None:
    print("| What | Server | In process | Ratio | Goal |")
    print("|---|---|---|---|---|")
    row("start with 1 user, ms", start_ms("--user", "alice:secret"), goal="25")
    row("start with 1000 users, ms", start_ms(*MANY_USERS), goal="25")
    local = duckdb.connect()
    with MockServer("--user", ":".join(ALICE.pair)) as server:
        row("idle memory, MiB", server.resident_bytes() / (1 << 20), goal="20")
        with httpx.Client(base_url=server.lakehouse_url, auth=ALICE.pair, timeout=120) as rest:
            answer_ms = median_ms(lambda: local.execute("SELECT 42").fetchall())
            row("REST SELECT 42, p50 ms", median_ms(lambda: query(rest, "SELECT 42")), answer_ms, "+0.15 ms")
            row("REST first bytes, ms", median_ms(lambda: first_bytes(rest), 10), goal="20")
            row("NDJSON, M rows/s", rate(READ_ROWS, lambda: query(rest, READ)), copy_json(local), "1.6")
        with Client(*ALICE.pair, host="127.0.0.1", port=server.flight_port, tls=False) as flight:
            row(
                "Flight SELECT 42, p50 ms",
                median_ms(lambda: flight.query("SELECT 42").read_all()),
                answer_ms,
                "+0.4 ms",
            )
            inside = rate(READ_ROWS, lambda: drain(local.execute(READ).to_arrow_reader(100_000)))
            row("Flight rows, M rows/s", rate(READ_ROWS, lambda: drain(flight.query(READ))), inside, "0.95")
            table = local.execute(WRITE).to_arrow_table()
            inside = rate(WRITE_ROWS, lambda: local.execute(f"CREATE OR REPLACE TABLE t AS {WRITE}"))
            row("Flight ingest, M rows/s", rate(WRITE_ROWS, lambda: ingest(flight, table)), inside, "0.75")
        row("memory after all that, MiB", server.resident_bytes() / (1 << 20))


def row(what: str, ours: float, inside: float | None = None, goal: str = "") -> None:
    beside = ("", "") if inside is None else (f"{inside:.2f}", f"{ours / inside:.2f}")
    print(f"| {what} | {ours:.2f} | {beside[0]} | {beside[1]} | {goal} |", flush=True)


def rate(rows: int, act: Callable[[], object], times: int = 3) -> float:
    """Million rows a second, the median of a few runs."""
    return rows / statistics.median(seconds(act) for _ in range(times)) / 1e6


def copy_json(local: duckdb.DuckDBPyConnection) -> float:
    """DuckDB writing the same rows as JSON to a file in memory."""
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".json") as file:
        return rate(READ_ROWS, lambda: local.execute(f"COPY ({READ}) TO '{file.name}' (FORMAT json)"))


def seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def median_ms(act: Callable[[], object], times: int = 200) -> float:
    return statistics.median(seconds(act) for _ in range(times)) * 1000


def start_ms(*flags: str) -> float:
    return statistics.median(start_once(*flags) for _ in range(10)) * 1000


def start_once(*flags: str) -> float:
    """The time from exec until all three doors accept a connection."""
    ports = [free_port() for _ in range(3)]
    named = zip(("--flight-port", "--lakehouse-port", "--analytics-port"), ports, strict=True)
    command = [BINARY, "--bind=127.0.0.1", *(f"{flag}={port}" for flag, port in named), *flags]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for port in ports:
            wait_until_accepting(port, started + 10)
        return time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def wait_until_accepting(port: int, deadline: float) -> None:
    while time.perf_counter() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.0002)
    raise TimeoutError(f"nothing accepts on port {port}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def query(rest: httpx.Client, statement: str) -> None:
    with rest.stream("POST", "/query", json={"statement": statement}) as response:
        for _ in response.iter_raw():
            pass


def first_bytes(rest: httpx.Client) -> None:
    with rest.stream("POST", "/query", json={"statement": READ}) as response:
        next(response.iter_raw())


def drain(reader: object) -> None:
    for _ in reader:
        pass


def ingest(flight: Client, table: pa.Table) -> None:
    with flight.ingest(table_name="bench", schema=table.schema, mode=IngestTableMode.REPLACE) as writer:
        for batch in table.to_batches(max_chunksize=65_536):
            writer.write_batch(batch)


if __name__ == "__main__":
    main()
