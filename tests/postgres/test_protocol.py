"""The same messages to PostgreSQL 15 and to the server: both have to say the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from wire import (
    FLUSH,
    SYNC,
    Connection,
    bind,
    close,
    describe,
    execute,
    message,
    parse,
    query,
)

Same = Callable[..., list[Any]]

ROWS = "SELECT g AS g FROM generate_series(1, 3000) AS s(g)"


def asked(*steps: bytes | tuple[bytes, ...]) -> Callable[[Connection], list[Any]]:
    """A script: each step is sent, and read to its ReadyForQuery."""

    def run(connection: Connection) -> list[Any]:
        said: list[Any] = []
        for step in steps:
            said += connection.ask(*((step,) if isinstance(step, bytes) else step))
        return said

    return run


QUERIES = {
    "one row": "SELECT 1 AS a, 'x'::varchar AS b",
    "nothing": "",
    "blanks, semicolons and comments": " ; /* ; */ ; -- x\n;",
    "several statements": "SELECT 1 AS a; SELECT 2 AS b; ",
    "no rows": "SELECT 1 AS a WHERE 1 = 0",
    "NULL": "SELECT NULL::int AS a",
    "a syntax error": "SELEC 1",
    "a table that is not there": "SELECT * FROM nowhere",
    "a column that is not there": "SELECT nothing FROM (SELECT 1 AS a) AS t",
    "an ambiguous column": "SELECT a FROM (SELECT 1 AS a) AS t, (SELECT 2 AS a) AS u",
    "a function that is not there": "SELECT nofunction(1)",
    "a type that is not there": "SELECT 1::notype",
    "a schema that is not there": "CREATE TABLE noschema.t (a int)",
    "a bad number": "SELECT 'abc'::int",
    "a number out of range": "SELECT 3000000000::int",
    "a syntax error behind a statement runs nothing": "CREATE TEMP TABLE q (a int); SELEC",
    "a warning": "COMMIT",
    "a rollback of nothing": "ROLLBACK",
    "BEGIN twice": "BEGIN; BEGIN; SELECT 1 AS a; COMMIT",
    "COMMIT ends what was begun implicitly": "SELECT 1 AS a; COMMIT; SELECT 2 AS a",
    "BEGIN within several makes it explicit": "SELECT 1 AS a; BEGIN; SELECT 2 AS a",
    "COMMIT AND CHAIN of nothing": "COMMIT AND CHAIN",
    "COMMIT AND CHAIN": "BEGIN; COMMIT AND CHAIN",
    "DISCARD ALL in a block": "BEGIN; DISCARD ALL",
    "DISCARD ALL": "DISCARD ALL",
    "a setting": "SHOW server_encoding",
    "a setting that is not there": "SHOW nosetting",
    "a setting that cannot be changed": "SET server_version TO '16'",
    "a value that a setting does not take": "SET client_encoding TO 'nonsense'",
    "a reported setting": "SET application_name TO 'me'; SHOW application_name",
    "a setting of its own": "SET my.own TO 'x'; SHOW my.own; RESET my.own; SHOW my.own",
    "a zone": "SET TIME ZONE 'Asia/Kolkata'; SELECT '2024-01-01 00:00:00+00'::timestamptz AS t",
    "a zone that is not there": "SET TimeZone TO 'No/Where'",
    "a local setting ends with its block": "BEGIN; SET LOCAL my.own TO 'x'; SHOW my.own; COMMIT; SHOW my.own",
    "a rollback takes settings back": "BEGIN; SET application_name TO 'x'; ROLLBACK; SHOW application_name",
    "DEALLOCATE of nothing": "DEALLOCATE nothing",
    "DEALLOCATE ALL": "DEALLOCATE ALL",
    "a savepoint outside of a block": "SAVEPOINT a",
    "a release outside of a block": "RELEASE a",
    "a savepoint": "BEGIN; SAVEPOINT a; SELECT 1 AS a; ROLLBACK TO a; RELEASE a; COMMIT",
    "a savepoint that is not there": "BEGIN; ROLLBACK TO a",
    "an isolation level": "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; SHOW default_transaction_read_only; COMMIT",
    "a channel": "LISTEN c; UNLISTEN c; UNLISTEN *",
    "a lock outside of a block": "LOCK TABLE t",
    "another role": "SET ROLE nobody_at_all",
    "oneself": "SET ROLE alice; SET SESSION AUTHORIZATION alice; RESET ROLE; SET ROLE NONE",
    "a named search path": 'SET search_path TO "$user", public; SHOW search_path',
}


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES.keys())
def test_query(same: Same, sql: str) -> None:
    same(asked(query(sql), query("SELECT 42 AS after")))


TABLE = "CREATE TEMP TABLE t (a int PRIMARY KEY, b varchar NOT NULL, c int CHECK (c > 0))"

CHANGES = {
    "rows are counted": "INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2); UPDATE t SET b = 'z'; DELETE FROM t",
    "RETURNING": "INSERT INTO t VALUES (1, 'x', 1) RETURNING a, b",
    "twice the same key": "INSERT INTO t VALUES (1, 'x', 1); INSERT INTO t VALUES (1, 'y', 1)",
    "no value": "INSERT INTO t VALUES (1, NULL, 1)",
    "a check": "INSERT INTO t VALUES (1, 'x', 0)",
    "an error undoes the statements before it": "INSERT INTO t VALUES (1, 'x', 1); SELECT * FROM nowhere",
    "an error behind COMMIT does not": "BEGIN; INSERT INTO t VALUES (1, 'x', 1); COMMIT; SELECT * FROM nowhere",
    "a table of a query": "CREATE TEMP TABLE u AS SELECT 1 AS a UNION ALL SELECT 2",
    "a table twice": "CREATE TEMP TABLE t (a int)",
    "TRUNCATE": "TRUNCATE t",
    "DDL": "ALTER TABLE t ADD COLUMN d int; CREATE TEMP VIEW v AS SELECT 1 AS a; DROP VIEW v; DROP TABLE t; CREATE TEMP TABLE t (a int)",
    "serial numbers": "CREATE TEMP TABLE s (id serial PRIMARY KEY, big bigserial, b varchar); INSERT INTO s (b) VALUES ('x'), ('y') RETURNING id, big",
    "serial numbers of no value": "CREATE TEMP TABLE s (id serial, b int); INSERT INTO s VALUES (NULL, 1)",
    "an identity": "CREATE TEMP TABLE s (id int GENERATED BY DEFAULT AS IDENTITY (START WITH 5 INCREMENT BY 2), b int); INSERT INTO s (b) VALUES (1), (2) RETURNING id",
    "an identity twice made": "CREATE TEMP TABLE s (id int GENERATED ALWAYS AS IDENTITY, b int); DROP TABLE s; CREATE TEMP TABLE s (id int GENERATED ALWAYS AS IDENTITY, b int); INSERT INTO s (b) VALUES (7) RETURNING id",
    "a table with serial numbers twice": "CREATE TEMP TABLE s (id serial); CREATE TEMP TABLE s (id serial)",
    "jsonb": "CREATE TEMP TABLE s (d jsonb, e int); INSERT INTO s VALUES ('[1]', 1); ALTER TABLE s ADD COLUMN f jsonb",
    "privileges": "GRANT SELECT ON t TO alice; REVOKE SELECT ON t FROM alice; GRANT SELECT ON t TO alice",
    "a lock": "BEGIN; LOCK TABLE t IN ACCESS SHARE MODE; LOCK t; COMMIT",
    "a read-only transaction": "BEGIN READ ONLY; CREATE SCHEMA never; ROLLBACK",
}


@pytest.mark.parametrize("sql", CHANGES.values(), ids=CHANGES.keys())
def test_change(same: Same, sql: str) -> None:
    same(asked(query(TABLE), query(sql), query("SELECT count(*) AS n FROM t"), query("ROLLBACK")))


def test_any_error_in_a_block_leaves_nothing_but_its_end(same: Same) -> None:
    same(
        asked(
            query(TABLE),
            query("BEGIN"),
            query("INSERT INTO t VALUES (1, 'x', 1)"),
            query("SELECT nothing"),
            query("SELECT 1 AS a"),
            query("SET application_name TO 'x'"),
            (parse("SELECT 1 AS a"), SYNC),
            query("COMMIT"),
            query("SELECT count(*) AS n FROM t"),
        )
    )


def test_a_savepoint_forgives_what_wrote_nothing(same: Same) -> None:
    same(
        asked(
            query("BEGIN"),
            query("SAVEPOINT a"),
            query("SELECT nothing"),
            query("ROLLBACK TO a"),
            query("SELECT 1 AS a"),
            query("COMMIT"),
        )
    )


def test_what_was_written_behind_a_savepoint_is_not_undone_alone(mock: Connection) -> None:
    mock.ask(query("CREATE TEMP TABLE s (a int)"))
    for sql in ("BEGIN", "SAVEPOINT a", "INSERT INTO s VALUES (1)"):
        mock.ask(query(sql))
    assert mock.ask(query("ROLLBACK TO a")) == [("Error", ("ERROR", "0A000")), ("ReadyForQuery", "E")]
    assert mock.ask(query("COMMIT"))[0] == ("CommandComplete", "ROLLBACK")


def test_a_prepared_rollback_works_in_an_aborted_block(same: Same) -> None:
    prepared = (parse("ROLLBACK", "r"), SYNC)
    run = (bind(statement="r"), describe("P"), execute(), SYNC)
    same(asked(prepared, query("BEGIN"), query("SELECT nothing"), run, query("SELECT 1 AS a")))


EXTENDED = {
    "all in one pipeline": [(parse("SELECT 1 AS a"), bind(), describe("P"), execute(), SYNC)],
    "a Sync alone": [(SYNC,)],
    "an empty statement": [(parse(""), bind(), describe("P"), execute(), SYNC)],
    "no rows to describe": [(parse("SET application_name TO 'x'"), describe("S"), bind(), execute(), SYNC)],
    "SHOW": [(parse("SHOW server_encoding"), describe("S"), bind(), describe("P"), execute(), SYNC)],
    "parameters by their use": [(parse("SELECT $1::int AS a, $2::varchar AS b"), describe("S"), SYNC)],
    "parameters by their types": [(parse("SELECT $1 AS a", types=[23]), describe("S"), SYNC)],
    "a value as text": [(parse("SELECT $1::int AS a"), bind(["42"]), execute(), SYNC)],
    "NULL": [(parse("SELECT $1::int AS a"), bind([None]), execute(), SYNC)],
    "a value as bytes": [(parse("SELECT $1::int AS a"), bind([b"\0\0\0\x2a"], formats=[1], results=[1]), execute(), SYNC)],
    "a typed value": [(parse("SELECT $1 AS a", types=[20]), bind(["42"], results=[1]), describe("P"), execute(), SYNC)],
    "a text without a type": [(parse("SELECT $1 AS a", types=[1043]), describe("S"), bind(["x"]), execute(), SYNC)],
    "an expression of typed values": [(parse("SELECT $1 + $2 AS a, $2 AS b", types=[23, 20]), describe("S"), bind(["1", "2"]), describe("P"), execute(), SYNC)],
    "a value of too many bytes": [(parse("SELECT $1::int AS a"), bind([b"\0\0\0\0\0"], formats=[1]), execute(), SYNC)],
    "a bad value": [(parse("SELECT $1::int AS a"), bind(["x"]), execute(), SYNC)],
    "a value out of range": [(parse("SELECT $1::int AS a"), bind(["3000000000"]), execute(), SYNC)],
    "bytes of another length": [(parse("SELECT $1::int AS a"), bind([b"\0"], formats=[1]), execute(), SYNC)],
    "no UTF-8": [(parse("SELECT $1::varchar AS a"), bind([b"\xff"]), execute(), SYNC)],
    "too few values": [(parse("SELECT $1::int AS a"), bind([]), execute(), SYNC)],
    "too many values": [(parse("SELECT $1::int AS a"), bind(["1", "2"]), execute(), SYNC)],
    "two formats for three values": [(parse("SELECT $1::int AS a, $2::int AS b, $3::int AS c"), bind(["1", "2", "3"], formats=[0, 0]), SYNC)],
    "two formats for three results": [(parse("SELECT 1 AS a, 2 AS b, 3 AS c"), bind(results=[0, 0]), execute(), SYNC)],
    "one format for all": [(parse("SELECT 1 AS a, 2 AS b"), bind(results=[1]), describe("P"), execute(), SYNC)],
    "one format each": [(parse("SELECT 1 AS a, 2 AS b"), bind(results=[1, 0]), describe("P"), execute(), SYNC)],
    "a statement twice": [(parse("SELECT 1 AS a", "s"), parse("SELECT 2 AS a", "s"), SYNC)],
    "the unnamed statement is replaced": [(parse("SELECT 1 AS a"), parse("SELECT 2 AS a"), bind(), execute(), SYNC)],
    "a portal twice": [(parse("SELECT 1 AS a"), bind(portal="p"), bind(portal="p"), SYNC)],
    "the unnamed portal is replaced": [(parse("SELECT $1::int AS a"), bind(["1"]), bind(["2"]), execute(), SYNC)],
    "an unknown statement": [(bind(statement="nothing"), SYNC)],
    "the unnamed statement is unknown": [(bind(), SYNC)],
    "an unknown portal": [(execute("nothing"), SYNC)],
    "an unknown statement described": [(describe("S", "nothing"), SYNC)],
    "an unknown portal described": [(describe("P", "nothing"), SYNC)],
    "Close of what is unknown": [(close("S", "nothing"), close("P", "nothing"), SYNC)],
    "Close of a statement": [(parse("SELECT 1 AS a", "s"), close("S", "s"), bind(statement="s"), SYNC)],
    "several statements": [(parse("SELECT 1 AS a; SELECT 2 AS b"), SYNC)],
    "a syntax error": [(parse("SELEC"), bind(), execute(), SYNC), (parse("SELECT 1 AS a"), bind(), execute(), SYNC)],
    "everything behind an error is skipped": [(parse("SELECT nothing"), query("SELECT 1 AS a"), parse("SELECT 1 AS a"), SYNC)],
    "a portal ends with Sync": [(parse("SELECT 1 AS a"), bind(portal="p"), SYNC), (execute("p"), SYNC)],
    "a Query ends the unnamed statement": [(parse("SELECT 1 AS a"), SYNC), (query("SELECT 2 AS a"),), (bind(), SYNC)],
    "exactly as many rows as there are": [(parse("SELECT 1 AS a UNION ALL SELECT 1"), bind(), execute(limit=2), execute(limit=2), execute(limit=2), SYNC)],
    "a portal in parts": [(parse(ROWS), bind(portal="p"), execute("p", 1024), execute("p", 1024), execute("p", 1024), SYNC)],
    "a drained portal": [(parse("SELECT 1 AS a"), bind(), execute(), execute(), SYNC)],
    "a change runs once": [(parse("CREATE TEMP TABLE once (a int)"), bind(), execute(), execute(), SYNC)],
    "BEGIN, by messages": [(parse("BEGIN"), bind(), execute(), SYNC), (query("ROLLBACK"),)],
    "COMMIT in a pipeline": [(parse("COMMIT"), bind(), execute(), parse("SELECT 1 AS a"), bind(), execute(), SYNC)],
    "a format that is none": [(parse("SELECT 1 AS a"), bind(results=[2]), execute(), SYNC)],
    "a portal goes on in a block": [
        (query("BEGIN"),),
        (parse(ROWS), bind(portal="p"), execute("p", 1000), SYNC),
        (query("SELECT 1 AS between"),),
        (execute("p", 1000), SYNC),
        (execute("p", 0), SYNC),
        (query("COMMIT"),),
        (execute("p"), SYNC),
    ],
}  # fmt: skip


@pytest.mark.parametrize("steps", EXTENDED.values(), ids=EXTENDED.keys())
def test_extended(same: Same, steps: list[tuple[bytes, ...]]) -> None:
    same(asked(*steps, query("SELECT 42 AS after")))


def test_an_error_in_a_pipeline_commits_nothing(same: Same) -> None:
    insert = (parse("INSERT INTO t VALUES ($1, 'x', 1)"), bind(["1"]), execute())
    fails = (parse("INSERT INTO t VALUES (1, 'x', 1)"), bind(), execute())
    same(asked(query(TABLE), (*insert, *fails, *insert, SYNC), query("SELECT count(*) AS n FROM t")))


def test_a_pipeline_commits_as_one_at_its_sync(same: Same) -> None:
    def insert(key: str) -> tuple[bytes, ...]:
        return (parse("INSERT INTO t VALUES ($1, 'x', 1)"), bind([key]), execute())

    same(asked(query(TABLE), (*insert("1"), *insert("2"), SYNC), query("SELECT count(*) AS n FROM t")))


def test_the_same_text_after_its_table_has_changed(same: Same) -> None:
    run = (bind(statement="s"), describe("P"), execute(), SYNC)
    same(
        asked(
            query("CREATE TEMP TABLE t (a int)"),
            query("INSERT INTO t VALUES (1)"),
            (parse("SELECT * FROM t", "s"), SYNC),
            run,
            query("INSERT INTO t VALUES (2)"),
            run,
            query("ALTER TABLE t ADD COLUMN b int"),
            run,
        )
    )


def test_describing_executes_nothing(same: Same) -> None:
    insert = parse("INSERT INTO t VALUES (1, 'x', 1) RETURNING a")
    same(
        asked(query(TABLE), (insert, describe("S"), bind(), describe("P"), SYNC), query("SELECT count(*) AS n FROM t"))
    )


MALFORMED = {
    "a Query without its end": message("Q", b"SELECT 1"),
    "bytes behind a Query": message("Q", b"SELECT 1\0x"),
    "no UTF-8": message("Q", b"SELECT '\xff'\0"),
    "a Parse that is cut": message("P", b"\0SELECT 1\0\0"),
    "a Bind that is cut": parse("SELECT $1::int AS a") + message("B", b"\0\0\0\0\0\x01\0\0\0\x05ab"),
    "a Describe of something else": message("D", b"Xx\0"),
    "a Close of something else": message("C", b"Xx\0"),
    "an Execute that is cut": message("E", b"\0\0\0"),
    "data of no COPY": message("d", b"x") + message("c") + message("f", b"no\0"),
}


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_message_costs_itself_alone(same: Same, bad: bytes) -> None:
    def script(connection: Connection) -> list[Any]:
        connection.send(bad)
        said = connection.until_quiet()
        return said + connection.ask(SYNC) + connection.ask(query("SELECT 42 AS after"))

    same(script)


BREAKING = {
    "a letter of no message": message("j"),
    "a password that nobody asked for": message("p", b"x\0"),
    "a length that is too small": b"Q\0\0\0\x03",
    "a negative length": b"Q\xff\xff\xff\xff",
    "a Sync of a megabyte": b"S\0\x10\0\0",
    "a goodbye": message("X"),
}


@pytest.mark.parametrize("bad", BREAKING.values(), ids=BREAKING.keys())
def test_what_nobody_can_go_on_from_ends_the_connection(same: Same, bad: bytes) -> None:
    def script(connection: Connection) -> list[Any]:
        connection.send(bad)
        return connection.until_quiet(2)

    assert same(script)[-1] == ("EOF", None)


def test_an_error_does_not_wait_for_the_sync(same: Same) -> None:
    def script(connection: Connection) -> list[Any]:
        connection.send(parse("SELECT nothing"))
        return connection.until_quiet() + connection.ask(SYNC)

    assert same(script)[0][0] == "Error"


def test_flush_sends_what_there_is(same: Same) -> None:
    def script(connection: Connection) -> list[Any]:
        connection.send(parse("SELECT 1 AS a"), describe("S"), FLUSH)
        return connection.until_quiet() + connection.ask(bind(), execute(), SYNC)

    same(script)
