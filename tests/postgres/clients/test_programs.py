"""Programs of PostgreSQL 15 itself: pgbench, and pg_dump as far as there is something to dump."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
import pytest
from judge import Judge
from place import Place


def run(judge: Judge, place: Place, program: str, *options: str | Path) -> subprocess.CompletedProcess[str]:
    env = {**place.variables(), "LC_ALL": "C.UTF-8"}
    return subprocess.run([judge.programs / program, *options], env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("protocol", ["simple", "extended", "prepared"])
def test_pgbench_selects(judge: Judge, place: Place, tmp_path: Path, protocol: str) -> None:
    with psycopg.connect(place.url(), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS pgbench_accounts")
        connection.execute("CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int)")
        connection.execute("INSERT INTO pgbench_accounts SELECT i, 1, 0 FROM generate_series(1, 1000) t(i)")
    script = tmp_path / "select.sql"
    script.write_text("\\set aid random(1, 1000)\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n")
    ran = run(judge, place, "pgbench", "-n", "-c", "8", "-t", "50", "-M", protocol, "-f", script)
    assert ran.returncode == 0, ran.stderr
    assert "number of transactions actually processed: 400/400" in ran.stdout
    assert "number of failed transactions: 0 (0.000%)" in ran.stdout
