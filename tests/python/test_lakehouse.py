"""altertable-lakehouse, the published REST client."""

from __future__ import annotations

import threading
import time
import uuid

import pytest
from altertable_lakehouse import Client
from altertable_lakehouse.errors import ApiError, AuthError, QueryError
from altertable_lakehouse.models import QueryRequest, ValidateRequest
from mock_server import ALICE, BOB, MockServer


@pytest.fixture
def client(server: MockServer) -> Client:
    return Client(server.lakehouse_url, *ALICE.pair)


@pytest.fixture
def bob(server: MockServer) -> Client:
    return Client(server.lakehouse_url, *BOB.pair)


def rows(client: Client, statement: str, **options: object) -> list[list[object]]:
    return client.query_all(QueryRequest(statement=statement, **options)).rows


def test_a_query_returns_columns_and_rows(client: Client) -> None:
    result = client.query_all(QueryRequest(statement="SELECT 42 AS answer, 'x' AS letter, [1, 2] AS list"))
    assert result.columns == [
        {"name": "answer", "type": "INTEGER"},
        {"name": "letter", "type": "VARCHAR"},
        {"name": "list", "type": "LIST"},
    ]
    assert result.rows == [[42, "x", [1, 2]]]
    assert result.metadata.values["statement"].startswith("SELECT 42")
    assert uuid.UUID(result.metadata.values["session_id"])


def test_an_empty_result_keeps_its_columns(client: Client) -> None:
    result = client.query_all(QueryRequest(statement="SELECT 1::BIGINT AS a WHERE false"))
    assert result.columns == [{"name": "a", "type": "BIGINT"}]
    assert result.rows == []


def test_an_update_reports_its_rows(client: Client, table: str) -> None:
    assert rows(client, f"CREATE TABLE {table} (i INTEGER)") == []
    assert rows(client, f"INSERT INTO {table} VALUES (1), (2), (3)") == [[3]]
    assert rows(client, f"DELETE FROM {table} WHERE i = 1") == [[1]]
    assert rows(client, f"SELECT sum(i)::INTEGER FROM {table}") == [[5]]


def test_a_session_keeps_its_settings(client: Client, table: str) -> None:
    session = str(uuid.uuid4())
    rows(client, f"CREATE SCHEMA s_{table}", session_id=session)
    rows(client, f"CREATE TABLE {table} AS SELECT 7 AS i", session_id=session, schema=f"s_{table}")
    assert rows(client, "SELECT current_schema()", session_id=session) == [[f"s_{table}"]]
    assert rows(client, f"FROM {table}", session_id=session) == [[7]]
    assert rows(client, "SELECT current_schema()") == [["main"]]


def test_uncommitted_work_stays_in_its_session(client: Client, table: str) -> None:
    session = str(uuid.uuid4())
    rows(client, f"CREATE TABLE {table} (i INTEGER)")
    rows(client, "BEGIN", session_id=session)
    rows(client, f"INSERT INTO {table} VALUES (1)", session_id=session)
    assert rows(client, f"SELECT count(*) FROM {table}") == [[0]]
    rows(client, "COMMIT", session_id=session)
    assert rows(client, f"SELECT count(*) FROM {table}") == [[1]]


def test_a_sql_error_is_reported_verbatim(client: Client) -> None:
    with pytest.raises(QueryError, match="Catalog Error: Table with name no_such_table does not exist"):
        rows(client, "FROM no_such_table")
    assert rows(client, "SELECT 1") == [[1]]


def test_an_error_may_follow_rows(client: Client) -> None:
    statement = "SELECT CASE WHEN i = 4000000 THEN error('boom') ELSE i END FROM range(5000000) t(i)"
    _, _, results = client.query(QueryRequest(statement=statement))
    assert next(results) is not None
    with pytest.raises(QueryError, match="boom"):
        for _ in results:
            pass


def test_validation_runs_nothing(client: Client, table: str) -> None:
    valid = client.validate(ValidateRequest(statement=f"CREATE TABLE {table} (i INTEGER)"))
    assert (valid.valid, valid.error) == (True, None)
    invalid = client.validate(ValidateRequest(statement=f"SELECT * FROM {table}"))
    assert not invalid.valid
    assert "does not exist" in (invalid.error or "")


def test_a_finished_query_is_logged(client: Client) -> None:
    query = str(uuid.uuid4())
    rows(client, " SELECT 1 ", query_id=query, requested_by="me", visible=False)
    entry = client.get_query(query)
    assert (entry.uuid, entry.query, entry.error) == (query, "SELECT 1", None)
    assert (entry.requested_by, entry.visible) == ("me", False)
    assert entry.end_time is not None
    assert entry.duration_ms is not None and entry.duration_ms >= 0
    assert entry.progress is not None and entry.progress["percentage"] == 100.0


def test_a_running_query_can_be_cancelled(client: Client) -> None:
    endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
    query, session = str(uuid.uuid4()), str(uuid.uuid4())
    outcome: list[BaseException] = []

    def run() -> None:
        try:
            rows(client, endless, query_id=query, session_id=session)
        except QueryError as error:
            outcome.append(error)

    runner = threading.Thread(target=run)
    runner.start()
    wait_until_logged(client, query)
    cancelled_at = time.monotonic()
    assert client.cancel_query(query, session).cancelled
    runner.join(timeout=10)
    assert time.monotonic() - cancelled_at < 1.5, "LC-04: it stops within a second"
    assert len(outcome) == 1 and "cancelled" in str(outcome[0])
    assert "cancelled" in (client.get_query(query).error or "")
    assert rows(client, "SELECT 1", session_id=session) == [[1]]


def wait_until_logged(client: Client, query: str) -> None:
    for _ in range(200):
        try:
            client.get_query(query)
            return
        except ApiError as error:
            assert error.status_code == 404
            time.sleep(0.01)
    raise AssertionError("the query was never logged")


def test_the_log_and_its_queries_belong_to_their_user(client: Client, bob: Client) -> None:
    query, session = str(uuid.uuid4()), str(uuid.uuid4())
    rows(client, "SELECT 1", query_id=query, session_id=session)
    for call in (lambda: bob.get_query(query), lambda: bob.cancel_query(query, session)):
        with pytest.raises(ApiError, match="404"):
            call()


def test_users_share_no_table(client: Client, bob: Client, table: str) -> None:
    rows(client, f"CREATE TABLE {table} AS SELECT 1 AS i")
    with pytest.raises(QueryError, match="does not exist"):
        rows(bob, f"FROM {table}")


def test_a_wrong_password_is_refused(server: MockServer) -> None:
    for user, password in (("alice", "wrong"), ("nobody", "secret")):
        with pytest.raises(AuthError):
            rows(Client(server.lakehouse_url, user, password), "SELECT 1")
