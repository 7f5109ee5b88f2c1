"""Large files made on the fly, and what the server has of them: memory and temporary files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from mock_server import MockServer

MIB = 1 << 20
BLOCK_ROWS = 8192


def csv(size: int) -> Iterator[bytes]:
    """A CSV file of at least `size` bytes, its rows numbered from 0, made as it is sent."""
    head = b"id,name,note\n"
    yield head
    sent, row = len(head), 0
    while sent < size:
        block = "".join(
            f"{at},name {at * 7919 % 1_000_003},{'x' * 60}{at:09d}\n" for at in range(row, row + BLOCK_ROWS)
        )
        yield block.encode()
        sent, row = sent + len(block), row + BLOCK_ROWS


def write_parquet(path: Path, size: int) -> int:
    """Writes a Parquet file of at least `size` bytes, as large inside as outside, and returns its rows."""
    pad = pa.array([bytes(200) for _ in range(BLOCK_ROWS)], pa.binary())
    schema = pa.schema([("id", pa.int64()), ("pad", pa.binary())])
    row = 0
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        while path.stat().st_size < size:
            ids = pa.array(range(row, row + BLOCK_ROWS), pa.int64())
            writer.write_table(pa.table([ids, pad], schema=schema))
            row += BLOCK_ROWS
    return row


def peak_memory(server: MockServer) -> int:
    """The most memory that the server ever held, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
