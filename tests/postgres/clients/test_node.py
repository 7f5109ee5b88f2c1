"""The PostgreSQL clients of Node.js: each file of node/ against both servers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from place import Place

HERE = Path(__file__).parent / "node"


@pytest.mark.parametrize("file", sorted(path.name for path in HERE.glob("*.test.js")))
def test_node(place: Place, file: str) -> None:
    ran = subprocess.run(
        ["node", "--test", file],
        cwd=HERE,
        env={**os.environ, "DATABASE_URL": place.url()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
