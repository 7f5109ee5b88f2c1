"""What health checks see: LX-14, FX-7 and `altertable-mock healthcheck`."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mock_server import ALICE, MockServer, run_to_end

LONG = "SELECT count(*) FROM range(100000000000) a WHERE hash(a.range) = 0"


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer("--user", f"{ALICE.name}:{ALICE.password}", "--shutdown-timeout", "3") as running:
        yield running


def run_long_query(server: MockServer) -> threading.Thread:
    """A query that outlasts the test, as a user's."""

    def ask() -> None:
        # Ends with the server.
        with contextlib.suppress(httpx.HTTPError):
            httpx.post(f"{server.lakehouse_url}/query", json={"statement": LONG}, auth=ALICE.pair, timeout=60)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    return asking


def healthcheck(server: MockServer) -> subprocess.CompletedProcess[str]:
    port = server.lakehouse_url.rsplit(":", 1)[1]
    return run_to_end("--bind", "127.0.0.1", "--lakehouse-port", port, "healthcheck")


def test_a_users_long_query_never_makes_it_unhealthy(server: MockServer) -> None:
    run_long_query(server)
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        assert httpx.get(f"{server.lakehouse_url}/health").status_code == 200
        assert httpx.get(f"{server.analytics_url}/health").json()["status"] == "ok"
        time.sleep(0.2)
    assert healthcheck(server).returncode == 0


def test_it_does_not_serve_as_soon_as_shutdown_begins(server: MockServer) -> None:
    stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(server.flight_address))
    watched = stub.Watch(health_pb2.HealthCheckRequest(service=""), timeout=10)
    assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
    run_long_query(server)
    time.sleep(0.5)

    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert time.monotonic() - began < 1
    assert healthcheck(server).returncode == 1
    assert server.process.wait(10) == 0
    # The long query held it back for most of --shutdown-timeout, and no longer than that.
    assert 2 < time.monotonic() - began < 3.5


def test_healthcheck_says_yes_in_silence(server: MockServer) -> None:
    done = healthcheck(server)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_healthcheck_of_a_frozen_server_gives_up_after_two_seconds(server: MockServer) -> None:
    server.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        done = healthcheck(server)
        assert time.monotonic() - began < 4
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert done.returncode == 1
    assert "no answer from http://127.0.0.1:" in done.stderr


def test_healthcheck_reads_the_variables_of_its_container() -> None:
    done = run_to_end("healthcheck", env={"ALTERTABLE_MOCK_LAKEHOUSE_PORT": "1", "ALTERTABLE_MOCK_USERS": "a:b"})
    assert done.returncode == 1
    assert "http://127.0.0.1:1/health" in done.stderr


def test_health_says_which_version_runs_for_how_long(server: MockServer) -> None:
    said = json.loads(httpx.get(f"{server.lakehouse_url}/health").text)
    assert said["doors"] == {"lakehouse": "ok", "analytics": "ok", "flight": "ok", "postgres": "ok"}
    assert said["version"]
    assert said["uptime_seconds"] >= 0
