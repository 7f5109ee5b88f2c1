"""Altertable on your machine, inside your tests.

Under pytest nothing needs to be set up: the fixture ``altertable_mock`` is a fresh tenant per test. Elsewhere, start a
server of your own:

>>> from altertable_mock import MockServer
>>> with MockServer(users={"alice": "secret"}, api_keys=["demo-key"]) as server:
...     alice = server.tenant("alice")
...     alice.sql("SELECT 42 AS answer")
[(42,)]

Importing this package imports nothing else, so that the pytest plugin is free until a test uses it. Native code is
loaded when the first server starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._clock import Clock
    from ._errors import (
        AltertableMockError,
        ConfigError,
        ForkedError,
        MissingClientError,
        NotFoundError,
        NotRunningError,
        RequestError,
        SqlError,
        WaitError,
    )
    from ._faults import Fault
    from ._remote import RemoteServer
    from ._requests import Request
    from ._rows import Rows
    from ._server import MockServer
    from ._tenant import Tenant

__all__ = [
    "AltertableMockError",
    "Clock",
    "ConfigError",
    "Fault",
    "ForkedError",
    "MissingClientError",
    "MockServer",
    "NotFoundError",
    "NotRunningError",
    "RemoteServer",
    "Request",
    "RequestError",
    "Rows",
    "SqlError",
    "Tenant",
    "WaitError",
]

_HOMES = {
    "MockServer": "_server",
    "RemoteServer": "_remote",
    "Rows": "_rows",
    "Tenant": "_tenant",
    "Request": "_requests",
    "Clock": "_clock",
    "Fault": "_faults",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, '_errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
