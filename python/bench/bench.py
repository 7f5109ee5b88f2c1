"""Measures the installed package and prints a Markdown table; run by `make bench-package`.

Each figure is given beside the same work with the `duckdb` package alone, where there is such work. The figures depend
on the machine; nothing here passes or fails.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from altertable_mock import MockServer

USES = 1000

FIRST_QUERY = """
import time
started = time.perf_counter()
from altertable_mock import MockServer
with MockServer() as server, server.new_tenant() as tenant:
    tenant.sql("SELECT 42")
    print((time.perf_counter() - started) * 1000)
"""
FIRST_QUERY_INSIDE = """
import time
started = time.perf_counter()
import duckdb
duckdb.connect().execute("SELECT 42").fetchall()
print((time.perf_counter() - started) * 1000)
"""


def main() -> None:
    print("| What | altertable-mock | `duckdb` alone |")
    print("|---|---|---|")
    row("import to first answer, ms", of_processes(FIRST_QUERY), of_processes(FIRST_QUERY_INSIDE))
    with MockServer() as server:
        use(server)
        row("fresh tenant, p50 ms", median_ms(lambda: server.new_tenant().close()))
        paced = [paced_use(server) for _ in range(100)]
        row("fresh tenant and first answer, test of 20 ms, p50 ms", statistics.median(paced), first_inside())
        uses = [timed(lambda: use(server)) for _ in range(100)]
        row("fresh tenant, table, answer, end; one after another, p50 ms", statistics.median(uses), whole_inside())
        memory(server)


def memory(server: MockServer) -> None:
    """The resident memory after the first uses, and after many more."""
    sizes = []
    for _ in range(5):
        for _ in range(USES // 5):
            use(server)
        gc.collect()
        sizes.append(resident_mib())
    shown = " → ".join(f"{size:.0f}" for size in sizes)
    print(f"| memory after each fifth of {USES} uses, MiB | {shown} | |")


def use(server: MockServer) -> None:
    with server.new_tenant() as tenant:
        tenant.sql("CREATE TABLE t AS SELECT i FROM range(1000) r(i)")
        tenant.sql("SELECT count(*) FROM t")


def paced_use(server: MockServer) -> float:
    """The time until a fresh tenant has answered, in a test that then does something else for 20 ms."""
    started = time.perf_counter()
    with server.new_tenant() as tenant:
        tenant.sql("SELECT 42")
        took = time.perf_counter() - started
        time.sleep(0.02)
    return took * 1000


def first_inside() -> float:
    return median_ms(lambda: duckdb.connect().execute("SELECT 42").fetchall(), 50)


def whole_inside() -> float:
    def inside() -> None:
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE t AS SELECT i FROM range(1000) r(i)")
            connection.execute("SELECT count(*) FROM t").fetchall()

    return median_ms(inside, 50)


def of_processes(program: str) -> float:
    """The median of what fresh interpreters print."""

    def once() -> float:
        return float(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)

    once()
    return statistics.median(once() for _ in range(10))


def timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def median_ms(act: Callable[[], object], times: int = 200) -> float:
    return statistics.median(timed(act) for _ in range(times))


def resident_mib() -> float:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def row(what: str, ours: float, inside: float | None = None) -> None:
    print(f"| {what} | {ours:.2f} | {'' if inside is None else f'{inside:.2f}'} |", flush=True)


if __name__ == "__main__":
    main()
