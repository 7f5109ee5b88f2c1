"""dbt-altertable on a small project: each command runs, and what it leaves in the database is asserted over Flight."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
os.environ["DBT_VERSION_CHECK"] = "false"

import altertable_flightsql
import pytest
from dbt.cli.main import dbtRunner
from mock_server import ALICE, MockServer

PROFILE = """
shop:
  target: mock
  outputs:
    mock: {{type: altertable, username: {user}, password: {password}, host: 127.0.0.1, port: {port}, tls: false,
           database: lake, schema: shop, threads: 4}}
"""


class Project:
    """A copy of the project with a server of its own."""

    def __init__(self, server: MockServer, folder: Path) -> None:
        shutil.copytree(Path(__file__).parent / "shop", folder)
        profile = PROFILE.format(user=ALICE.name, password=ALICE.password, port=server.flight_port)
        (folder / "profiles.yml").write_text(profile)
        self.server = server
        self.folder = folder

    def attempt(self, *command: str) -> tuple[bool, dict[str, str]]:
        """Runs a dbt command: whether it succeeded, and the status of each node."""
        places = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder), "--quiet"]
        outcome = dbtRunner().invoke([*command, *places])
        if outcome.exception is not None:
            raise outcome.exception
        results = getattr(outcome.result, "results", [])
        named = {node.node.name: str(node.status) for node in results if hasattr(node, "node")}
        return outcome.success, named

    def run(self, *command: str) -> dict[str, str]:
        succeeded, nodes = self.attempt(*command)
        assert succeeded, (command, nodes)
        return nodes

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        place = {
            "host": "127.0.0.1",
            "port": self.server.flight_port,
            "tls": False,
            "catalog": "lake",
            "schema": "shop",
        }
        with altertable_flightsql.Client(username=ALICE.name, password=ALICE.password, **place) as client:
            return [tuple(row.values()) for row in client.query(sql).read_all().to_pylist()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with MockServer("--user", ":".join(ALICE.pair), "--catalog", "lake") as server:
        yield Project(server, tmp_path_factory.mktemp("dbt") / "shop")
        assert server.process.poll() is None, "\n".join(server.log)


@pytest.fixture(scope="module")
def built(project: Project) -> Project:
    """The project, seeded and run once."""
    assert project.run("seed") == {"customers": "success", "orders": "success"}
    assert set(project.run("run")) == {"staged_orders", "customer_totals", "merged_orders", "replaced_orders"}
    return project


def test_debug_connects(project: Project) -> None:
    assert project.attempt("debug")[0]


def test_seeds_load_with_their_types(built: Project) -> None:
    rows = built.rows("SELECT name, joined::VARCHAR, typeof(joined) FROM customers ORDER BY id")
    assert rows == [("Ada", "2024-01-15", "DATE"), ("Grace", "2024-02-29", "DATE"), ("Alan", "2024-03-01", "DATE")]
    assert built.rows("SELECT sum(amount)::VARCHAR, any_value(typeof(amount)) FROM orders") == [
        ("113.75", "DECIMAL(10,2)")
    ]


def test_models_are_built(built: Project) -> None:
    assert built.rows("SELECT name, total::VARCHAR FROM customer_totals ORDER BY name") == [
        ("Ada", "14.75"),
        ("Alan", "0.00"),
        ("Grace", "99.00"),
    ]
    kinds = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'shop' ORDER BY 1"
    assert ("staged_orders", "VIEW") in built.rows(kinds)
    assert ("customer_totals", "BASE TABLE") in built.rows(kinds)


def test_a_second_run_replaces_and_merges(built: Project) -> None:
    built.run("run", "--vars", "{round: 2}")
    assert built.rows("SELECT id, round FROM merged_orders ORDER BY id") == [(1, 1), (2, 2), (3, 2), (4, 2)]
    assert built.rows("SELECT id, note FROM replaced_orders ORDER BY id") == [(1, None), (2, None), (3, "late")]
    assert built.rows("SELECT count(*) FROM customer_totals") == [(3,)]


def test_descriptions_become_comments(built: Project) -> None:
    table = "SELECT comment FROM duckdb_tables() WHERE table_name = 'customer_totals'"
    assert built.rows(table) == [("What each customer has spent, with 'quotes' and \"more\".",)]
    column = "SELECT comment FROM duckdb_columns() WHERE table_name = 'customer_totals' AND column_name = 'customer_id'"
    assert built.rows(column) == [("The customer's number",)]


def test_tests_pass(built: Project) -> None:
    statuses = built.run("test")
    assert len(statuses) == 6 and set(statuses.values()) == {"pass"}


def test_a_broken_row_fails_its_test(built: Project) -> None:
    built.rows("UPDATE customer_totals SET total = -1 WHERE name = 'Ada'")
    succeeded, statuses = built.attempt("test", "--select", "no_total_is_negative")
    assert not succeeded and statuses == {"no_total_is_negative": "fail"}
    built.run("run", "--select", "customer_totals")


def test_a_model_that_cannot_run_says_why(built: Project) -> None:
    (built.folder / "models" / "broken.sql").write_text("select * from lake.shop.no_such_table")
    succeeded, statuses = built.attempt("run", "--select", "broken")
    (built.folder / "models" / "broken.sql").unlink()
    assert not succeeded and statuses == {"broken": "error"}
    results = json.loads((built.folder / "target" / "run_results.json").read_text())
    assert "Table with name no_such_table does not exist" in results["results"][0]["message"]


def test_a_snapshot_keeps_what_was(built: Project) -> None:
    built.run("snapshot")
    built.rows("UPDATE customers SET name = 'Grace Hopper' WHERE id = 2")
    built.rows("DELETE FROM customers WHERE id = 3")
    built.run("snapshot")
    history = "SELECT id, name, dbt_valid_to IS NULL FROM memory.shop.customer_history ORDER BY id, dbt_valid_from"
    assert built.rows(history) == [
        (1, "Ada", True),
        (2, "Grace", False),
        (2, "Grace Hopper", True),
        (3, "Alan", False),
    ]
    assert built.run("seed", "--full-refresh", "--select", "customers") == {"customers": "success"}


def test_docs_describe_every_column(built: Project) -> None:
    built.run("docs", "generate")
    catalog = json.loads((built.folder / "target" / "catalog.json").read_text())
    assert catalog["errors"] is None
    columns = catalog["nodes"]["model.shop.customer_totals"]["columns"]
    described = [(column["name"], column["type"]) for column in columns.values()]
    assert described == [("customer_id", "INTEGER"), ("name", "VARCHAR"), ("total", "DECIMAL(18,2)")]
    assert columns["customer_id"]["comment"] == "The customer's number"
    assert catalog["nodes"]["model.shop.staged_orders"]["metadata"]["type"] == "VIEW"
