"""One server for the whole run; every test works on names of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from mock_server import ALICE, API_KEY, BOB, MockServer


@pytest.fixture(scope="session")
def server() -> Iterator[MockServer]:
    users = [flag for user in (ALICE, BOB) for flag in ("--user", ":".join(user.pair))]
    with MockServer(*users, "--api-key", API_KEY, "--environment", "production", "--environment", "staging") as running:
        yield running
        assert running.process.poll() is None, "the server ended during the tests:\n" + "\n".join(running.log)


@pytest.fixture
def table() -> str:
    """A table name that no other test uses."""
    return f"t_{uuid.uuid4().hex}"
