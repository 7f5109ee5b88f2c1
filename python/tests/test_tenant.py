"""The helpers of a tenant."""

from __future__ import annotations

import datetime
import sys
import threading
import time
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from altertable_mock import MissingClientError, MockServer, RequestError, Rows, SqlError, Tenant, WaitError

UTC = datetime.timezone.utc


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("42", 42),
        ("170141183460469231731687303715884105727::HUGEINT", 2**127 - 1),
        ("0.1::DECIMAL(38, 20)", Decimal("0.10000000000000000000")),
        ("-5::DECIMAL(4, 0)", Decimal(-5)),
        ("0.1::DOUBLE", 0.1),
        ("true", True),
        ("NULL::DATE", None),
        ("'line\nbreak \u2028 é'", "line\nbreak \u2028 é"),
        ("'\\xDE\\xAD'::BLOB", b"\xde\xad"),
        ("DATE '2024-01-15'", datetime.date(2024, 1, 15)),
        ("DATE 'infinity'", "infinity"),
        ("TIME '01:02:03.5'", datetime.time(1, 2, 3, 500_000)),
        ("TIMESTAMP '2024-01-15 13:45:00.123'", datetime.datetime(2024, 1, 15, 13, 45, 0, 123_000)),
        ("TIMESTAMPTZ '2024-01-15 13:45:00+02'", datetime.datetime(2024, 1, 15, 11, 45, tzinfo=UTC)),
        ("'6ab8b7f8-d7cc-45f7-a0f0-d6f7f659fdd7'::UUID", uuid.UUID("6ab8b7f8-d7cc-45f7-a0f0-d6f7f659fdd7")),
        ("[1, 2]", [1, 2]),
        ("{'a': 1.5, 'b': [DATE '2024-01-15']}", {"a": 1.5, "b": ["2024-01-15"]}),
        ("'{\"a\": [1]}'::JSON", {"a": [1]}),
    ],
)
def test_values_arrive_as_python_has_them(altertable_mock: Tenant, expression: str, value: object) -> None:
    found = altertable_mock.sql(f"SELECT {expression} AS v").value()
    assert found == value
    assert type(found) is type(value)


def test_rows_have_names_types_and_shapes(altertable_mock: Tenant) -> None:
    rows = altertable_mock.sql("SELECT i, 'x' || i AS name FROM range(2) r(i)")
    assert rows == [(0, "x0"), (1, "x1")]
    assert (rows.columns, rows.types) == (["i", "name"], ["BIGINT", "VARCHAR"])
    assert rows.dicts() == [{"i": 0, "name": "x0"}, {"i": 1, "name": "x1"}]
    assert rows.column("name") == ["x0", "x1"]
    with pytest.raises(ValueError, match="expected one row of one column, not 2 of 2"):
        rows.value()
    empty = altertable_mock.sql("SELECT 1 AS a WHERE false")
    assert (empty, empty.columns) == ([], ["a"])


@pytest.mark.parametrize(
    ("statement", "params", "rows"),
    [
        ("SELECT $a + $b", {"a": 1, "b": 2}, [(3,)]),
        ("SELECT ? || ?", ["x", "y"], [("xy",)]),
        ("SELECT ?", (None,), [(None,)]),
        ("SELECT 1", {}, [(1,)]),
    ],
)
def test_parameters_are_bound(altertable_mock: Tenant, statement: str, params: object, rows: list[object]) -> None:
    assert altertable_mock.sql(statement, params) == rows


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELEC 1", "Parser Error"),
        ("FROM nowhere", "nowhere does not exist"),
        ("SELECT 1; SELEC 2", "Parser Error"),
        ("SELECT 1; FROM nowhere; SELECT 2", "nowhere does not exist"),
        ("SELECT error('late') FROM range(100000) r(i) WHERE i = 99999", "late"),
    ],
)
def test_a_failed_statement_raises_what_duckdb_says(altertable_mock: Tenant, statement: str, message: str) -> None:
    with pytest.raises(SqlError, match=message):
        altertable_mock.sql(statement)


