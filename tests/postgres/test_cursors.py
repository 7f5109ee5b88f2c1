"""Cursors that SQL declares, beside PostgreSQL 15 (PW-32)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from judge import DATABASE, PASSWORD, USER
from mock_server import MockServer
from wire import SYNC, asked, bind, close, describe, execute, parse, query

Same = Callable[..., list[Any]]

ROWS = "SELECT g::int AS g, 'row'::varchar AS t FROM generate_series(1, 10) AS s(g)"
DECLARE = f"DECLARE c NO SCROLL CURSOR FOR {ROWS}"


SCRIPTS = {
    "one by one": ["FETCH c", "FETCH NEXT FROM c", "FETCH FORWARD IN c", "FETCH 1 c"],
    "several, and more than there are": [
        "FETCH 4 FROM c",
        "FETCH FORWARD 4 FROM c",
        "FETCH 4 FROM c",
        "FETCH 4 FROM c",
    ],
    "all": ["FETCH 2 FROM c", "FETCH ALL FROM c", "FETCH ALL FROM c", "FETCH FORWARD ALL FROM c"],
    "exactly as many as there are": ["FETCH 10 FROM c", "FETCH 1 FROM c"],
    "moves": ["MOVE 3 IN c", "FETCH 1 FROM c", "MOVE c", "FETCH 1 FROM c", "MOVE ALL FROM c", "FETCH 1 FROM c"],
    "a row by its number": [
        "FETCH ABSOLUTE 5 FROM c",
        "FETCH ABSOLUTE 8 FROM c",
        "FETCH RELATIVE 2 FROM c",
        "FETCH 1 FROM c",
    ],
    "the first": ["FETCH FIRST FROM c", "FETCH 1 FROM c"],
    "one beyond the end": ["FETCH ABSOLUTE 50 FROM c", "FETCH 1 FROM c"],
    "none before the first": ["FETCH 0 FROM c", "FETCH RELATIVE 0 FROM c", "FETCH 1 FROM c"],
    "the present one again": ["FETCH 1 FROM c", "FETCH 0 FROM c"],
    "backward": ["FETCH 2 FROM c", "FETCH BACKWARD 1 FROM c"],
    "a negative number": ["FETCH 2 FROM c", "FETCH -1 FROM c"],
    "the one before": ["FETCH 2 FROM c", "FETCH PRIOR FROM c"],
    "a row that was before": ["FETCH 5 FROM c", "FETCH ABSOLUTE 2 FROM c"],
    "closed": ["CLOSE c", "FETCH 1 FROM c"],
    "all closed": ["CLOSE ALL", "FETCH 1 FROM c"],
    "one that there is not": ["FETCH 1 FROM nothing"],
    "one to close that there is not": ["CLOSE nothing"],
    "twice the same": [DECLARE],
    "another beside it": [
        f'DECLARE "C d" CURSOR FOR {ROWS}',
        'FETCH 2 FROM "C d"',
        "FETCH 1 FROM c",
        'FETCH 1 FROM "C d"',
    ],
    "bytes": [f"DECLARE b BINARY CURSOR FOR {ROWS}", "FETCH 2 FROM b"],
    "a statement that cannot be read": ["DECLARE d CURSOR FOR SELECT * FROM nowhere"],
    "a statement between": ["FETCH 1 FROM c", "SELECT 1 AS a", "FETCH 1 FROM c"],
    "an error between": ["FETCH 1 FROM c", "SELECT nothing", "FETCH 1 FROM c"],
    "ended by its transaction": ["FETCH 1 FROM c", "COMMIT", "FETCH 1 FROM c"],
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_cursors(same: Same, script: list[str]) -> None:
    same(asked(query("BEGIN"), query(DECLARE), *map(query, script), query("ROLLBACK"), query("SELECT 42 AS after")))


def test_cursors_need_a_block(same: Same) -> None:
    same(asked(query(DECLARE), query(f"{DECLARE}; FETCH 2 FROM c"), query("FETCH 1 FROM c")))


def test_held_cursors_outlive_their_transaction(same: Same) -> None:
    held = query(f"DECLARE h NO SCROLL CURSOR WITH HOLD FOR {ROWS}")
    fetch = query("FETCH 2 FROM h")
    same(
        asked(
            query("BEGIN"),
            held,
            fetch,
            query("COMMIT"),
            fetch,
            query("BEGIN"),
            fetch,
            query("ROLLBACK"),
            fetch,
            query("CLOSE h"),
        )
    )
    same(asked(query("BEGIN"), held, fetch, query("ROLLBACK"), fetch))
    same(asked(held, fetch, query("SELECT 1 AS a"), fetch, query("SELECT nothing"), fetch, query("CLOSE ALL"), fetch))


def test_what_is_written_later_is_not_seen(same: Same) -> None:
    made = query("CREATE TEMP TABLE w AS SELECT g::int AS g FROM generate_series(1, 3) AS s(g)")
    declared = query("DECLARE c CURSOR FOR SELECT g FROM w ORDER BY g")
    same(
        asked(
            made,
            query("BEGIN"),
            declared,
            query("DELETE FROM w WHERE g > 1"),
            query("FETCH ALL FROM c"),
            query("COMMIT"),
        )
    )


def test_cursors_of_prepared_statements(same: Same) -> None:
    declare = (parse(DECLARE, "d"), describe("S", "d"), bind(statement="d"), describe("P"), execute(), SYNC)
    fetch = (
        parse("FETCH 2 FROM c", "f"),
        describe("S", "f"),
        bind(statement="f", results=[1]),
        describe("P"),
        execute(),
        SYNC,
    )
    again = (bind(statement="f"), execute(), SYNC)
    moved = (parse("MOVE 1 FROM c"), describe("S"), bind(), execute(), SYNC)
    portal = (describe("P", "c"), execute("c", 1), close("P", "c"), execute("c"), SYNC)
    same(asked(query("BEGIN"), declare, fetch, again, moved, portal, query("ROLLBACK")))
    values = parse("DECLARE v CURSOR FOR SELECT $1::int + g::int AS n FROM generate_series(1, 3) AS s(g)")
    same(asked(query("BEGIN"), (values, bind(["40"]), execute(), SYNC), query("FETCH ALL FROM v"), query("ROLLBACK")))


def test_server_cursors_of_psycopg(server: MockServer) -> None:
    url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{server.postgres_address[1]}/{DATABASE}"
    with psycopg.connect(url) as connection:
        with connection.cursor(name="many") as cursor:
            cursor.itersize = 1000
            cursor.execute("SELECT range AS i FROM range(%s)", (10_000,))
            assert [row[0] for row in cursor] == list(range(10_000))
        with connection.cursor(name="held", withhold=True) as cursor:
            cursor.execute("SELECT range AS i FROM range(10)")
            assert cursor.fetchmany(3) == [(0,), (1,), (2,)]
            connection.commit()
            assert len(cursor.fetchall()) == 7
