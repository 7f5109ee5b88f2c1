"""pgjdbc: java/ against both servers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from place import Place

HERE = Path(__file__).parent / "java"


def test_java(place: Place) -> None:
    maven = ["mvn", "--quiet", "--batch-mode", "--no-transfer-progress", "-Dstyle.color=never"]
    ran = subprocess.run(
        [*maven, "test"],
        cwd=HERE,
        env={**os.environ, **place.variables()},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
