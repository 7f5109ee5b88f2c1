"""Sequences of HTTP calls that leave things open, flood, race with themselves, or bring what is no data."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest
from arena import API_KEY, MIB, PLAIN, Arena, Tenant

ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
TARGET = "catalog=memory&schema=main&table=loaded"


def usable(tenant: Tenant) -> None:
    assert tenant.rows("SELECT count(*) FROM mine") == [[100]]


def at_once(count: int, call: Callable[[int], httpx.Response | None], workers: int = 16) -> list[int]:
    """Runs `call(0)` to `call(count - 1)` side by side; the status codes, none of which is the server's fault."""
    with ThreadPoolExecutor(workers) as pool:
        responses = [response for response in pool.map(call, range(count)) if response is not None]
    faults = [f"{response.status_code} {response.text[:300]}" for response in responses if response.status_code >= 500]
    assert not faults, faults[:3]
    return [response.status_code for response in responses]


def post(tenant: Tenant, statement: str, **fields: object) -> httpx.Response:
    return tenant.rest.post("/query", json={"statement": statement, **fields})


@pytest.mark.parametrize("route", ["/query", "/validate", "/explain", "/autocomplete"])
def test_sessions_without_end_go_by_themselves(arena: Arena, route: str) -> None:
    """LS-04: beyond the limit the least recently used one makes room."""
    tenant = arena.attacker()
    body = {"statement": "SELECT 1"}
    at_once(300, lambda _: tenant.rest.post(route, json={**body, "session_id": str(uuid.uuid4())}))
    usable(tenant)


@pytest.mark.parametrize("held", ["CREATE TEMP TABLE t AS SELECT 1", "BEGIN"])
def test_sessions_that_hold_something_are_limited(arena: Arena, held: str) -> None:
    tenant = arena.attacker()
    first = str(uuid.uuid4())
    tenant.rows("CREATE TEMP TABLE first AS SELECT 5 AS i", session_id=first)
    responses = [post(tenant, held, session_id=str(uuid.uuid4())) for _ in range(130)]
    refused = [response for response in responses if response.status_code == 429]
    assert refused, "130 sessions passed a limit of 100"
    assert refused[0].json()["error"]["code"] == "limit-exceeded"
    assert "--tenant-session-limit" in refused[0].text
    assert tenant.rows("FROM first", session_id=first) == [[5]], "a session lost what it held"


@pytest.mark.growth(80)
def test_large_texts_are_not_kept(arena: Arena) -> None:
    """LG-05: the log keeps bytes, not only entries."""
    tenant = arena.attacker()
    for at in range(60):
        post(tenant, f"SELECT {at} -- " + "x" * MIB, ephemeral=True)
        tenant.rest.post("/validate", json={"statement": f"SELECT {at} -- " + "x" * MIB})
    usable(tenant)


@pytest.mark.slow
@pytest.mark.growth(48)
def test_a_thousand_large_texts_are_not_kept(arena: Arena) -> None:
    tenant = arena.attacker()
    for at in range(1000):
        post(tenant, f"SELECT {at} -- " + "x" * MIB, ephemeral=True)
    usable(tenant)


def test_a_storm_of_cancelled_queries_leaves_nothing(arena: Arena) -> None:
    tenant = arena.attacker()

    def storm(at: int) -> None:
        ending = ("cancel", "leave", "both")[at % 3]
        ids = {"query_id": str(uuid.uuid4()), "session_id": str(uuid.uuid4())}
        body = {"statement": ENDLESS, **ids}
        with suppress(httpx.HTTPError), tenant.rest.stream("POST", "/query", json=body) as answer:
            lines = answer.iter_lines()
            next(lines)
            if ending != "leave":
                tenant.rest.delete(f"/query/{ids['query_id']}", params={"session_id": ids["session_id"]})
            if ending == "cancel":
                list(lines)

    at_once(96, storm)
    usable(tenant)


