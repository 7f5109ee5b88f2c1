"""The whole of adbc-driver-flightsql's DB-API: transactions, binding, ingest, metadata, cancelling, partitions."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pyarrow as pa
import pytest
from adbc_driver_manager.dbapi import Connection, Cursor
from mock_server import ALICE, MockServer


@contextmanager
def connect(server: MockServer, **options: object) -> Iterator[Connection]:
    credentials = {"username": ALICE.name, "password": ALICE.password}
    uri = f"grpc://{server.flight_address}"
    with adbc_driver_flightsql.dbapi.connect(uri, db_kwargs=credentials, **options) as connection:
        yield connection


@pytest.fixture
def auto(server: MockServer) -> Iterator[Connection]:
    with connect(server, autocommit=True) as connection:
        yield connection


@pytest.fixture
def manual(server: MockServer) -> Iterator[Connection]:
    with connect(server) as connection:
        yield connection


@pytest.fixture
def cursor(auto: Connection) -> Iterator[Cursor]:
    with auto.cursor() as cursor:
        yield cursor


def rows(connection: Connection, statement: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def test_a_commit_shows_work_and_a_rollback_undoes_it(auto: Connection, manual: Connection, table: str) -> None:
    with manual.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} (i INTEGER)")
        manual.commit()
        cursor.execute(f"INSERT INTO {table} VALUES (1)")
        assert rows(auto, f"FROM {table}") == []
        manual.commit()
        assert rows(auto, f"FROM {table}") == [(1,)]
        cursor.execute(f"INSERT INTO {table} VALUES (2)")
        manual.rollback()
        cursor.execute(f"FROM {table}")
        assert cursor.fetchall() == [(1,)]
    manual.rollback()


def test_an_error_ends_a_transaction_that_can_be_rolled_back(manual: Connection, table: str) -> None:
    with manual.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY)")
        cursor.execute(f"INSERT INTO {table} VALUES (1)")
        with pytest.raises(adbc_driver_manager.Error, match=r"Duplicate key|PRIMARY KEY"):
            cursor.execute(f"INSERT INTO {table} VALUES (1)")
    manual.rollback()
    assert rows(manual, f"SELECT count(*) FROM duckdb_tables() WHERE table_name = '{table}'") == [(0,)]


def test_ingest_joins_the_transaction(auto: Connection, manual: Connection, table: str) -> None:
    """FT-3: ADBC sends no transaction id with an ingest."""
    with manual.cursor() as cursor:
        assert cursor.adbc_ingest(table, pa.table({"i": [1, 2]})) == 2
    manual.rollback()
    assert rows(auto, f"SELECT count(*) FROM duckdb_tables() WHERE table_name = '{table}'") == [(0,)]


def test_a_cursor_outlives_commits(manual: Connection, table: str) -> None:
    """FT-4: its prepared statement joins whichever transaction is open."""
    with manual.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} (i INTEGER)")
        for value in (1, 2):
            cursor.execute(f"INSERT INTO {table} VALUES (?)", (value,))
            manual.commit()
    assert rows(manual, f"FROM {table}") == [(1,), (2,)]


def test_executemany_runs_once_for_each_row(cursor: Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (i BIGINT, s VARCHAR)")
    cursor.executemany(f"INSERT INTO {table} VALUES (?, ?)", [(1, "a"), (None, "b"), (3, None)])
    assert cursor.rowcount in (3, -1)
    cursor.executemany(f"INSERT INTO {table} VALUES ($1, $2)", pa.record_batch({"x": [4], "y": ["d"]}))
    cursor.execute(f"FROM {table}")
    assert cursor.fetchall() == [(1, "a"), (None, "b"), (3, None), (4, "d")]


def test_executemany_is_atomic(cursor: Cursor, table: str) -> None:
    """FP-6."""
    cursor.execute(f"CREATE TABLE {table} (i BIGINT PRIMARY KEY)")
    with pytest.raises(adbc_driver_manager.Error):
        cursor.executemany(f"INSERT INTO {table} VALUES (?)", [(1,), (2,), (1,)])
    cursor.execute(f"SELECT count(*) FROM {table}")
    assert cursor.fetchone() == (0,)


def test_parameters_are_bound_by_position_and_typed(cursor: Cursor) -> None:
    schema = cursor.adbc_prepare("SELECT ? + 1::BIGINT AS n, ? AS s")
    assert schema is not None and len(schema) == 2
    cursor.execute("SELECT ? + 1::BIGINT AS n, ? AS s, typeof(?)", (41, "text", 1.5))
    assert cursor.fetchone() == (42, "text", "DOUBLE")


@pytest.mark.parametrize(
    ("mode", "existing", "ids"),
    [
        ("create", False, [1, 2]),
        ("append", True, [0, 1, 2]),
        ("replace", True, [1, 2]),
        ("replace", False, [1, 2]),
        ("create_append", True, [0, 1, 2]),
        ("create_append", False, [1, 2]),
    ],
)
def test_ingest_modes(cursor: Cursor, table: str, mode: str, existing: bool, ids: list[int]) -> None:
    if existing:
        cursor.execute(f"CREATE TABLE {table} AS SELECT 0::BIGINT AS id")
    assert cursor.adbc_ingest(table, pa.table({"id": [1, 2]}), mode=mode) == 2
    cursor.execute(f"SELECT id FROM {table} ORDER BY id")
    assert [row[0] for row in cursor.fetchall()] == ids


@pytest.mark.parametrize(("mode", "existing"), [("create", True), ("append", False)])
def test_ingest_modes_refuse(cursor: Cursor, table: str, mode: str, existing: bool) -> None:
    if existing:
        cursor.execute(f"CREATE TABLE {table} AS SELECT 0::BIGINT AS id")
    with pytest.raises(adbc_driver_manager.Error, match=r"already exists|does not exist"):
        cursor.adbc_ingest(table, pa.table({"id": [1, 2]}), mode=mode)


def test_ingest_takes_readers_and_targets(cursor: Cursor, table: str) -> None:
    data = pa.table({"id": pa.array(range(100_000))})
    reader = pa.RecordBatchReader.from_batches(data.schema, data.to_batches(max_chunksize=1000))
    schema = f"s_{table}"
    assert cursor.adbc_ingest(table, reader, catalog_name="memory", db_schema_name=schema) == 100_000
    cursor.execute(f"SELECT count(*), sum(id) FROM {schema}.{table}")
    assert cursor.fetchone() == (100_000, sum(range(100_000)))


def test_ingest_makes_temporary_tables(cursor: Cursor, table: str) -> None:
    assert cursor.adbc_ingest(table, pa.table({"id": [1]}), temporary=True) == 1
    cursor.execute(f"SELECT temporary FROM duckdb_tables() WHERE table_name = '{table}'")
    assert cursor.fetchone() == (True,)


@pytest.mark.parametrize("depth", ["catalogs", "db_schemas", "tables", "columns", "all"])
def test_objects_at_every_depth(auto: Connection, cursor: Cursor, table: str, depth: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL)")
    filters = {"catalog_filter": "memory", "db_schema_filter": "main", "table_name_filter": table}
    (catalog,) = auto.adbc_get_objects(depth=depth, **filters).read_all().to_pylist()
    assert catalog["catalog_name"] == "memory"
    if depth == "catalogs":
        assert catalog["catalog_db_schemas"] is None
        return
    (schema,) = catalog["catalog_db_schemas"]
    assert schema["db_schema_name"] == "main"
    if depth == "db_schemas":
        assert schema["db_schema_tables"] is None
        return
    (found,) = schema["db_schema_tables"]
    assert (found["table_name"], found["table_type"]) == (table, "BASE TABLE")
    if depth == "tables":
        assert found["table_columns"] is None
        return
    columns = [(column["column_name"], column["ordinal_position"]) for column in found["table_columns"]]
    assert columns == [("id", 1), ("name", 2)]


def test_objects_by_column_and_type(auto: Connection, cursor: Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (id INTEGER, name VARCHAR)")
    cursor.execute(f"CREATE VIEW {table}_view AS FROM {table}")
    objects = auto.adbc_get_objects(
        depth="columns", table_name_filter=f"{table}%", table_types_filter=["VIEW"], column_name_filter="na%"
    )
    found = [
        (entry["table_name"], [column["column_name"] for column in entry["table_columns"]])
        for catalog in objects.read_all().to_pylist()
        for schema in catalog["catalog_db_schemas"] or []
        for entry in schema["db_schema_tables"] or []
    ]
    assert found == [(f"{table}_view", ["name"])]


def test_facts_about_server_and_tables(auto: Connection, cursor: Cursor, table: str) -> None:
    assert auto.adbc_get_info()["vendor_name"] == "Altertable Flight SQL Server"
    assert {"BASE TABLE", "VIEW"} <= set(auto.adbc_get_table_types())
    assert (auto.adbc_current_catalog, auto.adbc_current_db_schema) == ("memory", "main")
    cursor.execute(f"CREATE TABLE {table} (id INTEGER, price DECIMAL(10, 2), tags VARCHAR[])")
    schema = auto.adbc_get_table_schema(table)
    assert schema.names == ["id", "price", "tags"]
    assert schema.types == [pa.int32(), pa.decimal128(10, 2), pa.list_(pa.field("l", pa.string()))]
    with pytest.raises(adbc_driver_manager.Error):
        auto.adbc_get_table_schema(f"{table}_missing")


def test_the_current_schema_can_be_set(auto: Connection, cursor: Cursor, table: str) -> None:
    cursor.execute(f"CREATE SCHEMA s_{table}")
    auto.adbc_current_db_schema = f"s_{table}"
    assert auto.adbc_current_db_schema == f"s_{table}"
    assert rows(auto, "SELECT current_schema()") == [(f"s_{table}",)]


def test_partitions_are_read_elsewhere(auto: Connection, cursor: Cursor) -> None:
    """FQ-1: one endpoint, whose ticket another cursor of the same session redeems."""
    partitions, schema = cursor.adbc_execute_partitions("SELECT i FROM range(5) t(i)")
    assert (len(partitions), schema.names) == (1, ["i"])
    with auto.cursor() as other:
        other.adbc_read_partition(partitions[0])
        assert other.fetchall() == [(i,) for i in range(5)]


def test_the_schema_is_known_without_running(cursor: Cursor) -> None:
    schema = cursor.adbc_execute_schema("SELECT 1::BIGINT AS a, error('never run')::VARCHAR AS b")
    assert (schema.names, schema.types) == (["a", "b"], [pa.int64(), pa.string()])


def test_a_running_query_is_cancelled(cursor: Cursor) -> None:
    endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
    canceller = threading.Timer(0.5, cursor.adbc_cancel)
    canceller.start()
    started = time.monotonic()
    cursor.execute(endless)
    with pytest.raises(adbc_driver_manager.Error):
        cursor.fetchall()
    canceller.join()
    assert time.monotonic() - started < 10
    cursor.execute("SELECT 1")
    assert cursor.fetchone() == (1,)


def test_an_unread_cursor_may_be_closed(auto: Connection) -> None:
    """FC-1: closing a cursor early ends its result alone."""
    for _ in range(3):
        with auto.cursor() as unread:
            unread.execute("SELECT * FROM range(1000000000)")
            assert unread.fetchone() == (0,)
    assert rows(auto, "SELECT 42") == [(42,)]


def test_an_unread_result_leaves_its_transaction_usable(manual: Connection, table: str) -> None:
    rows(manual, "SELECT 1")
    with manual.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} (i INTEGER)")
    with manual.cursor() as unread:
        unread.execute("SELECT * FROM range(1000000000)")
        unread.fetchone()
    with manual.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} VALUES (1)")
    manual.commit()
    assert rows(manual, f"FROM {table}") == [(1,)]
