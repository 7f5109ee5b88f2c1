"""Measures the release binary against the same work inside this process, and prints a Markdown table.

Run by `make bench`, or `make bench PARTS="startup flight"` for some of it. The figures depend on the machine, so each
is given beside its in-process twin of the same run; nothing here passes or fails.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
from mock_server import ALICE, API_KEY, MockServer
from table import header, row

# Modules of this folder; each has a `measure(server, local)` that prints its rows.
PARTS = ("startup", "lakehouse", "flight", "analytics", "control", "snapshots", "seeds", "tpch")


def main(parts: list[str]) -> None:
    header()
    local = duckdb.connect()
    with MockServer("--user", ":".join(ALICE.pair), "--api-key", API_KEY) as server:
        for part in parts or PARTS:
            importlib.import_module(part).measure(server, local)
        row("memory after all that, MiB", server.resident_bytes() / (1 << 20))


if __name__ == "__main__":
    main(sys.argv[1:])
