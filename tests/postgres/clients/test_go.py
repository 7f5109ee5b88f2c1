"""pgx, by itself and behind database/sql: go/ against both servers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from place import Place

HERE = Path(__file__).parent / "go"


def test_go(place: Place) -> None:
    ran = subprocess.run(
        ["go", "test", "-count=1", "./..."],
        cwd=HERE,
        env={**os.environ, "DATABASE_URL": place.url()},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
