"""How fast the program starts, and how small it is then."""

from __future__ import annotations

import socket
import statistics
import subprocess
import time

import duckdb
import httpx
from mock_server import BINARY, MockServer
from table import row

MANY_USERS = [f"--user=user{number}:password{number}" for number in range(1000)]


def measure(server: MockServer, _: duckdb.DuckDBPyConnection) -> None:
    row("start with 1 user, ms", start_ms("--user", "alice:secret"), goal="25")
    row("start with 1000 users, ms", start_ms(*MANY_USERS), goal="25")
    row("start until the first SQL answer, ms", first_answer_ms(), goal="40")
    row("idle memory, MiB", server.resident_bytes() / (1 << 20), goal="20")
    row("memory after one query of each of 50 users, MiB", memory_of_users(50), goal="170")


def first_answer_ms() -> float:
    """The time from exec until a query over REST is answered, asked as soon as its port is open."""
    return statistics.median(first_answer() for _ in range(10)) * 1000


def first_answer() -> float:
    ports = free_ports(4)
    body = b'{"statement":"SELECT 42"}'
    asked = b"POST /query HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n"
    asked += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    started, process = begin(ports, "--user", "alice:secret")
    try:
        wait_until_accepting(ports[1], started + 10)
        with socket.create_connection(("127.0.0.1", ports[1])) as connection:
            connection.sendall(asked)
            answer = b""
            while b"[42]" not in answer:
                received = connection.recv(65_536)
                if not received:
                    raise RuntimeError(f"no answer but {answer!r}")
                answer += received
            return time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def memory_of_users(count: int) -> float:
    """What the process holds a moment after each of so many users has asked its first query."""
    users = [f"--user=user{number}:password{number}" for number in range(count)]
    with MockServer(*users) as server:
        for number in range(count):
            pair = (f"user{number}", f"password{number}")
            body = {"statement": "SELECT 42", "ephemeral": True}
            httpx.post(f"{server.lakehouse_url}/query", auth=pair, json=body, timeout=60).raise_for_status()
        time.sleep(2)
        return server.resident_bytes() / (1 << 20)


def start_ms(*flags: str) -> float:
    return statistics.median(start_once(*flags) for _ in range(10)) * 1000


def start_once(*flags: str) -> float:
    """The time from exec until all three doors accept a connection."""
    ports = free_ports(4)
    started, process = begin(ports, *flags)
    try:
        for port in ports:
            wait_until_accepting(port, started + 10)
        return time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def begin(ports: list[int], *flags: str) -> tuple[float, subprocess.Popen[bytes]]:
    """The program, and when it was started; its ports are those of Flight SQL, Lakehouse, Analytics and PostgreSQL."""
    named = zip(("--flight-port", "--lakehouse-port", "--analytics-port", "--postgres-port"), ports, strict=True)
    command = [BINARY, "--bind=127.0.0.1", *(f"{flag}={port}" for flag, port in named), *flags]
    started = time.perf_counter()
    return started, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


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
