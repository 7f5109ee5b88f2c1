"""What real clients ask PostgreSQL's catalogs, of PostgreSQL 15 and of the server under test (PW-37 to PW-42)."""

from __future__ import annotations

import json
from dataclasses import dataclass

import psycopg
import pytest
from judge import PASSWORD, USER, Judge
from mock_server import MockServer
from recorded import HERE, Answer, Recorded, Side, statements

# How much of what PostgreSQL answers is answered here at least: answers, names and types of columns, numbers of rows.
FLOORS = {"answers": 0.985, "columns": 0.87, "rows": 0.94}

# The same of the statements that are about the catalogs.
CATALOG_FLOORS = {"answers": 0.99, "columns": 0.99, "rows": 0.95}


@dataclass
class Compared:
    recorded: Recorded
    expected: Answer
    actual: Answer

    @property
    def about_catalogs(self) -> bool:
        words = ("pg_", "information_schema.", "version()", "current_setting", "set_config", "::reg")
        return any(word in self.recorded.sql for word in words)

    def misses(self) -> list[str]:
        if self.actual.error:
            return ["answers"]
        missed = []
        if (self.actual.names, self.actual.types) != (self.expected.names, self.expected.types):
            missed.append("columns")
        if self.actual.rows != self.expected.rows:
            missed.append("rows")
        return missed


@pytest.fixture(scope="module")
def compared(judge: Judge) -> list[Compared]:
    host, port = judge.address
    owner = f"host={host} port={port} user={USER} password={PASSWORD}"
    judge.run_sql(f"CREATE DATABASE recorded OWNER {USER}")
    with MockServer("--user", f"{USER}:{PASSWORD}") as server:
        host, port = server.postgres_address
        postgres = Side(f"{owner} dbname=recorded", "postgres", "public")
        ours = Side(f"host={host} port={port} user={USER} password={PASSWORD} dbname=memory", "duckdb", "main")
        found = [Compared(one, postgres.ask(one), ours.ask(one)) for one in statements()]
    return [one for one in found if one.expected.error is None]


def share(compared: list[Compared], figure: str) -> float:
    return sum(not {"answers", figure} & {*one.misses()} for one in compared) / len(compared)


def test_every_miss_is_known_by_its_reason(compared: list[Compared]) -> None:
    reasons = json.loads((HERE / "misses.json").read_text())
    known = {(number, kind) for group in reasons for number in group["statements"] for kind in group["kinds"]}
    unknown = [
        f"{one.recorded.number} ({one.recorded.client}) {kind}: {one.actual.error or ''}\n{one.recorded.sql}\n"
        f"expected {one.expected.names} {one.expected.types} {one.expected.rows}\n"
        f"actual   {one.actual.names} {one.actual.types} {one.actual.rows}"
        for one in compared
        for kind in one.misses()
        if (one.recorded.number, kind) not in known
    ]
    assert not unknown, "\n\n".join(unknown)
    missed = {(one.recorded.number, kind) for one in compared for kind in one.misses()}
    assert not known - missed, f"misses.json lists what is none any more: {sorted(known - missed)}"


@pytest.mark.parametrize("figure", FLOORS)
def test_as_much_is_answered_as_ever(compared: list[Compared], figure: str) -> None:
    catalog = [one for one in compared if one.about_catalogs]
    print(f"{figure}: {share(compared, figure):.3f} of {len(compared)}, {share(catalog, figure):.3f} of {len(catalog)}")
    assert share(compared, figure) >= FLOORS[figure]
    assert share(catalog, figure) >= CATALOG_FLOORS[figure]


def test_nothing_of_the_catalogs_shows_in_listings() -> None:
    with MockServer("--user", f"{USER}:{PASSWORD}") as server:
        host, port = server.postgres_address
        with psycopg.connect(f"host={host} port={port} user={USER} password={PASSWORD}", autocommit=True) as connection:
            listings = (
                "SHOW DATABASES",
                "SELECT database_name FROM duckdb_databases() ORDER BY ALL",
                "SELECT schema_name FROM duckdb_schemas() ORDER BY ALL",
                "SELECT view_name FROM duckdb_views() ORDER BY ALL",
                "SELECT table_name FROM duckdb_tables() ORDER BY ALL",
                "SELECT function_name FROM duckdb_functions() ORDER BY ALL",
                "SELECT type_name FROM duckdb_types() ORDER BY ALL",
                "SELECT name FROM duckdb_settings() ORDER BY ALL",
            )
            before = [connection.execute(listing).fetchall() for listing in listings]
            assert connection.execute("SELECT count(*) FROM pg_class").fetchone() > (400,)
            assert [connection.execute(listing).fetchall() for listing in listings] == before


def test_what_cannot_be_translated_is_logged_and_fails_with_duckdbs_error() -> None:
    with MockServer("--user", f"{USER}:{PASSWORD}") as server:
        host, port = server.postgres_address
        with psycopg.connect(host=host, port=port, user=USER, password=PASSWORD, autocommit=True) as connection:
            with pytest.raises(psycopg.errors.SyntaxError, match="Parser Error"):
                connection.execute("SELECT relname FROM pg_class WHERE WHERE oid = 1")
            assert connection.execute("SELECT 'pg_class' AS said, 'a' ~ '.' AS whole").fetchone() == ("pg_class", True)
            # A pattern of PostgreSQL's may match a part; one of DuckDB's matches the whole.
            assert connection.execute("SELECT 'abc' ~ 'b'").fetchone() == (False,)
            found = connection.execute("SELECT count(*) FROM pg_type WHERE typname ~ 'nt4$' AND oid = 23").fetchone()
            assert found == (1,)
    warned = [line for line in server.log if "WARN" in line and "cannot be translated" in line]
    assert len(warned) == 1
    assert "WHERE WHERE" in warned[0]
