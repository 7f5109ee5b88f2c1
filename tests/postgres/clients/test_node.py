"""The PostgreSQL clients of Node.js: each file of node/ against both servers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from place import Place

HERE = Path(__file__).parent / "node"


DRIVERS = ["pg.test.js", "postgresjs.test.js"]
MAPPERS = ["drizzle.test.js", "knex.test.js", "sequelize.test.js", "typeorm.test.js"]


@pytest.mark.parametrize("file", [*DRIVERS, *(pytest.param(name, marks=pytest.mark.slow) for name in MAPPERS)])
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


def test_every_file_is_run() -> None:
    assert sorted(path.name for path in HERE.glob("*.test.js")) == sorted([*DRIVERS, *MAPPERS])
