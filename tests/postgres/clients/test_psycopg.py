"""The examples of psycopg's documentation, and what its classes for types read from the catalogs."""

from __future__ import annotations

import contextlib
import datetime
import decimal
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import psycopg
import pytest
from place import Place
from psycopg import ClientCursor, sql
from psycopg.rows import class_row, dict_row, namedtuple_row, scalar_row
from psycopg.types import TypeInfo
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import Jsonb


@pytest.fixture
def connection(place: Place) -> Iterator[psycopg.Connection]:
    with psycopg.connect(place.url()) as connected:
        yield connected


@dataclass
class Person:
    first_name: str
    last_name: str
    age: int | None = None


def test_row_factories(connection: psycopg.Connection) -> None:
    asked = "SELECT 'John' AS first_name, 'Doe' AS last_name"
    assert connection.cursor(row_factory=dict_row).execute(asked).fetchone() == {
        "first_name": "John",
        "last_name": "Doe",
    }
    assert connection.cursor(row_factory=namedtuple_row).execute(asked).fetchone().last_name == "Doe"
    assert connection.cursor(row_factory=class_row(Person)).execute(asked).fetchone() == Person("John", "Doe")
    assert connection.cursor(row_factory=scalar_row).execute("SELECT 42").fetchone() == 42


def test_transactions_within_transactions(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE nested (i int)")
    connection.commit()
    with connection.transaction():
        connection.execute("INSERT INTO nested VALUES (1)")
        with connection.transaction():
            connection.execute("INSERT INTO nested VALUES (2)")
    with contextlib.suppress(ZeroDivisionError), connection.transaction():
        connection.execute("INSERT INTO nested VALUES (3)")
        raise ZeroDivisionError
    with connection.transaction(force_rollback=True):
        connection.execute("INSERT INTO nested VALUES (4)")
    assert connection.execute("SELECT sum(i)::int FROM nested").fetchone() == (3,)


def test_statements_are_composed(connection: psycopg.Connection) -> None:
    names = ["foo", "bar", "baz"]
    connection.execute("CREATE TEMP TABLE composed (foo int, bar int, baz int)")
    insert = sql.SQL("INSERT INTO composed ({}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(map(sql.Placeholder, names))
    )
    with connection.cursor() as cursor:
        cursor.executemany(insert, [{"foo": 1, "bar": 2, "baz": 3}, {"foo": 4, "bar": 5, "baz": 6}])
    picked = sql.SQL("SELECT {} FROM composed WHERE {} = {}").format(
        sql.Identifier("baz"), sql.Identifier("foo"), sql.Literal(4)
    )
    assert connection.execute(picked).fetchall() == [(6,)]


def test_a_cursor_of_the_client_merges_its_parameters(connection: psycopg.Connection) -> None:
    cursor = ClientCursor(connection)
    at = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc)
    cursor.execute(
        "SELECT %s, %s::text, %s::date, %s::timestamptz, %s::numeric(6,2)",
        (1, "it's", at.date(), at, decimal.Decimal("1.50")),
    )
    assert cursor.fetchone() == (1, "it's", at.date(), at, decimal.Decimal("1.50"))


def test_a_cursor_of_the_server_reads_parts(connection: psycopg.Connection) -> None:
    with connection.cursor(name="parts") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT i FROM generate_series(1, 1000) t(i) ORDER BY i")
        assert cursor.fetchmany(2) == [(1,), (2,)]
        assert sum(row[0] for row in cursor) == 500497
    with connection.cursor(name="kept", withhold=True) as cursor:
        cursor.execute("SELECT i FROM generate_series(1, 5) t(i) ORDER BY i")
        connection.commit()
        assert len(cursor.fetchall()) == 5


def test_types_are_found_by_their_names(connection: psycopg.Connection) -> None:
    class Mood(Enum):
        SAD = "sad"
        OK = "ok"

    connection.execute("CREATE TYPE feeling AS ENUM ('sad', 'ok')")
    connection.execute("CREATE TABLE felt (i int, mood feeling)")
    info = EnumInfo.fetch(connection, "feeling")
    assert info is not None and list(info.labels) == ["sad", "ok"]
    register_enum(info, connection, Mood, mapping={Mood.SAD: "sad", Mood.OK: "ok"})
    connection.execute("INSERT INTO felt VALUES (1, %s)", (Mood.OK,))
    assert connection.execute("SELECT mood::text FROM felt").fetchone() == ("ok",)
    found = TypeInfo.fetch(connection, "numeric")
    assert found is not None and (found.oid, found.array_oid) == (1700, 1231)


def test_json_and_lists(connection: psycopg.Connection) -> None:
    document = {"a": [1, 2.5, None, "x"]}
    assert connection.execute("SELECT %s::json", (Jsonb(document),)).fetchone() == (document,)
    assert connection.execute("SELECT %s::int[], %s::text[]", ([1, None], ["a", 'b"c'])).fetchone() == (
        [1, None],
        ["a", 'b"c'],
    )
    assert connection.execute("SELECT 1 WHERE 2 = ANY(%s)", ([1, 2, 3],)).fetchone() == (1,)


def test_copies_between_connections(place: Place, connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE source AS SELECT i, 'row ' || i AS t FROM generate_series(1, 1000) s(i)")
    connection.execute("CREATE TABLE target (i bigint, t text)")
    connection.commit()
    with psycopg.connect(place.url()) as other, connection.cursor() as from_, other.cursor() as to:
        with (
            from_.copy("COPY (SELECT i::bigint, t FROM source) TO STDOUT (FORMAT BINARY)") as out,
            to.copy("COPY target FROM STDIN (FORMAT BINARY)") as into,
        ):
            for data in out:
                into.write(data)
    connection.commit()
    assert connection.execute("SELECT count(*), sum(i)::int, max(t) FROM target").fetchone() == (
        1000,
        500500,
        "row 999",
    )


def test_notices_and_the_state_of_a_connection(connection: psycopg.Connection) -> None:
    heard: list[str] = []
    connection.add_notice_handler(lambda notice: heard.append(notice.sqlstate or ""))
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    connection.execute("SELECT 1")
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    connection.execute("BEGIN")
    assert heard == ["25001"]
    assert connection.info.parameter_status("client_encoding") == "UTF8"
    assert connection.info.server_version // 10000 == 15


def test_two_phases_are_not_served(connection: psycopg.Connection, place: Place) -> None:
    if place.is_judge:
        pytest.skip("PostgreSQL serves them when it is set to")
    with pytest.raises(psycopg.NotSupportedError):
        connection.execute("PREPARE TRANSACTION 'x'")
