"""Measures the release binary: start-up, idle memory, latency and throughput, each with its goal if it has one.

Run by `make bench`. The figures depend on the machine; nothing here passes or fails.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import time
from collections.abc import Callable

import httpx
import pyarrow as pa
from altertable_flightsql import Client
from altertable_flightsql.client import IngestTableMode
from mock_server import ALICE, BINARY, MockServer

ROWS = 10_000_000
MANY_ROWS = f"SELECT i, i / 7.0 AS fraction, 'row number ' || i AS name FROM range({ROWS}) t(i)"
MANY_USERS = [f"--user=user{number}:password{number}" for number in range(1000)]


def main() -> None:
    report("start, 1 user", start_ms("--user", "alice:secret"), "ms", "goal 25")
    report("start, 1000 users", start_ms(*MANY_USERS), "ms", "goal 25")
    with MockServer("--user", ":".join(ALICE.pair)) as server:
        report("idle memory", server.resident_bytes() / (1 << 20), "MiB", "goal 20")
        with httpx.Client(base_url=server.lakehouse_url, auth=ALICE.pair, timeout=120) as rest:
            report("REST SELECT 42, new session", median_ms(lambda: query(rest, "SELECT 42")), "ms")
            report("REST rows", ROWS / seconds(lambda: query(rest, MANY_ROWS)) / 1e6, "million/s")
        with Client(*ALICE.pair, host="127.0.0.1", port=server.flight_port, tls=False) as flight:
            report("Flight SELECT 42", median_ms(lambda: flight.query("SELECT 42").read_all()), "ms")
            report("Flight rows", ROWS / seconds(lambda: drain(flight)) / 1e6, "million/s")
            report("Flight ingest", ROWS / seconds(lambda: ingest(flight)) / 1e6, "million/s")
        report("memory after all that", server.resident_bytes() / (1 << 20), "MiB")


def report(what: str, value: float, unit: str, note: str = "") -> None:
    print(f"{what:30} {value:10.2f} {unit:10} {note}".rstrip())


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


def drain(flight: Client) -> None:
    for _ in flight.query(MANY_ROWS):
        pass


def ingest(flight: Client) -> None:
    size = 100_000
    numbers = pa.array(range(size), pa.int64())
    batch = pa.record_batch({"i": numbers, "f": numbers.cast(pa.float64()), "s": numbers.cast(pa.string())})
    with flight.ingest(table_name="bench", schema=batch.schema, mode=IngestTableMode.REPLACE) as writer:
        for _ in range(ROWS // size):
            writer.write_batch(batch)


if __name__ == "__main__":
    main()
