"""Reports on the orders, by Lakehouse REST."""

from __future__ import annotations

from decimal import Decimal

from altertable_lakehouse import Client
from altertable_lakehouse.models import QueryRequest

from shop.settings import Settings

BEST_SELLERS = """
    SELECT sku, count(*) AS orders, sum(total)::VARCHAR AS total
    FROM orders GROUP BY sku ORDER BY sum(total) DESC, sku LIMIT 3
"""
CONVERSION = """
    SELECT count(DISTINCT orders.customer) / count(DISTINCT events.distinct_id)
    FROM product_analytics.main.events LEFT JOIN orders ON orders.customer = events.distinct_id
    WHERE events.event = 'product_viewed'
"""


class Reports:
    """What the shop wants to know."""

    def __init__(self, settings: Settings) -> None:
        self._client = Client(settings.lakehouse_url, username=settings.user, password=settings.password)

    def best_sellers(self) -> list[tuple[str, int, Decimal]]:
        """The three articles that brought in most: article, orders, euros."""
        rows = self._client.query_all(QueryRequest(statement=BEST_SELLERS)).rows
        return [(sku, orders, Decimal(total)) for sku, orders, total in rows]

    def conversion(self) -> float | None:
        """Which part of those who looked at an article have ordered; ``None`` if nobody looked."""
        [[part]] = self._client.query_all(QueryRequest(statement=CONVERSION)).rows
        return part
