"""Orders, taken in bulk by Flight SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import altertable_flightsql
import pyarrow as pa
from altertable_flightsql.client import IngestTableMode

from shop.settings import Settings

SCHEMA = pa.schema(
    [("id", pa.int64()), ("customer", pa.string()), ("sku", pa.string()), ("total", pa.decimal128(10, 2))]
)


@dataclass(frozen=True)
class Order:
    """One order; its total is in euros, as text to keep the cents exact."""

    id: int
    customer: str
    sku: str
    total: str


class Orders:
    """The table of orders."""

    def __init__(self, settings: Settings) -> None:
        self._client = altertable_flightsql.Client(
            settings.user,
            settings.password,
            host=settings.flight_host,
            port=settings.flight_port,
            tls=settings.flight_tls,
        )

    def take(self, orders: Iterable[Order]) -> None:
        """Adds orders; the first ones make the table."""
        batch = pa.RecordBatch.from_pylist([asdict(order) for order in orders], schema=TEXT).cast(SCHEMA)
        mode = IngestTableMode.CREATE_APPEND
        with self._client.ingest(table_name="orders", schema=SCHEMA, mode=mode) as writer:
            writer.write(batch)

    def cancel(self, order: int) -> bool:
        """Deletes an order; false if there is none."""
        return self._client.execute(f"DELETE FROM orders WHERE id = {int(order)}") == 1

    def close(self) -> None:
        """Logs out."""
        self._client.close()


TEXT = pa.schema([field.with_type(pa.string()) if field.name == "total" else field for field in SCHEMA])
