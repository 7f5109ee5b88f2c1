"""The queries of TPC-H at scale factor 1, over Flight SQL, over REST and in process in turns."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import duckdb
import pyarrow as pa
from altertable_flightsql import Client
from altertable_flightsql.client import IngestTableMode
from mock_server import ALICE, MockServer
from table import row, seconds
from wire import Connection

TEXTS = Path(__file__).parent / "tpch"
TABLES = ("region", "nation", "supplier", "part", "partsupp", "customer", "orders", "lineitem")
ROUNDS = 9
BATCH_ROWS = 122_880
# Of quicker ones the fixed costs of a call are most.
COMPARED_MS = 20


def measure(server: MockServer, _: duckdb.DuckDBPyConnection) -> None:
    with (
        duckdb.connect() as local,
        Client(*ALICE.pair, host="127.0.0.1", port=server.flight_port, tls=False) as flight,
    ):
        for statement in statements("tables.sql"):
            local.execute(statement)
        for table in TABLES:
            copy(flight, local, table)
        rest = Connection(server.lakehouse_url)
        medians = [in_turns(number, text, flight, rest, local) for number, text in enumerate(queries(), start=1)]
    for door, at in (("Flight SQL", 0), ("REST", 1)):
        worst = max(times[at] / times[2] for times in medians if times[2] > COMPARED_MS)
        row(f"TPC-H over {door}, all, ms", sum(times[at] for times in medians), sum(t[2] for t in medians), "1.05")
        row(f"TPC-H over {door}, the worst ratio of a query beyond {COMPARED_MS} ms", worst, goal="1.15")


def statements(file: str) -> list[str]:
    return [statement.query for statement in duckdb.extract_statements((TEXTS / file).read_text())]


def queries() -> list[str]:
    """Each as it is sent: with neither the comment before it nor the semicolon behind."""
    return [text.strip().rstrip(";") for text in statements("queries.sql")]


def copy(flight: Client, local: duckdb.DuckDBPyConnection, table: str) -> None:
    """Gives the server the rows of a table in the order in which they are here."""
    reader = local.execute(f"FROM {table}").to_arrow_reader(BATCH_ROWS)
    with flight.ingest(table_name=table, schema=reader.schema, mode=IngestTableMode.REPLACE) as writer:
        for batch in reader:
            writer.write_batch(batch)


def in_turns(
    number: int, text: str, flight: Client, rest: Connection, local: duckdb.DuckDBPyConnection
) -> tuple[float, float, float]:
    """The medians in milliseconds over Flight SQL, over REST and in process."""
    request = rest.request("/query", json.dumps({"statement": text}).encode())
    expected = local.execute(text).to_arrow_table()
    check(number, flight.query(text).read_all(), expected)
    rest.call(request)
    ways = (
        lambda: flight.query(text).read_all(),
        lambda: rest.call(request),
        lambda: local.execute(text).to_arrow_table(),
    )
    taken = [[seconds(way) * 1000 for way in ways] for _ in range(ROUNDS)]
    medians = tuple(statistics.median(times) for times in zip(*taken, strict=True))
    row(f"TPC-H {number} over Flight SQL, ms", medians[0], medians[2], "1.15")
    row(f"TPC-H {number} over REST, ms", medians[1], medians[2], "1.15")
    return medians


def check(number: int, found: pa.Table, expected: pa.Table) -> None:
    """Sums of doubles differ with the order in which threads add them, so that numbers of rows have to do for those."""
    exact = [name for name in expected.column_names if not pa.types.is_floating(expected.schema.field(name).type)]
    if found.num_rows != expected.num_rows or found.select(exact).to_pylist() != expected.select(exact).to_pylist():
        raise RuntimeError(f"query {number} answers differently over Flight SQL")
