"""Depth never ends the server, whatever nests (LX-17): statements of `depth_families`, and files.

`DEPTH_FAMILIES` picks families by glob, `DEPTH_LEVELS` the depths; without them every value that is deep by itself is
tried a million levels deep, and every text as deep as DuckDB's own limits let it be.
"""

from __future__ import annotations

import fnmatch
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))
from depth_families import FAMILIES, PLANNED_SLOWLY
from mock_server import ALICE, API_KEY, BOB, MockServer

CHOSEN = os.environ.get("DEPTH_FAMILIES", "*")
LEVELS = [int(levels) for levels in os.environ.get("DEPTH_LEVELS", "").split(",") if levels]
# What takes longer than this is given up on, as a client would: it is the next statement that has to be answered.
PATIENCE = 5


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    users = [flag for user in (ALICE, BOB) for flag in ("--user", ":".join(user.pair))]
    with MockServer(*users, "--api-key", API_KEY, "--tenant-memory-limit", "2GB") as running:
        yield running


@pytest.fixture(scope="module")
def alice(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.lakehouse_url, auth=ALICE.pair, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def bob(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.lakehouse_url, auth=BOB.pair, timeout=10) as client:
        yield client


@pytest.fixture(autouse=True)
def lives(server: MockServer, bob: httpx.Client) -> Iterator[None]:
    """After each test another tenant has its answer."""
    yield
    assert server.process.poll() is None, "the server ended:\n" + "\n".join(server.log[-20:])
    answer = bob.post("/query", json={"statement": "SELECT 42"})
    assert answer.text.endswith("[42]\n")


def run(client: httpx.Client, statement: str, session: dict[str, bool]) -> None:
    try:
        answer = client.post("/query", json={"statement": statement} | session)
    except httpx.TimeoutException:
        return
    assert answer.status_code in (200, 413)


def try_family(alice: httpx.Client, name: str, depth: int) -> bool:
    """Whether the family's statements are of a size that is worth trying."""
    statements = FAMILIES[name](depth)
    if sum(map(len, statements)) > 16 << 20:
        return False
    alice.post("/query", json={"statement": "DROP TABLE IF EXISTS t"})
    for statement in statements:
        # Each family makes its tables, views and macros anew.
        run(alice, re.sub(r"^CREATE (?=TABLE|VIEW|MACRO)", "CREATE OR REPLACE ", statement), {"ephemeral": True})
    return True


CHOSEN_FAMILIES = [name for name in FAMILIES if fnmatch.fnmatch(name, CHOSEN)]
# Of a few families DuckDB plans even this depth for seconds, and looks at nothing meanwhile.
MODERATE = 100
QUICK_FAMILIES = [name for name in CHOSEN_FAMILIES if name not in PLANNED_SLOWLY | {"text_interval"}]


@pytest.mark.parametrize("name", QUICK_FAMILIES)
def test_a_family_at_a_moderate_depth(alice: httpx.Client, name: str) -> None:
    try_family(alice, name, MODERATE)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOSEN_FAMILIES)
def test_a_family(alice: httpx.Client, name: str) -> None:
    deep = (1000, 1_000_000) if name.startswith(("value_", "file_")) else (360, 990, 100_000)
    if name in PLANNED_SLOWLY:
        deep = (20,)
    for depth in LEVELS or deep:
        if not try_family(alice, name, depth):
            break


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["create", "append"])
@pytest.mark.parametrize(
    "body",
    [b'[{"a":' + b"[" * 2_000_000 + b"]" * 2_000_000 + b"}]", b'{"a":' * 1_000_000 + b"1" + b"}" * 1_000_000],
    ids=["arrays", "objects"],
)
def test_an_upload(alice: httpx.Client, body: bytes, mode: str) -> None:
    alice.post("/query", json={"statement": f"CREATE OR REPLACE TABLE into_{mode} (a JSON)"})
    table = "absent" if mode == "create" else "into_append"
    answer = alice.post(
        "/upload",
        params={"catalog": "memory", "schema": "main", "table": table, "mode": mode},
        content=body,
        headers={"content-type": "application/json"},
        timeout=30,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid-data"
    assert "nested deeper than 1000 levels" in answer.json()["error"]["message"]


@pytest.mark.slow
@pytest.mark.parametrize("type", ["JSON", "VARIANT", "VARCHAR", "INTEGER[]"])
def test_an_append(alice: httpx.Client, type: str) -> None:
    alice.post("/query", json={"statement": f"CREATE OR REPLACE TABLE appended (a {type})"})
    answer = alice.post(
        "/append",
        params={"catalog": "memory", "schema": "main", "table": "appended"},
        content=b'{"a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
        headers={"content-type": "application/json"},
        timeout=30,
    )
    # Text is kept as it is, and is deep JSON to whoever reads it as such.
    assert answer.status_code in (200, 400)
    reading = alice.post("/query", json={"statement": "SELECT json_structure(a::VARCHAR) FROM appended"}, timeout=30)
    assert reading.status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["(", "[", "{", "CASE ", "NOT ", "- ", "(SELECT "])
def test_a_completion(alice: httpx.Client, piece: str) -> None:
    answer = alice.post("/autocomplete", json={"statement": "SELECT " + piece * 300_000}, timeout=30)
    assert answer.status_code == 200
    assert answer.json()["suggestions"] == []


@pytest.mark.slow
def test_a_parameter(alice: httpx.Client) -> None:
    for expression in ("json_structure(?)", "?::JSON::VARIANT", "[?::JSON]::VARIANT"):
        text = "[" * 1_000_000 + "]" * 1_000_000
        answer = alice.post("/query", json={"statement": f"SELECT {expression}", "params": [text]}, timeout=30)
        assert "nested deeper than 1000 levels" in answer.text.splitlines()[1]
