"""DuckDB's own extension for PostgreSQL, attached to both servers: it reads tables by COPY in binary, many at once."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import duckdb
import duckdb_extension_postgres_scanner as extension
import psycopg
import pytest
from judge import PASSWORD, USER
from place import Place

# What is asked for in both servers, and a few values of it.
TYPES = {
    "boolean": ["true", "false"],
    "smallint": ["-32768", "32767"],
    "int": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "real": ["1.5", "'NaN'", "'-Infinity'"],
    "float8": ["0.1", "'Infinity'", "-1e300"],
    "numeric(4,1)": ["-999.9", "0"],
    "numeric(12,2)": ["12345.67", "-0.01"],
    "numeric(38,10)": ["1234567890123456789012345678.0123456789", "-1"],
    "varchar": ["'ü'", "''"],
    "text": ["'a' || chr(10) || 'b'"],
    "bytea": ["decode('00ff10', 'hex')"],
    "date": ["'2024-02-29'", "'0001-01-01'", "'infinity'"],
    "time": ["'01:02:03.000004'", "'23:59:59.999999'"],
    "timestamp": ["'2024-02-29 12:34:56.789'", "'-infinity'"],
    "timestamptz": ["'2024-02-29 12:34:56.789+00'", "'1969-12-31 23:59:59+00'"],
    "interval": ["'1 year 2 mons 3 days 04:05:06'", "'-1 days'"],
    "uuid": ["'6b1c53a6-3c9a-4b0c-9e6f-0a8a4f8d8f3c'"],
    "json": ["""'{"a": [1, null]}'"""],
    "mood": ["'sad'", "'ok'"],
    "int[]": ["ARRAY[1, NULL, 3]"],
    "text[]": ["ARRAY['a,b', '\"']"],
    "numeric(6,2)[]": ["ARRAY[1.5, NULL]::numeric(6,2)[]"],
    "timestamp[]": ["ARRAY['2024-02-29 00:00:00'::timestamp]"],
}

# How the mock writes what only PostgreSQL understands.
IN_DUCKDB = {"decode('00ff10', 'hex')": "unhex('00ff10')"}


@functools.cache
def fill(place: Place) -> None:
    with psycopg.connect(place.url(), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA zoo")
        connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
        for at, (name, values) in enumerate(TYPES.items()):
            connection.execute(f"CREATE TABLE zoo.t{at} (id int, v {name})")
            for number, value in enumerate([*values, "NULL"]):
                value = value if place.is_judge else IN_DUCKDB.get(value, value)
                connection.execute(f"INSERT INTO zoo.t{at} VALUES ({number}, {value})")
        connection.execute(
            "CREATE TABLE zoo.many AS SELECT i::int AS i, i * 2.0::float8 AS d FROM generate_series(1, 50000) t(i)"
        )
        connection.execute("CREATE VIEW zoo.some AS SELECT i FROM zoo.many WHERE i <= 3")


@pytest.fixture(scope="module")
def filled(place: Place) -> Place:
    fill(place)
    return place


def attached(place: Place, options: str = "") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"LOAD '{next(Path(extension.__file__).parent.rglob('postgres_scanner.duckdb_extension'))}'")
    words = f"host={place.host} port={place.port} user={USER} password={PASSWORD} dbname={place.database}"
    connection.execute(f"ATTACH '{words}' AS db (TYPE postgres{options})")
    return connection


@pytest.fixture(scope="module")
def database(filled: Place) -> Iterator[duckdb.DuckDBPyConnection]:
    with attached(filled) as connection:
        yield connection


@pytest.fixture(scope="module")
def expected(postgres: Place) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same of PostgreSQL alone."""
    fill(postgres)
    with attached(postgres) as connection:
        yield connection


@pytest.mark.parametrize("name", TYPES)
def test_a_type_is_read_as_from_postgresql(
    database: duckdb.DuckDBPyConnection, expected: duckdb.DuckDBPyConnection, name: str
) -> None:
    asked = f"SELECT id, typeof(v), v::VARCHAR FROM db.zoo.t{list(TYPES).index(name)} ORDER BY id"
    rows = database.execute(asked).fetchall()
    assert rows == expected.execute(asked).fetchall()
    assert len(rows) == len(TYPES[name]) + 1


