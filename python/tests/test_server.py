"""`MockServer` as a value: start, ask, stop."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from altertable_mock import (
    AltertableMockError,
    ConfigError,
    MockServer,
    NotFoundError,
    NotRunningError,
    RequestError,
    SqlError,
    Tenant,
)


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(users={"alice": "secret"}, api_keys=["demo-key"]) as running:
        yield running


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ports(server: MockServer) -> list[int]:
    urls = (server.lakehouse_url, server.analytics_url, server.flight_location)
    return [int(url.rpartition(":")[2]) for url in urls]


def test_three_different_free_ports_are_open_while_it_runs() -> None:
    with MockServer() as server:
        given = ports(server)
        assert len(set(given)) == 3
        assert all(listens(port) for port in given)
        assert server.flight_location == f"grpc://{server.flight_host}:{server.flight_port}"
    assert not any(listens(port) for port in given)


def test_it_may_be_stopped_twice_and_started_again() -> None:
    server = MockServer(users={"alice": "secret"})
    server.stop()
    for _ in range(2):
        server.start()
        assert server.is_running
        assert server.tenant("alice").sql("SELECT 1").value() == 1
        server.stop()
        server.stop()
    assert not server.is_running


def test_async_with_starts_and_stops() -> None:
    async def use() -> list[int]:
        async with MockServer() as server:
            assert all(listens(port) for port in ports(server))
            return ports(server)

    assert not any(listens(port) for port in asyncio.run(use()))


def test_a_stopped_server_says_so() -> None:
    server = MockServer()
    with pytest.raises(NotRunningError, match=r"call start\(\)"):
        _ = server.lakehouse_url
    server.start()
    with pytest.raises(ConfigError, match="runs already"):
        server.start()
    server.stop()
    with pytest.raises(NotRunningError):
        server.reset()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"users": {"alice": ""}}, r'users= "alice:…" has an empty password'),
        ({"users": [("alice", "a"), ("alice", "b")]}, "declared twice"),
        ({"tenant_threads": 0}, "tenant_threads= has to be at least 1"),
        ({"lakehouse_port": 70_000}, "lakehouse_port="),
        ({"attaches": {"lake": "/nowhere/lake.duckdb"}}, r"attaches= lake: cannot read the file"),
        ({"catalogs": ["memory"]}, "taken by the server"),
        ({"tls": True}, "tls_ca_file="),
        ({"log": "a=b=c"}, "log filter"),
        ({"flags": ["--nonsense"]}, "nonsense"),
    ],
)
def test_a_bad_setting_is_named_in_python_terms(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        MockServer(**settings).start()
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, AltertableMockError)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"{port}: another program listens there; .* flight_port="):
            MockServer(flight_port=port).start()


def test_every_flag_of_the_program_has_a_keyword() -> None:
    command = [sys.executable, "-m", "altertable_mock", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    flags = set(re.findall(r"^\s+(?:-\w, )?--([a-z-]+)", text, re.MULTILINE))
    flags -= {"help", "version", "config", "log-format", "otlp-endpoint"}
    plural = {"user": "users", "api-key": "api_keys", "environment": "environments"}
    plural.update({"catalog": "catalogs", "attach": "attaches", "control-key": "control_keys"})
    keywords = {plural.get(flag, flag.replace("-", "_")) for flag in flags}
    assert len(keywords) > 20
    assert keywords <= set(inspect.signature(MockServer).parameters)


def test_settings_reach_the_server(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with MockServer(
        users={"alice": "a:b", "bob": "c"},
        api_keys=["k1", "k2"],
        environments=["production", "staging"],
        product_analytics={"bob": ("k2", "staging")},
        catalogs=["lake"],
        legacy_altertable_catalog=True,
        tenant_threads=1,
        tls=True,
        tls_ca_file=ca,
        bind="0.0.0.0",
    ) as server:
        alice = server.tenant("alice")
        assert {"lake", "altertable", "product_analytics"} <= set(alice.sql("SHOW DATABASES").column("database_name"))
        assert alice.sql("SELECT current_setting('threads')::INT").value() == 1
        assert server.flight_location.startswith("grpc+tls://127.0.0.1:")
        assert ca.read_text().startswith("-----BEGIN CERTIFICATE")
        Tenant(server.endpoints, "bob", "c", "k2", environment="staging").track("bought", "user-1")
        assert (len(alice.events()), len(server.tenant("bob").events())) == (0, 1)


def test_flags_win_over_keywords() -> None:
    with MockServer(tenant_threads=2, flags=["--tenant-threads=1", "--user=alice:secret"]) as server:
        alice = Tenant(server.endpoints, "alice", "secret", None)
        assert alice.sql("SELECT current_setting('threads')::INT").value() == 1


def test_tenants_share_nothing(server: MockServer) -> None:
    with server.new_tenant() as one, server.new_tenant() as other:
        one.load("t", [{"i": 1}])
        one.track("bought", "user-1")
        with pytest.raises(SqlError, match="does not exist"):
            other.sql("FROM t")
        assert (len(one.events()), other.events()) == (1, [])
        assert len({one.user, other.user, one.password, other.password, one.api_key, other.api_key}) == 6


def test_a_closed_tenant_is_refused(server: MockServer) -> None:
    tenant = server.new_tenant("shop")
    assert tenant.user.startswith("shop-")
    tenant.sql("CREATE TABLE t (i INTEGER)")
    tenant.close()
    tenant.close()
    with pytest.raises(RequestError, match="Invalid credentials") as caught:
        tenant.sql("SELECT 1")
    assert caught.value.status == 401
    with pytest.raises(RequestError):
        tenant.track("bought", "user-1")


def test_a_wrong_password_is_refused(server: MockServer) -> None:
    with server.new_tenant() as tenant, pytest.raises(RequestError, match="401"):
        Tenant(server.endpoints, tenant.user, "wrong", None).sql("SELECT 1")


def test_reset_empties_databases_and_projects(server: MockServer) -> None:
    alice = server.tenant("alice")
    alice.load("t", [{"i": 1}])
    alice.track("bought", "user-1")
    assert (alice.sql("SHOW TABLES").column("name"), len(alice.events())) == (["t"], 1)
    server.reset()
    assert (alice.sql("SHOW TABLES"), alice.events()) == ([], [])


def test_users_and_keys_come_and_go() -> None:
    with MockServer() as server:
        server.add_user("carol", "secret", api_key="key-of-carol")
        server.tenant("carol").sql("CREATE TABLE t (i INTEGER)")
        for taken in (("carol", "x", None), ("dave", "x", "key-of-carol"), ("", "x", None)):
            with pytest.raises(ConfigError):
                server.add_user(*taken)
        server.remove_user("carol")
        with pytest.raises(NotFoundError):
            server.tenant("carol")
        for absent in (server.remove_user, server.remove_api_key):
            with pytest.raises(NotFoundError):
                absent("nobody")
        server.remove_api_key("key-of-carol")
        server.add_api_key("key-of-carol")


def test_many_threads_may_use_one_server(server: MockServer) -> None:
    wrong: list[object] = []

    def use(number: int) -> None:
        try:
            for _ in range(5):
                with server.new_tenant() as tenant:
                    tenant.load("t", [{"i": number}])
                    if tenant.sql("SELECT i FROM t") != [(number,)]:
                        wrong.append(number)
        except AltertableMockError as error:
            wrong.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_it_shows_where_it_is_and_cannot_be_pickled(server: MockServer) -> None:
    assert server.lakehouse_url in repr(server)
    assert "not running" in repr(MockServer())
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(server)
