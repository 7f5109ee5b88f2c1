"""The shop, pointed at the tenant of each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from altertable_mock import Tenant
from shop.orders import Orders
from shop.reports import Reports
from shop.settings import Settings
from shop.tracking import Tracking


@pytest.fixture
def settings(altertable_mock: Tenant) -> Settings:
    assert altertable_mock.api_key is not None
    return Settings(
        user=altertable_mock.user,
        password=altertable_mock.password,
        api_key=altertable_mock.api_key,
        lakehouse_url=altertable_mock.lakehouse_url,
        analytics_url=altertable_mock.analytics_url,
        flight_host=altertable_mock.flight_host,
        flight_port=altertable_mock.flight_port,
        flight_tls=False,
    )


@pytest.fixture
def orders(settings: Settings) -> Iterator[Orders]:
    orders = Orders(settings)
    yield orders
    orders.close()


@pytest.fixture
def reports(settings: Settings) -> Reports:
    return Reports(settings)


@pytest.fixture
def tracking(settings: Settings) -> Tracking:
    return Tracking(settings)
