"""Seeds from the command line: faults at start, what the machine may hold, and how many tenants share one (SD)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
from mock_server import ALICE, BINARY, BOB, MockServer, run_to_end
from waiting import wait_until

USERS = ("--user", ":".join(ALICE.pair), "--user", ":".join(BOB.pair))
PORTS = ("--lakehouse-port=0", "--analytics-port=0", "--flight-port=0", "--postgres-port=0")


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def refused(*flags: str) -> str:
    """What a server tells that does not start."""
    ended = run_to_end(*PORTS, *USERS, *flags)
    assert ended.returncode == 2, ended
    assert "panicked" not in ended.stderr
    return ended.stderr


def rows(server: MockServer, statement: str, user: tuple[str, str] = ALICE.pair) -> list[list[object]]:
    answer = httpx.post(f"{server.lakehouse_url}/query", auth=user, json={"statement": statement}, timeout=60)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert not (lines and isinstance(lines[-1], dict) and "error" in lines[-1]), lines[-1]
    return lines[2:]


def send(server: MockServer, body: bytes, name: str, user: tuple[str, str] = ALICE.pair) -> httpx.Response:
    url = f"{server.lakehouse_url}/_mock/v1/seed"
    return httpx.post(url, auth=user, params={"name": name}, content=body, timeout=120)


def cpu_seconds(pid: int) -> float:
    """The time that a process has had of the processors."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"01-a.sql": "SELECT 1;\n\nCREAT TABLE t (a INTEGER);"}, ["01-a.sql, line 3", "Parser Error"]),
        (
            {"01-a.sql": "CREATE TABLE t (a INTEGER);\n" + "-- nothing\n" * 9_998 + "SELECT none;"},
            ["01-a.sql, line 10000", "Binder Error"],
        ),
        (
            {"memory/main/t.csv": "a,b\n" + "1,2\n" * 9_998 + "1,2,3\n"},
            ["memory/main/t.csv", "10000"],
        ),
        (
            {"01-a.sql": "CREATE TABLE t (a INTEGER);", "memory/main/t.csv": "a\n" + "1\n" * 9_998 + "one\n"},
            ["memory/main/t.csv", "'one'"],
        ),
        ({"memory/main/t.json": '{"a": 1}\n' * 9_999 + '{"a": '}, ["memory/main/t.json", "10000"]),
        ({"lake/main/t.csv": "a\n1\n"}, ["lake/main/t.csv", "--catalog"]),
        ({"01-a.sql": "COPY (SELECT 1) TO '/tmp/seed-out.csv';"}, ["01-a.sql, line 1", "Permission Error"]),
        ({"01-a.sql": "SET threads = 8;"}, ["01-a.sql, line 1", "managed by the server"]),
        ({"01-a.sql": "BEGIN;\nCREATE TABLE t (a INTEGER);"}, ["01-a.sql", "COMMIT is missing"]),
        ({"events.ndjson": '{"event": "e"}\n' * 9_999 + '{"event": 7}'}, ["events.ndjson, line 10000", "`event`"]),
        ({"events.ndjson": '{"event": "e"}'}, ["no project", "--api-key"]),
        ({"memory/main/t.csv": ""}, ["memory/main/t.csv", "empty"]),
        ({"notes.txt": "x"}, ["notes.txt"]),
        ({"tables.sql": "SELECT 1"}, ["tables.sql", "01-tables.sql"]),
        ({"memory/main/deep/t.csv": "a"}, ["deep"]),
        ({}, ["no file of a seed"]),
    ],
)
def test_a_fault_is_told_at_start(tmp_path: Path, files: dict[str, str], told: list[str]) -> None:
    stderr = refused("--seed", str(write(tmp_path, files)))
    for part in told:
        assert part in stderr, stderr


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "none.sql" in refused("--seed", str(tmp_path / "none.sql"))
    assert "is a .sql file or a folder" in refused("--seed", "/etc/hostname")
    assert 'the user "eve"' in refused("--seed", f"eve={tmp_path}")
    fifo = tmp_path / "01-fifo.sql"
    os.mkfifo(fifo)
    assert "no regular file" in refused("--seed", str(fifo))
    assert "01-fifo.sql: it is no regular file" in refused("--seed", str(tmp_path))
    fifo.unlink()
    (tmp_path / "01-loop.sql").symlink_to(tmp_path / "01-loop.sql")
    assert "01-loop.sql" in refused("--seed", str(tmp_path))
    (tmp_path / "01-loop.sql").unlink()
    (tmp_path / "01-bytes.sql").write_bytes(b"SELECT 1;\n\xff")
    assert "01-bytes.sql, line 2: it is not UTF-8" in refused("--seed", str(tmp_path))


def test_a_seed_for_one_users_events_needs_a_project_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"events.ndjson": '{"event": "e"}'})
    told = refused("--api-key=k", "--seed", f"alice={tmp_path}")
    assert "alice" in told and "others see" in told
    flags = ("--api-key=k", "--api-key=l", "--product-analytics=alice=l:production", "--seed", f"alice={tmp_path}")
    with MockServer(*USERS, *flags) as server:
        count = "SELECT count(*) FROM product_analytics.main.events"
        assert (rows(server, count), rows(server, count, BOB.pair)) == ([[1]], [[0]])


