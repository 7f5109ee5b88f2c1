"""What the image is and how its container behaves (LX-14, FX-1, FX-7)."""

from __future__ import annotations

import contextlib
import gzip
import subprocess
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from conftest import DOCKER, IMAGE, Container, docker, inspect

PUBLISH = ["--publish-all", "--env", "ALTERTABLE_MOCK_USERS=alice:secret,bob:hunter2"]
ALICE = ("alice", "secret")
Run = Callable[..., Container]


def sql(container: Container, statement: str, auth: tuple[str, str] = ALICE) -> str:
    url = container.url(15000) + "/query"
    return httpx.post(url, json={"statement": statement}, auth=auth, timeout=60).text.splitlines()[-1]


def ask_in_vain(container: Container, statement: str) -> None:
    """Runs a statement whose connection the end of the server cuts."""
    with contextlib.suppress(httpx.HTTPError):
        sql(container, statement)


def test_it_says_what_it_is() -> None:
    config = inspect(IMAGE)["Config"]
    assert config["User"] == "65532:65532"
    assert set(config["ExposedPorts"]) == {"15000/tcp", "15001/tcp", "15002/tcp", "15003/tcp"}
    assert config["Healthcheck"]["Test"] == ["CMD", "/usr/local/bin/altertable-mock", "healthcheck"]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    assert labels.keys() >= {"title", "description", "source", "licenses", "version", "revision"}
    assert labels["licenses"] == "MIT"
    assert docker("run", "--rm", IMAGE, "--version") == f"altertable-mock {labels['version']}"


def test_it_takes_forty_megabytes_at_most() -> None:
    with subprocess.Popen([DOCKER, "save", IMAGE], stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        compressed = gzip.compress(saving.stdout.read(), compresslevel=6)
    assert len(compressed) < 40_000_000


def test_variables_configure_everything(run: Run) -> None:
    container = run(
        *PUBLISH,
        "--env=ALTERTABLE_MOCK_API_KEYS=myapikey",
        "--env=ALTERTABLE_MOCK_ENVIRONMENTS=production,staging",
    )
    container.until_healthy()
    assert sql(container, "SELECT 42") == "[42]"
    assert sql(container, "SELECT 43", ("bob", "hunter2")) == "[43]"
    event = {"event": "hello", "distinct_id": "u", "environment": "production"}
    tracked = httpx.post(container.url(15001) + "/track", json=event, headers={"X-API-Key": "myapikey"})
    assert tracked.json()["ok"] is True
    assert sql(container, "SELECT event FROM product_analytics.main.events") == '["hello"]'
    log = container.logs()
    for door in ("Lakehouse HTTP", "Product Analytics HTTP", "Flight SQL", "PostgreSQL"):
        assert f"Starting {door} server on 0.0.0.0:" in log
    assert not any(secret in log for secret in ("secret", "hunter2", "myapikey"))


def test_it_needs_no_network_no_rights_and_no_writable_root(run: Run) -> None:
    container = run(
        "--network=none",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        flags=["--allow-any-user"],
    )
    container.until_healthy()
    assert container.healthcheck() == ""


def test_it_spools_under_a_read_only_root(run: Run) -> None:
    container = run("--read-only", *PUBLISH)
    container.until_healthy()
    upload = f"{container.url(15000)}/upload?catalog=memory&schema=main&table=t&mode=create"
    rows = "a\n" + "\n".join(map(str, range(200_000)))
    answer = httpx.post(upload, content=rows, headers={"Content-Type": "text/csv"}, auth=ALICE, timeout=60)
    assert answer.json()["ok"] is True
    assert sql(container, "SELECT count(*) FROM t") == "[200000]"


@pytest.mark.parametrize("signal", ["TERM", "INT"])
def test_it_stops_within_a_second_whatever_runs(run: Run, signal: str) -> None:
    container = run(*PUBLISH)
    container.until_healthy()
    long = "SELECT count(*) FROM range(100000000000) a WHERE hash(a.range) = 0"
    threading.Thread(target=ask_in_vain, args=(container, long), daemon=True).start()
    time.sleep(0.5)
    began = time.monotonic()
    docker("kill", f"--signal={signal}", container.id)
    assert docker("wait", container.id) == "0"
    # The second is the server's own; what Docker takes to notice comes on top.
    assert time.monotonic() - began < 2


def test_a_frozen_server_turns_unhealthy(run: Run) -> None:
    container = run(*PUBLISH, "--health-interval=300ms", "--health-retries=1")
    container.until_healthy()
    # Signals of the host reach the process that Docker thinks is fine.
    docker("kill", "--signal=STOP", container.id)
    deadline = time.monotonic() + 15
    while inspect(container.id)["State"]["Health"]["Status"] != "unhealthy":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    last = inspect(container.id)["State"]["Health"]["Log"][-1]
    assert "no answer from http://127.0.0.1:15000/health" in last["Output"]
    docker("kill", "--signal=CONT", container.id)
    container.until_healthy()


def test_a_bad_setting_ends_it_in_one_line(run: Run) -> None:
    container = run("--env=ALTERTABLE_MOCK_USERS=alice")
    assert docker("wait", container.id) == "2"
    assert container.logs() == 'error: the user "alice" has no password: write --user NAME:PASSWORD'
