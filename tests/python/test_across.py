"""What one door writes the others read in the next call (FS-1, LS-01)."""

from __future__ import annotations

import pyarrow as pa
import pytest
from altertable_flightsql import Client as FlightClient
from altertable_lakehouse import Client as RestClient
from altertable_lakehouse.models import QueryRequest
from mock_server import ALICE, MockServer


@pytest.fixture
def rest(server: MockServer) -> RestClient:
    return RestClient(server.lakehouse_url, *ALICE.pair)


def flight(server: MockServer) -> FlightClient:
    return FlightClient(*ALICE.pair, host="127.0.0.1", port=server.flight_port, tls=False)


def rest_rows(rest: RestClient, statement: str) -> list[list[object]]:
    return rest.query_all(QueryRequest(statement=statement)).rows


def test_flight_reads_what_rest_wrote(server: MockServer, rest: RestClient, table: str) -> None:
    with flight(server) as client:
        rest_rows(rest, f"CREATE TABLE {table} AS SELECT * FROM range(10) t(i)")
        assert client.query(f"SELECT sum(i)::BIGINT AS s FROM {table}").read_all().to_pylist() == [{"s": 45}]
        rest_rows(rest, f"DELETE FROM {table} WHERE i > 4")
        assert client.query(f"SELECT sum(i)::BIGINT AS s FROM {table}").read_all().to_pylist() == [{"s": 10}]


def test_rest_reads_what_flight_wrote(server: MockServer, rest: RestClient, table: str) -> None:
    schema = pa.schema([("id", pa.int64())])
    with flight(server) as client:
        with client.ingest(table_name=table, schema=schema) as writer:
            writer.write(pa.record_batch([[1, 2, 3]], schema=schema))
        assert rest_rows(rest, f"SELECT id FROM {table} ORDER BY id") == [[1], [2], [3]]


def test_uncommitted_rest_work_is_invisible_to_flight(server: MockServer, rest: RestClient, table: str) -> None:
    rest_rows(rest, f"CREATE TABLE {table} (i INTEGER)")
    opened = rest.query_all(QueryRequest(statement="BEGIN"))
    session = opened.metadata.values["session_id"]
    rest.query_all(QueryRequest(statement=f"INSERT INTO {table} VALUES (1)", session_id=session))
    with flight(server) as client:
        count = f"SELECT count(*) AS n FROM {table}"
        assert client.query(count).read_all().to_pylist() == [{"n": 0}]
        rest.query_all(QueryRequest(statement="COMMIT", session_id=session))
        assert client.query(count).read_all().to_pylist() == [{"n": 1}]
