"""The shop at work. Every test begins with an empty database, so that they may run in any order and in parallel."""

from __future__ import annotations

from decimal import Decimal

import pytest
from altertable_mock import Tenant
from shop.orders import Order, Orders
from shop.reports import Reports
from shop.tracking import Tracking

MONDAY = [Order(1, "ada", "shoes", "59.90"), Order(2, "grace", "hat", "20.00")]
TUESDAY = [Order(3, "ada", "hat", "20.10"), Order(4, "alan", "shoes", "59.90")]


def test_orders_of_two_days_are_one_table(orders: Orders, altertable_mock: Tenant) -> None:
    orders.take(MONDAY)
    orders.take(TUESDAY)
    assert altertable_mock.sql("SELECT count(*), sum(total) FROM orders") == [(4, Decimal("159.90"))]


@pytest.mark.parametrize(("order", "known"), [(1, True), (99, False)])
def test_an_order_is_cancelled_once(orders: Orders, altertable_mock: Tenant, order: int, known: bool) -> None:
    orders.take(MONDAY)
    assert orders.cancel(order) is known
    assert orders.cancel(order) is False
    assert altertable_mock.sql("SELECT count(*) FROM orders").value() == (1 if known else 2)


def test_best_sellers_are_ordered_by_what_they_brought_in(orders: Orders, reports: Reports) -> None:
    orders.take(MONDAY + TUESDAY)
    assert reports.best_sellers() == [("shoes", 2, Decimal("119.80")), ("hat", 2, Decimal("40.10"))]


def test_a_report_needs_no_large_setup(altertable_mock: Tenant, reports: Reports) -> None:
    altertable_mock.load("orders", [{"sku": f"article-{n}", "total": n} for n in range(10)])
    assert [sku for sku, _, _ in reports.best_sellers()] == ["article-9", "article-8", "article-7"]


def test_a_view_is_tracked_with_its_article(tracking: Tracking, altertable_mock: Tenant) -> None:
    tracking.viewed("ada", "shoes")
    (event,) = altertable_mock.events("product_viewed")
    assert (event["distinct_id"], event["properties"]) == ("ada", {"sku": "shoes"})


def test_a_visitor_becomes_a_customer(tracking: Tracking, altertable_mock: Tenant) -> None:
    tracking.viewed("visitor-7", "hat")
    tracking.signed_in("visitor-7", "grace")
    assert (
        altertable_mock.sql("SELECT count(DISTINCT identity_uuid) FROM product_analytics.analytics.events").value() == 1
    )


@pytest.mark.parametrize("visitors", [1, 2, 4])
def test_conversion_counts_customers_not_views(
    orders: Orders, reports: Reports, tracking: Tracking, visitors: int
) -> None:
    orders.take(MONDAY[:1])
    for visitor in ["ada", "bob", "carl", "dora"][:visitors]:
        tracking.viewed(visitor, "shoes")
        tracking.viewed(visitor, "hat")
    assert reports.conversion() == 1 / visitors
