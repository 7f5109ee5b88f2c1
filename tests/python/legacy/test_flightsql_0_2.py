"""altertable-flightsql 0.2, which many users still have installed."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.flight as flight
import pytest
from altertable_flightsql import Client
from mock_server import ALICE, MockServer


def connect(server: MockServer, password: str = ALICE.password) -> Client:
    # It asks for the catalog "altertable", which is not there, and ignores that it was refused (FS-9).
    return Client(ALICE.name, password, host="127.0.0.1", port=server.flight_port, tls=False)


@pytest.fixture
def client(server: MockServer) -> Iterator[Client]:
    with connect(server) as connected:
        yield connected


def rows(client: Client, sql: str) -> list[dict[str, object]]:
    return client.query(sql).read_all().to_pylist()


def test_a_query_returns_rows(client: Client) -> None:
    assert rows(client, "SELECT 42 AS answer, current_catalog() AS catalog") == [{"answer": 42, "catalog": "memory"}]


def test_an_update_takes_effect(client: Client, table: str) -> None:
    client.execute(f"CREATE TABLE {table} (i INTEGER)")
    client.execute(f"INSERT INTO {table} VALUES (1), (2)")
    assert rows(client, f"SELECT count(*) AS n FROM {table}") == [{"n": 2}]


def test_a_failed_update_is_reported(client: Client, table: str) -> None:
    with pytest.raises(pa.ArrowException, match="does not exist"):
        client.execute(f"INSERT INTO {table} VALUES (1)")
    assert rows(client, "SELECT 1 AS one") == [{"one": 1}]


def test_ingest_takes_arrow_batches(client: Client, table: str) -> None:
    schema = pa.schema([("id", pa.int64()), ("name", pa.string())])
    with client.ingest(table_name=table, schema=schema) as writer:
        writer.write(pa.record_batch([[1, 2], ["a", None]], schema=schema))
    assert rows(client, f"FROM {table} ORDER BY id") == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]


def test_metadata_lists_tables(client: Client, table: str) -> None:
    client.execute(f"CREATE TABLE {table} (i INTEGER)")
    tables = client.get_tables(catalog="memory", table_pattern=table).read_all().to_pylist()
    assert [(row["db_schema_name"], row["table_name"]) for row in tables] == [("main", table)]
    assert {"catalog_name": "memory"} in client.get_catalogs().read_all().to_pylist()


def test_a_schema_can_be_chosen(client: Client, table: str) -> None:
    client.execute(f"CREATE SCHEMA s_{table}")
    client.set_schema(f"s_{table}")
    assert rows(client, "SELECT current_schema() AS s") == [{"s": f"s_{table}"}]


def test_a_wrong_password_is_refused(server: MockServer) -> None:
    with pytest.raises(flight.FlightUnauthenticatedError, match="invalid credentials"):
        connect(server, "wrong")
