"""Uploads over REST: memory far below the file's size, and no temporary file left, however an upload ends."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
import uploads
from mock_server import ALICE, MockServer
from uploads import MIB

ROWS = 200_000
TABLE = pa.table({"id": range(ROWS), "name": [f"name {at}" for at in range(ROWS)]})

# `make test-uploads` sends files of the full size.
FULL = "FULL_UPLOADS" in os.environ
CSV_SIZE, PARQUET_SIZE = (4096 * MIB, 2048 * MIB) if FULL else (384 * MIB, 384 * MIB)
# What a tenant's database may hold in memory, the rest of it being on disk; and what the whole process may.
DATABASE_MEMORY, PROCESS_MEMORY = ("256MB", 512 * MIB) if FULL else ("128MB", 384 * MIB)


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spool")


@pytest.fixture(scope="module")
def server(spool: Path) -> Iterator[MockServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(spool))
        running = MockServer("--user", ":".join(ALICE.pair))
    with running:
        yield running


@pytest.fixture
def rest(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.lakehouse_url, auth=ALICE.pair, timeout=120) as client:
        # The folder of a database is made with its first session.
        client.post("/query", json={"statement": "SELECT 1"}).raise_for_status()
        yield client


def upload(rest: httpx.Client, table: str, content: object, content_type: str, mode: str = "create") -> httpx.Response:
    params = {"catalog": "memory", "schema": "main", "table": table, "mode": mode}
    return rest.post("/upload", params=params, content=content, headers={"content-type": content_type})


def answer(rest: httpx.Client, statement: str) -> list:
    lines = rest.post("/query", json={"statement": statement}).text.splitlines()
    return json.loads(lines[-1])


def files(server: MockServer, spool: Path) -> set[str]:
    """The uploads that are on disk, and those that only an open descriptor still keeps there."""
    descriptors = Path(f"/proc/{server.process.pid}/fd")
    opened = (os.readlink(link) for link in descriptors.iterdir() if link.is_symlink())
    return {str(path) for path in spool.rglob("upload-*")} | {path for path in opened if "/upload-" in path}


def encoded(kind: str) -> tuple[str, bytes]:
    """The content type and the bytes of a file of two columns."""
    if kind == "csv":
        return "text/csv", b"id,name\n" + b"".join(b"%d,name %d\n" % (at, at) for at in range(ROWS))
    if kind == "json":
        return "application/json", json.dumps(TABLE.to_pylist()).encode()
    file = io.BytesIO()
    if kind == "parquet":
        pq.write_table(TABLE, file)
        return "application/parquet", file.getvalue()
    with pyarrow.ipc.new_stream(file, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return "application/vnd.apache.arrow.stream", file.getvalue()


@pytest.fixture(params=["csv", "json", "parquet", "arrow"], scope="module")
def file(request: pytest.FixtureRequest) -> tuple[str, bytes]:
    return encoded(request.param)


def test_nothing_stays_of_an_upload_that_succeeds(
    server: MockServer, spool: Path, rest: httpx.Client, table: str, file: tuple[str, bytes]
) -> None:
    content_type, content = file
    assert upload(rest, table, content, content_type).status_code == 200
    assert upload(rest, table, content, content_type, "append").status_code == 200
    assert answer(rest, f"SELECT count(*), count(DISTINCT name) FROM {table}") == [2 * ROWS, ROWS]
    assert files(server, spool) == set()


def test_nothing_stays_of_an_upload_that_fails(
    server: MockServer, spool: Path, rest: httpx.Client, table: str, file: tuple[str, bytes]
) -> None:
    content_type, content = file
    answer(rest, f"CREATE TABLE {table} (id BIGINT, name VARCHAR CHECK (name <> 'name {ROWS - 1}'))")
    for mode in ("create", "append"):
        assert upload(rest, table, content, content_type, mode).status_code == 400, mode
    broken = content[: len(content) // 2] + b"\xff\xfe"
    assert upload(rest, table, broken, content_type, "append").status_code == 400
    assert answer(rest, f"SELECT count(*) FROM {table}") == [0]
    assert files(server, spool) == set()


def test_nothing_stays_of_an_upload_whose_client_vanishes(
    server: MockServer, spool: Path, rest: httpx.Client, table: str, file: tuple[str, bytes]
) -> None:
    content_type, content = file
    parts = urlsplit(server.lakehouse_url)
    credentials = base64.b64encode(":".join(ALICE.pair).encode()).decode()
    query = f"catalog=memory&schema=main&table={table}&mode=create"
    head = f"POST /upload?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n"
    head += f"Content-Type: {content_type}\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port)) as client:
        client.sendall(head.encode() + content[: len(content) // 2])
        wait_for(lambda: files(server, spool) != set(), "the upload is on its way to a file")
    wait_for(lambda: files(server, spool) == set(), "its file goes with its client")
    assert answer(rest, f"SELECT count(*) FROM duckdb_tables() WHERE table_name = '{table}'") == [0]


@pytest.mark.parametrize("damage", ["none", "a byte", "the end"])
def test_nothing_stays_of_a_compressed_upload_that_is_refused(tmp_path: Path, table: str, damage: str) -> None:
    """LX-08: what decodes to too much (413), and what is damaged or breaks off (400)."""
    rows = (b"%d,%s\n" % (at, os.urandom(40).hex().encode()) for at in range(50_000))
    content = gzip.compress(b"id,pad\n" + b"".join(rows))
    limit = "1MB" if damage == "none" else "1GB"
    if damage == "a byte":
        content = content[:-4000] + bytes([content[-4000] ^ 0xFF]) + content[-3999:]
    elif damage == "the end":
        content = content[: len(content) // 2]
    flags = ("--user", ":".join(ALICE.pair), "--decoded-body-limit", limit)
    with (
        MockServer(*flags, env={"TMPDIR": str(tmp_path)}) as running,
        httpx.Client(base_url=running.lakehouse_url, auth=ALICE.pair, timeout=120) as rest,
    ):
        headers = {"content-type": "text/csv", "content-encoding": "gzip"}
        params = {"catalog": "memory", "schema": "main", "table": table, "mode": "create"}

        def body() -> Iterator[bytes]:
            yield content[:100_000]
            wait_for(lambda: files(running, tmp_path) != set(), "the upload is on its way to a file")
            yield content[100_000:]

        answered = rest.post("/upload", params=params, content=body(), headers=headers)
        assert answered.status_code == (413 if damage == "none" else 400), answered.text
        assert files(running, tmp_path) == set()
        assert answer(rest, f"SELECT count(*) FROM duckdb_tables() WHERE table_name = '{table}'") == [0]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


@pytest.fixture
def frugal() -> Iterator[MockServer]:
    """A server whose peak of memory is a single upload's."""
    with MockServer("--user", ":".join(ALICE.pair), f"--tenant-memory-limit={DATABASE_MEMORY}") as running:
        yield running