def test_the_rows_of_several_statements_are_the_last_ones(altertable_mock: Tenant) -> None:
    assert altertable_mock.sql("CREATE TEMP TABLE t AS SELECT 1 AS i; INSERT INTO t VALUES (2); FROM t") == [(1,), (2,)]


def test_each_statement_has_a_session_of_its_own(altertable_mock: Tenant) -> None:
    altertable_mock.sql("SET TimeZone = 'Asia/Tokyo'")
    assert altertable_mock.sql("SELECT current_setting('TimeZone')").value() != "Asia/Tokyo"


def test_rows_are_loaded_into_tables_that_need_not_exist(altertable_mock: Tenant) -> None:
    altertable_mock.load("t", [{"id": 1, "day": datetime.date(2024, 1, 15)}])
    altertable_mock.load("t", ({"id": number, "note": "é"} for number in (2, 3)))
    assert altertable_mock.sql("SELECT count(*), max(note) FROM t").dicts()[0] == {"count_star()": 3, "max(note)": "é"}
    altertable_mock.sql("CREATE TABLE typed (day DATE)")
    altertable_mock.load("typed", [{"day": datetime.date(2024, 1, 15)}])
    assert altertable_mock.sql("FROM typed").value() == datetime.date(2024, 1, 15)
    with pytest.raises(RequestError, match="cannot add rows to typed"):
        altertable_mock.load("typed", [{"day": "not a day"}])


def test_the_official_clients_work_on_one_tenant(altertable_mock: Tenant) -> None:
    schema = pa.schema([("id", pa.int64()), ("name", pa.string())])
    with altertable_mock.flight_client() as flight:
        with flight.ingest(table_name="users", schema=schema) as writer:
            writer.write(pa.record_batch([[1, 2], ["Ada", "Grace"]], schema=schema))
        assert flight.query("SELECT 42 AS answer").read_all().to_pylist() == [{"answer": 42}]
    from altertable_lakehouse.models import QueryRequest

    lakehouse = altertable_mock.lakehouse_client()
    try:
        assert lakehouse.query_all(QueryRequest(statement="SELECT name FROM users ORDER BY id")).rows == [
            ["Ada"],
            ["Grace"],
        ]
    finally:
        lakehouse._client.close()  # it has no close of its own
    analytics = altertable_mock.analytics_client()
    try:
        analytics.track("signed_up", "user-1", {"properties": {"plan": "pro"}})
        analytics.identify("user-1", {"traits": {"name": "Ada"}})
    finally:
        analytics.session.close()
    (event,) = altertable_mock.events()
    assert (event["event"], event["distinct_id"], event["properties"]) == ("signed_up", "user-1", {"plan": "pro"})
    assert isinstance(event["timestamp"], datetime.datetime)
    whats = [request.what for request in altertable_mock.requests() if request.is_work]
    assert whats[:2] == ["DoPut CommandStatementIngest: rows into users", "SELECT 42 AS answer"]


def test_psycopg_works_on_the_same_tenant(altertable_mock: Tenant) -> None:
    altertable_mock.sql("CREATE TABLE t AS SELECT 42 AS answer")
    with altertable_mock.postgres_client() as connection:
        assert connection.execute("SELECT answer FROM t WHERE answer > %s", (1,)).fetchall() == [(42,)]
    with altertable_mock.postgres_client(autocommit=False) as connection:
        connection.execute("INSERT INTO t VALUES (43)")
        connection.rollback()
    assert altertable_mock.sql("SELECT count(*) FROM t").value() == 1


def test_events_are_filtered(altertable_mock: Tenant) -> None:
    for event, who in (("seen", "a"), ("bought", "a"), ("bought", "b")):
        altertable_mock.track(event, who)
    assert len(altertable_mock.events()) == 3
    assert [event["distinct_id"] for event in altertable_mock.events("bought")] == ["a", "b"]
    assert [event["event"] for event in altertable_mock.events(distinct_id="a")] == ["seen", "bought"]
    assert altertable_mock.events("bought' OR true --") == []


