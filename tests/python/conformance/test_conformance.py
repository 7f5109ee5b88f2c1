"""Every case of the spec through the Python clients: httpx, ADBC, pyarrow and gRPC."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from notation import Unsupported
from run import CaseRun
from spec import Case
from target import Servers, refusal


def test_case(case: Case, servers: Servers, record_property: Callable[[str, object], None]) -> None:
    record_property("case", case.name)
    record_property("clauses", case.clauses)
    if reason := refusal(case):
        pytest.skip(reason)
    try:
        CaseRun(case, servers.at(case.flags)).run()
    except Unsupported as reason:
        pytest.skip(str(reason))
