"""altertable-lakehouse 0.2, with the flag made for clients older than typed columns.

Its rows include the stream's first two lines, and its `get_query` refuses the object that `progress` is (LG-01).
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import httpx
import pytest
from altertable_lakehouse import Client
from altertable_lakehouse.errors import AuthError, BadRequestError
from altertable_lakehouse.models import QueryRequest, UploadFormat, UploadMode
from mock_server import ALICE, MockServer


@pytest.fixture(scope="module")
def legacy() -> Iterator[MockServer]:
    with MockServer("--user", ":".join(ALICE.pair), "--legacy-query-stream") as running:
        yield running


@pytest.fixture
def client(legacy: MockServer) -> Client:
    return Client(legacy.lakehouse_url, *ALICE.pair)


def lines(client: Client, statement: str, **options: object) -> list[object]:
    return client.query_all(QueryRequest(statement=statement, **options)).rows


def rows(client: Client, statement: str) -> list[object]:
    return lines(client, statement)[2:]


def test_a_query_returns_names_and_rows(client: Client) -> None:
    session = str(uuid.uuid4())
    first, names, *found = lines(client, "SELECT 42 AS answer, 'x' AS letter", session_id=session)
    assert (first["session_id"], names, found) == (session, ["answer", "letter"], [[42, "x"]])


def test_a_window_of_rows_is_returned(client: Client) -> None:
    assert lines(client, "FROM range(10)", limit=2, offset=3)[2:] == [[3], [4]]


def test_a_sql_error_is_found_with_either_stream(server: MockServer, client: Client) -> None:
    # LQ-24's answer is a 400, at which this client stumbles itself: it asks for the text of an unread response.
    with pytest.raises(httpx.ResponseNotRead):
        lines(client, "FROM missing")
    assert lines(client, "SELECT 1")[2:] == [[1]]
    last = lines(Client(server.lakehouse_url, *ALICE.pair), "FROM missing")[-1]
    assert last["error"].startswith("Catalog Error: Table with name missing does not exist")


def test_append_takes_one_row_or_many(client: Client, table: str) -> None:
    assert client.append("memory", "main", table, {"id": 1, "name": "a"}).ok
    assert client.append("memory", "main", table, [{"id": 2}, {"id": 3, "name": "c"}]).ok
    assert rows(client, f"FROM {table} ORDER BY id") == [[1, "a"], [2, None], [3, "c"]]


def test_a_refused_append_says_so(client: Client, table: str) -> None:
    assert client.append("memory", "main", table, {"id": 1}).ok
    unfit = client.append("memory", "main", table, {"id": True})
    assert (unfit.ok, unfit.error_code) == (False, "invalid-data")
    refused = client.append("demo", "main", table, {"id": 1})
    assert (refused.ok, refused.error_code) == (False, "invalid-data")


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (UploadFormat.CSV, b"id,name\n1,a\n2,b\n"),
        (UploadFormat.JSON, b'[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]'),
    ],
)
def test_uploads_go_by_their_mode(client: Client, table: str, form: UploadFormat, content: bytes) -> None:
    client.upload("memory", "main", table, form, UploadMode.CREATE, content)
    with pytest.raises(BadRequestError, match=f'^400: Catalog Error: Table with name "{table}" already exists'):
        client.upload("memory", "main", table, form, UploadMode.CREATE, content)
    client.upload("memory", "main", table, form, UploadMode.APPEND, content)
    assert rows(client, f"SELECT count(*) FROM {table}") == [[4]]
    client.upload("memory", "main", table, form, UploadMode.OVERWRITE, content)
    assert rows(client, f"FROM {table} ORDER BY id") == [[1, "a"], [2, "b"]]


def test_an_upload_may_upsert(client: Client, table: str) -> None:
    for content in (b"id,name\n1,a\n2,b\n", b"id,name\n2,B\n3,C\n"):
        client.upload("memory", "main", table, UploadFormat.CSV, UploadMode.UPSERT, content, primary_key="id")
    assert rows(client, f"FROM {table} ORDER BY id") == [[1, "a"], [2, "B"], [3, "C"]]


def test_a_missing_catalog_is_named(client: Client, table: str) -> None:
    with pytest.raises(BadRequestError, match='Catalog "demo" does not exist'):
        client.upload("demo", "main", table, UploadFormat.CSV, UploadMode.CREATE, b"id\n1\n")


def test_validation_runs_nothing(client: Client, table: str) -> None:
    assert client.validate(f"CREATE TABLE {table} (i INTEGER)").valid
    invalid = client.validate(f"FROM {table}")
    assert not invalid.valid
    assert "does not exist" in (invalid.error or "")


def test_a_running_query_can_be_cancelled(server: MockServer) -> None:
    client = Client(server.lakehouse_url, *ALICE.pair)
    query, session = str(uuid.uuid4()), str(uuid.uuid4())
    endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
    outcome: list[object] = []
    runner = threading.Thread(
        target=lambda: outcome.extend(lines(client, endless, query_id=query, session_id=session)[-1:])
    )
    runner.start()
    wait_until_logged(client, query)
    assert client.cancel_query(query, session).cancelled
    runner.join(timeout=10)
    assert len(outcome) == 1
    assert "cancelled" in outcome[0]["error"]


def wait_until_logged(client: Client, query: str) -> None:
    for _ in range(500):
        # Cancelling under another session's name has no effect (LC-02), and 404 until there is a query.
        if client._client.delete(f"/query/{query}", params={"session_id": "another"}).status_code == 200:
            return
        threading.Event().wait(0.01)
    raise AssertionError("the query was never logged")


def test_a_wrong_password_is_refused(legacy: MockServer) -> None:
    with pytest.raises(AuthError):
        lines(Client(legacy.lakehouse_url, ALICE.name, "wrong"), "SELECT 1")