@pytest.mark.parametrize(
    ("module", "helper", "package"),
    [
        ("altertable_flightsql", "flight_client", "altertable-flightsql"),
        ("altertable_lakehouse", "lakehouse_client", "altertable-lakehouse"),
        ("altertable", "analytics_client", "altertable"),
        ("psycopg", "postgres_client", r"psycopg\[binary\]"),
    ],
)
def test_a_missing_client_is_named(
    altertable_mock: Tenant, monkeypatch: pytest.MonkeyPatch, module: str, helper: str, package: str
) -> None:
    class Nothing:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == module:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Nothing, *sys.meta_path])
    with pytest.raises(MissingClientError, match=rf"{package} is not installed: pip install {package}, "):
        getattr(altertable_mock, helper)()


def test_rows_are_a_list() -> None:
    assert Rows(["a"], ["INTEGER"], []) == []


def test_a_reset_tenant_begins_anew(altertable_mock: Tenant) -> None:
    altertable_mock.sql("CREATE TABLE t (i INTEGER)")
    altertable_mock.track("before", "user-1")
    assert altertable_mock.reset() == []
    assert altertable_mock.sql("SHOW TABLES") == []
    assert altertable_mock.events() == []
    altertable_mock.sql("CREATE TABLE t (i INTEGER)")
    altertable_mock.reset("sessions")
    assert altertable_mock.sql("SHOW TABLES") == [("t",)]
    with pytest.raises(RequestError, match="everything"):
        altertable_mock.reset("everything")


def test_a_project_that_others_see_is_left_alone() -> None:
    with MockServer(users={"alice": "a", "bob": "b"}, api_keys=["shared"]) as server:
        alice = server.tenant("alice")
        alice.track("kept", "user-1")
        assert alice.reset() == ["project"]
        assert [event["event"] for event in server.tenant("bob").events()] == ["kept"]


def test_a_server_without_control_plane_resets_nobody() -> None:
    with MockServer(users={"alice": "a"}, no_control=True) as server, pytest.raises(RequestError) as refused:
        server.tenant("alice").reset()
    assert refused.value.status == 404


def test_requests_tell_what_was_asked_on_every_door(altertable_mock: Tenant) -> None:
    altertable_mock.sql("SELECT $day AS day", {"day": "2024-01-15"})
    altertable_mock.load("orders", [{"id": 1}])
    altertable_mock.track("seen", "user-1")
    with pytest.raises(SqlError):
        altertable_mock.sql("FROM nowhere")
    query, load, track, failed = altertable_mock.requests()
    assert (query.operation, query.status, query.rows, query.parameters) == ("POST /query", 200, 1, ["2024-01-15"])
    assert query.time.tzinfo is not None and 0 < query.duration < 60
    assert (load.operation, load.table, track.door, track.events) == ("POST /append", "orders", "analytics", ["seen"])
    assert failed.error is not None and "nowhere does not exist" in failed.error
    assert altertable_mock.requests(statement="(?i)^from", status=200) == [failed]
    assert altertable_mock.requests(since=load, until=track) == [track]
    assert altertable_mock.requests(since=query.time, limit=1, order="desc") == [failed]
    with pytest.raises(RequestError, match="statement"):
        altertable_mock.requests(statement="(")


def test_waits_end_with_what_they_were_for(altertable_mock: Tenant) -> None:
    def act() -> None:
        altertable_mock.sql("SELECT 1")
        altertable_mock.track("signed_up", "user-1", {"plan": "pro"})

    acting = threading.Timer(0.2, act)
    acting.start()
    request = altertable_mock.wait_for_request(statement="SELECT 1", timeout=30)
    event = altertable_mock.wait_for_event("signed_up", properties={"plan": "pro"}, timeout=30)
    acting.join()
    assert (request.what, event["distinct_id"]) == ("SELECT 1", "user-1")
    assert event["request"] == altertable_mock.requests(event="signed_up")[0].id
    with pytest.raises(WaitError, match=r"0 of 1 .*\n  not by statement: SELECT 1"):
        altertable_mock.wait_for_request(statement="SELECT 2", operation="POST /query", timeout=0.05)
    with pytest.raises(WaitError, match=r"not by properties: .*pro"):
        altertable_mock.wait_for_event("signed_up", properties={"plan": "free"}, timeout=0.05)


