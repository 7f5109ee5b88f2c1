"""What tools that cannot run in a test are known to ask: each statement of tools/ has PostgreSQL's columns and rows.

A statement ends with a `;` at the end of a line, and an empty line; `:NAME` stands for the number of a relation. Where
the rows must differ, a line `-- rows: REASON` follows.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from place import Place
from psycopg import pq
from recorded import Answer, read

HERE = Path(__file__).parent / "tools"

SCHEMA = """
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'ok');
CREATE TABLE shop.places (x int, y int, name varchar NOT NULL, PRIMARY KEY (x, y));
CREATE TABLE shop.people (id bigint PRIMARY KEY, px int, py int, feels shop.mood, paid numeric(12,2),
  "Odd Name" varchar UNIQUE, tags varchar[], born date, seen timestamptz, details json,
  FOREIGN KEY (px, py) REFERENCES shop.places (x, y), CHECK (paid > 0));
CREATE INDEX by_place ON shop.people (py, px);
CREATE VIEW shop.paid AS SELECT id, paid FROM shop.people;
COMMENT ON TABLE shop.people IS 'everybody';
COMMENT ON COLUMN shop.people.paid IS 'a month'
"""

# Types whose values are numbers of objects, which are each server's own.
NUMBERS = {24, 26, 28, 30, 1028, 2205, 2206}

# Names that the two servers have of their own.
OWN = {b"public": b"main"}


def statements() -> list[pytest.ParameterSet]:
    found = []
    for path in sorted(HERE.glob("*.sql")):
        for number, text in enumerate(re.split(r"(?<=\n)\n", path.read_text())):
            statement, _, reason = text.strip().partition("\n-- rows: ")
            found.append(pytest.param(statement, reason, id=f"{path.stem}-{number}"))
    return found


def connected(place: Place) -> pq.PGconn:
    connection = pq.PGconn.connect(place.url().encode())
    assert connection.status == pq.ConnStatus.OK, connection.get_error_message()
    return connection


def ask(connection: pq.PGconn, sql: str) -> Answer:
    connection.send_query(sql.encode())
    return read(connection)


@pytest.fixture(scope="module")
def servers(postgres: Place, mock: Place) -> list[pq.PGconn]:
    both = [connected(place) for place in (postgres, mock)]
    for connection in both:
        assert ask(connection, SCHEMA).error is None
    return both


def answer(connection: pq.PGconn, statement: str) -> Answer:
    def number(name: re.Match[str]) -> str:
        return str(ask(connection, f"SELECT 'shop.{name[1]}'::regclass::oid").values[0][0][0].decode())

    return ask(connection, re.sub(r"(?<![:\w]):([a-z]+)", number, statement))


def rows(answer: Answer) -> list[list[tuple[object, ...]]]:
    """The rows without what is each server's own, in no order."""
    found = []
    for types, values in zip(answer.types, answer.values, strict=True):
        hidden = {at for at, ty in enumerate(types) if ty in NUMBERS}
        shown = [tuple(None if at in hidden else OWN.get(it, it) for at, it in enumerate(row)) for row in values]
        found.append(sorted(shown, key=repr))
    return found


@pytest.mark.parametrize(("statement", "reason"), statements())
def test_a_tool_is_answered(servers: list[pq.PGconn], statement: str, reason: str) -> None:
    expected, actual = (answer(connection, statement) for connection in servers)
    assert expected.error is None
    assert actual.error is None
    assert (actual.names, actual.types) == (expected.names, expected.types)
    if not reason:
        assert rows(actual) == rows(expected)


def test_every_tool_has_its_statements(servers: list[pq.PGconn]) -> None:
    tools = {path.stem for path in HERE.glob("*.sql")}
    assert tools == {"dbeaver", "grafana", "metabase", "npgsql", "powerbi", "superset", "tableau"}
    assert len(statements()) > 40
