"""adbc-driver-flightsql, through its DB-API."""

from __future__ import annotations

from collections.abc import Iterator

import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pyarrow as pa
import pytest
from adbc_driver_manager import DatabaseOptions as Options
from adbc_driver_manager.dbapi import Connection
from mock_server import ALICE, MockServer


def connect(server: MockServer, password: str = ALICE.password, **options: object) -> Connection:
    credentials = {Options.USERNAME.value: ALICE.name, Options.PASSWORD.value: password}
    return adbc_driver_flightsql.dbapi.connect(f"grpc://{server.flight_address}", db_kwargs=credentials, **options)


@pytest.fixture
def connection(server: MockServer) -> Iterator[Connection]:
    with connect(server, autocommit=True) as connected:
        yield connected


def fetch(connection: Connection, sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def run(connection: Connection, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_query_returns_rows(connection: Connection) -> None:
    assert fetch(connection, "SELECT i, 'n' || i FROM range(3) t(i)") == [(0, "n0"), (1, "n1"), (2, "n2")]


def test_a_query_returns_arrow(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1.50::DECIMAL(10, 2) AS d, DATE '2024-01-15' AS day")
        table = cursor.fetch_arrow_table()
    assert table.schema.types == [pa.decimal128(10, 2), pa.date32()]
    assert [str(value) for value in table.to_pylist()[0].values()] == ["1.50", "2024-01-15"]


def test_updates_take_effect(connection: Connection, table: str) -> None:
    run(connection, f"CREATE TABLE {table} (i INTEGER)")
    run(connection, f"INSERT INTO {table} VALUES (1), (2)")
    run(connection, f"DELETE FROM {table} WHERE i = 1")
    assert fetch(connection, f"FROM {table}") == [(2,)]


def test_ingest_creates_and_appends(connection: Connection, table: str) -> None:
    data = pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]})
    with connection.cursor() as cursor:
        assert cursor.adbc_ingest(table, data, mode="create") == 3
        assert cursor.adbc_ingest(table, data.slice(0, 1), mode="append") == 1
    assert fetch(connection, f"SELECT count(*), count(name) FROM {table}") == [(4, 3)]


def test_metadata_lists_objects(connection: Connection, table: str) -> None:
    run(connection, f"CREATE TABLE {table} (i INTEGER)")
    objects = connection.adbc_get_objects(depth="tables", table_name_filter=table).read_all().to_pylist()
    found = [
        (catalog["catalog_name"], schema["db_schema_name"], entry["table_name"])
        for catalog in objects
        for schema in catalog["catalog_db_schemas"] or []
        for entry in schema["db_schema_tables"] or []
    ]
    assert found == [("memory", "main", table)]


def test_a_sql_error_is_reported_verbatim(connection: Connection) -> None:
    with pytest.raises(adbc_driver_manager.Error, match="Catalog Error: Table with name no_such_table"):
        fetch(connection, "FROM no_such_table")
    assert fetch(connection, "SELECT 1") == [(1,)]


def test_a_wrong_password_is_refused(server: MockServer) -> None:
    with pytest.raises(adbc_driver_manager.Error, match="invalid credentials"):
        connect(server, password="wrong", autocommit=True)
