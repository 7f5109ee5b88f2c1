"""TLS on the port, asked for and direct (PW-02)."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from judge import DATABASE, PASSWORD, USER
from mock_server import MockServer
from wire import startup

SSL = struct.pack("!II", 8, 80_877_103)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls") / "ca.pem"


@pytest.fixture(scope="module")
def secure(authority: Path) -> Iterator[MockServer]:
    with MockServer("--user", f"{USER}:{PASSWORD}", "--tls", "--tls-ca-file", str(authority)) as running:
        yield running


@pytest.fixture
def trusting(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))


def first_word(stream: socket.socket) -> bytes:
    """What the server says first to a login."""
    stream.sendall(startup({"user": USER, "database": DATABASE}))
    return stream.recv(1)


def test_a_client_checks_the_certificate(secure: MockServer, authority: Path) -> None:
    host, port = secure.postgres_address
    options = {"sslmode": "verify-full", "sslrootcert": str(authority)}
    with psycopg.connect(host=host, port=port, user=USER, password=PASSWORD, dbname=DATABASE, **options) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("SELECT 42").fetchone() == (42,)


def test_plain_text_is_served_beside(secure: MockServer) -> None:
    host, port = secure.postgres_address
    with psycopg.connect(host=host, port=port, user=USER, password=PASSWORD, sslmode="disable") as connection:
        assert not connection.pgconn.ssl_in_use


def test_a_request_is_accepted(secure: MockServer, trusting: ssl.SSLContext) -> None:
    with socket.create_connection(secure.postgres_address, timeout=10) as plain:
        plain.sendall(SSL)
        assert plain.recv(10) == b"S"
        with trusting.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted:
            assert first_word(encrypted) == b"R"


def test_a_client_may_begin_with_the_handshake(secure: MockServer, trusting: ssl.SSLContext) -> None:
    trusting.set_alpn_protocols(["postgresql"])
    with socket.create_connection(secure.postgres_address, timeout=10) as plain:
        with trusting.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted:
            assert encrypted.selected_alpn_protocol() == "postgresql"
            assert first_word(encrypted) == b"R"


def test_what_came_before_the_handshake_is_refused(secure: MockServer) -> None:
    """A peer in between may not put words of its own in front of the encrypted ones."""
    with socket.create_connection(secure.postgres_address, timeout=10) as plain:
        plain.sendall(SSL + startup({"user": USER}))
        heard = b""
        while more := plain.recv(4096):
            heard += more
        # It ends without a login, and says nothing but what it makes of the request.
        assert b"SCRAM" not in heard