def test_a_fault_has_to_be_met(altertable_mock: Tenant) -> None:
    with altertable_mock.fail("POST /query", status=503, times=1) as fault:
        with pytest.raises(RequestError) as refused:
            altertable_mock.sql("SELECT 1")
        assert refused.value.status == 503
        altertable_mock.sql("SELECT 2")
        assert (fault.acted, fault.matched) == (1, 2)
    assert [request.fault for request in altertable_mock.requests()] == [fault.id, None]
    assert fault.acted == 1, "it tells what it did after its end, too"
    with (
        pytest.raises(AssertionError, match="not met: 0 calls"),
        altertable_mock.fail({"statement": "never"}, hang=True),
    ):
        altertable_mock.sql("SELECT 3")
    with pytest.raises(ZeroDivisionError), altertable_mock.fail({"statement": "never"}, hang=True):
        raise ZeroDivisionError
    with altertable_mock.fail({"statement": "never"}, must_be_met=False, hang=True):
        pass
    altertable_mock.sql("SELECT 'never'")
    with pytest.raises(RequestError, match=r"`do\.cut`"):
        altertable_mock.fail(cut="reset", status=500)


def test_a_clock_stands_moves_and_goes_back(altertable_mock: Tenant) -> None:
    clock = altertable_mock.clock
    start = datetime.datetime(2024, 1, 31, 12, tzinfo=UTC)
    assert clock.freeze(start) == start == clock.now
    assert clock.advance(days=1, seconds=0.5) == start + datetime.timedelta(days=1, milliseconds=500)
    assert clock.advance(datetime.timedelta(hours=1)) == start + datetime.timedelta(hours=25, milliseconds=500)
    assert clock.freeze(start) == start
    assert clock.advance("P1M") == datetime.datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert altertable_mock.sql("SELECT now()").value() == datetime.datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert clock.set(start, rate=0.001) - start < datetime.timedelta(seconds=1)
    assert altertable_mock.sql("SELECT current_date").value() == start.date()
    with pytest.raises(RequestError, match="`by`"):
        clock.advance(days=-1)
    assert clock.reset().year > 2025
    assert altertable_mock.sql("SELECT year(now()) > 2025").value() is True


def test_a_state_is_kept_put_back_and_copied() -> None:
    with MockServer() as server, server.new_tenant() as tenant:
        tenant.sql("CREATE TABLE t AS SELECT 1 AS i")
        tenant.track("before", "u")
        assert tenant.snapshot("s") == []
        tenant.sql("INSERT INTO t VALUES (2)")
        tenant.track("after", "u")
        with server.new_tenant(source=tenant) as now, server.new_tenant(source=tenant, snapshot="s") as then:
            assert (now.sql("FROM t"), then.sql("FROM t")) == ([(1,), (2,)], [(1,)])
            assert [event["event"] for event in then.events()] == ["before"]
            then.track("own", "u")
        assert tenant.restore("s") == []
        assert tenant.sql("FROM t") == [(1,)]
        assert [event["event"] for event in tenant.events()] == ["before"]
        tenant.remove_snapshot("s")
        assert tenant.snapshots() == []
        with pytest.raises(RequestError, match="no snapshot"):
            tenant.restore("s")
        with pytest.raises(RequestError, match="letters"):
            tenant.snapshot("a b")


def test_loads_are_late_until_they_are_told(altertable_mock: Tenant) -> None:
    altertable_mock.late_loads()
    altertable_mock.load("orders", [{"id": 1}])
    assert altertable_mock.sql("SHOW TABLES") == []
    with pytest.raises(RequestError, match="no such task"):
        altertable_mock.complete("01890163-8694-739b-aea5-966c26f8ad91")
    altertable_mock.instant_loads()
    altertable_mock.load("orders", [{"id": 2}])
    assert altertable_mock.sql("FROM orders") == [(2,)]
    altertable_mock.late_loads(0.05)
    altertable_mock.load("later", [{"id": 3}])
    altertable_mock.wait_for_request(table="later")
    deadline = time.monotonic() + 20
    while ("later",) not in altertable_mock.sql("SHOW TABLES") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert altertable_mock.sql("FROM later") == [(3,)]
