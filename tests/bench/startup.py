"""How fast the program starts, and how small it is then."""

from __future__ import annotations

import socket
import statistics
import subprocess
import time

import duckdb
from mock_server import BINARY, MockServer
from table import row

MANY_USERS = [f"--user=user{number}:password{number}" for number in range(1000)]


def measure(server: MockServer, _: duckdb.DuckDBPyConnection) -> None:
    row("start with 1 user, ms", start_ms("--user", "alice:secret"), goal="25")
    row("start with 1000 users, ms", start_ms(*MANY_USERS), goal="25")
    row("idle memory, MiB", server.resident_bytes() / (1 << 20), goal="20")


def start_ms(*flags: str) -> float:
    return statistics.median(start_once(*flags) for _ in range(10)) * 1000


def start_once(*flags: str) -> float:
    """The time from exec until all three doors accept a connection."""
    ports = free_ports(3)
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


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
