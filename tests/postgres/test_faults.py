"""Fault rules of the control plane as PostgreSQL's clients meet them (FR)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from conftest import logged_in
from judge import DATABASE, PASSWORD, USER
from mock_server import MockServer
from wire import SYNC, TERMINATE, bind, execute, parse, query

Rule = Callable[..., str]


@pytest.fixture
def plane(server: MockServer) -> Iterator[httpx.Client]:
    base = f"{server.lakehouse_url}/_mock/v1/"
    with httpx.Client(base_url=base, auth=(USER, PASSWORD)) as client:
        client.post("reset").raise_for_status()
        yield client
        client.delete("faults").raise_for_status()


@pytest.fixture
def rule(plane: httpx.Client) -> Rule:
    def add(match: dict[str, Any] | None = None, **do: object) -> str:
        order = {"match": {"door": "postgres", **(match or {})}, "do": do}
        answer = plane.post("faults", json=order)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return add


def acted(plane: httpx.Client, rule: str) -> int:
    return plane.get(f"faults/{rule}").json()["acted"]


@pytest.fixture
def connect(server: MockServer) -> Iterator[Callable[[], psycopg.Connection]]:
    host, port = server.postgres_address
    opened = []

    def new() -> psycopg.Connection:
        opened.append(
            psycopg.connect(host=host, port=port, user=USER, password=PASSWORD, dbname=DATABASE, autocommit=True)
        )
        return opened[-1]

    yield new
    for connection in opened:
        connection.close()


def test_a_statement_fails_with_the_sqlstate_and_has_no_effect(
    plane: httpx.Client, rule: Rule, connect: Callable[[], psycopg.Connection]
) -> None:
    failing = rule({"statement": "^CREATE"}, status="40001", message="try again")
    connection = connect()
    with pytest.raises(psycopg.errors.SerializationFailure, match="try again"):
        connection.execute("CREATE TABLE fault_t (a INTEGER)")
    assert acted(plane, failing) >= 1
    plane.delete(f"faults/{failing}").raise_for_status()
    connection.execute("CREATE TABLE fault_t (a INTEGER)")
    [told] = plane.get("requests", params={"status": "40001"}).json()["requests"][:1]
    assert told["fault"] == failing and told["error"] == "try again" and told["door"] == "postgres"


def test_a_fatal_error_ends_the_connection(rule: Rule, connect: Callable[[], psycopg.Connection]) -> None:
    connection = connect()
    rule({"statement": "42"}, status="57P01", severity="FATAL", message="going down")
    with pytest.raises(psycopg.errors.AdminShutdown, match="going down"):
        connection.execute("SELECT 42")
    assert connection.broken


def test_a_login_is_refused(rule: Rule, connect: Callable[[], psycopg.Connection]) -> None:
    rule({"operation": "Login"}, status="53300", message="too many of you")
    with pytest.raises(psycopg.OperationalError, match="too many of you"):
        connect()


@pytest.mark.parametrize("do", [{"lost_ack": True}, {"cut": "close"}, {"cut": "reset"}])
def test_a_login_is_cut_off(rule: Rule, connect: Callable[[], psycopg.Connection], do: dict) -> None:
    rule({"operation": "Login"}, **do)
    with pytest.raises(psycopg.OperationalError, match=r"closed|reset") as cut:
        connect()
    assert "timeout" not in str(cut.value)


@pytest.mark.parametrize("rows", [0, 1, 3000])
def test_an_answer_ends_after_exactly_so_many_rows(
    server: MockServer, plane: httpx.Client, rule: Rule, rows: int
) -> None:
    striking = rule({"statement": "range"}, status="XX001", message="disk", after={"rows": rows})
    with logged_in(server.postgres_address) as connection:
        said = connection.ask(query("SELECT * FROM range(10000)"))
        assert [kind for kind, _ in said].count("DataRow") == rows
        assert [kind for kind, _ in said][-2:] == ["Error", "ReadyForQuery"]
        # One that is too short for it comes whole.
        short = connection.ask(query(f"SELECT * FROM range({max(rows - 1, 0)})"))
        assert ("Error" in [kind for kind, _ in short]) == (rows == 0)
        said = connection.ask(parse("SELECT * FROM range(9000)") + bind() + execute() + SYNC)
        assert [kind for kind, _ in said].count("DataRow") == rows
        assert [kind for kind, _ in said][-2:] == ["Error", "ReadyForQuery"]
    assert acted(plane, striking) == (3 if rows == 0 else 2)


@pytest.mark.parametrize("do", [{"cut": "reset"}, {"cut": "close"}, {"cut": "half"}, {"lost_ack": True}])
def test_a_connection_is_cut_in_the_place_of_an_answer(
    rule: Rule, connect: Callable[[], psycopg.Connection], do: dict[str, Any]
) -> None:
    connection = connect()
    connection.execute("CREATE OR REPLACE TABLE cut_t (a INTEGER)")
    rule({"statement": "^INSERT"}, **do)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("INSERT INTO cut_t VALUES (1)", prepare=False)
    assert connection.broken
    [(count,)] = connect().execute("SELECT count(*) FROM cut_t").fetchall()
    assert count == (1 if "lost_ack" in do else 0)


def test_rows_are_cut_and_torn(server: MockServer, rule: Rule) -> None:
    rule({"statement": "range"}, after={"rows": 2}, torn=True)
    with logged_in(server.postgres_address) as connection:
        connection.send(query("SELECT * FROM range(3)"))
        sent = b""
        while piece := connection.socket.recv(65536):
            sent += piece
    whole = b"D\x00\x00\x00\x0b\x00\x01\x00\x00\x00\x01"
    assert sent.endswith(whole + b"0" + whole + b"1" + (whole + b"2")[: (len(whole) + 1) // 2])


def test_a_statement_hangs_until_it_is_cancelled_or_let_go(
    plane: httpx.Client, rule: Rule, connect: Callable[[], psycopg.Connection]
) -> None:
    connection = connect()
    hanging = rule({"statement": "^SELECT 7"}, hang=True)
    threading.Timer(0.3, connection.cancel_safe).start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute("SELECT 7")
    threading.Timer(0.3, lambda: plane.delete(f"faults/{hanging}")).start()
    began = time.monotonic()
    assert connection.execute("SELECT 7").fetchall() == [(7,)]
    assert time.monotonic() - began > 0.25


def test_a_statement_waits_and_its_rows_come_slowly(rule: Rule, connect: Callable[[], psycopg.Connection]) -> None:
    connection = connect()
    rule({"statement": "^SELECT 8"}, delay_ms=300)
    rule({"statement": "repeat"}, throttle_bytes_per_s=10_000)
    for statement in ("SELECT 8", "SELECT repeat('x', 4000)"):
        began = time.monotonic()
        connection.execute(statement)
        assert time.monotonic() - began > 0.25, statement


def test_a_connection_expires(rule: Rule, connect: Callable[[], psycopg.Connection]) -> None:
    connection = connect()
    rule(expire=True)
    with pytest.raises(psycopg.errors.IdleSessionTimeout):
        connection.execute("SELECT 1")
    assert connection.broken


def test_other_connections_notice_nothing(server: MockServer, rule: Rule) -> None:
    rule({"headers": {"application_name": "victim"}}, cut="reset")
    with logged_in(server.postgres_address, application_name="bystander") as connection:
        assert connection.ask(query("SELECT 1"))[-1] == ("ReadyForQuery", "I")
        connection.send(TERMINATE)


def test_the_clock_that_was_set_is_told(plane: httpx.Client, connect: Callable[[], psycopg.Connection]) -> None:
    connection = connect()
    asked = "SELECT now()::DATE::VARCHAR, current_date::VARCHAR, %s::INTEGER"
    # Backwards, since a session that has idled for years by the clock has ended. The statement stays prepared.
    for day in ("2020-02-29", "2019-03-01"):
        plane.put("clock", json={"at": f"{day}T12:00:00Z", "frozen": True}).raise_for_status()
        for _ in range(2):
            assert connection.execute(asked, (1,), prepare=True).fetchone() == (day, day, 1)
    plane.post("clock/advance", json={"by": "P1D"}).raise_for_status()
    with pytest.raises(psycopg.errors.AdminShutdown):
        connection.execute("SELECT 1")
