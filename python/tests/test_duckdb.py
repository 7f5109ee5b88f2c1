"""The `duckdb` package in the same process: its library and ours are two, whichever is loaded first."""

from __future__ import annotations

import importlib.metadata

import pytest
from conftest import RunPython

pytest.importorskip("duckdb")

OURS = """
from altertable_mock import MockServer
server = MockServer().start()
tenant = server.new_tenant()
tenant.sql("SELECT 1")
"""
THEIRS = """
import duckdb
theirs = duckdb.connect()
theirs.execute("SELECT 1")
"""
BOTH = """
import threading

def version(execute):
    return execute("SELECT version()")

assert tenant.sql("SELECT version()").value() == "v1.5.5"
print(theirs.execute("SELECT version()").fetchone()[0])
failures = []

def use_ours(number):
    try:
        with server.new_tenant() as tenant:
            for _ in range(10):
                tenant.sql("CREATE OR REPLACE TABLE t AS SELECT i, 'x' || i AS s FROM range(20000) r(i)")
                assert tenant.sql("SELECT count(*), max(length(s)) FROM t WHERE i % 2 = 0") == [(10000, 6)]
            try:
                tenant.sql("FROM nowhere")
            except Exception as error:
                assert type(error).__name__ == "SqlError", error
    except BaseException as error:
        failures.append(error)

def use_theirs(number):
    try:
        with duckdb.connect() as connection:
            for _ in range(10):
                connection.execute("CREATE OR REPLACE TABLE t AS SELECT i, 'x' || i AS s FROM range(20000) r(i)")
                found = connection.execute("SELECT count(*), max(length(s)) FROM t WHERE i % 2 = 0").fetchall()
                assert found == [(10000, 6)]
            try:
                connection.execute("FROM nowhere")
            except duckdb.CatalogException:
                pass
    except BaseException as error:
        failures.append(error)

threads = [threading.Thread(target=use, args=(number,)) for number in range(3) for use in (use_ours, use_theirs)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failures, failures
"""
ENDS = {"stopped": "server.stop(); theirs.close()", "left open": ""}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_both_work_together(run_python: RunPython, first: str, end: str) -> None:
    order = OURS + THEIRS if first == "ours" else THEIRS + OURS
    printed = run_python(order + BOTH + ENDS[end]).stdout
    assert printed.strip() == "v" + importlib.metadata.version("duckdb")
