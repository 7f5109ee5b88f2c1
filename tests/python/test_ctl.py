"""`altertable-mock ctl`, at a terminal: what it prints, and how it ends (CX-6)."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from mock_server import BINARY, MockServer
from waiting import wait_until

KEY = "the-control-key"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    flags = ("--user=alice:secret", "--user=bob:pw", "--api-key=pk", f"--control-key={KEY}")
    with MockServer(*flags) as server:
        yield server


def command(server: MockServer, *words: str) -> list[str]:
    return [BINARY, "ctl", "--url", server.lakehouse_url, *words]


def ctl(server: MockServer, *words: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ALTERTABLE_")}
    return subprocess.run(command(server, *words), capture_output=True, text=True, timeout=30, env=clean, check=False)


def done(server: MockServer, *words: str) -> str:
    ended = ctl(server, *words)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout


def query(server: MockServer, statement: str) -> httpx.Response:
    return httpx.post(f"{server.lakehouse_url}/query", json={"statement": statement}, auth=("alice", "secret"))


ALICE = ("--as", "alice:secret")


def test_calls_are_shown_oldest_first_with_what_went_wrong(server: MockServer) -> None:
    done(server, *ALICE, "reset")
    query(server, "SELECT 42\n  AS a")
    query(server, "SELECT x FROM")
    head, first, second, error = done(server, *ALICE, "requests").splitlines()
    assert head.split() == ["TIME", "DOOR", "OPERATION", "STATUS", "DURATION", "US", "ROWS", "WHAT"]
    assert first.endswith("SELECT 42 AS a") and " lakehouse  POST /query " in first
    assert second.endswith("SELECT x FROM")
    assert error.strip().startswith("Parser Error: syntax error")
    assert "SELECT 42" not in done(server, *ALICE, "requests", "--limit", "1")
    assert "SELECT 42" not in done(server, *ALICE, "requests", "error=syntax")
    entries = [json.loads(line) for line in done(server, *ALICE, "--json", "requests").splitlines()]
    assert [entry["statement"] for entry in entries] == ["SELECT 42\n  AS a", "SELECT x FROM"]


def test_what_a_statement_holds_does_not_reach_the_terminal(server: MockServer) -> None:
    done(server, *ALICE, "reset")
    query(server, "SELECT '\x1b[2J\x07'")
    assert "\x1b" not in done(server, *ALICE, "requests")


def test_calls_are_followed_as_they_come(server: MockServer, tmp_path: Path) -> None:
    done(server, *ALICE, "reset")
    shown = tmp_path / "shown"
    with shown.open("w") as out:
        following = subprocess.Popen(command(server, *ALICE, "requests", "--follow", "statement=followed"), stdout=out)
    try:
        wait_until(lambda: "WHAT" in shown.read_text(), 10)
        for number in range(3):
            query(server, f"SELECT {number} AS followed")
            query(server, f"SELECT {number} AS passed_over")
        wait_until(lambda: len(shown.read_text().splitlines()) == 4, 10)
        assert [line.split("SELECT ")[1] for line in shown.read_text().splitlines()[1:]] == [
            f"{number} AS followed" for number in range(3)
        ]
        assert following.poll() is None
    finally:
        following.kill()
        following.wait()


def test_events_are_shown(server: MockServer) -> None:
    event = {"event": "signed_up", "distinct_id": "u1", "environment": "production", "properties": {"plan": "pro"}}
    httpx.post(f"{server.analytics_url}/track", headers={"X-API-Key": "pk"}, json=event).raise_for_status()
    assert 'signed_up                 u1                        {"plan":"pro"}' in done(server, *ALICE, "events")
    assert len(done(server, *ALICE, "events", "event=other").splitlines()) == 1


def test_a_reset_names_what_it_did(server: MockServer) -> None:
    query(server, "CREATE OR REPLACE TABLE gone(a INT)")
    assert done(server, *ALICE, "reset", "data", "journal").splitlines()[0].split(None, 1) == ["reset", "data, journal"]
    assert "gone" in query(server, "FROM gone").text.splitlines()[-1]


def test_a_state_is_kept_restored_and_forgotten(server: MockServer) -> None:
    done(server, *ALICE, "reset")
    query(server, "CREATE TABLE kept AS SELECT 1 AS a")
    assert "before" in done(server, *ALICE, "snapshot", "before")
    query(server, "DROP TABLE kept")
    assert json.loads(done(server, *ALICE, "--json", "restore", "before"))["name"] == "before"
    assert "[1]" in query(server, "FROM kept").text
    head, listed = done(server, *ALICE, "snapshots").splitlines()
    assert head.split() == ["NAME", "MADE", "AT", "BYTES"]
    assert listed.startswith("before")
    done(server, "--key", KEY, "tenants", "add", "copied", "--password", "c", "--from", "alice", "--snapshot", "before")
    copied = httpx.post(f"{server.lakehouse_url}/query", json={"statement": "FROM kept"}, auth=("copied", "c"))
    assert "[1]" in copied.text
    done(server, "--key", KEY, "tenants", "remove", "copied")
    done(server, *ALICE, "snapshots", "remove", "before")
    ended = ctl(server, *ALICE, "restore", "before")
    assert ended.returncode == 1
    assert 'no snapshot "before"' in ended.stderr


def test_tenants_are_made_shown_and_removed_with_a_key(server: MockServer) -> None:
    made = dict(line.split(None, 1) for line in done(server, "--key", KEY, "tenants", "add", "eve").splitlines())
    assert made["user"] == "eve" and len(made["password"]) == 32
    assert [line.split()[0] for line in done(server, "--key", KEY, "tenants").splitlines()] == [
        "USER",
        "alice",
        "bob",
        "eve",
    ]
    assert done(server, "--key", KEY, "tenants", "remove", "eve") == "removed  eve\n"
    again = ctl(server, "--key", KEY, "tenants", "remove", "eve")
    assert (again.returncode, again.stderr) == (1, 'error: there is no user "eve" (HTTP 404)\n')
    query(server, "SELECT 1 AS by_alice")
    assert "by_alice" in done(server, "--key", KEY, "--tenant", "alice", "requests")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param((*ALICE, "tenants"), 1, "--control-key", id="no key"),
        pytest.param(("--as", "alice:wrong", "requests"), 1, "Invalid credentials", id="wrong password"),
        pytest.param(("--as", "alice", "requests"), 2, "write --as NAME:PASSWORD", id="no password"),
        pytest.param(("requests",), 2, "whom to act as is not said", id="nobody"),
        pytest.param((*ALICE, "reset", "everything"), 1, "unknown variant `everything`", id="unknown part"),
        pytest.param((*ALICE, "requests", "colour=red"), 1, "colour", id="unknown condition"),
        pytest.param((*ALICE, "requests", "status"), 2, "write KEY=VALUE", id="no value"),
        pytest.param((*ALICE, "requests", "--key", KEY), 2, "neither --key nor --tenant", id="two identities"),
    ],
)
def test_a_refusal_says_what_to_do(server: MockServer, words: tuple[str, ...], code: int, message: str) -> None:
    ended = ctl(server, *words)
    assert (ended.returncode, ended.stdout) == (code, ""), ended
    assert ended.stderr.startswith("error: ") and message in ended.stderr
    assert KEY not in ended.stderr and "secret" not in ended.stderr


def test_a_server_that_is_not_there_is_named() -> None:
    ended = subprocess.run(
        [BINARY, "ctl", "--url", "http://127.0.0.1:1", *ALICE, "requests"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert "no answer from http://127.0.0.1:1/_mock/v1" in ended.stderr and "is the server running" in ended.stderr


def test_it_asks_the_server_that_the_same_flags_start(server: MockServer) -> None:
    port = server.lakehouse_url.rsplit(":", 1)[1]
    line = [BINARY, "--lakehouse-port", port, "--user", "alice:secret", f"--control-key={KEY}", "ctl"]
    for words, expected in ((["requests", "--limit", "1"], "WHAT"), (["tenants"], "alice")):
        ended = subprocess.run([*line, *words], capture_output=True, text=True, timeout=30, check=True)
        assert expected in ended.stdout


def test_without_a_command_it_shows_what_there_is(server: MockServer) -> None:
    ended = ctl(server)
    assert "Usage:" in subprocess.run([BINARY, "ctl"], capture_output=True, text=True, check=True).stdout
    assert ended.returncode == 2 and "requires a subcommand" in ended.stderr


def test_a_call_fails_as_it_was_told_and_the_rule_tells_that_it_did(server: MockServer) -> None:
    done(server, *ALICE, "reset")
    rule = dict(
        line.split(None, 1)
        for line in done(
            server, *ALICE, "fail", "--on", "statement=unlucky", "status=503", "message=out of luck", "times=1"
        ).splitlines()
    )
    assert (rule["match.statement"], rule["do.status"], rule["acted"]) == ("unlucky", "503", "0")
    failed = query(server, "SELECT 1 AS unlucky")
    assert (failed.status_code, failed.json()["error"]["message"]) == (503, "out of luck")
    assert query(server, "SELECT 1 AS unlucky").status_code == 200
    head, shown = done(server, *ALICE, "faults").splitlines()
    assert head.split() == ["ID", "MATCHED", "ACTED", "TIMES", "MATCH", "DO"]
    assert shown.split()[:4:2] == [rule["id"], "1"], shown
    assert rule["id"] in done(server, *ALICE, "faults", "remove", rule["id"])
    assert len(done(server, *ALICE, "faults").splitlines()) == 1
    done(server, *ALICE, "fail", "--on", "door=flight", "after.rows=10", "cut=reset")
    assert done(server, *ALICE, "faults", "remove") == "removed  1\n"
    refused = ctl(server, *ALICE, "fail", "status=99")
    assert refused.returncode == 1 and "status" in refused.stderr


def test_the_clock_is_set_stopped_moved_and_returned(server: MockServer) -> None:
    def now() -> str:
        return query(server, "SELECT today()").text.splitlines()[-1]

    done(server, *ALICE, "clock", "freeze", "2024-01-31T12:00:00Z")
    assert now() == '["2024-01-31"]'
    assert "2024-02-29" in done(server, *ALICE, "clock", "advance", "P1M")
    assert "2024-03-01" in done(server, *ALICE, "clock", "advance", "86400000")
    assert now() == '["2024-03-01"]'
    assert "frozen   true" in done(server, *ALICE, "clock")
    done(server, *ALICE, "clock", "set", "2030-01-01T00:00:00Z")
    assert "machine  true" in done(server, *ALICE, "clock", "reset")
    assert now() > '["2026'


def test_a_seed_is_sent_and_a_fault_in_one_told(server: MockServer, tmp_path: Path) -> None:
    (tmp_path / "01-a.sql").write_text("CREATE TABLE seeded AS SELECT 1 AS a;")
    (tmp_path / "memory/main").mkdir(parents=True)
    (tmp_path / "memory/main/rows.csv").write_text("a\n1\n2\n")
    assert "01-a.sql" in done(server, *ALICE, "seed", str(tmp_path))
    assert "[2]" in query(server, "SELECT count(*) FROM rows").text
    refused = ctl(server, *ALICE, "seed", str(tmp_path))
    assert refused.returncode == 1
    assert "01-a.sql, line 1" in refused.stderr and "HTTP 400" in refused.stderr
    (tmp_path / "notes.txt").write_text("x")
    unknown = ctl(server, *ALICE, "seed", str(tmp_path))
    assert unknown.returncode == 2
    assert "notes.txt" in unknown.stderr
    done(server, *ALICE, "seed", "--name", "memory/main/rows.csv", str(tmp_path / "memory/main/rows.csv"))
    assert "[4]" in query(server, "SELECT count(*) FROM rows").text
    done(server, *ALICE, "reset")


def test_an_answer_that_is_none_of_the_planes_is_an_error() -> None:
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>welcome</html>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        words = ("ctl", "--url", f"http://127.0.0.1:{other.server_port}", *ALICE, "reset")
        ended = subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=30, check=False)
        other.shutdown()
    assert ended.returncode == 1
    assert "is it the control plane?" in ended.stderr
