"""ADBC's driver for PostgreSQL: it loads all types when it connects, reads by COPY in binary and ingests by it."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator

import adbc_driver_postgresql.dbapi as driver
import pyarrow as pa
import pytest
from place import Place


@pytest.fixture
def connection(place: Place) -> Iterator[driver.Connection]:
    with driver.connect(place.url()) as connected:
        yield connected


def test_types_are_read(connection: driver.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT true AS t, 1::smallint AS s, 2::int AS i, 3::bigint AS b, 1.5::real AS r, 2.5::float8 AS d,"
            " 'x'::text AS x, DATE '2024-02-29' AS day, TIMESTAMP '2024-02-29 12:00:00' AS at,"
            " TIMESTAMPTZ '2024-02-29 12:00:00+00' AS tz, TIME '01:02:03' AS clock, ARRAY[1, 2] AS list,"
            " NULL::int AS nothing, 1.50::numeric(6,2) AS exact, INTERVAL '1' DAY AS span"
        )
        table = cursor.fetch_arrow_table()
    (row,) = table.to_pylist()
    assert [str(field.type) for field in table.schema][:7] == [
        "bool",
        "int16",
        "int32",
        "int64",
        "float",
        "double",
        "string",
    ]
    assert {name: row[name] for name in ("t", "s", "i", "b", "r", "d", "x", "list", "nothing", "exact")} == {
        "t": True, "s": 1, "i": 2, "b": 3, "r": 1.5, "d": 2.5, "x": "x", "list": [1, 2], "nothing": None,
        "exact": "1.50",
    }  # fmt: skip
    assert (row["day"], row["clock"]) == (datetime.date(2024, 2, 29), datetime.time(1, 2, 3))
    assert row["at"] == datetime.datetime(2024, 2, 29, 12)
    assert row["tz"] == datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc)


def test_parameters_are_bound(connection: driver.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT $1::bigint + 1, $2::text", (41, "x"))
        assert cursor.fetchall() == [(42, "x")]


def test_rows_are_ingested(connection: driver.Connection) -> None:
    rows = pa.table(
        {
            "i": pa.array(range(1000), pa.int64()),
            "s": pa.array([None if i % 3 else f"row {i}" for i in range(1000)]),
            "d": pa.array([i / 2 for i in range(1000)]),
            "day": pa.array([datetime.date(2024, 2, 29)] * 1000),
            "made": pa.array([datetime.datetime(2024, 2, 29, 12)] * 1000, pa.timestamp("us")),
            "list": pa.array([[i, None] for i in range(1000)], pa.list_(pa.int32())),
            "exact": pa.array([decimal.Decimal(i) / 4 for i in range(1000)], pa.decimal128(10, 2)),
            "raw": pa.array([bytes([i % 256]) for i in range(1000)]),
        }
    )
    with connection.cursor() as cursor:
        assert cursor.adbc_ingest("ingested", rows, mode="create") == 1000
        assert cursor.adbc_ingest("ingested", rows.slice(0, 5), mode="append") == 5
        cursor.execute(
            "SELECT count(*), sum(i)::bigint, count(s), sum(d), sum(list[1])::bigint, sum(exact)::float8 FROM ingested"
        )
        assert cursor.fetchall() == [(1005, 499510, 336, 249755.0, 499510, 124877.5)]
        cursor.execute("SELECT raw, day, made FROM ingested WHERE i = 7")
        assert cursor.fetchall() == [(b"\x07", datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12))]
    connection.commit()


def test_a_transaction_is_rolled_back(connection: driver.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE gone (i int)")
    connection.rollback()
    with connection.cursor() as cursor, pytest.raises(driver.Error, match="gone"):
        cursor.execute("SELECT * FROM gone")


def test_objects_are_listed(connection: driver.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA listed")
        cursor.execute("CREATE TABLE listed.places (x int, y int, PRIMARY KEY (x, y))")
        cursor.execute(
            "CREATE TABLE listed.people (id bigint PRIMARY KEY, px int, py int, name text NOT NULL,"
            " FOREIGN KEY (px, py) REFERENCES listed.places (x, y))"
        )
    connection.commit()
    catalog = connection.adbc_current_catalog
    (found,) = connection.adbc_get_objects(catalog_filter=catalog, db_schema_filter="listed").read_all().to_pylist()
    (schema,) = found["catalog_db_schemas"]
    tables = {table["table_name"]: table for table in schema["db_schema_tables"]}
    assert sorted(tables) == ["people", "places"]
    columns = tables["people"]["table_columns"]
    assert [(column["column_name"], column["ordinal_position"]) for column in columns] == [
        ("id", 1),
        ("px", 2),
        ("py", 3),
        ("name", 4),
    ]
    keys = {key["constraint_type"]: key for key in tables["people"]["table_constraints"]}
    assert keys["PRIMARY KEY"]["constraint_column_names"] == ["id"]
    assert keys["FOREIGN KEY"]["constraint_column_names"] == ["px", "py"]
    used = [(each["fk_table"], each["fk_column_name"]) for each in keys["FOREIGN KEY"]["constraint_column_usage"]]
    assert used == [("places", "x"), ("places", "y")]
    schema = connection.adbc_get_table_schema("people", db_schema_filter="listed")
    assert [str(field.type) for field in schema] == ["int64", "int32", "int32", "string"]
    assert connection.adbc_get_info()["vendor_name"] == "PostgreSQL"
    assert set(connection.adbc_get_table_types()) >= {"table", "view"}
