"""Snapshots under load: taken while others write, restored while others load, several at once, and of every type."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mock_server import ALICE, BOB, Credentials, MockServer
from raw_http import interrupted_upload


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    users = [flag for user in (ALICE, BOB) for flag in ("--user", ":".join(user.pair))]
    with MockServer(*users, "--control-key=the-control-key") as running:
        yield running


@pytest.fixture(autouse=True)
def _from_the_start(server: MockServer) -> None:
    for user in (ALICE, BOB):
        httpx.post(f"{server.lakehouse_url}/_mock/v1/reset", auth=user.pair).raise_for_status()


def run(server: MockServer, statement: str, user: Credentials = ALICE) -> list[Any]:
    body = {"statement": statement, "ephemeral": True}
    answer = httpx.post(f"{server.lakehouse_url}/query", auth=user.pair, json=body, timeout=60)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.status_code == 200, answer.text
    assert not any(isinstance(line, dict) and "error" in line for line in lines), answer.text
    return lines[2:]


def plane(server: MockServer, method: str, path: str, user: Credentials = ALICE) -> httpx.Response:
    return httpx.request(method, f"{server.lakehouse_url}/_mock/v1/{path}", auth=user.pair, timeout=60)


def save(server: MockServer, name: str) -> dict[str, Any]:
    answer = plane(server, "PUT", f"snapshots/{name}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def restore(server: MockServer, name: str) -> None:
    answer = plane(server, "POST", f"snapshots/{name}/restore")
    assert answer.status_code == 200, answer.text


def test_writers_are_seen_in_one_state_of_all_catalogs(server: MockServer) -> None:
    run(server, "ATTACH ':memory:' AS other")
    run(server, "CREATE TABLE one (a INTEGER)")
    run(server, "CREATE TABLE other.main.two (a INTEGER)")
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            run(server, f"INSERT INTO one VALUES ({number})")
            run(server, f"INSERT INTO other.main.two VALUES ({number})")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(10):
            save(server, f"s{number}")
    finally:
        stop.set()
        writer.join()
    seen = []
    for number in range(10):
        restore(server, f"s{number}")
        ((one, two),) = run(server, "SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM other.main.two)")
        # A number is written to the second catalog once its client was told that it is in the first.
        assert one - two in (0, 1)
        seen.append(one)
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_an_upload_under_way_leaves_nothing_in_what_is_restored(server: MockServer) -> None:
    run(server, "CREATE TABLE kept AS SELECT 1 AS a")
    save(server, "s")
    status, told = interrupted_upload(server.lakehouse_url, ALICE, lambda: restore(server, "s"))
    assert status == 400
    assert "cancel" in told["error"]["message"].lower()
    assert run(server, "SHOW TABLES") == [["kept"]]


def test_restores_and_snapshots_at_once_are_each_whole(server: MockServer) -> None:
    run(server, "CREATE TABLE a AS SELECT range FROM range(5000)")
    save(server, "a")
    run(server, "DROP TABLE a")
    run(server, "CREATE TABLE b AS SELECT range FROM range(7000)")
    save(server, "b")
    seen: list[int] = []

    def again_and_again(name: str) -> None:
        for _ in range(5):
            restore(server, name)
            seen.append(plane(server, "PUT", "snapshots/mixed").status_code)

    threads = [threading.Thread(target=again_and_again, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [200] * 10
    restore(server, "mixed")
    ((name,),) = run(server, "SHOW TABLES")
    assert run(server, f"SELECT count(*) FROM {name}") == [[{"a": 5000, "b": 7000}[name]]]


def test_a_large_table_is_copied_in_its_order_while_another_user_is_served(server: MockServer) -> None:
    run(server, "CREATE TABLE big AS SELECT i, 'text ' || i AS t, [i, i + 1] AS l FROM range(300000) r(i)")
    longest = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            begun = time.monotonic()
            run(server, "SELECT 42", BOB)
            longest.append(time.monotonic() - begun)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        told = save(server, "big")
        run(server, "DROP TABLE big")
        restore(server, "big")
    finally:
        stop.set()
        asking.join()
    assert max(longest) < 5
    assert told["bytes"] > 300_000 * 8
    in_order = "SELECT count(*), bool_and(i = rowid), bool_and(t = 'text ' || i), bool_and(l = [i, i + 1]) FROM big"
    assert run(server, in_order) == [[300_000, True, True, True]]


def test_every_type_and_key_comes_back(server: MockServer) -> None:
    run(server, "CREATE TYPE mood AS ENUM ('sad', 'it''s')")
    run(server, 'CREATE TYPE a_type AS STRUCT(m mood, "x y" INTEGER)[]')
    run(
        server,
        "CREATE TABLE types (v VARIANT, g GEOMETRY, u UNION(i INTEGER, s VARCHAR), m MAP(VARCHAR, INTEGER[]), "
        "a INTEGER[3], b BLOB, bi BIT, tz TIMETZ, hg UHUGEINT, iv INTERVAL, j JSON, uu UUID, ns TIMESTAMP_NS, "
        "bn BIGNUM, t TIMESTAMPTZ, mo mood, st a_type)",
    )
    run(
        server,
        "INSERT INTO types VALUES ('{\"a\":[1]}'::JSON::VARIANT, 'POINT(1 2)'::GEOMETRY, 'x', MAP {'a': [1, NULL]}, "
        "[1, 2, 3], '\\xAA'::BLOB, '101', '10:00:00+02', 340282366920938463463374607431768211455, "
        "INTERVAL '1 day 1 us', '{\"a\": 1}', uuid(), '2024-01-01 00:00:00.123456789', "
        "12345678901234567890123456789012345678901, now(), 'it''s', [{m: 'sad', \"x y\": 1}]), "
        "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    )
    run(server, "CREATE TABLE tree (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES tree (id))")
    for row in ("(3, NULL)", "(1, 3)", "(2, 1)"):
        run(server, f"INSERT INTO tree VALUES {row}")
    run(server, 'CREATE TABLE "a b" ("select" INTEGER PRIMARY KEY)')
    run(server, 'INSERT INTO "a b" VALUES (1)')
    run(server, 'CREATE TABLE a (x INTEGER REFERENCES "a b" ("select"))')
    run(server, "INSERT INTO a VALUES (1), (NULL)")
    shown = "SELECT types::VARCHAR FROM types"
    columns = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
    keys = "SELECT table_name, constraint_text FROM duckdb_constraints() ORDER BY ALL"
    before = [run(server, statement) for statement in (shown, columns, keys)]
    assert save(server, "types")["left_out"] == []
    plane(server, "POST", "reset")
    restore(server, "types")
    assert [run(server, statement) for statement in (shown, columns, keys)] == before
    assert sorted(run(server, "FROM tree")) == [[1, 3], [2, 1], [3, None]]


def test_what_cannot_be_made_again_harms_nothing(server: MockServer) -> None:
    run(server, "CREATE TABLE t (a INTEGER CHECK (a < coalesce(getvariable('most'), 0)))")
    run(server, "SET VARIABLE most = 9; INSERT INTO t VALUES (1)")
    answer = plane(server, "PUT", "snapshots/misfit")
    assert answer.status_code == 409
    assert '"t" cannot be copied' in answer.json()["error"]["message"]
    assert "misfit" not in plane(server, "GET", "snapshots").text
    assert run(server, "FROM t") == [[1]]


def test_macros_named_as_functions_fool_nobody(server: MockServer) -> None:
    run(server, "CREATE TABLE t AS SELECT 1 AS a")
    run(server, "CREATE SEQUENCE q START 7")
    run(server, "SELECT nextval('q')")
    for name in ("duckdb_tables()", "duckdb_columns()", "altertable_mock_stream(a)"):
        run(server, f"CREATE MACRO {name} AS TABLE SELECT 5 AS a")
    run(server, "CREATE MACRO nextval(a) AS 5")
    run(server, "CREATE MACRO count(a) AS 5")
    assert save(server, "s")["left_out"] == []
    plane(server, "POST", "reset")
    restore(server, "s")
    assert run(server, "FROM t") == [[1]]
    assert run(server, "SELECT nextval('q'), system.main.nextval('q')") == [[5, 8]]


def test_copies_are_gone_with_their_tenant(server: MockServer) -> None:
    control = {"Authorization": "Bearer the-control-key"}
    place = f"{server.lakehouse_url}/_mock/v1/tenants"
    for _ in range(2):
        made = httpx.post(place, headers=control, json={"user": "carol", "password": "c"})
        assert made.status_code == 201, made.text
        pair = Credentials("carol", "c")
        assert plane(server, "GET", "snapshots", pair).json() == {"snapshots": []}
        run(server, "CREATE TABLE t AS SELECT 1 AS a", pair)
        assert plane(server, "PUT", "snapshots/s", pair).status_code == 200
        httpx.delete(f"{place}/carol", headers=control).raise_for_status()
