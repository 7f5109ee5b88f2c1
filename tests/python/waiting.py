"""What tests wait for."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx


def wait_until_logged(rest: httpx.Client, query: str) -> dict:
    """The log's entry of a query, as soon as there is one (LG-03)."""
    for _ in range(500):
        response = rest.get(f"/query/{query}")
        if response.status_code == 200:
            return response.json()
        assert response.status_code == 404
        time.sleep(0.01)
    raise AssertionError("the query was never logged")


def wait_until(holds: Callable[[], bool], within: float = 15.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
