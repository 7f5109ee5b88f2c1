"""Every case of the spec through the Python clients: httpx, ADBC, pyarrow and gRPC."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from notation import Unsupported
from run import CaseRun, LateError
from spec import Case
from target import Servers, refusal


def run(case: Case, servers: Servers) -> None:
    """Runs a case among others; once more by itself if it was only late: others may have kept the server busy."""
    with locked(fcntl.LOCK_SH), contextlib.suppress(LateError):
        return CaseRun(case, servers.at(case.flags)).run()
    with locked(fcntl.LOCK_EX):
        return CaseRun(case, servers.at(case.flags)).run()


@contextlib.contextmanager
def locked(kind: int) -> Iterator[None]:
    """Holds a lock that all workers share."""
    with Path(__file__).open() as file:
        fcntl.flock(file, kind)
        yield


def test_case(case: Case, servers: Servers, record_property: Callable[[str, object], None]) -> None:
    record_property("case", case.name)
    record_property("clauses", case.clauses)
    if reason := refusal(case):
        pytest.skip(reason)
    try:
        run(case, servers)
    except Unsupported as reason:
        pytest.skip(str(reason))
