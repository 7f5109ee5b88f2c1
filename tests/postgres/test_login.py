"""How a connection begins, compared with PostgreSQL 15 where it decides it."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest
from judge import PASSWORD, USER, Judge
from mock_server import MockServer
from wire import Connection, message, query, startup, text

SSL, GSS = 80_877_103, 80_877_104


def request(code: int) -> bytes:
    return struct.pack("!II", 8, code)


def addresses(judge: Judge, server: MockServer) -> list[tuple[str, int]]:
    return [judge.address, server.postgres_address]


def test_what_is_told_after_login(judge: Judge, server: MockServer) -> None:
    names = []
    for address in addresses(judge, server):
        with Connection(address) as connection:
            said = connection.log_in(USER, PASSWORD, database="memory", application_name="me")
            assert [kind for kind, _ in said][-2:] == ["BackendKeyData", "ReadyForQuery"]
            assert connection.status["application_name"] == "me"
            assert connection.status["server_version"].startswith("15.")
            names.append({name: value for name, value in connection.status.items() if name != "server_version"})
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("user", "password", "database"),
    [(USER, "wrong", "memory"), ("nobody", PASSWORD, "memory"), (USER, PASSWORD, "nowhere")],
)
def test_a_refused_login(judge: Judge, server: MockServer, user: str, password: str, database: str) -> None:
    said: list[Any] = []
    for address in addresses(judge, server):
        with Connection(address) as connection:
            heard = connection.log_in(user, password, database=database) + connection.until_quiet(2)
            said.append([(kind, value[0] if kind == "Authentication" else value) for kind, value in heard])
    assert said[0] == said[1]
    assert said[1][-1] == ("EOF", None)


@pytest.mark.parametrize("codes", [[SSL], [GSS], [SSL, GSS], [GSS, SSL]])
def test_encryption_is_refused_in_any_order(judge: Judge, server: MockServer, codes: list[int]) -> None:
    # Debian's PostgreSQL can speak GSS, and says so.
    for address in addresses(judge, server)[GSS in codes :]:
        with Connection(address) as connection:
            for code in codes:
                connection.send(request(code))
                assert connection.socket.recv(10) == b"N"
            assert connection.log_in(USER, PASSWORD, database="memory")[-1] == ("ReadyForQuery", "I")


BAD_STARTS = {
    "another major version": struct.pack("!II", 8, 4 << 16),
    "SSL twice": request(SSL) + request(SSL),
    "no user": startup({"database": "memory"}),
    "no end": struct.pack("!II", 13, 3 << 16) + b"user\0",
    "too long": struct.pack("!II", 10_005, 3 << 16),
    "too short": struct.pack("!I", 3),
    "an unknown setting": startup({"user": USER, "database": "memory", "nonsense": "1"}),
    "an encoding that there is not": startup({"user": USER, "database": "memory", "client_encoding": "nonsense"}),
    "bad options": startup({"user": USER, "database": "memory", "options": "-x"}),
}


@pytest.mark.parametrize("first", BAD_STARTS.values(), ids=BAD_STARTS.keys())
def test_a_bad_beginning(judge: Judge, server: MockServer, first: bytes) -> None:
    said: list[Any] = []
    for address in addresses(judge, server):
        with Connection(address) as connection:
            connection.send(first)
            if first.startswith(request(SSL)):
                assert connection.socket.recv(1) == b"N"
            heard = connection.until_quiet(2)
            if heard and heard[0][0] == "Authentication":
                # These are looked at once the password was.
                connection._answer(heard[0][1], PASSWORD)
                while connection.socket and heard[-1][0] == "Authentication" and heard[-1][1][0] != "Ok":
                    heard.append(connection.read())
                    if heard[-1][0] == "Authentication":
                        connection._answer(heard[-1][1], PASSWORD)
                heard += connection.until_quiet(2)
            said.append([value for kind, value in heard if kind in ("Error", "EOF", "ReadyForQuery")])
    assert said[0] == said[1]


BAD_PROOFS = {
    "a query": query("SELECT 1"),
    "no mechanism": message("p", text("NONE") + struct.pack("!i", -1)),
    "no end": message("p", b"SCRAM-SHA-256"),
    "no length": message("p", text("SCRAM-SHA-256")),
    "a length beyond the end": message("p", text("SCRAM-SHA-256") + struct.pack("!i", 100) + b"n,,n=,r=x"),
    "no text": message("p", text("SCRAM-SHA-256") + struct.pack("!i", 4) + b"n,,\xff"),
    "no nonce": message("p", text("SCRAM-SHA-256") + struct.pack("!i", 3) + b"n,,"),
    "binding": message("p", text("SCRAM-SHA-256") + struct.pack("!i", 12) + b"p=x,,n=,r=ab"),
}


@pytest.mark.parametrize("proof", BAD_PROOFS.values(), ids=BAD_PROOFS.keys())
def test_a_bad_proof_ends_the_connection(judge: Judge, server: MockServer, proof: bytes) -> None:
    said: list[Any] = []
    for address in addresses(judge, server):
        with Connection(address) as connection:
            connection.send(startup({"user": USER, "database": "memory"}))
            assert connection.read()[0] == "Authentication"
            connection.send(proof)
            said.append(connection.until_quiet(2))
    assert said[0] == said[1]


def test_a_newer_minor_version_is_negotiated(server: MockServer) -> None:
    with Connection(server.postgres_address) as connection:
        connection.send(startup({"user": USER, "database": "memory", "_pq_.new": "1"}, version=3 << 16 | 9))
        kind, body = connection.read()
        assert (kind, body) == ("v", struct.pack("!II", 3 << 16 | 2, 1) + b"_pq_.new\0")


def test_settings_at_the_start(judge: Judge, server: MockServer) -> None:
    said = []
    for address in addresses(judge, server):
        with Connection(address) as connection:
            options = {"options": "-c my.own=a\\ b --statement_timeout=5s", "TimeZone": "Asia/Kolkata"}
            connection.log_in(USER, PASSWORD, database="memory", **options)
            asked = ("SHOW my.own", "SHOW statement_timeout", "SHOW TimeZone", "RESET ALL", "SHOW my.own")
            said.append([connection.ask(query(sql)) for sql in asked])
    assert said[0] == said[1]


def test_the_users_own_name_and_none_mean_the_default_catalog(server: MockServer) -> None:
    for parameters in ({}, {"database": USER}, {"database": "memory"}, {"database": "lake"}):
        with Connection(server.postgres_address) as connection:
            connection.log_in(USER, PASSWORD, **parameters)
            said = connection.ask(query("SELECT current_catalog() AS c"))
            assert said[1] == ("DataRow", [parameters.get("database", "memory").replace(USER, "memory").encode()])


def test_half_open_connections_cost_nobody_else(server: MockServer) -> None:
    silent = [socket.create_connection(server.postgres_address) for _ in range(50)]
    for at, connection in enumerate(silent):
        connection.sendall(startup({"user": USER})[: at % 9])
    with Connection(server.postgres_address) as connection:
        assert connection.log_in(USER, PASSWORD)[-1] == ("ReadyForQuery", "I")
    for connection in silent:
        connection.close()
