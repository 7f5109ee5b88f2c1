"""A pytest test per case, the count of what ran, and the report that CONFORMANCE_REPORT names."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import spec
from target import Servers

# The least share of cases, in percent, that this runner must be able to run.
FLOOR = 95


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.stop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", spec.load(), ids=lambda case: case.name)


def pytest_configure(config: pytest.Config) -> None:
    # With pytest-xdist, the workers run cases and this process counts them.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(), "tally")


def reason_of(report: pytest.TestReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return report.longreprtext[-2000:] if report.failed else ""


class Tally:
    """What became of each case."""

    def __init__(self) -> None:
        self.cases: list[dict[str, object]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = dict(report.user_properties)
        if report.when != "call" or "case" not in known:
            return
        self.cases.append({**known, "outcome": report.outcome, "reason": reason_of(report)})

    def counts(self) -> tuple[int, Counter[str]]:
        skipped = Counter(str(case["reason"]) for case in self.cases if case["outcome"] == "skipped")
        return len(self.cases) - skipped.total(), skipped

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if path := os.environ.get("CONFORMANCE_REPORT"):
            cases = sorted(self.cases, key=lambda case: str(case["case"]))
            Path(path).write_text(json.dumps({"language": "python", "cases": cases}, ensure_ascii=False))
        ran, _ = self.counts()
        is_whole = len(self.cases) == len(spec.load()) and "CONFORMANCE_URL" not in os.environ
        if is_whole and ran * 100 < FLOOR * len(self.cases):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        ran, skipped = self.counts()
        terminalreporter.write_line(f"Python: {ran} of {len(self.cases)} cases ran; the floor is {FLOOR} %")
        for reason, count in skipped.most_common():
            terminalreporter.write_line(f"  {count} skipped: {reason}")
