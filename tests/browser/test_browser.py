"""Pages of another origin send events as browsers do (AX-11, AX-12), and SQL shows them."""

from __future__ import annotations

import json
import time
import urllib.parse
import uuid
from collections.abc import Iterator

import httpx
import pytest
from mock_server import ALICE, API_KEY, MockServer

from browser import Site

ACCEPTED = {"status": 200, "ok": True, "error_code": None}


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer("--user", ":".join(ALICE.pair), "--api-key", API_KEY) as running:
        yield running


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex


def visit(site: Site, server: MockServer, page: str, tag: str) -> object:
    parameters = {"server": server.analytics_url, "other": server.lakehouse_url, "key": API_KEY, "tag": tag}
    return site.visit(page, urllib.parse.urlencode(parameters))


def rows(server: MockServer, statement: str) -> list[list[object]]:
    answer = httpx.post(f"{server.lakehouse_url}/query", auth=ALICE.pair, json={"statement": statement}, timeout=30)
    answer.raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()][2:]


def events(server: MockServer, tag: str, expected: set[str]) -> set[str]:
    """The names of the tagged events, as soon as as many as expected are there."""
    statement = f"SELECT event FROM product_analytics.analytics.events WHERE event LIKE '{tag} %'"
    deadline = time.monotonic() + 20
    while True:
        found = [str(name).removeprefix(f"{tag} ") for (name,) in rows(server, statement)]
        if len(found) >= len(expected) or time.monotonic() > deadline:
            assert len(found) == len(set(found)), f"sent once, stored more often: {sorted(found)}"
            return set(found)
        time.sleep(0.1)


def test_a_page_may_send_keys_and_bodies_in_every_way(server: MockServer, site: Site, tag: str) -> None:
    seen = visit(site, server, "fetch.html", tag)
    refused = {
        "wrong key": (401, "unauthorized"),
        "no key": (401, "unauthorized"),
        "bad item": (422, "invalid-payload"),
        "not JSON": (400, "invalid-json"),
        "no such environment": (422, "environment-not-found"),
    }
    assert isinstance(seen, dict)
    assert seen.pop("another server") == "TypeError", "the browser does not enforce CORS, so that nothing is shown"
    # PUT is none of the methods that the preflight allows: the browser does not even send it.
    assert seen.pop("wrong method") == {"error": "TypeError"}
    for name, answer in seen.items():
        assert uuid.UUID(answer.pop("id")), "a page reads x-request-id"
        status, code = refused.get(name, (200, None))
        assert answer == {**ACCEPTED, "status": status, "ok": code is None, "error_code": code}, name
    expected = {"header key", "bearer key", "query key", "plain text", "credentials", "batch 1", "batch 2"}
    assert events(server, tag, expected) == expected
    statement = (
        f"SELECT distinct_id, traits FROM product_analytics.analytics.identities WHERE distinct_id LIKE '{tag}%'"
    )
    assert sorted(rows(server, statement)) == [[tag, {"plan": "pro"}], [f"{tag}-2", {"plan": "pro"}]]


def test_beacons_and_what_is_sent_on_leaving_arrive(server: MockServer, site: Site, tag: str) -> None:
    accepted = visit(site, server, "beacon.html", tag)
    assert accepted == [True] * 7, "the browser did not queue every beacon"
    expected = {f"beacon {kind}" for kind in ("text", "plain blob", "json blob", "bytes", "batch 1", "batch 2")}
    expected |= {"beacon on leaving", "fetch on leaving", "before leaving"}
    assert events(server, tag, expected) == expected
    statement = f"SELECT traits FROM product_analytics.analytics.identities WHERE distinct_id = '{tag}'"
    assert rows(server, statement) == [[{"from": "beacon"}]]


def test_a_page_without_an_origin_may_send(server: MockServer, site: Site, tag: str) -> None:
    assert visit(site, server, "sandboxed.html", tag) == {"origin": "null", "ok": True}
    assert events(server, tag, {"null origin"}) == {"null origin"}