def test_a_seed_that_never_ends_is_given_up(tmp_path: Path) -> None:
    endless = "CREATE TABLE t AS SELECT count(*) FROM range(1000000000000) a(i), range(1000000) b(j) WHERE i + j < 0;"
    write(tmp_path, {"01-a.sql": f"SELECT 1;\n{endless}"})
    assert "--seed-timeout" in refused("--seed", str(tmp_path), "--seed-timeout=1")
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    command = [BINARY, *PORTS, *USERS, "--seed", str(tmp_path / "01-a.sql")]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        # By then its statement runs.
        wait_until(lambda: cpu_seconds(process.pid) > 1)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=15)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert process.returncode == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_every_format_is_loaded_and_mounted_folders_are_read(tmp_path: Path) -> None:
    data = write(tmp_path / "..data", {"t.csv": "a\n1\n"})
    seed = write(tmp_path / "seed", {".git/config": "x", "memory/main/.keep": ""})
    (seed / "memory/main/csv.csv").symlink_to(data / "t.csv")
    (seed / "memory/main/json.json").write_text('[{"a": 1}]')
    (seed / "memory/main/lines.ndjson").write_text('{"a": 1}\n')
    table = pa.table({"a": pa.array([1], pa.int64())})
    pq.write_table(table, seed / "memory/main/parquet.parquet")
    with ipc.new_file(str(seed / "lake"), table.schema) as writer:
        writer.write_table(table)
    (seed / "lake").rename(tmp_path / "file.arrow")
    (seed / "lake/s").mkdir(parents=True)
    (tmp_path / "file.arrow").rename(seed / "lake/s/arrow.arrow")
    tables = ("memory.main.csv", "memory.main.json", "memory.main.lines", "memory.main.parquet", "lake.s.arrow")
    with MockServer(*USERS, "--catalog=lake", "--seed", str(seed)) as server:
        for name in tables:
            assert rows(server, f"SELECT a::BIGINT FROM {name}") == [[1]], name


def test_first_calls_at_once_find_the_seed_once(tmp_path: Path) -> None:
    write(tmp_path, {"01-a.sql": "CREATE TABLE t AS SELECT range AS a FROM range(1000);"})
    with MockServer("--allow-any-user", "--seed", str(tmp_path)) as server:
        for user in range(5):
            counts: list[object] = []
            work = lambda user=user, counts=counts: counts.extend(  # noqa: E731
                rows(server, "SELECT count(*) FROM t", (f"u{user}", "x"))
            )
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert counts == [[1000]] * 8


def test_what_others_commit_while_a_seed_is_applied_is_kept() -> None:
    with MockServer(*USERS) as server:
        rows(server, "CREATE TABLE t (a BIGINT)")
        stop, written, failed = threading.Event(), [], []

        def write_on() -> None:
            while not stop.is_set():
                try:
                    rows(server, f"INSERT INTO t VALUES ({len(written)})")
                    written.append(len(written))
                except AssertionError as error:
                    failed.append(str(error))

        writer = threading.Thread(target=write_on)
        writer.start()
        try:
            for at in range(10):
                answer = send(server, f"CREATE TABLE s{at} AS SELECT {at} AS a;".encode(), "a.sql")
                assert answer.status_code == 200, answer.text
        finally:
            stop.set()
            writer.join()
        kept = {row[0] for row in rows(server, "SELECT a FROM t")}
        assert set(written) <= kept, failed
        assert rows(server, "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 's%'") == [[10]]


def test_seeds_at_once_are_both_there(tmp_path: Path) -> None:
    with MockServer(*USERS) as server:
        answers: list[int] = []

        def seed(at: int) -> None:
            answers.append(send(server, f"CREATE TABLE s{at} AS SELECT {at} AS a;".encode(), "a.sql").status_code)

        threads = [threading.Thread(target=seed, args=(at,)) for at in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 6
        assert rows(server, "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 's%'") == [[6]]


def test_a_tenant_gets_a_copy_of_the_seed_and_no_run_of_its_own(tmp_path: Path) -> None:
    """SD-3's figures are measured by tests/bench."""
    slow = "CREATE TABLE slow AS SELECT count(*) AS n FROM range(40000) a(i), range(40000) b(j) WHERE i + j < 0;"
    write(tmp_path, {"01-a.sql": slow})
    began = time.perf_counter()
    with MockServer("--allow-any-user", "--seed", str(tmp_path), start_timeout=120) as server:
        load = time.perf_counter() - began
        began = time.perf_counter()
        for user in range(5):
            assert rows(server, "SELECT n FROM slow", (f"u{user}", "x")) == [[0]]
        assert time.perf_counter() - began < 3 * load


def test_a_call_of_another_project_does_not_see_the_seed(tmp_path: Path) -> None:
    write(tmp_path, {"events.ndjson": '{"event": "seeded"}'})
    with MockServer("--allow-any-user", "--api-key=declared", "--seed", str(tmp_path)) as server:
        assert rows(server, "SELECT event FROM product_analytics.main.events", ("u", "x")) == [["seeded"]]
        track = {"event": "mine"}
        httpx.post(f"{server.analytics_url}/track", headers={"X-API-Key": "v"}, json=track).raise_for_status()
        seen = rows(server, "SELECT event FROM product_analytics.main.events ORDER BY uuid", ("v", "x"))
        assert seen == [["seeded"], ["mine"]]
