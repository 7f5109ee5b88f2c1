"""The pytest plugin: the fixture ``altertable_mock``, a fresh tenant per test.

Loaded by pytest through its entry point. Until a test asks for a fixture, no server is started, and none of the modules
that do the work is imported.
"""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Union

import pytest

if TYPE_CHECKING:
    from . import MockServer, RemoteServer, Tenant

Server = Union["MockServer", "RemoteServer"]

OPTIONS = {
    "url": "Lakehouse URL of a running server to test with, started with --allow-any-user; without it the tests start "
    "a server of their own",
    "analytics-url": "Product Analytics URL of that server (default: the port after the Lakehouse one)",
    "flight-url": "Flight SQL of that server as grpc://HOST:PORT (default: the second port after the Lakehouse one)",
    "seed": "SQL file or folder that every test's tenant begins with",
    "flags": "further flags of the server that the tests start, such as '--catalog=lake --tenant-threads=2'",
    "log": "what that server logs to stderr, in the syntax of RUST_LOG, such as 'info'",
}
"""The settings: each a command-line option, and a key of the ini file with underscores."""

_TENANT = pytest.StashKey["Tenant"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the settings."""
    group = parser.getgroup("altertable-mock", "Altertable in the tests")
    for name, text in OPTIONS.items():
        group.addoption(f"--altertable-mock-{name}", metavar=name.rpartition("-")[2].upper(), help=text)
        parser.addini(f"altertable_mock_{name.replace('-', '_')}", text)


@pytest.fixture(scope="session")
def altertable_mock_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """The server of this test run, or of this worker under pytest-xdist."""
    from . import MockServer, RemoteServer

    url = setting(pytestconfig, "url")
    if url is not None:
        yield RemoteServer(url, setting(pytestconfig, "analytics-url"), setting(pytestconfig, "flight-url"))
        return
    flags = shlex.split(setting(pytestconfig, "flags") or "")
    with MockServer(seed=setting(pytestconfig, "seed"), flags=flags, log=setting(pytestconfig, "log")) as server:
        yield server


@pytest.fixture
def altertable_mock(altertable_mock_server: Server, request: pytest.FixtureRequest) -> Iterator[Tenant]:
    """A fresh tenant: a database of its own, empty or with the seed, and an API key that no other test knows."""
    from . import RemoteServer

    with altertable_mock_server.new_tenant() as tenant:
        seed = setting(request.config, "seed")
        if seed is not None and isinstance(altertable_mock_server, RemoteServer):
            tenant.seed(seed)
        request.node.stash[_TENANT] = tenant
        yield tenant


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, None]:
    """Adds to the report of a failed test what its tenant ran last."""
    outcome = yield
    tenant = item.stash.get(_TENANT, None)
    report: pytest.TestReport = outcome.get_result()
    if tenant is not None and report.failed and report.when != "teardown":
        from ._report import describe

        text = describe(tenant)
        if text:
            report.sections.append(("altertable-mock: what this test ran last", text))


def setting(config: pytest.Config, name: str) -> str | None:
    """A setting, from the command line or else the ini file; ``None`` if it is in neither."""
    given = config.getoption(f"--altertable-mock-{name}")
    return given or config.getini(f"altertable_mock_{name.replace('-', '_')}") or None
