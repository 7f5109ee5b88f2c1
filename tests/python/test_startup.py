"""The program from outside: its flags, its start-up faults, its end."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from altertable_lakehouse import Client
from altertable_lakehouse.models import QueryRequest
from mock_server import MockServer, run_to_end

ANY_PORTS = ("--bind=127.0.0.1", "--lakehouse-port=0", "--analytics-port=0", "--flight-port=0")


def test_version_and_help_tell_a_newcomer_enough() -> None:
    version = run_to_end("--version")
    assert version.returncode == 0
    assert version.stdout.startswith("altertable-mock ")
    shown = run_to_end("--help")
    assert shown.returncode == 0
    for flag in (
        "--flight-port",
        "--lakehouse-port",
        "--analytics-port",
        "--postgres-port",
        "--user",
        "--api-key",
        "--environment",
    ):
        assert flag in shown.stdout


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--user", "no-password"], "no-password"),
        (["--user", "eve:hunter2", "--user", "eve:hunter3"], "eve"),
        (["--flight-port", "high"], "high"),
        (["--config", "/no/such/file.toml"], "/no/such/file.toml"),
        (["--no-such-flag"], "--no-such-flag"),
    ],
)
def test_a_bad_flag_ends_in_words(flags: list[str], named: str) -> None:
    ended = run_to_end("--lakehouse-port=0", "--analytics-port=0", "--postgres-port=0", *flags)
    assert ended.returncode == 2
    assert named in ended.stderr
    assert "panicked" not in ended.stderr
    assert "hunter" not in ended.stderr + ended.stdout, "a password was shown"


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        flags = (
            "--bind=127.0.0.1",
            "--flight-port=0",
            "--analytics-port=0",
            "--postgres-port=0",
            "--lakehouse-port",
            port,
        )
        ended = run_to_end(*flags)
    assert ended.returncode == 2
    assert port in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def answers(host: str, port: str) -> bool:
    try:
        return httpx.get(f"http://{host}:{port}/", trust_env=False).status_code == 200
    except httpx.ConnectError:
        return False


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
        return True


def test_by_default_this_machine_alone_reaches_it() -> None:
    """LX-11: both loopback addresses, on one port, and no other."""
    with MockServer(bind=()) as server:
        port = server.lakehouse_port
        assert answers("127.0.0.1", port)
        assert answers("[::1]", port) == has_ipv6()
        # Linux answers on all of 127.0.0.0/8, so that this is an address of the machine's that was not asked for.
        assert not answers("127.0.0.2", port)
    assert sum("Starting Flight SQL server on " in line for line in server.log) == 1 + has_ipv6()


def test_several_addresses_may_be_named() -> None:
    with MockServer(bind=("127.0.0.2", "127.0.0.3")) as server:
        port = server.lakehouse_port
        assert [answers(f"127.0.0.{last}", port) for last in (1, 2, 3)] == [False, True, True]


def test_a_misspelt_variable_is_told() -> None:
    with MockServer(env={"ALTERTABLE_MOCK_USER": "alice:secret"}) as server:
        pass
    told = [line for line in server.log if "ALTERTABLE_MOCK_USER is not one of this program's" in line]
    assert told and "secret" not in "\n".join(server.log)


def test_variables_declare_users() -> None:
    ended = run_to_end("--bind=127.0.0.1", "--flight-port=0", env={"ALTERTABLE_MOCK_USERS": "malformed"})
    assert ended.returncode == 2
    assert "malformed" in ended.stderr


def test_it_starts_without_users_and_says_how_to_add_one() -> None:
    with MockServer() as server:
        refused = httpx.post(f"{server.lakehouse_url}/query", json={"statement": "SELECT 1"}, auth=("a", "b"))
        assert refused.status_code == 401
    assert any("--user" in line for line in server.log)


def test_any_user_may_be_let_in() -> None:
    with MockServer("--allow-any-user") as server:
        for name in ("one", "two"):
            client = Client(server.lakehouse_url, name, "any")
            rows = client.query_all(QueryRequest(statement="CREATE TABLE t AS SELECT 1 AS i")).rows
            assert rows == [[1]]


@pytest.mark.parametrize("busy", [False, True])
def test_it_ends_in_time_when_told_to(busy: bool) -> None:
    with MockServer("--user", "alice:secret", "--shutdown-timeout", "1") as server:
        if busy:
            client = httpx.Client(base_url=server.lakehouse_url, auth=("alice", "secret"), timeout=30)
            endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
            request = client.build_request("POST", "/query", json={"statement": endless})
            response = client.send(request, stream=True)
            assert response.status_code == 200
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 1.5


def test_it_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with MockServer("--allow-any-user") as server:
        params = {"catalog": "memory", "schema": "main", "table": "t", "mode": "create"}
        for name in ("one", "two"):
            sent = httpx.post(f"{server.lakehouse_url}/upload", params=params, content=b"a\n1\n", auth=(name, "any"))
            assert sent.status_code == 200
        assert list(tmp_path.iterdir()), "uploads are expected to go through a temporary folder"
        assert server.stop() == 0
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    assert_refused_at_the_start(missing)
    assert not missing.exists()


def test_a_full_temporary_folder_is_named(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)]
    tried = subprocess.run(mount, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if tried is None or tried.returncode != 0:
        pytest.skip("needs to mount a tmpfs: " + (tried.stderr.strip() if tried else "not root"))
    try:
        assert_refused_at_the_start(tmp_path)
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def assert_refused_at_the_start(folder: Path) -> None:
    ended = run_to_end(*ANY_PORTS, env={"TMPDIR": str(folder)})
    assert ended.returncode == 2
    assert str(folder) in ended.stderr and "set TMPDIR" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_the_hosts_time_zone_is_nobodys() -> None:
    session = {"session_id": "0191f6c0-0000-7000-8000-000000000001"}
    with MockServer("--user", "alice:secret", env={"TZ": "Asia/Tokyo"}) as server:
        for statement in ["SET TimeZone = 'Europe/Paris'", "RESET TimeZone", "SELECT current_setting('TimeZone')"]:
            answer = httpx.post(
                f"{server.lakehouse_url}/query", auth=("alice", "secret"), json={"statement": statement, **session}
            )
            *_, last = answer.text.splitlines()
        assert last == '["Etc/UTC"]'
