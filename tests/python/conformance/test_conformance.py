"""Every case of the spec through the Python clients: httpx, altertable-lakehouse, ADBC, pyarrow and gRPC."""

from __future__ import annotations

import json
import subprocess

import flight_calls
import http_calls
import pytest
import sql_calls
from driver import PROGRAM, Driver

# The least share of cases, in percent, that must run.
FLOOR = 95


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        told = subprocess.run([PROGRAM, "list", "--json"], stdout=subprocess.PIPE, check=True).stdout
        metafunc.parametrize("case", [json.loads(line)["id"] for line in told.splitlines()])


@pytest.fixture(scope="session")
def driver() -> Driver:
    return Driver(http_calls.KINDS | flight_calls.KINDS | sql_calls.KINDS, "--floor", f"*={FLOOR}")


def test_case(case: str, driver: Driver) -> None:
    verdict = driver.verdict(case)
    if verdict.outcome == "skipped":
        pytest.skip(verdict.reason)
    assert verdict.outcome == "passed", verdict.reason


def test_enough_ran(driver: Driver) -> None:
    assert driver.end() == 0, "see what the program told"
