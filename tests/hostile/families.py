"""Hostile statements: those listed in `statements`, and those that families make.

A script is a list of statements for one session. The judge is never the text of an answer (see `test_statements`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

LISTS = Path(__file__).parent / "statements"

Script = list[str]


def listed(name: str) -> list[Script]:
    """The scripts of a list: one a line, its statements divided by `;;`. Lines that begin with `#` are remarks."""
    lines = (LISTS / f"{name}.txt").read_text().splitlines()
    return [line.split(" ;; ") for line in lines if line and not line.startswith("#")]


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# Calls that change the instance, as table functions.
CALLS = [
    "enable_logging(storage = 'file', storage_path = '/nowhere/logs')",
    "enable_logging()",
    "enable_profiling()",
    "disable_logging()",
]


def disguised_calls() -> Iterator[Script]:
    """Each of `CALLS` in every disguise that SQL offers."""
    for call in CALLS:
        yield from disguises(f"SELECT * FROM {call}", call)


def disguises(select: str, call: str) -> Iterator[Script]:
    name, arguments = call.split("(", 1)
    yield [select]
    yield [f"CALL {call}"]
    yield [f"FROM {call}"]
    yield [f"FROM query({literal(select)})"]
    yield [f"FROM query($a$FROM query($b${select}$b$)$a$)"]
    yield [f"FROM query($a$FROM query($b$FROM query($c${select}$c$)$b$)$a$)"]
    yield [f"FROM query({literal(select[:20])} || {literal(select[20:])})"]
    yield [f"FROM query(E{literal(select.replace('_', chr(92) + 'x5f'))})"]
    yield [f"SET VARIABLE q = {literal(select)}", "FROM query(getvariable('q'))"]
    yield [f"PREPARE p AS FROM query({literal(select)})", "EXECUTE p"]
    yield [f"PREPARE p AS {select}", "EXECUTE p"]
    yield [f"CREATE MACRO m_{name}() AS TABLE {select}", f"FROM m_{name}()"]
    yield [f"CREATE MACRO r_{name}(t) AS TABLE FROM query(t)", f"FROM r_{name}({literal(select)})"]
    yield [f"CREATE VIEW v_{name} AS {select}", f"FROM v_{name}"]
    yield [f"CREATE TEMP VIEW w_{name} AS FROM query({literal(select)})", f"FROM w_{name}"]
    yield [f"WITH c AS MATERIALIZED ({select}) FROM c"]
    yield [f"SELECT EXISTS ({select})"]
    yield [f"SELECT * FROM range(1), LATERAL ({select})"]
    yield [f"EXPLAIN ANALYZE {select}"]
    yield [f"CREATE TABLE c_{name} AS {select}"]
    yield [f"INSERT INTO mine SELECT 1 FROM ({select})"]
    yield [f"DELETE FROM mine WHERE EXISTS ({select}) AND i < 0"]
    yield [f"SUMMARIZE {select}"]
    yield [f"PIVOT ({select}) ON 1 USING count(*)"]
    yield [f"SELECT * FROM {quoted(name)}({arguments}"]
    yield [f"SELECT * FROM {quoted(name.upper())}({arguments}"]
    yield [f"SELECT * FROM {name}/* between */({arguments}"]
    yield [f"SELECT * FROM {name} -- between\n({arguments}"]
    yield [f"SELECT * FROM system.main.{name}({arguments}"]
    yield [f'SELECT * FROM "system"."main".{quoted(name)}({arguments}']
    yield [f"SELECT 1; CALL {call}"]
    yield [f"SELECT 1; ; /* ; */ {select};"]
    yield [f"FROM json_execute_serialized_sql(json_serialize_sql({literal(select)}))"]
    yield [f"PRAGMA json_execute_serialized_sql(json_serialize_sql({literal(select)}))"]
    yield [f"PRAGMA {call}"]
    yield [f"PRAGMA {name}"]


def settings() -> Iterator[Script]:
    """Every setting of the engine, in the forms that could reach the instance."""
    for (assignment,) in listed("settings"):
        name, value = assignment.split(" = ", 1)
        yield [
            f"SET {name} = {value}",
            f"SET GLOBAL {name} = {value}",
            f"SET global {quoted(name.upper())} TO {value}",
            f"SET/**/GLOBAL/**/{quoted(name)}/**/=/**/({value})",
            f"PRAGMA {name} = {value}",
            f"PREPARE s AS SET GLOBAL {name} = {value}",
            f"RESET GLOBAL {name}",
        ]


# Texts by which a server might take a user's mistake for the end of a database.
FATAL_TEXTS = [
    "database has been invalidated",
    "FATAL Error: Failed: database has been invalidated because of a previous fatal error. "
    "The database must be restarted prior to being used again.",
    "INTERNAL Error: Attempted to access index 0 within vector of size 0",
    "INTERNAL Error: This error signals an assertion failure within DuckDB.",
    "TransactionContext Error: Current transaction is aborted (please ROLLBACK)",
    "INTERRUPT Error: Interrupted!",
    "Out of Memory Error: failed to allocate data of size 8.0 GiB",
    "Connection Error: Connection has already been closed",
    "IO Error: Could not write file: No space left on device",
    json.dumps({"exception_type": "FATAL", "exception_message": "database has been invalidated"}),
    "thread 'main' panicked at 'explicit panic'",
    "query cancelled by client",
]


def spoofed_fatalities() -> Iterator[Script]:
    """Each of `FATAL_TEXTS` in every place where an error repeats what the user wrote."""
    for text in FATAL_TEXTS:
        yield [f"SELECT {literal(text)}::INTEGER"]
        yield [f"SELECT error({literal(text)})"]
        yield [f"SELECT {quoted(text)} FROM mine"]
        yield [f"FROM {quoted(text)}"]
        yield [f"CREATE TEMP TABLE {quoted(text)} (i INTEGER NOT NULL)", f"INSERT INTO {quoted(text)} VALUES (NULL)"]
        yield [
            "CREATE TEMP TABLE t (c VARCHAR PRIMARY KEY)",
            f"INSERT INTO t VALUES ({literal(text)}), ({literal(text)})",
        ]
        yield [f"SELECT error({literal(text)}) FROM range(100000) t(i) WHERE i > 90000"]
        yield ["BEGIN", f"SELECT error({literal(text)})", "SELECT 1", "ROLLBACK"]
        yield [f"SET VARIABLE v = {literal(text)}", "SELECT getvariable('v')::DATE"]
        yield [f"SELECT 1 AS {quoted(text)}, error({literal(text)})"]


def depths() -> Iterator[Script]:
    """Some of what is deep; `test_depth` has the families."""
    chain = ", ".join(f"c{at} AS (SELECT i + 1 AS i FROM c{at - 1})" for at in range(1, 400))
    yield [f"WITH c0 AS (SELECT 1 AS i), {chain} SELECT i FROM c399"]
    for depth in (50_000, 1_000_000):
        text = f"repeat('[', {depth}) || repeat(']', {depth})"
        yield [f"SELECT json_structure({text})"]
        yield [f"SELECT json_valid({text}), json_type({text})"]
        yield [f"SELECT ({text})::JSON::VARIANT IS NULL"]
        yield [f"SELECT json_keys({text}), ({text})::JSON -> '$[0][0]' IS NULL"]
        yield [f"SELECT ({text})::INTEGER[][] IS NULL"]
        yield [f"SELECT repeat('{{a:', {depth})::STRUCT(a INTEGER) IS NULL"]
        yield [f"SELECT json_merge_patch({text}, {text}) IS NULL"]
    yield ["SELECT " + "(" * 5000 + "1" + ")" * 5000]
    yield ["SELECT " + "abs(" * 900 + "1" + ")" * 900]
    yield ["SELECT " + "1 + " * 20_000 + "1"]
    yield ["SELECT " + "NOT " * 20_000 + "true"]
    yield ["SELECT " + "[" * 900 + "1" + "]" * 900]
    yield ["SELECT 1" + " UNION ALL SELECT 1" * 3000]
    yield ["SELECT * FROM " + "(SELECT * FROM " * 400 + "mine" + ")" * 400]
    yield ["SELECT NULL::INTEGER" + "[]" * 5000]


def cut(value: str, most: int = 60) -> str:
    return value if len(value) <= most else value[: most - 1] + "…"


def name_of(script: Script) -> str:
    """The script as a test's name."""
    return cut(" ;; ".join(script)).encode("ascii", "backslashreplace").decode()
