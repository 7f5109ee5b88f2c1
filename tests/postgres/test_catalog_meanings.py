"""Statements about PostgreSQL's catalogs that clients were found to send: the same rows and columns as PostgreSQL 15's (PW-37,
PW-43). Their relations are PostgreSQL's own, which are the same in both."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from judge import DATABASE, PASSWORD, USER, Judge
from mock_server import MockServer

STATEMENTS = {
    "a text that is put together": "SELECT format('%s of %I.%I: %L, %2$s %%', typname, 'a b', typtype, NULL) FROM pg_type WHERE oid = 23",
    "an array of a relation in an outer join": "SELECT t.typname, x.indexrelid FROM pg_type t LEFT JOIN pg_index x "
    "ON x.indexrelid = 2703 AND t.oid = 23 AND 1 = ANY (x.indkey) WHERE t.oid IN (21, 23) ORDER BY 1",
    "none of an array": "SELECT count(*) FROM pg_index WHERE indrelid = 1247 AND 1 <> ALL (indkey)",
    "types by their names": "SELECT typname FROM pg_type WHERE oid = ANY ('{int,int8,varchar}'::regtype[]) ORDER BY 1",
    "a type by what SQL calls it": "SELECT 'int'::regtype::oid, 'float'::regtype::oid, 'decimal'::regtype::oid",
    "the name of an object in a text": "SELECT 'of ' || 'pg_class'::regclass || '!'",
    "whether there are rows": "SELECT EXISTS (SELECT FROM pg_type WHERE oid = 23), EXISTS (SELECT FROM pg_type WHERE oid = 1)",
    "a series among the columns": "SELECT i, indkey[i - 1] FROM (SELECT indkey, generate_series(indnatts::int, 1, -1) AS i "
    "FROM pg_index WHERE indexrelid = 2673) x",
    "a list in FROM": "SELECT s[2], pg_backend_pid() > 0 FROM string_to_array('a,b', ',') s",
    "the type of a CASE": "SELECT CASE typname WHEN 'a' THEN typbasetype ELSE 0 END, CASE WHEN typlen = 4 THEN typname || 'x' ELSE 'y' END "
    "FROM pg_type WHERE oid = 23",
    "processes that are not there": "SELECT pg_terminate_backend(pid), pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = 0",
    "rows as they came": "SELECT typname FROM pg_type WHERE oid < 30",
    "columns as they came": "SELECT a.attname, a.attnum FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE c.relname = 'pg_class' AND a.attnum > 0",
}


@pytest.fixture(scope="module")
def connections(judge: Judge) -> Iterator[list[psycopg.Connection]]:
    with MockServer("--user", f"{USER}:{PASSWORD}") as server:
        places = (judge.address, server.postgres_address)
        login = {"user": USER, "password": PASSWORD, "dbname": DATABASE, "autocommit": True}
        both = [psycopg.connect(host=host, port=port, **login) for host, port in places]
        yield both
        for connection in both:
            connection.close()


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_a_statement_means_the_same(connections: list[psycopg.Connection], statement: str) -> None:
    found = []
    for connection in connections:
        cursor = connection.execute(statement)
        found.append(([(column.name, column.type_code) for column in cursor.description or ()], cursor.fetchall()))
    expected, actual = found
    assert actual == expected


def test_a_view_is_renamed_as_a_table(connections: list[psycopg.Connection]) -> None:
    for connection in connections:
        connection.execute("CREATE TABLE renamed_table (a int)")
        connection.execute("CREATE VIEW renamed_view AS SELECT 42 AS a")
        with connection.transaction():
            assert connection.execute("ALTER TABLE renamed_view RENAME TO other_view").statusmessage == "ALTER TABLE"
            connection.execute("ALTER TABLE renamed_table RENAME TO other_table")
        assert connection.execute("SELECT * FROM other_view, other_table").fetchall() == []
        assert connection.execute("SELECT a FROM other_view").fetchall() == [(42,)]
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("ALTER TABLE nothing RENAME TO something")


def test_an_enum_is_a_parameter_in_binary(connections: list[psycopg.Connection]) -> None:
    for connection in connections:
        connection.execute("CREATE TYPE weather AS ENUM ('sun', 'rain')")
        connection.execute("CREATE TABLE days (sky weather)")
        row = connection.execute("SELECT 'weather'::regtype::oid").fetchone()
        connection.pgconn.exec_params(b"INSERT INTO days VALUES ($1)", [b"rain"], [row[0]], [1])
        assert connection.execute("SELECT sky::text FROM days").fetchall() == [("rain",)]


def test_a_zone_is_set_by_its_distance(connections: list[psycopg.Connection]) -> None:
    for connection in connections:
        for zone in ("+02:00", "-05:00", "+00:00"):
            connection.execute(f"SET TIME ZONE INTERVAL '{zone}' HOUR TO MINUTE")
            shown = connection.execute("SELECT ('2024-02-29 12:00:00+00'::timestamptz)::text").fetchone()[0]
            assert shown == f"2024-02-29 {12 + int(zone[:3])}:00:00{zone[:3]}".replace(" 7:", " 07:")


def test_nobody_moves_into_the_hidden_database(connections: list[psycopg.Connection]) -> None:
    with pytest.raises(psycopg.Error, match="managed by the server"):
        connections[1].execute("USE __postgresql")
