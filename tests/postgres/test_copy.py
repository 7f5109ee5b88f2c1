"""COPY with the client, beside PostgreSQL 15 (PW-29, PW-30)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from judge import DATABASE, PASSWORD, USER
from mock_server import MockServer
from wire import (
    COPY_DONE,
    FLUSH,
    SYNC,
    Connection,
    bind,
    copy_data,
    copy_fail,
    describe,
    execute,
    parse,
    query,
)

Same = Callable[..., list[Any]]

TABLE = "CREATE TEMP TABLE t (a int, b varchar, c double precision)"
ROWS = (
    "(VALUES (1, 'x', 1.5), (NULL, '', NULL), (-3, E'a\\tb\\nc\\\\d\"e,f|g''h', 1e20::double precision)) AS v(a, b, c)"
)
WIDE = (
    "SELECT true AS a, 7::smallint AS b, 1.50::decimal(5,2) AS c, date '2024-02-29' AS d, "
    "timestamp '2024-02-29 12:34:56.789' AS e, ARRAY[1, NULL, 3] AS f, '550e8400-e29b-41d4-a716-446655440000'::uuid AS g, "
    "time '12:34:56' AS h, interval '1 day 02:00:00' AS i, ARRAY['a,b', 'c\"d']::varchar[] AS j"
)

OUT = {
    "text": f"COPY (SELECT * FROM {ROWS}) TO STDOUT",
    "CSV": f"COPY (SELECT * FROM {ROWS}) TO STDOUT (FORMAT csv)",
    "a format in capitals": f"COPY (SELECT * FROM {ROWS}) TO STDOUT (FORMAT CSV, HEADER TRUE)",
    "a catalog": "COPY (SELECT oid, typname, typlen FROM pg_type WHERE typname ~ '^int[248]$' ORDER BY oid) TO STDOUT",
    "a catalog in binary": "COPY (SELECT oid, typname, typlen FROM pg_type WHERE oid < 30 ORDER BY oid) TO STDOUT (FORMAT BINARY)",
    "binary": f"COPY (SELECT a::int AS a, b::varchar AS b FROM {ROWS}) TO STDOUT (FORMAT binary)",
    "nothing": "COPY (SELECT 1 AS a WHERE 1 = 0) TO STDOUT",
    "nothing in binary": "COPY (SELECT 1 AS a WHERE 1 = 0) TO STDOUT WITH BINARY",
    "old options": f"COPY (SELECT * FROM {ROWS}) TO STDOUT WITH DELIMITER AS '|' NULL AS 'none'",
    "older options": "COPY t TO STDOUT USING DELIMITERS ';'",
    "older options of a query": "COPY (SELECT 1 AS a) TO STDOUT USING DELIMITERS ';'",
    "old CSV": f"COPY (SELECT * FROM {ROWS}) TO STDOUT CSV HEADER QUOTE '|' ESCAPE E'\\\\' FORCE QUOTE a, b",
    "every column quoted": f"COPY (SELECT * FROM {ROWS}) TO STDOUT (FORMAT csv, FORCE_QUOTE *, HEADER true, NULL 'x')",
    "a header of text": f"COPY (SELECT * FROM {ROWS}) TO STDOUT (HEADER)",
    "an end mark alone": "COPY (SELECT E'\\\\.' AS a) TO STDOUT CSV",
    "other types": f"COPY ({WIDE}) TO STDOUT",
    "other types in CSV": f"COPY ({WIDE}) TO STDOUT CSV",
    "other types in binary": f"COPY ({WIDE}) TO STDOUT BINARY",
    "an encoding": "COPY (SELECT 'ä' AS a) TO STDOUT (ENCODING 'utf-8')",
    "a table": "COPY t TO STDOUT",
    "columns of a table": "COPY t (c, a) TO STDOUT",
    "the binary of a table": "COPY BINARY t TO STDOUT",
    "an error under way": "COPY (SELECT 1 / (g - 2)::int AS a FROM generate_series(1, 3) AS s(g) WHERE 'x'::varchar::int = g) TO STDOUT",
    "a table that is not there": "COPY nowhere TO STDOUT",
    "a column that is not there": "COPY t (nothing) TO STDOUT",
    "several statements": "COPY (SELECT 1 AS a) TO STDOUT; SELECT 2 AS a; COPY (SELECT 3 AS a) TO STDOUT",
    "a changing statement": "COPY (INSERT INTO t VALUES (1, 'x', 2) RETURNING a) TO STDOUT",
    "one that gives nothing": "COPY (INSERT INTO t VALUES (1, 'x', 2)) TO STDOUT",
}

WRONG_OPTIONS = [
    "(FORMAT nonsense)", "(NONSENSE 1)", "(FORMAT csv, FORMAT text)", "(DELIMITER 'ab')", "(DELIMITER '')",
    "(DELIMITER 'a')", "(DELIMITER E'\\n')", "(NULL E'\\n')", "(NULL E'a\\tb')", "(QUOTE '|')", "(ESCAPE '|')",
    "(FORMAT csv, QUOTE ',')", "(FORMAT csv, QUOTE 'ab')", "(FORMAT csv, ESCAPE 'ab')", "(FORMAT csv, NULL '\"')",
    "(FORMAT binary, DELIMITER ',')", "(FORMAT binary, NULL '')", "(FORMAT binary, HEADER)", "(HEADER nonsense)",
    "(FORCE_QUOTE *)", "(FORMAT csv, FORCE_NOT_NULL (a))", "(FORMAT csv, FORCE_NULL (a))", "(HEADER match)",
    "(ENCODING 'nonsense')", "(FREEZE nonsense)", "(DELIMITER)", "(FORMAT csv, FORCE_QUOTE a)",
    "(FORMAT csv, FORCE_QUOTE (nothing))", "nonsense", "(DEFAULT 'x')", "CSV FORCE",
]  # fmt: skip


def asked(*steps: bytes | tuple[bytes, ...]) -> Callable[[Connection], list[Any]]:
    """A script: each step is sent, and read to its ReadyForQuery; where errors were is told as well."""

    def run(connection: Connection) -> list[Any]:
        said: list[Any] = []
        for step in steps:
            said += connection.ask(*((step,) if isinstance(step, bytes) else step))
        return [*said, connection.contexts]

    return run


@pytest.mark.parametrize("sql", OUT.values(), ids=OUT.keys())
def test_copy_to(same: Same, sql: str) -> None:
    filled = query("INSERT INTO t VALUES (1, 'x', 1.5), (2, NULL, NULL)")
    same(asked(query(TABLE), filled, query(sql), query("SELECT count(*) AS n FROM t")))


@pytest.mark.parametrize("options", WRONG_OPTIONS)
def test_options_that_are_refused(same: Same, options: str) -> None:
    said = same(asked(query(TABLE), query(f"COPY t TO STDOUT {options}")))
    assert said[2][0] == "Error"


@pytest.mark.parametrize("options", ["(FORMAT csv, FORCE_QUOTE (a))", "(FORMAT csv, FORCE_NOT_NULL (nothing))"])
def test_options_that_are_refused_for_rows_that_come(same: Same, options: str) -> None:
    same(asked(query(TABLE), query(f"COPY t FROM STDIN {options}")))


SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack("!II", 0, 0)


def binary(*rows: tuple[Any, ...]) -> bytes:
    """Rows of the table in the binary format."""
    packed = SIGNATURE
    for a, b, c in rows:
        values = (None if a is None else struct.pack("!i", a), b, None if c is None else struct.pack("!d", c))
        packed += struct.pack("!h", 3)
        for value in values:
            packed += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return packed + b"\xff\xff"


IN: dict[str, tuple[str, list[str | bytes]]] = {
    "text": ("", ["1\tx\t1.5\n", "\\N\t\\N\t\\N\n2\t\\\\a\\tb\\x41\\101\\q\t-1\n"]),
    "a value over several messages": ("", ["1\tx", "yz", "\t1.", "5\n"]),
    "no end of the last line": ("", ["1\tx\t1.5"]),
    "ends of Windows": ("", ["1\tx\t1.5\r\n2\ty\t2\r\n"]),
    "ends of long ago": ("", ["1\tx\t1.5\r2\ty\t2\r"]),
    "other ends": ("", ["1\tx\t1.5\n2\ty\t2\r\n"]),
    "other ends the other way round": ("", ["1\tx\t1.5\r\n2\ty\t2\n"]),
    "an end mark": ("", ["1\tx\t1.5\n\\.\n2\ty\t2\n"]),
    "an end mark with more": ("", ["1\tx\t1.5\n\\.x\n"]),
    "an end mark in a line": ("", ["1\tx\\.\t1.5\n"]),
    "a line end in a value": ("", ["1\tx\\\ny\t1.5\n"]),
    "nothing": ("", []),
    "nothing in a message": ("", [""]),
    "another delimiter": ("(DELIMITER '|', NULL 'none')", ["1|none|none\n2|a\\|b|3\n"]),
    "old options": ("WITH DELIMITER '|' NULL 'none'", ["1|none|none\n"]),
    "JSON and backslashes": ("", ['1\t{"a": "b\\\\n"}\t1\n']),
    "CSV": ("(FORMAT csv)", ['1,x,1.5\n,"",\n2,"a ""b"", c\nd",-1\n']),
    "CSV with a header": ("CSV HEADER", ["nonsense\n1,x,1.5\n"]),
    "CSV with a header that fits": ("(FORMAT csv, HEADER match)", ["a,b,c\n1,x,1.5\n"]),
    "CSV with a header that does not": ("(FORMAT csv, HEADER match)", ["a,c,b\n1,x,1.5\n"]),
    "CSV with a header of other length": ("(FORMAT csv, HEADER match)", ["a,b\n1,x,1.5\n"]),
    "CSV with another NULL": ("(FORMAT csv, NULL 'x')", ['1,x,2\n2,"x",3\n3,,4\n']),
    "CSV of no NULL": ("(FORMAT csv, FORCE_NOT_NULL (b))", ["1,,2\n"]),
    "CSV of forced NULL": ("(FORMAT csv, FORCE_NULL (b))", ['1,"",2\n']),
    "CSV with another quote": ("(FORMAT csv, QUOTE '|', ESCAPE E'\\\\')", ["1,|a,\\|b|,2\n"]),
    "CSV with an open quote": ("CSV", ['1,x,1\n2,"a\n3,b,3\n']),
    "CSV with text behind a quote": ("CSV", ['1,"a"b,3\n']),
    "CSV with other ends": ("CSV", ["1,x,1\n2,y,2\r\n"]),
    "CSV with ends in quotes": ("CSV", ['1,"a\r\nb",2\n2,x,y\n']),
    "CSV with an end mark": ("CSV", ["1,x,1\n\\.\n2,y,2\n"]),
    "too few values": ("", ["1\tx\t1.5\n2\ty\n"]),
    "too many values": ("", ["1\tx\t1.5\t2\n"]),
    "no number": ("", ["1\tx\t1\n2\ty\t2\nthree\tz\t3\n"]),
    "no whole number": ("", ["1.5\tx\t1\n"]),
    "a number out of range": ("", ["3000000000\tx\t1\n"]),
    "a double out of range": ("", ["1\tx\t1e999\n"]),
    "no double": ("", ["1\tx\tabc\n"]),
    "names of doubles": ("", ["1\tx\tNaN\n2\ty\tInfinity\n3\tz\t-inf\n"]),
    "no UTF-8": ("", [b"1\t\xff\t1\n"]),
    "a long line": ("", [f"{'1' * 200}\tx\t1\n"]),
    "binary": ("(FORMAT binary)", [binary((1, b"x", 1.5), (None, None, None))]),
    "binary in pieces": ("BINARY", [binary((1, b"x", 1.5))[at : at + 1] for at in range(50)]),
    "binary without an end": ("BINARY", [binary((1, b"x", 1.5))[:-2]]),
    "binary cut off": ("BINARY", [binary((1, b"x", 1.5))[:-3]]),
    "binary without a signature": ("BINARY", [b"1\tx\t1.5\n"]),
    "binary with a flag": ("BINARY", [SIGNATURE[:11] + struct.pack("!II", 1 << 20, 0)]),
    "binary with an extension": ("BINARY", [SIGNATURE[:11] + struct.pack("!II", 1, 3) + b"abc\xff\xff"]),
    "binary with another count": ("BINARY", [SIGNATURE + struct.pack("!hi", 1, -1)]),
    "binary with a length that is none": ("BINARY", [SIGNATURE + struct.pack("!hi", 3, -2)]),
    "binary with a value that is none": ("BINARY", [SIGNATURE + struct.pack("!hihiidi", 3, 2, 1, -1, 8, 1.5, -1)]),
    "binary behind its end": ("BINARY", [binary() + b"x"]),
}


@pytest.mark.parametrize(("options", "data"), IN.values(), ids=IN.keys())
def test_copy_from(same: Same, options: str, data: list[str | bytes]) -> None:
    sent = (query(f"COPY t FROM STDIN {options}"), *map(copy_data, data), COPY_DONE)
    read = query("SELECT * FROM t ORDER BY a, b")
    said = same(asked(query(TABLE), query("INSERT INTO t VALUES (0, 'before', 0)"), sent, read))
    kinds = [kind for kind, _ in said[:-1]]
    assert kinds.count("G") == 1 and kinds.count("ReadyForQuery") == 4


def test_columns_that_are_named(same: Same) -> None:
    made = query("CREATE TEMP TABLE d (a int DEFAULT 7, b varchar, c int DEFAULT 8)")
    sent = (query("COPY d (b, a) FROM STDIN"), copy_data("x\t1\ny\t\\N\n"), COPY_DONE)
    same(asked(made, sent, query("SELECT * FROM d ORDER BY b")))


def test_a_table_that_does_not_take_rows(same: Same) -> None:
    made = query("CREATE TABLE IF NOT EXISTS k (a int PRIMARY KEY, b varchar NOT NULL)")
    twice = (query("COPY k FROM STDIN"), copy_data("1\tx\n1\ty\n"), COPY_DONE)
    none = (query("COPY k FROM STDIN"), copy_data("1\tx\n2\t\\N\n"), COPY_DONE)

    def run(connection: Connection) -> list[Any]:
        # Constraints name no line here.
        return asked(made, twice, none, query("SELECT count(*) AS n FROM k"))(connection)[:-1]

    same(run)
    same(asked(query("COPY nowhere FROM STDIN"), query("CREATE TEMP TABLE u (a int)"), query("COPY u (b) FROM STDIN")))


def test_copy_in_a_transaction(same: Same) -> None:
    rows, bad = (copy_data("1\tx\t1\n"), COPY_DONE), (copy_data("x\n"), COPY_DONE)
    copy = query("COPY t FROM STDIN")
    same(
        asked(
            query(TABLE),
            query("BEGIN"),
            (copy, *rows),
            query("SELECT * FROM t"),
            query("ROLLBACK"),
            query("SELECT * FROM t"),
        )
    )
    same(asked(query(TABLE), query("BEGIN"), (copy, *bad), query("SELECT 1 AS a"), query("COMMIT")))
    same(asked(query(TABLE), (query("COPY t FROM STDIN; SELECT nothing"), *rows), query("SELECT * FROM t")))
    same(
        asked(
            query(TABLE), (query("INSERT INTO t VALUES (5, 'x', 1); COPY t FROM STDIN"), *bad), query("SELECT * FROM t")
        )
    )


def test_a_client_that_gives_up(same: Same) -> None:
    copy = query("COPY t FROM STDIN")
    read = query("SELECT count(*) AS n FROM t")
    same(asked(query(TABLE), (copy, copy_data("1\tx\t1\n"), copy_fail("never mind")), read))
    # What comes late, and what does not belong there.
    same(asked(query(TABLE), (copy, copy_data("x\n"), copy_data("1\tx\t1\n"), COPY_DONE), read))
    same(asked((copy_data("1"), COPY_DONE, copy_fail("late"), query("SELECT 1 AS a"))))


def test_another_message_ends_a_copy(same: Same) -> None:
    def run(connection: Connection) -> list[Any]:
        connection.ask(query(TABLE))
        connection.send(query("COPY t FROM STDIN"), copy_data("1\tx\t1\n"), query("SELECT 1 AS a"))
        return connection.until_ready()

    same(run)


def test_extended_queries(same: Same) -> None:
    copy = (parse("COPY t FROM STDIN", "c"), describe("S", "c"), bind(statement="c"), describe("P"), execute())
    read = query("SELECT * FROM t")
    rows = (copy_data("1\tx\t1\n"), COPY_DONE)
    same(asked(query(TABLE), (*copy, *rows, SYNC), read))
    # Clients send a Sync before they know that rows are wanted.
    same(asked(query(TABLE), (*copy, SYNC, FLUSH, *rows, SYNC), read))
    same(asked(query(TABLE), (*copy, SYNC, copy_data("x\n"), COPY_DONE, SYNC), read))
    same(asked(query(TABLE), (*copy, copy_fail("no"), SYNC), read))
    out = (parse("COPY (SELECT 1 AS a) TO STDOUT"), bind(), describe("P"), execute(), execute(), SYNC)
    same(asked(out))
    same(asked(query("PREPARE_NOT"), (parse("COPY t FROM STDIN (NONSENSE)"), SYNC)))


def test_where_a_value_is_that_duckdb_reads(mock: Connection) -> None:
    mock.ask(query("CREATE TEMP TABLE m (a int, d date, u utinyint)"))
    rows = "".join(f"{at}\t2024-01-01\t1\n" for at in range(50_000))
    for bad, place in (("1\tsoon\t1\n", "column d"), ("1\t2024-01-01\t300\n", "column u")):
        said = mock.ask(query("COPY m FROM STDIN"), copy_data(rows + bad + rows), COPY_DONE)
        assert said[1][1][1].startswith("22"), said  # type: ignore[index]
        assert mock.contexts.pop().startswith(f"COPY m, line 50001, {place}")
    said = mock.ask(query("BEGIN"), query("COPY m FROM STDIN"), copy_data("1\tsoon\t1\n"), COPY_DONE)
    said += mock.until_ready()
    assert mock.contexts.pop() == "COPY m, line 1, column d"
    assert mock.ask(query("ROLLBACK"), query("SELECT count(*) AS n FROM m"))[-1] == ("ReadyForQuery", "I")
    assert mock.until_ready()[1] == ("DataRow", [b"0"])


TYPES = (
    "true, 7::tinyint, 8::utinyint, 9::usmallint, 10::uinteger, 11::ubigint, 12::hugeint, 1.5::real, 1.50::decimal(5,2), "
    "'x'::varchar, '\\xAA'::blob, '550e8400-e29b-41d4-a716-446655440000'::uuid, '{\"a\": 1}'::json, '101'::bit, "
    "date '2024-02-29', date '0044-03-15 (BC)', time '12:34:56.5', '12:34:56+05:30'::timetz, timestamp '2024-02-29 12:34:56.789', "
    "'infinity'::timestamp, timestamptz '2024-02-29 12:34:56+00', interval '1 month 2 days 3 hours', "
    "[1, NULL, 3], ['a,b', 'c\"d', NULL], [1.5::double], [date '2024-01-01'], 'b'::enum('a', 'b')"
)


@pytest.mark.parametrize("options", ["", "(FORMAT csv, HEADER)", "(FORMAT binary)"])
def test_every_type_comes_back(mock: Connection, options: str) -> None:
    names = ", ".join(f"c{at}" for at in range(27))
    mock.ask(query(f"CREATE TEMP TABLE o AS SELECT * FROM (SELECT {TYPES}) AS v({names})"))
    mock.ask(query("INSERT INTO o (c0) VALUES (NULL)"), query("CREATE TEMP TABLE i AS FROM o WITH NO DATA"))
    mock.until_ready()
    sent = [body for kind, body in mock.ask(query(f"COPY o TO STDOUT {options}")) if kind == "d"]
    said = mock.ask(query(f"COPY i FROM STDIN {options}"), *map(copy_data, sent), COPY_DONE)
    assert said[1:] == [("CommandComplete", "COPY 2"), ("ReadyForQuery", "I")], (said, mock.contexts)
    said = mock.ask(query("SELECT count(*) AS n FROM (FROM o INTERSECT ALL FROM i)"))
    assert said[1] == ("DataRow", [b"2"])


def test_other_catalogs_schemas_and_the_other_doors(mock: Connection) -> None:
    mock.ask(query("CREATE SCHEMA IF NOT EXISTS s"), query("CREATE OR REPLACE TABLE s.t (a int)"))
    mock.until_ready()
    mock.ask(query("CREATE OR REPLACE TABLE lake.main.t (a int)"))
    for name in ("s.t", "memory.s.t", '"S"."T"', "lake.t", "lake.main.t"):
        said = mock.ask(query(f"COPY {name} FROM STDIN"), copy_data("1\n"), COPY_DONE)
        assert said[1] == ("CommandComplete", "COPY 1"), (name, said)
    assert mock.ask(query("SELECT count(*) AS n FROM s.t"))[1] == ("DataRow", [b"3"])
    mock.ask(query("SET search_path TO s"))
    assert mock.ask(query("COPY t FROM STDIN"), copy_data("1\n"), COPY_DONE)[1] == ("CommandComplete", "COPY 1")
    mock.ask(query("CREATE OR REPLACE VIEW v AS SELECT 1 AS a"))
    assert mock.ask(query("COPY v FROM STDIN"), copy_data("1\n"), COPY_DONE)[-2][0] == "Error"
    mock.ask(query("BEGIN READ ONLY"))
    assert mock.ask(query("COPY s.t FROM STDIN"), copy_data("1\n"), COPY_DONE)[1] == ("Error", ("ERROR", "25006"))


def test_copy_with_a_file_is_duckdbs(mock: Connection) -> None:
    said = mock.ask(query("COPY (SELECT 1 AS a) TO '/tmp/never.csv'"))
    assert said == [("Error", ("ERROR", "42501")), ("ReadyForQuery", "I")]


def test_many_rows_by_psycopg_in_little_memory(server: MockServer) -> None:
    def resident() -> int:
        with open(f"/proc/{server.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * 4096

    url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{server.postgres_address[1]}/{DATABASE}"
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE big (a bigint, b varchar)")
        before = resident()
        with cursor.copy("COPY big FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int8", "varchar"])
            for at in range(100_000):
                copy.write_row((at, "x" * 1000))
        assert cursor.rowcount == 100_000
        # The table itself is compressed, and takes little.
        assert resident() - before < 192 << 20
        with cursor.copy("COPY (SELECT a, b FROM big ORDER BY a) TO STDOUT") as copy:
            rows = sum(1 for _ in copy.rows())
        assert rows == 100_000