def test_64_long_queries_of_one_tenant_leave_the_others_room(arena: Arena) -> None:
    tenant = arena.attacker()
    limits = httpx.Limits(max_connections=100)
    with httpx.Client(base_url=arena.server.lakehouse_url, auth=tenant.user.pair, timeout=2, limits=limits) as client:

        def ask(_: int) -> None:
            with suppress(httpx.HTTPError):
                client.post("/query", json={"statement": ENDLESS})

        with ThreadPoolExecutor(64) as pool:
            calls = [pool.submit(ask, at) for at in range(64)]
            time.sleep(0.5)
            assert arena.server.threads() < 200
            for _ in range(5):
                assert arena.bystander.rows("SELECT 42") == [[42]]
            for call in calls:
                call.result()
    usable(tenant)


DDL = [
    "CREATE TABLE IF NOT EXISTS raced (i INTEGER)",
    "CREATE OR REPLACE TABLE raced AS SELECT 1 AS i",
    "DROP TABLE IF EXISTS raced",
    "ALTER TABLE raced ADD COLUMN IF NOT EXISTS j INTEGER",
    "INSERT INTO raced SELECT * FROM range(10)",
    "CREATE OR REPLACE VIEW seen AS FROM raced",
    "FROM seen",
    "CREATE SCHEMA IF NOT EXISTS s; ",
    "DROP SCHEMA IF EXISTS s CASCADE",
    "CREATE INDEX IF NOT EXISTS x ON raced (i)",
    "UPDATE raced SET i = i + 1",
    "DELETE FROM raced",
    "CREATE OR REPLACE MACRO m(x) AS x + 1",
    "CREATE OR REPLACE SEQUENCE q",
    "SELECT nextval('q')",
    "CHECKPOINT",
]


def test_definitions_race_with_one_another(arena: Arena) -> None:
    tenant = arena.attacker()
    lost = []

    def define(at: int) -> httpx.Response:
        response = post(tenant, DDL[at * 7 % len(DDL)], ephemeral=True)
        # DuckDB may fail to find a row in an index that is being made, which ends the tenant's database (LX-17).
        lost.extend(["FATAL Error"] if "FATAL Error" in response.text else [])
        return response

    at_once(320, define)
    assert tenant.rows("SELECT 42") == [[42]]
    if not lost:
        usable(tenant)


def test_databases_come_and_go_side_by_side(arena: Arena) -> None:
    tenant = arena.attacker()

    def work(at: int) -> httpx.Response:
        name, session = f"d{at % 5}", str(uuid.uuid4())
        for statement in (f"ATTACH ':memory:' AS {name}", f"USE {name}", "CREATE TABLE t AS SELECT 1", "FROM t"):
            post(tenant, statement, session_id=session)
        return post(tenant, f"DETACH {name}", session_id=str(uuid.uuid4()))

    at_once(60, work)
    usable(tenant)


def test_a_hundred_databases_at_once_are_no_harm(arena: Arena) -> None:
    tenant = arena.attacker()
    at_once(100, lambda at: post(tenant, f"ATTACH ':memory:' AS many{at}", ephemeral=True))
    at_once(100, lambda at: post(tenant, f"CREATE TABLE many{at}.t AS SELECT 1", ephemeral=True))
    usable(tenant)


def test_a_seed_stays_in_its_session(arena: Arena) -> None:
    tenant = arena.attacker()
    tenant.rows("CREATE MACRO seeded() AS setseed(0.5)")
    seen = set()
    for _ in range(10):
        tenant.query("SELECT seeded()", ephemeral=True)
        seen.add(str(tenant.rows("SELECT random()", ephemeral=True)))
    assert len(seen) == 10, "a later session drew the numbers of the seed"


def test_loads_into_one_table_race(arena: Arena) -> None:
    tenant = arena.attacker()
    csv = "id,name\n" + "".join(f"{i},x\n" for i in range(500))
    rows = json.dumps([{"id": i, "name": "x"} for i in range(100)])
    calls = [
        (f"/upload?{TARGET}&mode=overwrite", csv),
        (f"/upload?{TARGET}&mode=create_append", csv),
        (f"/upsert?{TARGET}&primary_key=id", csv),
        (f"/append?{TARGET}", rows),
    ]

    def load(at: int) -> httpx.Response:
        path, body = calls[at % 4]
        return tenant.rest.post(path, content=body)

    at_once(80, load)
    usable(tenant)


