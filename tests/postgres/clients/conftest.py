"""PostgreSQL 15 and the server under test, with a database for each test file: clients must do the same with both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from judge import PASSWORD, USER, Judge
from mock_server import MockServer
from place import Place


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    running = Judge()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def postgres(judge: Judge, request: pytest.FixtureRequest) -> Place:
    database = request.module.__name__
    judge.run_sql(f"CREATE DATABASE {database} OWNER {USER}")
    return Place(*judge.address, database, is_judge=True)


@pytest.fixture(scope="module")
def mock() -> Iterator[Place]:
    with MockServer("--user", f"{USER}:{PASSWORD}") as server:
        yield Place(*server.postgres_address, "memory", is_judge=False)
        assert server.process.poll() is None, "the server ended during the tests:\n" + "\n".join(server.log)


# What PostgreSQL does is the same every time: a run that is to be short leaves it out.
@pytest.fixture(scope="module", params=[pytest.param("postgres", marks=pytest.mark.slow), "mock"])
def place(request: pytest.FixtureRequest) -> Place:
    """Both, one after the other."""
    return request.getfixturevalue(request.param)
