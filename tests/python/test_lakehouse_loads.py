"""Loading, tasks, windows, Parquet and completion over altertable-lakehouse, the published REST client."""

from __future__ import annotations

import io
import json
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from altertable_lakehouse import Client
from altertable_lakehouse.errors import ApiError, BadRequestError
from altertable_lakehouse.models import AutocompleteRequest, QueryRequest, TaskStatus, UploadMode, ValidateRequest
from mock_server import ALICE, BOB, MockServer

CSV = b"id,name\n1,a\n2,b\n"


@pytest.fixture
def client(server: MockServer) -> Client:
    return Client(server.lakehouse_url, *ALICE.pair)


def rows(client: Client, statement: str, **options: object) -> list[list[object]]:
    return client.query_all(QueryRequest(statement=statement, **options)).rows


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "name": ["a", "b"]}), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (CSV, "text/csv"),
        (CSV, None),
        (json.dumps([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]).encode(), "application/json"),
        (b'{"id": 1, "name": "a"}\n{"id": 2, "name": "b"}\n', None),
        (parquet(), "application/parquet"),
        (parquet(), None),
    ],
    ids=["csv", "csv unnamed", "json", "json lines unnamed", "parquet", "parquet unnamed"],
)
def test_uploads_go_by_their_mode(client: Client, table: str, content: bytes, content_type: str | None) -> None:
    with pytest.raises(BadRequestError, match="table-not-found"):
        client.upload("memory", "main", table, UploadMode.APPEND, content, content_type)
    client.upload("memory", "main", table, UploadMode.CREATE, content, content_type)
    with pytest.raises(BadRequestError, match="table-exists"):
        client.upload("memory", "main", table, UploadMode.CREATE, content, content_type)
    client.upload("memory", "main", table, UploadMode.APPEND, content, content_type)
    assert rows(client, f"SELECT count(*) FROM {table}") == [[4]]
    client.upload("memory", "main", table, UploadMode.OVERWRITE, content, content_type)
    assert rows(client, f"FROM {table} ORDER BY id") == [[1, "a"], [2, "b"]]


def test_an_upload_may_be_sent_in_pieces(client: Client, table: str) -> None:
    pieces = (f"{number},{number}\n".encode() for number in range(20_000))
    client.upload("memory", "main", table, UploadMode.CREATE, iter([b"a,b\n", *pieces]), "text/csv")
    assert rows(client, f"SELECT count(*), sum(b)::BIGINT FROM {table}") == [[20_000, 199_990_000]]


def test_an_unreadable_upload_is_refused_and_changes_nothing(client: Client, table: str) -> None:
    with pytest.raises(BadRequestError, match="the uploaded file") as refused:
        client.upload("memory", "main", table, UploadMode.CREATE, b"PAR1 but not really", "application/parquet")
    assert "altertable-mock-" not in str(refused.value)
    assert rows(client, f"SELECT count(*) FROM duckdb_tables() WHERE table_name = '{table}'") == [[0]]


def test_upsert_replaces_by_key(client: Client, table: str) -> None:
    client.upsert("memory", "main", table, CSV, "id")
    client.upsert("memory", "main", table, b"id,name\n2,B\n3,C\n3,c\n", "id")
    assert rows(client, f"FROM {table} ORDER BY id") == [[1, "a"], [2, "B"], [3, "c"]]


def test_upsert_needs_a_key_of_the_file(client: Client, table: str) -> None:
    with pytest.raises(BadRequestError, match="invalid-data"):
        client.upsert("memory", "main", table, CSV, "other")
    with pytest.raises(BadRequestError, match="catalog-not-found"):
        client.upsert("demo", "main", table, CSV, "")


def test_append_takes_one_row_or_many(client: Client, table: str) -> None:
    assert client.append("memory", "main", table, {"id": 1}).ok
    assert client.append("memory", "main", table, [{"id": 2, "name": "b"}, {"id": 2.5}], sync=True).ok
    assert rows(client, f"FROM {table} ORDER BY id") == [[1.0, None], [2.0, "b"], [2.5, None]]


def test_a_refused_append_says_why(client: Client, table: str) -> None:
    assert client.append("memory", "main", table, {"id": 1}).ok
    for catalog, row, code in (("demo", {"id": 1}, "invalid-data"), ("memory", {"id": True}, "incompatible-schema")):
        refused = client.append(catalog, "main", table, row)
        assert (refused.ok, refused.error_code, refused.task_id) == (False, code, None)
        assert refused.error_message


def test_a_task_belongs_to_its_user(server: MockServer, client: Client, table: str) -> None:
    task = client.append("memory", "main", table, {"id": 1}).task_id
    assert task is not None
    assert client.get_task(task).status == TaskStatus.COMPLETED
    for other, unknown in ((Client(server.lakehouse_url, *BOB.pair), task), (client, str(uuid.uuid4()))):
        with pytest.raises(ApiError, match="404"):
            other.get_task(unknown)


def test_a_result_comes_as_parquet(client: Client) -> None:
    statement = "SELECT i, 'n' || i AS name FROM range(3) t(i)"
    found = pq.read_table(io.BytesIO(client.query_parquet(QueryRequest(statement=statement))))
    assert found.schema.field("i").type == pa.int64()
    assert found.to_pylist() == [{"i": 0, "name": "n0"}, {"i": 1, "name": "n1"}, {"i": 2, "name": "n2"}]


def test_a_failed_parquet_query_is_reported_verbatim(client: Client) -> None:
    with pytest.raises(ApiError, match=r"^500: Catalog Error: Table with name missing does not exist"):
        client.query_parquet(QueryRequest(statement="FROM missing"))


def test_a_window_of_rows_is_returned(client: Client) -> None:
    assert rows(client, "FROM range(10);", limit=2, offset=3) == [[3], [4]]
    assert len(rows(client, "FROM range(1000)", sanitize=True, limit=2)) == 500


def test_completion_knows_words_tables_and_columns(client: Client, table: str) -> None:
    rows(client, f"CREATE TABLE {table} (remarkable_column INTEGER)")
    for typed, word, kind in (
        ("SEL", "SELECT", "keyword"),
        (f"FROM {table[:-4]}", table, "table"),
        (f"SELECT remarkable_col FROM {table}"[: len("SELECT remarkable_col")], "remarkable_column", "column"),
    ):
        answer = client.autocomplete(AutocompleteRequest(statement=typed, max_suggestions=200))
        assert answer.statement == typed
        found = {suggestion.suggestion.strip(): suggestion.suggestion_type for suggestion in answer.suggestions}
        assert found.get(word) == kind, f"{typed}: {found}"


def test_validation_binds_in_the_named_schema(client: Client, table: str) -> None:
    rows(client, f"CREATE SCHEMA s_{table}")
    rows(client, f"CREATE TABLE s_{table}.only_there (i INTEGER)")
    assert client.validate(ValidateRequest(statement="FROM only_there", schema=f"s_{table}")).valid
    assert not client.validate(ValidateRequest(statement="FROM only_there")).valid