def test_a_large_csv_file_passes_in_little_memory(frugal: MockServer) -> None:
    with httpx.Client(base_url=frugal.lakehouse_url, auth=ALICE.pair, timeout=3600) as rest:
        assert upload(rest, "large", uploads.csv(CSV_SIZE), "text/csv").status_code == 200
        rows, least, greatest = answer(rest, "SELECT count(*), min(id), max(id) FROM large")
    assert (least, greatest) == (0, rows - 1)
    assert rows > CSV_SIZE // 100
    assert uploads.peak_memory(frugal) < PROCESS_MEMORY


def test_a_large_parquet_file_passes_in_little_memory(frugal: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    rows = uploads.write_parquet(path, PARQUET_SIZE)
    with httpx.Client(base_url=frugal.lakehouse_url, auth=ALICE.pair, timeout=3600) as rest, path.open("rb") as file:
        assert upload(rest, "large", file, "application/parquet").status_code == 200
        path.unlink()
        assert answer(rest, "SELECT count(*), min(id), max(id) FROM large") == [rows, 0, rows - 1]
    assert uploads.peak_memory(frugal) < PROCESS_MEMORY


@pytest.mark.parametrize(
    ("levels", "lists", "refusal"),
    [
        (100, 0, ""),
        (0, 16, ""),
        (129, 0, "deeper than 128"),
        (400, 0, "deeper than 128"),
        (0, 60, "lists deeper than 16"),
    ],
)
def test_parquet_that_nests_too_deeply_is_refused_and_costs_nothing(
    rest: httpx.Client, table: str, levels: int, lists: int, refusal: str
) -> None:
    """LX-17: from 256 levels on, DuckDB's reader takes the whole database for damaged."""
    nested = pa.int32()
    for _ in range(levels):
        nested = pa.struct([("a", nested)])
    for _ in range(lists):
        nested = pa.list_(nested)
    file = io.BytesIO()
    pq.write_table(pa.table({"deep": pa.array([None], nested)}), file)
    rest.post("/query", json={"statement": f"CREATE TABLE {table}_kept AS SELECT 42 AS answer"})
    sent = upload(rest, table, file.getvalue(), "application/parquet")
    assert answer(rest, f"FROM {table}_kept") == [42]
    if refusal:
        error = sent.json()["error"]
        assert (error["code"], refusal in error["message"]) == ("invalid-data", True), error
    else:
        assert sent.status_code == 200, sent.text
