"""dbt with its PostgreSQL adapter on a small project: seeds, models of each kind, tests, a snapshot, the catalog."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from judge import PASSWORD, ROOT, USER
from place import Place

HERE = Path(__file__).parent / "dbt"

pytestmark = pytest.mark.slow

PROFILE = """
shop:
  target: here
  outputs:
    here: {{type: postgres, host: {host}, port: {port}, user: {user}, password: {password}, dbname: {database},
           schema: shop, threads: 4}}
"""


@cache
def program() -> Path:
    command = [ROOT / "scripts" / "setup-venv", HERE / "requirements.txt"]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()) / "bin" / "dbt"


class Project:
    """A copy of the project that builds into one of the servers."""

    def __init__(self, place: Place, folder: Path) -> None:
        shutil.copytree(HERE / "shop", folder)
        profile = PROFILE.format(
            host=place.host, port=place.port, user=USER, password=PASSWORD, database=place.database
        )
        (folder / "profiles.yml").write_text(profile)
        self.folder = folder
        self.place = place

    def run(self, *command: str, expect: int = 0) -> dict[str, str]:
        """Runs a dbt command, and gives the status of each node."""
        quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_VERSION_CHECK": "false", "NO_COLOR": "1"}
        places = ["--project-dir", self.folder, "--profiles-dir", self.folder]
        ran = subprocess.run(
            [program(), *command, *places], capture_output=True, text=True, env={**os.environ, **quiet}, timeout=180
        )
        assert ran.returncode == expect, ran.stdout + ran.stderr
        results = json.loads((self.folder / "target" / "run_results.json").read_text())["results"]
        return {result["unique_id"].split(".")[2]: result["status"] for result in results}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.place.url(), autocommit=True) as connection:
            connection.execute("SET search_path TO shop")
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def built(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project, seeded, run and tested once."""
    project = Project(place, tmp_path_factory.mktemp("dbt") / "shop")
    built = project.run("build")
    assert len(built) == 12 and set(built.values()) == {"success", "pass"}, built
    return project


def test_what_was_built_is_there(built: Project) -> None:
    totals = [(name, str(total)) for name, total in built.rows("SELECT name, total FROM customer_totals ORDER BY name")]
    assert totals == [("Ada", "14.75"), ("Alan", "0.00"), ("Grace", "99.00")]
    kinds = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'shop' ORDER BY 1"
    found = dict(built.rows(kinds))
    assert (found["staged_orders"], found["customer_totals"]) == ("VIEW", "BASE TABLE")
    comment = (
        "SELECT obj_description('shop.customer_totals'::regclass), col_description('shop.customer_totals'::regclass, 1)"
    )
    assert built.rows(comment) == [
        ("What each customer has spent, with 'quotes' and \"more\".", "The customer's number")
    ]
    types = "SELECT data_type FROM information_schema.columns WHERE table_name = 'customers' ORDER BY ordinal_position"
    assert built.rows(types)[::2] == [("integer",), ("date",)]


def test_a_second_run_replaces_and_merges(built: Project) -> None:
    built.run("run", "--vars", "{round: 2}")
    assert built.rows("SELECT id, round FROM merged_orders ORDER BY id") == [(1, 1), (2, 2), (3, 2), (4, 2)]
    assert built.rows("SELECT id, note FROM replaced_orders ORDER BY id") == [(1, None), (2, None), (3, "late")]
    assert built.rows("SELECT count(*) FROM customer_totals") == [(3,)]


def test_a_snapshot_keeps_what_was(built: Project) -> None:
    built.rows("UPDATE customers SET name = 'Augusta' WHERE id = 1 RETURNING 1")
    built.rows("DELETE FROM customers WHERE id = 3 RETURNING 1")
    built.run("snapshot")
    history = "SELECT name, dbt_valid_to IS NULL FROM customer_history ORDER BY name"
    assert built.rows(history) == [("Ada", False), ("Alan", False), ("Augusta", True), ("Grace", True)]


def test_a_failing_test_fails(built: Project) -> None:
    built.rows("UPDATE customer_totals SET total = -1 WHERE name = 'Ada' RETURNING 1")
    assert built.run("test", "--select", "no_total_is_negative", expect=1) == {"no_total_is_negative": "fail"}


def test_the_catalog_describes_every_column(built: Project) -> None:
    built.run("docs", "generate")
    catalog = json.loads((built.folder / "target" / "catalog.json").read_text())
    assert catalog["errors"] is None
    table = catalog["nodes"]["model.shop.customer_totals"]
    described = [
        (column["name"], column["type"].replace("character varying", "text")) for column in table["columns"].values()
    ]
    assert described == [("customer_id", "integer"), ("name", "text"), ("total", "numeric(18,2)")]
    assert table["columns"]["customer_id"]["comment"] == "The customer's number"
    assert catalog["nodes"]["model.shop.staged_orders"]["metadata"]["type"] == "VIEW"
