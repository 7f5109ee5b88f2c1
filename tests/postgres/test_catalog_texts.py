"""Statements about PostgreSQL's catalogs that are long or deep, and those that keep their text (PW-37, PW-44)."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from mock_server import MockServer


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer("--user", "alice:secret") as server:
        yield server


@pytest.fixture
def connection(server: MockServer) -> Iterator[psycopg.Connection]:
    host, port = server.postgres_address
    where = f"host={host} port={port} user=alice password=secret dbname=memory"
    with psycopg.connect(where, autocommit=True) as connection:
        yield connection


CHAINS = {
    "or": ("SELECT 1 FROM pg_class WHERE relname = 'a'", " OR relname = 'b'", ""),
    "concatenation": ("SELECT version()", " || 'a'", ""),
    "cast": ("SELECT version()", "::text", ""),
    "is null": ("SELECT version()", " IS NULL", ""),
    "like": ("SELECT version()", " LIKE 'a'", ""),
    "in": ("SELECT version()", " IN ('a')", ""),
    "array": ("SELECT version(), NULL::int", "[]", ""),
    "union": ("SELECT version()", " UNION ALL SELECT version()", ""),
    "parentheses": ("SELECT version(), ", "(", "1"),
    "not": ("SELECT version() WHERE ", "NOT ", "true"),
    "joins": ("SELECT count(*) FROM pg_class a", " JOIN pg_class USING (oid)", ""),
}


@pytest.mark.parametrize("length", [100, 2_000, 15_000])
@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_is_answered_or_refused(server: MockServer, chain: str, length: int) -> None:
    begin, link, end = CHAINS[chain]
    # What DuckDB plans long is not the matter of this test.
    if chain in {"joins", "union"}:
        length = min(length, 100)
    host, port = server.postgres_address
    where = f"host={host} port={port} user=alice password=secret dbname=memory"
    with psycopg.connect(where, autocommit=True, options="-c statement_timeout=10000") as connection:
        for prepare in (False, True):
            try:
                connection.execute(begin + link * length + end, prepare=prepare).fetchall()
            except psycopg.Error as error:
                assert error.sqlstate not in {None, "XX000"}, error
        assert connection.execute("SELECT 42").fetchone() == (42,)


def test_one_that_is_too_long_says_so(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.StatementTooComplex, match="stack depth limit exceeded"):
        connection.execute("SELECT version()" + " || 'a'" * 25_000)
    assert connection.execute("SELECT 42").fetchone() == (42,)


def test_a_quoted_name_stays_one_name(connection: psycopg.Connection) -> None:
    connection.execute("""CREATE OR REPLACE MACRO "My Func"(a) AS a + 1""")
    connection.execute("""CREATE OR REPLACE MACRO "1); SELECT (2"(a) AS a + 2""")
    found = connection.execute("""SELECT "My Func"(1), "1); SELECT (2"(1), version() LIKE 'PostgreSQL%'""").fetchone()
    assert found == (2, 3, True)
    assert connection.execute("SELECT pg_catalog.lower('A'), coalesce(NULL, 1), version() = ''").fetchone()[:2] == (
        "a",
        1,
    )


def test_what_is_kept_has_duckdbs_text(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE kept(i INT, v TEXT DEFAULT version(), w TEXT DEFAULT current_database())")
    connection.execute("ALTER TABLE kept ADD COLUMN x TEXT DEFAULT version()")
    kept = connection.execute("SELECT string_agg(column_default, ' ') FROM duckdb_columns() WHERE table_name = 'kept'")
    assert "__postgresql" not in kept.fetchone()[0]
    connection.execute("INSERT INTO kept(i) VALUES (1)")
    assert connection.execute("SELECT w FROM kept").fetchone() == ("memory",)


def test_a_planning_ends_in_time_also_when_it_is_parsed(connection: psycopg.Connection) -> None:
    connection.execute("CREATE OR REPLACE MACRO m0(a) AS a + 1")
    for level in range(12):
        connection.execute(f"CREATE OR REPLACE MACRO m{level + 1}(a) AS m{level}(a) + m{level}(a)")
    connection.execute("CREATE OR REPLACE TABLE numbers AS SELECT range AS i FROM range(100)")
    connection.execute("SET statement_timeout = 300")
    with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
        connection.execute("SELECT m12(i) FROM numbers", prepare=True)
    connection.execute("SET statement_timeout = 0")
    assert connection.execute("SELECT 42").fetchone() == (42,)
