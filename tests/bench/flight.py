"""The Flight SQL door: one small query, many rows out, many rows in."""

from __future__ import annotations

import duckdb
import pyarrow as pa
from altertable_flightsql import Client
from altertable_flightsql.client import IngestTableMode
from mock_server import ALICE, MockServer
from table import READ, READ_ROWS, WRITE, WRITE_ROWS, median_ms, rate, row


def measure(server: MockServer, local: duckdb.DuckDBPyConnection) -> None:
    with Client(*ALICE.pair, host="127.0.0.1", port=server.flight_port, tls=False) as flight:
        inside = median_ms(lambda: local.execute("SELECT 42").fetchall())
        answer = median_ms(lambda: flight.query("SELECT 42").read_all())
        row("Flight SELECT 42, p50 ms", answer, inside, "+0.4 ms")
        inside = rate(READ_ROWS, lambda: drain(local.execute(READ).to_arrow_reader(100_000)))
        row("Flight rows, M rows/s", rate(READ_ROWS, lambda: drain(flight.query(READ))), inside, "0.95")
        table = local.execute(WRITE).to_arrow_table()
        inside = rate(WRITE_ROWS, lambda: local.execute(f"CREATE OR REPLACE TABLE t AS {WRITE}"))
        row("Flight ingest, M rows/s", rate(WRITE_ROWS, lambda: ingest(flight, table)), inside, "0.75")


def drain(reader: object) -> None:
    for _ in reader:
        pass


def ingest(flight: Client, table: pa.Table) -> None:
    with flight.ingest(table_name="bench", schema=table.schema, mode=IngestTableMode.REPLACE) as writer:
        for batch in table.to_batches(max_chunksize=65_536):
            writer.write_batch(batch)
