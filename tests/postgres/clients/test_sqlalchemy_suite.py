"""SQLAlchemy's own suite for dialects, by psycopg: four fifths of what passes on PostgreSQL 15 pass here too."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest
from place import Place

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "sqlalchemy_suite"


def outcomes(place: Place, report: Path) -> dict[str, str]:
    """Whether each test passed, failed or was skipped."""
    with psycopg.connect(place.url(), autocommit=True) as connection:
        for schema in ("test_schema", "test_schema_2"):
            connection.execute(f"CREATE SCHEMA {schema}")
    options = ["--quiet", "--maxfail=10000", "--tb=no", f"--dburi={place.url('postgresql+psycopg')}"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--junitxml={report}", "test_suite.py"],
        cwd=HERE,
        env={**os.environ, "SUITE_SERVER": "postgres" if place.is_judge else "mock"},
        stdout=subprocess.DEVNULL,
        timeout=1500,
    )
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        name = f"{case.get('classname', '').split('.')[-1]}.{case.get('name')}"
        name = re.sub(r"_postgresql\+psycopg_\d+_\d+", "", name)
        found[name] = kinds.pop() if kinds else "passed"
    return found


def test_most_of_what_passes_on_postgresql_passes(postgres: Place, mock: Place, tmp_path: Path) -> None:
    expected, actual = (outcomes(place, tmp_path / f"{place.is_judge}.xml") for place in (postgres, mock))
    passed = sorted(name for name, outcome in expected.items() if outcome == "passed")
    missed = [name for name in passed if actual.get(name) != "passed"]
    print(f"{len(passed) - len(missed)} of {len(passed)}")
    assert len(passed) > 900
    assert len(missed) <= len(passed) * 0.2
    reasons = json.loads((HERE / "misses.json").read_text())
    patterns = [pattern for group in reasons for pattern in group["tests"]]
    unknown = [name for name in missed if not any(re.search(pattern, name) for pattern in patterns)]
    assert not unknown, "\n".join(unknown)
    idle = [pattern for pattern in patterns if not any(re.search(pattern, name) for name in missed)]
    assert not idle, f"misses.json lists what is none any more: {idle}"
