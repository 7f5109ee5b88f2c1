"""A disk that is full: what needs it fails and says so, what is there stays, and all goes on once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from arena import MIB, Arena, Tenant
from raw_flight import messages
from uploads import csv

DISK = 80 * MIB
ROWS = 3_000_000
# About 350 MB of Arrow: more than the 64 MiB that wait in memory (FS-4) and the disk together.
MANY_ROWS = f"SELECT i, repeat('x', 100) AS s FROM range({ROWS}) t(i)"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own for the server's temporary files."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(tmp_path)]
    tried = subprocess.run(mount, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if tried is None or tried.returncode != 0:
        pytest.skip("needs to mount a tmpfs: " + (tried.stderr.strip() if tried else "not root"))
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.fixture
def cramped(small_disk: Path) -> Iterator[Arena]:
    """An arena with a small disk, whose limit of spooled bytes lies beyond it."""
    arena = Arena(folder=small_disk, tenant_spool_limit="4GB")
    try:
        arena.begin(within=120)
        yield arena
        arena.still_stands()
    finally:
        arena.end()
        arena.close()


def used(folder: Path) -> int:
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def rows_of(parts: Iterator[messages.FlightData]) -> int:
    """The rows of a stream, from its messages."""
    import pyarrow as pa

    total = 0
    schema = None
    for part in parts:
        header = len(part.data_header)
        framed = b"\xff\xff\xff\xff" + header.to_bytes(4, "little") + part.data_header + part.data_body
        message = pa.ipc.read_message(framed)
        if message.type == "schema":
            schema = pa.ipc.read_schema(message)
        else:
            total += pa.ipc.read_record_batch(message, schema).num_rows
    return total


def assert_names_the_folder(text: str, folder: Path) -> None:
    assert "TMPDIR" in text, text
    assert str(folder) in text, text


def test_a_stream_that_cannot_be_spooled_loses_no_row(cramped: Arena, small_disk: Path) -> None:
    """FS-4: the second call fails, naming the folder and TMPDIR; the first stream is whole."""
    tenant = cramped.attacker()
    raw, headers = tenant.raw, tenant.raw.session()
    stream = raw.redeem(raw.plan(MANY_ROWS, headers), headers)
    first = [next(stream), next(stream)]
    with pytest.raises(grpc.RpcError) as refused:
        list(raw.redeem(raw.plan("SELECT 1", headers, timeout=30), headers, timeout=30))
    assert refused.value.code() != grpc.StatusCode.DEADLINE_EXCEEDED, refused.value
    assert_names_the_folder(refused.value.details(), small_disk)
    assert rows_of(part for parts in (first, stream) for part in parts) == ROWS
    assert list(raw.redeem(raw.plan("SELECT 1", headers), headers)), "the session did not recover"
    cramped.wait_for(lambda: used(small_disk) < 4 * MIB, "the disk stayed full")


def upload(tenant: Tenant, path: str, size: int) -> tuple[int, str]:
    response = tenant.rest.post(path, content=csv(size), headers={"content-type": "text/csv"})
    return response.status_code, response.text


@pytest.mark.parametrize(
    "path",
    [
        "/upload?catalog=memory&schema=main&table=fills&mode=create",
        "/upload?catalog=memory&schema=main&table=fills&mode=overwrite",
        "/upsert?catalog=memory&schema=main&table=fills&primary_key=id",
    ],
    ids=lambda path: path.split("&table")[0].split("?")[0] + path[-9:],
)
def test_an_upload_beyond_the_disk_leaves_nothing(cramped: Arena, small_disk: Path, path: str) -> None:
    tenant = cramped.attacker()
    status, text = upload(tenant, path, 2 * DISK)
    assert status >= 400
    assert "TMPDIR" in text, text
    assert tenant.rows("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'fills'") == [[0]]
    assert tenant.rows("SELECT count(*) FROM mine") == [[100]]
    cramped.wait_for(lambda: used(small_disk) < 4 * MIB, "the disk stayed full")
    status, text = upload(tenant, path, MIB)
    assert status == 200, text


def test_uploads_that_fill_the_disk_together_all_end(cramped: Arena, small_disk: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    tenant = cramped.attacker()
    path = "/upload?catalog=memory&schema=main&table=together{}&mode=create"
    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(upload, tenant, path.format(at), DISK // 3) for at in range(6)]
        answers = [call.result() for call in calls]
    for status, text in answers:
        assert status == 200 or "TMPDIR" in text, text
    kept = sum(status == 200 for status, _ in answers)
    count = "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'together%'"
    assert tenant.rows(count) == [[kept]]
    cramped.wait_for(lambda: used(small_disk) < 4 * MIB, "the disk stayed full")


def test_a_statement_beyond_memory_and_disk_fails_alone(cramped: Arena, small_disk: Path) -> None:
    """DuckDB writes what its memory cannot hold to the same disk."""
    tenant = cramped.attacker()
    large = "CREATE TABLE large AS SELECT i, hash(i)::VARCHAR || repeat('x', 200) AS s FROM range(8000000) t(i)"
    answer = tenant.query(large)
    assert answer.error is not None
    assert "No such file or directory" not in answer.error, answer.error
    assert tenant.rows("SELECT count(*) FROM mine") == [[100]]
    assert tenant.rows("SELECT count(*) FROM range(1000000)") == [[1_000_000]]


def test_a_statement_larger_than_memory_uses_the_disk(tmp_path: Path) -> None:
    arena = Arena(folder=tmp_path, tenant_memory_limit="128MB")
    try:
        tenant = arena.attacker()
        answer = tenant.query("SELECT count(*) FROM (FROM range(12000000) t(i) ORDER BY hash(i) OFFSET 1)")
        assert answer.error is None, answer.error
        assert answer.rows == [[11_999_999]]
    finally:
        arena.close()
