"""The control plane under load: resets during uploads, journals that are flooded, and other tenants meanwhile."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mock_server import ALICE, BOB, Credentials, MockServer
from raw_http import interrupted_upload

SECRETS = (ALICE.password, BOB.password, "the-control-key")


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    users = [flag for user in (ALICE, BOB) for flag in ("--user", ":".join(user.pair))]
    with MockServer(*users, "--control-key=the-control-key", "--journal-limit=1MB") as running:
        yield running


def tables(server: MockServer, user: Credentials) -> list[str]:
    answer = httpx.post(f"{server.lakehouse_url}/query", auth=user.pair, json={"statement": "SHOW TABLES"})
    return [json.loads(line)[0] for line in answer.text.splitlines()[2:]]


def reset(server: MockServer, user: Credentials) -> dict[str, Any]:
    answer = httpx.post(f"{server.lakehouse_url}/_mock/v1/reset", auth=user.pair)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_upload_under_way_leaves_nothing_in_the_new_state(server: MockServer) -> None:
    def meanwhile() -> None:
        reset(server, ALICE)
        assert tables(server, ALICE) == []

    status, told = interrupted_upload(server.lakehouse_url, ALICE, meanwhile)
    assert status == 400
    assert "cancel" in told["error"]["message"].lower()
    assert tables(server, ALICE) == []


def test_resets_under_load_harm_nobody_else(server: MockServer) -> None:
    httpx.post(f"{server.lakehouse_url}/query", auth=BOB.pair, json={"statement": "CREATE TABLE kept AS SELECT 1 AS a"})
    stop = threading.Event()
    seen: list[int] = []

    def load() -> None:
        with httpx.Client(auth=ALICE.pair, timeout=30) as client:
            number = 0
            while not stop.is_set():
                number += 1
                statement = f"CREATE TABLE t{threading.get_ident()}_{number} AS SELECT range FROM range(1000)"
                seen.append(client.post(f"{server.lakehouse_url}/query", json={"statement": statement}).status_code)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        reset(server, ALICE)
        assert tables(server, BOB) == ["kept"]
    stop.set()
    for thread in threads:
        thread.join()
    # What a reset ends is told inside of a stream that has begun, or refused before.
    assert set(seen) <= {200, 400} and 200 in seen
    reset(server, ALICE)
    assert tables(server, ALICE) == []


def test_a_flooded_journal_stays_small_and_can_be_waited_for(server: MockServer) -> None:
    plane = f"{server.lakehouse_url}/_mock/v1"
    outcome: list[httpx.Response] = []
    match = {"statement": "the one that is waited for"}

    def wait() -> None:
        body = {"match": match, "timeout_ms": 60_000}
        outcome.append(httpx.post(f"{plane}/requests/wait", auth=ALICE.pair, json=body, timeout=90))

    def flood() -> None:
        with httpx.Client(auth=ALICE.pair, timeout=30) as client:
            for number in range(1_000):
                client.post(f"{server.lakehouse_url}/query", json={"statement": f"SELECT {number}, '{'x' * 2_000}'"})

    waiting = threading.Thread(target=wait)
    floods = [threading.Thread(target=flood) for _ in range(3)]
    for thread in (waiting, *floods):
        thread.start()
    time.sleep(1)
    httpx.post(
        f"{server.lakehouse_url}/query", auth=ALICE.pair, json={"statement": "SELECT 1 -- the one that is waited for"}
    )
    waiting.join()
    for thread in floods:
        thread.join()
    assert outcome[0].status_code == 200
    kept = httpx.get(f"{plane}/requests", auth=ALICE.pair, params={"limit": 10_000}).json()["requests"]
    assert 0 < len(kept) * 2_000 < 1 << 20
    limits = httpx.get(f"{server.lakehouse_url}/health?verbose=1", auth=ALICE.pair).json()["limits"]["user"]
    (used,) = [limit for limit in limits if limit["name"] == "journal-limit"]
    assert 0 < used["used"] <= used["limit"] == 1 << 20


def test_no_credential_is_logged_or_shown(server: MockServer) -> None:
    plane = f"{server.lakehouse_url}/_mock/v1"
    key = {"Authorization": "Bearer the-control-key"}
    made = httpx.post(f"{plane}/tenants", headers=key).json()
    told = [
        httpx.get(f"{plane}/tenants", headers=key).text,
        httpx.get(f"{plane}/tenants/{made['user']}", headers=key).text,
        httpx.get(f"{plane}/requests?limit=10000", headers=key).text,
        httpx.get(f"{plane}/requests?tenant=alice&limit=10000", headers=key).text,
        httpx.get(f"{plane}/tenants", headers={"Authorization": "Bearer the-control-key2"}).text,
        "\n".join(server.log),
    ]
    for text in told:
        for secret in (*SECRETS, made["password"], made["api_key"]):
            assert secret not in text
