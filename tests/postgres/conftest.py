"""Both servers for the whole run: the one under test, and the PostgreSQL that it is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from judge import DATABASE, PASSWORD, USER, Judge
from mock_server import MockServer
from wire import Connection, Message


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    running = Judge()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[MockServer]:
    with MockServer("--user", f"{USER}:{PASSWORD}", "--user", "bob:hunter2", "--catalog", "lake") as running:
        yield running
        assert running.process.poll() is None, "the server ended during the tests:\n" + "\n".join(running.log)


def logged_in(address: tuple[str, int], **parameters: str) -> Connection:
    connection = Connection(address)
    said = connection.log_in(USER, PASSWORD, database=DATABASE, **parameters)
    assert said[-1] == ("ReadyForQuery", "I"), said
    return connection


@pytest.fixture
def mock(server: MockServer) -> Iterator[Connection]:
    """A connection to the server under test."""
    with logged_in(server.postgres_address) as connection:
        yield connection


Script = Callable[[Connection], list[Message]]


@pytest.fixture
def same(judge: Judge, server: MockServer) -> Callable[..., list[Message]]:
    """Has both servers answer a script, each on a connection of its own, and compares what they said."""

    def compare(script: Script, **parameters: str) -> list[Message]:
        said = []
        for address in (judge.address, server.postgres_address):
            with logged_in(address, **parameters) as connection:
                said.append(script(connection))
        expected, actual = said
        assert actual == expected
        return actual

    return compare
