"""pgcli: what it reads for its completion, and its commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from judge import PASSWORD, USER
from pgcli.main import PGCli
from pgcli.pgexecute import PGExecute
from place import Place


@pytest.fixture(scope="module")
def executor(place: Place) -> PGExecute:
    with psycopg.connect(place.url(), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA inn")
        connection.execute("CREATE TYPE inn.size AS ENUM ('one', 'two')")
        connection.execute("CREATE TABLE inn.rooms (id int PRIMARY KEY, size inn.size, price numeric(6,2) DEFAULT 5)")
        connection.execute("CREATE TABLE inn.guests (id int PRIMARY KEY, room int REFERENCES inn.rooms (id))")
        connection.execute("CREATE VIEW inn.cheap AS SELECT id FROM inn.rooms WHERE price < 10")
    return PGExecute(place.database, USER, PASSWORD, place.host, str(place.port), None)


def test_what_completion_reads(executor: PGExecute) -> None:
    assert "inn" in executor.schemata()
    assert {("inn", "rooms"), ("inn", "guests")} <= set(executor.tables())
    assert ("inn", "cheap") in set(executor.views())
    columns = [(column, kind) for _, table, column, kind, *_ in executor.table_columns() if table == "rooms"]
    assert columns == [("id", "integer"), ("size", "inn.size"), ("price", "numeric")]
    assert [(it.parenttable, it.parentcolumn, it.childtable, it.childcolumn) for it in executor.foreignkeys()] == [
        ("rooms", "id", "guests", "room")
    ]
    assert ("inn", "size") in set(executor.datatypes())
    assert any(function.func_name == "abs" for function in executor.functions())
    assert executor.databases()
    assert executor.search_path()
    assert executor.view_definition("inn.cheap")
    assert executor.get_timezone() in ("Etc/UTC", "UTC")


COMMANDS = [
    r"\d",
    r"\d inn.rooms",
    r"\d+ inn.rooms",
    r"\dn",
    r"\du",
    r"\l",
    r"\df abs",
    r"\dx",
    r"\ddp",
    r"\db",
    r"\dD",
]
COMMANDS += [rf"\{command} inn.*" for command in ("dt", "dv", "di", "dT", "dp")]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_answers(executor: PGExecute, command: str) -> None:
    client = PGCli(pgexecute=executor)
    results = list(executor.run(command, client.pgspecial))
    assert results
    for _, rows, _, status, *_ in results:
        assert "ERROR" not in str(status), status
        if rows is not None:
            list(rows)


def test_the_program_runs_a_file(place: Place, executor: PGExecute) -> None:
    program = Path(sys.executable).parent / "pgcli"
    ran = subprocess.run(
        [program, place.url()],
        input="SELECT 40 + 2 AS answer;\n\\q\n",
        capture_output=True,
        text=True,
        timeout=60,
        env={
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(Path(program).parent / "nobody"),
            "TERM": "dumb",
        },
    )
    assert "42" in ran.stdout, ran.stdout + ran.stderr