def nested(depth: int) -> bytes:
    return b'[{"a":' + b"[" * depth + b"]" * depth + b"}]"


# Bodies that are no data, or too much of it.
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "zeros": bytes(100_000),
    "a Parquet head": b"PAR1" + bytes(1000) + b"PAR1",
    "a Parquet foot of all": b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1",
    "an Arrow head": b"ARROW1\x00\x00" + bytes(1000),
    "an Arrow message of all": b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(1000),
    "an Arrow message of less than nothing": b"\xff\xff\xff\xff\x00\x00\x00\x80",
    "brackets": b"[" * 100_000,
    "braces": b'{"a":' * 50_000,
    "nested 200": nested(200),
    "nested 100,000": nested(100_000),
    "two thousand keys": json.dumps([{f"k{i}": i for i in range(2_000)}]).encode(),
    "one long line": b"id\n" + b"x" * (2 * MIB),
    "two thousand columns": b",".join(b"c%d" % i for i in range(2_000)) + b"\n",
    "a quote without end": b'id,name\n1,"' + b"x" * MIB,
    "rows of other lengths": b"a,b\n1\n1,2,3\n" * 1000,
    "UTF-16": "id,name\n1,x\n".encode("utf-16"),
    "not UTF-8": b"id\n\xff\xfe\n" * 1000,
    "a gzip bomb": gzip.compress(bytes(64 * MIB)),
    "numbers without end": b'[{"n":' + b"9" * 100_000 + b"}]",
    "odd floats": b'[{"n":1e999},{"n":-1e999},{"n":NaN}]',
    "an odd name": b'[{"\\u0000":1,"":2,"\\ud800":3}]',
    "twice the same name": b'[{"a":1,"A":2,"a":3}]',
    "a number alone": b"1",
    "text alone": b'"text"',
}
PATHS = {
    "upload": f"/upload?{TARGET}&mode=create_append",
    "upsert": f"/upsert?{TARGET}&primary_key=id",
    "append": f"/append?{TARGET}",
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_is_no_data_is_refused(arena: Arena, path: str, name: str) -> None:
    tenant = arena.attacker()
    kinds = ("text/csv", "application/json", "application/parquet", "application/vnd.apache.arrow.stream")
    sent = [{}, {"content-encoding": "gzip"}, *({"content-type": kind} for kind in kinds)]
    for headers in sent:
        response = tenant.rest.post(PATHS[path], content=BODIES[name], headers=headers)
        assert response.status_code < 500, f"{headers}: {response.status_code} {response.text[:300]}"
    usable(tenant)


def analytics(arena: Arena) -> httpx.Client:
    return httpx.Client(base_url=arena.server.analytics_url, headers={"x-api-key": API_KEY}, timeout=30, verify=PLAIN)


def event(**more: object) -> bytes:
    return json.dumps({"event": "e", "distinct_id": "d", **more}).encode()


EVENT_BODIES = {
    "brackets": b"[" * MIB,
    "braces": b'{"a":' * 200_000,
    "deep properties": b'{"event":"e","distinct_id":"d","properties":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    "many properties": event(properties={f"k{i}": i for i in range(50_000)}),
    "a large value": event(properties={"x": "x" * (3 * MIB)}),
    "a large name": event(event="e" * MIB),
    "a large id": event(distinct_id="d" * MIB),
    "a large batch": json.dumps([{"event": "e", "distinct_id": f"d{i}"} for i in range(20_000)]).encode(),
    "a batch of nothing": b"[" + b"{}," * 100_000 + b"{}]",
    "odd numbers": b'{"event":"e","distinct_id":"d","properties":{"n":1e999,"m":' + b"9" * 10_000 + b"}}",
    "odd text": b'{"event":"\\u0000","distinct_id":"\\ud800"}',
    "SQL": json.dumps({"event": "'; DROP TABLE events; --", "distinct_id": '"'}).encode(),
    "an odd time": b'{"event":"e","distinct_id":"d","timestamp":"99999-99-99"}',
    "zeros": bytes(100_000),
}


@pytest.mark.parametrize("route", ["/track", "/identify", "/alias"])
@pytest.mark.parametrize("name", EVENT_BODIES)
def test_odd_events_are_refused_or_kept(arena: Arena, route: str, name: str) -> None:
    with analytics(arena) as client:
        for _ in range(3):
            response = client.post(route, content=EVENT_BODIES[name])
            assert response.status_code < 500, response.text[:300]


@pytest.mark.growth(160)
def test_events_without_end_are_limited(arena: Arena) -> None:
    """AE-02: beyond the project's bytes events are refused; what is there stays."""
    batch = json.dumps([{"event": "e", "distinct_id": "d", "properties": {"x": "x" * 10_000}} for _ in range(300)])
    with analytics(arena) as client:
        for _ in range(60):
            response = client.post("/track", content=batch)
            assert response.status_code in (200, 422), response.text[:300]
            if response.status_code == 422:
                assert response.json()["error_code"] == "limit-exceeded"
                assert "--project-event-limit" in response.text
                return
    raise AssertionError("170 MB of events passed a limit of 64 MB")


def test_identities_chained_without_end_are_no_harm(arena: Arena) -> None:
    with analytics(arena) as client:
        for at in range(300):
            link = {"distinct_id": f"chain{at}", "new_user_id": f"chain{at + 1}"}
            client.post("/alias", json=link).raise_for_status()


def test_a_tenant_that_loads_for_long_is_not_idle(arena: Arena) -> None:
    """LX-13: the database of an undeclared user is not dropped under a call that takes longer than the idle time."""

    def slowly() -> Iterator[bytes]:
        yield b'[{"id":0}'
        for at in range(50):
            time.sleep(0.1)
            yield b',{"id":%d}' % at
        yield b"]"

    def load(tenant: Tenant, path: str) -> None:
        response = tenant.rest.post(f"{path}?{TARGET}&mode=create", content=slowly())
        assert response.status_code == 200, response.text
        assert tenant.rows("SELECT count(*) FROM loaded") == [[51]]
        usable(tenant)

    with ThreadPoolExecutor(2) as pool:
        for loading in [pool.submit(load, arena.attacker(), path) for path in ("/upload", "/append")]:
            loading.result()


@pytest.mark.parametrize("route", ["/validate", "/explain", "/autocomplete"])
@pytest.mark.parametrize(
    "statement",
    ["SELECT " + "1," * 4_000 + "1", "SELECT '" + "x" * MIB, "(" * 900, ";" * 10_000, "SELECT 1; DROP TABLE mine"],
    ids=lambda statement: statement[:12],
)
def test_questions_about_odd_statements_are_answered(arena: Arena, route: str, statement: str) -> None:
    tenant = arena.attacker()
    for more in ({}, {"include_plan": True, "max_suggestions": 200, "catalog": "x", "schema": "\x00"}):
        response = tenant.rest.post(route, json={"statement": statement, **more})
        assert response.status_code < 500, response.text[:300]
    usable(tenant)


@pytest.mark.parametrize(
    "params",
    [[None] * 70_000, {f"p{i}": i for i in range(10_000)}, ["x" * MIB] * 8, [1e308, -0.0, 10**400], {"": 1, "\x00": 2}],
    ids=["many", "many names", "large", "numbers", "odd names"],
)
def test_odd_parameters_are_answered(arena: Arena, params: object) -> None:
    tenant = arena.attacker()
    for statement in ("SELECT 1", "SELECT ?", "SELECT $p1, $p2"):
        assert post(tenant, statement, params=params).status_code < 500
    usable(tenant)


@pytest.mark.growth(192)
def test_results_that_nobody_reads_to_their_end_leave_nothing(arena: Arena) -> None:
    tenant = arena.attacker()

    def glance(at: int) -> None:
        form = ("csv", "jsonl", "parquet", "default")[at % 4]
        body = {"statement": "SELECT i, repeat('x', 1000) AS s FROM range(10000000) t(i)", "format": form}
        with suppress(httpx.HTTPError), tenant.rest.stream("POST", "/query", json=body, timeout=1) as answer:
            next(answer.iter_raw())

    at_once(32, glance)
    usable(tenant)
