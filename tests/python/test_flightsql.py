"""altertable-flightsql, the published Flight SQL client."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.flight as flight
import pytest
from altertable_flightsql import Client
from altertable_flightsql.client import IngestTableMode
from mock_server import ALICE, BOB, Credentials, MockServer


def connect(server: MockServer, user: Credentials = ALICE, **options: object) -> Client:
    return Client(*user.pair, host="127.0.0.1", port=server.flight_port, tls=False, **options)


@pytest.fixture
def client(server: MockServer) -> Iterator[Client]:
    with connect(server) as connected:
        yield connected


def rows(client: Client, sql: str) -> list[dict[str, object]]:
    return client.query(sql).read_all().to_pylist()


def test_a_query_returns_typed_rows(client: Client) -> None:
    result = client.query(
        "SELECT 42::INTEGER AS answer, 'hello' AS greeting, NULL AS nothing, [1, 2] AS list"
    ).read_all()
    assert result.to_pylist() == [{"answer": 42, "greeting": "hello", "nothing": None, "list": [1, 2]}]
    assert result.schema.field("answer").type == pa.int32()
    assert result.schema.field("greeting").type == pa.string()


def test_an_empty_result_keeps_its_schema(client: Client) -> None:
    result = client.query("SELECT 1::BIGINT AS a, 'x' AS b WHERE false").read_all()
    assert result.num_rows == 0
    assert result.schema.names == ["a", "b"]
    assert result.schema.types == [pa.int64(), pa.string()]


def test_an_update_reports_its_rows(client: Client, table: str) -> None:
    assert client.execute(f"CREATE TABLE {table} (id INTEGER, name VARCHAR)") == 0
    assert client.execute(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b'), (3, 'c')") == 3
    assert client.execute(f"UPDATE {table} SET name = 'z' WHERE id > 1") == 2
    assert client.execute(f"DELETE FROM {table} WHERE id = 1") == 1
    assert rows(client, f"FROM {table} ORDER BY id") == [{"id": 2, "name": "z"}, {"id": 3, "name": "z"}]


def test_a_statement_without_rows_can_be_queried(client: Client, table: str) -> None:
    assert rows(client, f"CREATE TABLE {table} AS SELECT * FROM range(5)") == [{"Count": 5}]
    assert rows(client, f"SELECT count(*) AS n FROM {table}") == [{"n": 5}]


SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


def ingest(client: Client, table: str, mode: IngestTableMode, ids: list[int], **target: str) -> None:
    batch = pa.record_batch([ids, [f"n{i}" for i in ids]], schema=SCHEMA)
    with client.ingest(table_name=table, schema=SCHEMA, mode=mode, **target) as writer:
        writer.write(batch)


def ids(client: Client, table: str) -> list[object]:
    return [row["id"] for row in rows(client, f"SELECT id FROM {table} ORDER BY id")]


def test_ingest_creates_appends_and_replaces(client: Client, table: str) -> None:
    ingest(client, table, IngestTableMode.CREATE, [1, 2])
    ingest(client, table, IngestTableMode.APPEND, [3])
    ingest(client, table, IngestTableMode.CREATE_APPEND, [4])
    assert ids(client, table) == [1, 2, 3, 4]
    ingest(client, table, IngestTableMode.REPLACE, [9])
    assert ids(client, table) == [9]


def test_ingest_create_refuses_an_existing_table(client: Client, table: str) -> None:
    ingest(client, table, IngestTableMode.CREATE, [1])
    with pytest.raises(pa.ArrowException, match="already exists"):
        ingest(client, table, IngestTableMode.CREATE, [2])
    assert ids(client, table) == [1]


def test_ingest_append_refuses_a_missing_table(client: Client, table: str) -> None:
    with pytest.raises(pa.ArrowException, match="does not exist"):
        ingest(client, table, IngestTableMode.APPEND, [1])


def test_ingest_creates_a_missing_schema(client: Client, table: str) -> None:
    ingest(client, table, IngestTableMode.CREATE, [1], schema_name=f"s_{table}", catalog_name="memory")
    assert ids(client, f"memory.s_{table}.{table}") == [1]


def test_ingest_takes_many_batches(client: Client, table: str) -> None:
    with client.ingest(table_name=table, schema=SCHEMA) as writer:
        for start in range(0, 1_000_000, 50_000):
            numbers = pa.array(range(start, start + 50_000), pa.int64())
            writer.write(pa.record_batch([numbers, numbers.cast(pa.string())], schema=SCHEMA))
    found = rows(client, f"SELECT count(*) AS n, sum(id) AS total, count(DISTINCT name) AS names FROM {table}")
    assert found == [{"n": 1_000_000, "total": 499_999_500_000, "names": 1_000_000}]


def test_names_with_quotes_are_only_names(client: Client, table: str) -> None:
    evil = f'{table}"; DROP TABLE x; --'
    schema = pa.schema([('a"b', pa.int64())])
    with client.ingest(table_name=evil, schema=schema, schema_name='s"; --') as writer:
        writer.write(pa.record_batch([[7]], schema=schema))
    quoted = evil.replace('"', '""')
    assert rows(client, f'SELECT * FROM "s""; --"."{quoted}"') == [{'a"b': 7}]


def test_metadata_lists_catalogs_schemas_and_tables(client: Client, table: str) -> None:
    client.execute(f"CREATE SCHEMA s_{table}")
    client.execute(f"CREATE TABLE s_{table}.{table} (id INTEGER NOT NULL, name VARCHAR)")
    client.execute(f"CREATE VIEW s_{table}.v AS SELECT 1 AS one")
    assert {"catalog_name": "memory"} in client.get_catalogs().read_all().to_pylist()
    schemas = client.get_schemas(catalog="memory", schema_pattern=f"s_{table}").read_all().to_pylist()
    assert schemas == [{"catalog_name": "memory", "db_schema_name": f"s_{table}"}]
    tables = client.get_tables(catalog="memory", schema_pattern=f"s_{table}").read_all()
    assert [(row["table_name"], row["table_type"]) for row in tables.to_pylist()] == [
        (table, "BASE TABLE"),
        ("v", "VIEW"),
    ]


def test_metadata_describes_a_table(client: Client, table: str) -> None:
    client.execute(f"CREATE TABLE {table} (id INTEGER NOT NULL, name VARCHAR)")
    found = client.get_tables(table_pattern=table, include_schema=True).read_all().to_pylist()
    schema = pa.ipc.read_schema(pa.py_buffer(found[0]["table_schema"]))
    assert [(field.name, field.type, field.nullable) for field in schema] == [
        ("id", pa.int32(), False),
        ("name", pa.string(), True),
    ]


def test_a_session_keeps_its_schema(server: MockServer, client: Client, table: str) -> None:
    client.execute(f"CREATE SCHEMA s_{table}")
    client.set_schema(f"s_{table}")
    client.execute(f"CREATE TABLE {table} AS SELECT 5 AS n")
    assert rows(client, "SELECT current_schema() AS s") == [{"s": f"s_{table}"}]
    with connect(server, schema=f"s_{table}") as other:
        assert rows(other, f"FROM {table}") == [{"n": 5}]


def test_a_missing_catalog_is_refused(server: MockServer) -> None:
    with pytest.raises(ValueError, match="catalog: INVALID_VALUE"):
        connect(server, catalog="no_such_catalog")


def test_a_compute_size_is_accepted(server: MockServer) -> None:
    with connect(server, compute_size="L") as client:
        assert rows(client, "SELECT 1 AS one") == [{"one": 1}]


def test_a_wrong_password_is_refused(server: MockServer) -> None:
    for user in (Credentials("alice", "wrong"), Credentials("nobody", "secret"), Credentials("alice", "secret ")):
        with pytest.raises(flight.FlightUnauthenticatedError, match="invalid credentials"):
            connect(server, user)


def test_a_password_may_hold_colons_and_commas(server: MockServer) -> None:
    with connect(server, BOB) as bob:
        assert rows(bob, "SELECT 1 AS one") == [{"one": 1}]


def test_a_sql_error_leaves_the_session_usable(client: Client) -> None:
    with pytest.raises(pa.ArrowException, match="Catalog Error: Table with name no_such_table does not exist"):
        client.query("SELECT * FROM no_such_table").read_all()
    with pytest.raises(pa.ArrowException, match="Conversion Error"):
        client.query("SELECT 'x'::INTEGER").read_all()
    with pytest.raises(pa.ArrowException, match="Parser Error"):
        client.execute("SELEC 1")
    assert rows(client, "SELECT 1 AS one") == [{"one": 1}]


def test_several_statements_are_refused_and_nothing_runs(client: Client, table: str) -> None:
    with pytest.raises(pa.ArrowException, match="Expected exactly one SQL statement"):
        client.execute(f"CREATE TABLE {table} (i INTEGER); DROP TABLE {table}")
    assert client.get_tables(table_pattern=table).read_all().num_rows == 0


def test_a_closed_session_is_gone(server: MockServer) -> None:
    client = connect(server)
    client.query("SELECT 1").read_all()
    client.close()
    client.close()


def test_users_share_nothing(server: MockServer, client: Client, table: str) -> None:
    client.execute(f"CREATE TABLE {table} AS SELECT 1 AS i")
    with connect(server, BOB) as bob:
        assert bob.get_tables(table_pattern=table).read_all().num_rows == 0
        with pytest.raises(pa.ArrowException, match="does not exist"):
            bob.query(f"FROM {table}").read_all()


def test_uncommitted_work_stays_in_its_session(server: MockServer, client: Client, table: str) -> None:
    client.execute(f"CREATE TABLE {table} (i INTEGER)")
    client.execute("BEGIN")
    client.execute(f"INSERT INTO {table} VALUES (1)")
    with connect(server) as other:
        assert rows(other, f"SELECT count(*) AS n FROM {table}") == [{"n": 0}]
        client.execute("COMMIT")
        assert rows(other, f"SELECT count(*) AS n FROM {table}") == [{"n": 1}]
