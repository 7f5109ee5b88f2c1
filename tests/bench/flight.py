"""The Flight SQL door: one small query, many rows out, many rows in."""

from __future__ import annotations

import itertools
import statistics
from contextlib import closing

import duckdb
import pyarrow as pa
from altertable_flightsql import Client
from altertable_flightsql.client import IngestTableMode
from flight_small import LeanQueries, SmallQueries, calls_per_second, constant_server
from mock_server import ALICE, MockServer
from table import READ, READ_ROWS, WRITE, WRITE_ROWS, in_turns, in_turns_ms, median_ms, row, seconds

CLIENTS = 8
QUERIES = 1_000


def measure(server: MockServer, local: duckdb.DuckDBPyConnection) -> None:
    small_queries(server, local)
    with Client(*ALICE.pair, host="127.0.0.1", port=server.flight_port, tls=False) as flight:
        row("Flight first batch, ms", median_ms(lambda: first_batch(flight), 10), goal="20")
        many_rows(flight, local)
        many_rows_in(server, flight, local)


def small_queries(server: MockServer, local: duckdb.DuckDBPyConnection) -> None:
    """One after another on one connection, in turns with the same in process and by a server that does nothing."""
    with closing(LeanQueries(server.flight_address)) as lean:
        row(
            "Flight SELECT 42 by arrow-rs's client, p50 ms",
            *in_turns_ms(lambda: lean.seconds("SELECT 42"), lambda: inside(local)),
            "+0.4 ms",
        )
        texts = (f"SELECT {number}" for number in itertools.count())
        row(
            "Flight SELECT of another number each time by arrow-rs's client, p50 ms",
            *in_turns_ms(lambda: lean.seconds(next(texts)), lambda: inside(local, next(texts))),
        )
    ours = SmallQueries(server.flight_address)
    row("Flight SELECT 42 by pyarrow, p50 ms", *in_turns_ms(lambda: seconds(ours.ask), lambda: inside(local)))
    with constant_server() as constant:
        nothing = SmallQueries(constant, login=False)
        what = "Flight SELECT 42 by pyarrow beside its own server with a constant answer, p50 ms"
        row(what, *in_turns_ms(lambda: seconds(ours.ask), lambda: seconds(nothing.ask)))
    one = calls_per_second(server.flight_address, 1, QUERIES)
    before = server.cpu_seconds()
    many = calls_per_second(server.flight_address, CLIENTS, QUERIES)
    row(f"Flight SELECT 42, {CLIENTS} clients beside one, calls/s", many, one, "both cores")
    cpu = (server.cpu_seconds() - before) / (CLIENTS * QUERIES) * 1e6
    row(f"Flight SELECT 42, {CLIENTS} clients, server's CPU µs per call", cpu)


def inside(local: duckdb.DuckDBPyConnection, statement: str = "SELECT 42") -> float:
    return seconds(lambda: local.execute(statement).fetchall())


def many_rows(flight: Client, local: duckdb.DuckDBPyConnection) -> None:
    ours, inside = in_turns(
        lambda: seconds(lambda: drain(flight.query(READ))),
        lambda: seconds(lambda: drain(local.execute(READ).to_arrow_reader(100_000))),
        times=9,
    )
    row("Flight rows, M rows/s", READ_ROWS / ours / 1e6, READ_ROWS / inside / 1e6, "0.95")


def many_rows_in(server: MockServer, flight: Client, local: duckdb.DuckDBPyConnection) -> None:
    """A finished Arrow table becomes a table of DuckDB's, on both sides."""
    table = local.execute(WRITE).to_arrow_table()
    local.register("finished", table)
    cpu: list[float] = []

    def theirs() -> float:
        before = server.cpu_seconds()
        taken = seconds(lambda: ingest(flight, table))
        cpu.append((server.cpu_seconds() - before) / WRITE_ROWS * 1e6)
        return taken

    ours, inside = in_turns(
        theirs, lambda: seconds(lambda: local.execute("CREATE OR REPLACE TABLE t AS FROM finished")), times=9
    )
    row("Flight ingest of an Arrow table, M rows/s", WRITE_ROWS / ours / 1e6, WRITE_ROWS / inside / 1e6, "0.65")
    row("Flight ingest, server's CPU s per M rows", statistics.median(cpu))
    local.unregister("finished")


def first_batch(client: Client) -> None:
    reader = client.query(READ)
    reader.read_chunk()
    reader.cancel()


def drain(reader: object) -> None:
    for _ in reader:
        pass


def ingest(flight: Client, table: pa.Table) -> None:
    with flight.ingest(table_name="bench", schema=table.schema, mode=IngestTableMode.REPLACE) as writer:
        for batch in table.to_batches(max_chunksize=65_536):
            writer.write_batch(batch)