def test_tables_are_listed(database: duckdb.DuckDBPyConnection) -> None:
    names = database.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'db' AND schema_name = 'zoo'"
    ).fetchall()
    assert {name for (name,) in names} == {"many", "some", *(f"t{at}" for at in range(len(TYPES)))}


def test_a_large_table_is_read_whole(database: duckdb.DuckDBPyConnection) -> None:
    assert database.execute("SELECT count(*), sum(i), sum(d) FROM db.zoo.many").fetchall() == [
        (50000, 1250025000, 2500050000.0)
    ]
    assert database.execute("SELECT d FROM db.zoo.many WHERE i = 7").fetchall() == [(14.0,)]
    assert database.execute("SELECT i FROM db.zoo.some ORDER BY i").fetchall() == [(1,), (2,), (3,)]


def test_queries_are_handed_on(database: duckdb.DuckDBPyConnection) -> None:
    assert database.execute(
        "SELECT * FROM postgres_query('db', 'SELECT count(*)::int AS n FROM zoo.many')"
    ).fetchall() == [(50000,)]
    database.execute("CALL postgres_execute('db', 'CREATE TABLE zoo.executed (a int)')")
    assert database.execute("SELECT count(*) FROM postgres_query('db', 'SELECT * FROM zoo.executed')").fetchall() == [
        (0,)
    ]


def test_tables_are_written(filled: Place, database: duckdb.DuckDBPyConnection) -> None:
    database.execute(
        "CREATE TABLE db.zoo.written (id INTEGER, name VARCHAR, price DECIMAL(10,2), tags INTEGER[], made TIMESTAMP)"
    )
    database.execute(
        "INSERT INTO db.zoo.written SELECT i, 'row ' || i, i, [i, i + 1], TIMESTAMP '2024-02-29 00:00:00'"
        " FROM range(1000) t(i)"
    )
    asked = "SELECT count(*), sum(price), min(name), max(tags[2]), min(made)::VARCHAR FROM db.zoo.written"
    # By itself it reads a table that it has made by `ctid` until it has looked it up anew.
    with attached(filled) as connection:
        assert [tuple(map(str, row)) for row in connection.execute(asked).fetchall()] == [
            ("1000", "499500.00", "row 0", "1000", "2024-02-29 00:00:00")
        ]
    database.execute("DROP TABLE db.zoo.written")


def test_a_transaction_is_rolled_back(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("CREATE TABLE db.zoo.kept (id INTEGER)")
    database.execute("BEGIN")
    database.execute("INSERT INTO db.zoo.kept VALUES (1)")
    database.execute("ROLLBACK")
    counted = "SELECT * FROM postgres_query('db', 'SELECT count(*)::int FROM zoo.kept')"
    assert database.execute(counted).fetchall() == [(0,)]
    database.execute("DROP TABLE db.zoo.kept")


def test_nothing_is_written_that_is_attached_to_be_read(filled: Place) -> None:
    with attached(filled, ", READ_ONLY") as connection:
        assert connection.execute("SELECT count(*) FROM db.zoo.many").fetchall() == [(50000,)]
        with pytest.raises(duckdb.Error):
            connection.execute("INSERT INTO db.zoo.many VALUES (0, 0)")


def test_a_change_goes_by_ctid_which_duckdb_has_not(filled: Place) -> None:
    with attached(filled) as connection:
        connection.execute("CREATE TABLE db.zoo.changed AS SELECT 1 AS id")
        if filled.is_judge:
            connection.execute("UPDATE db.zoo.changed SET id = 2")
            assert connection.execute("SELECT id FROM db.zoo.changed").fetchall() == [(2,)]
            return
        with pytest.raises(duckdb.Error, match="tid"):
            connection.execute("UPDATE db.zoo.changed SET id = 2")
        connection.execute("CALL postgres_execute('db', 'UPDATE zoo.changed SET id = 2')")
        assert connection.execute("SELECT id FROM db.zoo.changed").fetchall() == [(2,)]
