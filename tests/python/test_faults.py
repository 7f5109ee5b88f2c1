"""Faults as the published clients meet them, and rules that mean harm (FR)."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import altertable
import altertable_flightsql
import altertable_lakehouse
import httpx
import pyarrow.flight
import pytest
from mock_server import ALICE, BOB, MockServer

KEY = "the-key-of-alice"
Rule = Callable[..., str]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    users = [flag for user in (ALICE, BOB) for flag in ("--user", ":".join(user.pair))]
    flags = ("--api-key=bobs", "--product-analytics=bob=bobs:production", f"--api-key={KEY}")
    with MockServer(*users, *flags, f"--product-analytics=alice={KEY}:production") as running:
        yield running


@pytest.fixture
def plane(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.lakehouse_url}/_mock/v1/", auth=ALICE.pair) as client:
        yield client
        client.delete("faults").raise_for_status()


@pytest.fixture
def rule(plane: httpx.Client) -> Rule:
    def add(match: dict[str, Any] | None = None, times: int | None = None, **do: object) -> str:
        order = {"match": match or {}, "do": do, **({"times": times} if times else {})}
        answer = plane.post("faults", json=order)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return add


def acted(plane: httpx.Client, rule: str) -> int:
    return plane.get(f"faults/{rule}").json()["acted"]


def adbc(server: MockServer) -> AbstractContextManager[adbc_driver_flightsql.dbapi.Connection]:
    login = {"username": ALICE.name, "password": ALICE.password}
    return adbc_driver_flightsql.dbapi.connect(f"grpc://{server.flight_address}", db_kwargs=login, autocommit=True)


def ask(server: MockServer, statement: str, user: tuple[str, str] = ALICE.pair) -> httpx.Response:
    return httpx.post(f"{server.lakehouse_url}/query", auth=user, json={"statement": statement}, timeout=30)


def test_the_lakehouse_client_raises_what_it_is_told(server: MockServer, plane: httpx.Client, rule: Rule) -> None:
    client = altertable_lakehouse.Client(server.lakehouse_url, *ALICE.pair)
    asked = altertable_lakehouse.models.QueryRequest(statement="FROM range(5)")
    refusing = rule({"path": "/query"}, status=429, retry_after_ms=2000, message="slow down", times=1)
    # The client takes the text of an answer that it has not read, and so raises httpx's error for that.
    with pytest.raises((altertable_lakehouse.errors.ApiError, httpx.ResponseNotRead)):
        client.query_all(asked)
    assert acted(plane, refusing) == 1
    broken = rule({"path": "/query"}, status=500, message="out of luck", after={"rows": 2}, times=1)
    with pytest.raises(altertable_lakehouse.errors.QueryError, match="out of luck"):
        client.query_all(asked)
    assert acted(plane, broken) == 1
    assert len(client.query_all(asked).rows) == 5


def test_the_flight_client_raises_what_it_is_told_and_goes_on(
    server: MockServer, plane: httpx.Client, rule: Rule
) -> None:
    login = (*ALICE.pair,)
    with altertable_flightsql.Client(*login, host="127.0.0.1", port=server.flight_port, tls=False) as client:
        do = {"status": "UNAVAILABLE", "message": "for a while", "retry_after_ms": 10}
        unavailable = rule({"operation": "DoGet"}, times=1, **do)
        with pytest.raises(pyarrow.flight.FlightUnavailableError, match="for a while"):
            client.query("SELECT 1").read_all()
        assert acted(plane, unavailable) == 1
        assert client.query("SELECT 1").read_all().num_rows == 1
    rule({"door": "flight", "operation": "GetFlightInfo CommandStatementQuery"}, expire=True, times=1)
    expiring = altertable_flightsql.Client(*login, host="127.0.0.1", port=server.flight_port, tls=False)
    for _ in range(2):
        with pytest.raises(pyarrow.ArrowException, match="Session expired"):
            expiring.query("SELECT 1")


@pytest.mark.parametrize("do", [{"status": "DATA_LOSS", "message": "gone"}, {"cut": "reset"}, {"torn": True}])
def test_adbc_meets_a_fault_in_the_middle_of_a_result(
    server: MockServer, plane: httpx.Client, rule: Rule, do: dict[str, Any]
) -> None:
    after = {"after": {"batches": 1}}
    with adbc(server) as connection:
        striking = rule({"operation": "DoGet", "statement": "range"}, times=1, **after, **do)
        with connection.cursor() as cursor:
            cursor.execute("FROM range(50000)")
            with pytest.raises((adbc_driver_manager.Error, OSError)):
                cursor.fetch_arrow_table()
        assert acted(plane, striking) == 1
    with adbc(server) as connection, connection.cursor() as cursor:
        cursor.execute("FROM range(50000)")
        assert cursor.fetch_arrow_table().num_rows == 50000


def test_the_analytics_client_meets_a_lost_answer(server: MockServer, plane: httpx.Client, rule: Rule) -> None:
    client = altertable.Altertable(KEY, server_url=server.analytics_url, environment="production")
    lost = rule({"event": "bought"}, lost_ack=True, times=1)
    try:
        client.track("bought", "user-1", {})
    except Exception as error:
        assert KEY not in str(error)
    assert acted(plane, lost) == 1
    found = plane.get("events", params={"event": "bought"}).json()["events"]
    assert [event["distinct_id"] for event in found][:1] == ["user-1"]


def test_every_cut_ends_a_connection_in_its_way(server: MockServer, rule: Rule) -> None:
    host, port = server.lakehouse_url.removeprefix("http://").rsplit(":", 1)
    body = json.dumps({"statement": "SELECT 'cut'"}).encode()
    login = base64.b64encode(":".join(ALICE.pair).encode())
    request = b"POST /query HTTP/1.1\r\nHost: mock\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\n\r\n%s"
    for cut in ("reset", "close", "half"):
        rule({"statement": "cut"}, cut=cut, times=1)
        with socket.create_connection((host, int(port)), timeout=10) as stream:
            stream.sendall(request % (login, len(body), body))
            if cut == "reset":
                with pytest.raises(ConnectionResetError):
                    stream.recv(1)
                continue
            assert stream.recv(1) == b""
            time.sleep(0.2)
            # The other direction is open still, or not.
            if cut == "half":
                stream.sendall(b"more")
                time.sleep(0.2)
                stream.sendall(b"more")
            else:
                stream.sendall(b"more")
                time.sleep(0.2)
                with pytest.raises((BrokenPipeError, ConnectionResetError)):
                    stream.sendall(b"more")


def test_a_thousand_calls_that_hang_harm_nobody_and_are_let_go(
    server: MockServer, plane: httpx.Client, rule: Rule
) -> None:
    hanging = rule({"statement": "hanging"}, hang=True)
    with httpx.Client(limits=httpx.Limits(max_connections=None), timeout=60) as client, ThreadPoolExecutor(250) as pool:

        def call(number: int) -> int:
            order = {"statement": f"SELECT 'hanging', {number}", "ephemeral": True}
            return client.post(f"{server.lakehouse_url}/query", auth=ALICE.pair, json=order).status_code

        calls = [pool.submit(call, number) for number in range(250)]
        deadline = time.monotonic() + 20
        while acted(plane, hanging) < 250 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert acted(plane, hanging) == 250
        began = time.monotonic()
        assert ask(server, "SELECT 1", BOB.pair).status_code == 200
        assert ask(server, "SELECT 1").status_code == 200
        assert time.monotonic() - began < 5
        plane.delete(f"faults/{hanging}").raise_for_status()
        assert {done.result(timeout=60) for done in calls} == {200}


def test_a_reset_lets_go_of_what_hangs_which_leaves_nothing_in_the_new_state(
    server: MockServer, plane: httpx.Client, rule: Rule
) -> None:
    rule({"statement": "^CREATE"}, hang=True)
    answers: list[httpx.Response] = []
    calling = threading.Thread(target=lambda: answers.append(ask(server, "CREATE TABLE left_over (a INTEGER)")))
    calling.start()
    time.sleep(0.3)
    plane.post("reset").raise_for_status()
    calling.join(timeout=20)
    assert not calling.is_alive()
    assert "left_over" not in ask(server, "SHOW TABLES").text


def test_a_client_that_goes_ends_its_hanging_call(server: MockServer, plane: httpx.Client, rule: Rule) -> None:
    rule({"statement": "gone"}, hang=True)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.lakehouse_url}/query", auth=ALICE.pair, json={"statement": "SELECT 'gone'"}, timeout=0.3)
    told = plane.post("requests/wait", json={"match": {"statement": "gone"}}).json()["requests"]
    assert told[-1]["status"] is None


def test_ten_thousand_rules_and_a_huge_one_are_refused(server: MockServer, plane: httpx.Client) -> None:
    order = {"match": {"statement": "never"}, "do": {"status": 503}}
    statuses = [plane.post("faults", json=order).status_code for _ in range(300)]
    assert statuses == [201] * 100 + [429] * 200
    huge = {"match": {"headers": {f"x-{number}": "v" * 100 for number in range(2000)}}, "do": {"hang": True}}
    plane.delete("faults").raise_for_status()
    assert plane.post("faults", json=huge).status_code == 400
    assert ask(server, "SELECT 1").status_code == 200


def test_a_server_with_calls_that_hang_stops_in_time() -> None:
    answers: list[httpx.Response] = []
    with MockServer("--user", ":".join(ALICE.pair)) as running:
        httpx.post(f"{running.lakehouse_url}/_mock/v1/faults", auth=ALICE.pair, json={"do": {"hang": True}})
        calling = threading.Thread(target=lambda: answers.append(ask(running, "SELECT 1")), daemon=True)
        calling.start()
        time.sleep(0.3)
        began = time.monotonic()
        running.stop()
        assert time.monotonic() - began < 5
        calling.join(timeout=5)
        assert [answer.status_code for answer in answers] == [200]


@pytest.mark.parametrize("after", [{}, {"after": {"rows": 1}}])
def test_a_server_stops_in_time_although_a_client_of_a_half_cut_connection_is_there(after: dict[str, Any]) -> None:
    body = json.dumps({"statement": "SELECT 'cut' FROM range(3)"}).encode()
    login = base64.b64encode(":".join(ALICE.pair).encode())
    request = b"POST /query HTTP/1.1\r\nHost: mock\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\n\r\n%s"
    with MockServer("--user", ":".join(ALICE.pair)) as running, httpx.Client(auth=ALICE.pair) as client:
        order = {"match": {"statement": "cut"}, "do": {"cut": "half", **after}}
        client.post(f"{running.lakehouse_url}/_mock/v1/faults", json=order).raise_for_status()
        host, port = running.lakehouse_url.removeprefix("http://").rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as stream:
            stream.sendall(request % (login, len(body), body))
            while stream.recv(65_536):
                pass
            began = time.monotonic()
            assert running.stop() == 0
            assert time.monotonic() - began < 5
