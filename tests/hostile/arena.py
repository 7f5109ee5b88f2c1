"""A server, tenants that attack it, and a bystander who must not notice.

Whatever a case does, afterwards `Arena.still_stands` holds: the process lives, `/health` says so, the bystander's table
has its rows and its calls were answered in time all along, and the memory is where it was.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
from mock_server import BINARY, Credentials, MockServer
from raw_flight import Raw
from waiting import wait_until

MIB = 1 << 20
BYSTANDER = Credentials("bystander", "minds:its own business")
API_KEY = "hostile-key"
TREASURE = 1000
COUNT_TREASURE = "SELECT count(*), sum(i) FROM treasure"
# There is no TLS here, and reading the system's certificates takes longer than most cases.
PLAIN = httpx.create_ssl_context(verify=False)
ALL_THERE = [[TREASURE, TREASURE * (TREASURE - 1) // 2]]

# What a server of these tests runs with. Limits are small, so that they are met soon.
FLAGS = {
    "--user": ":".join(BYSTANDER.pair),
    "--api-key": API_KEY,
    "--allow-any-user": "true",
    "--tenant-idle-timeout": "3",
    "--session-idle-timeout": "20",
    "--tenant-memory-limit": "512MB",
    "--tenant-threads": "2",
    "--shutdown-timeout": "5",
    "--tenant-spool-limit": "256MB",
    "--tenant-session-limit": "100",
    "--session-prepared-limit": "500",
    "--tenant-prepared-limit": "1000",
    "--session-ticket-limit": "500",
    "--tenant-ticket-limit": "2000",
    "--project-event-limit": "64MB",
}
# The bystander's calls are answered within this even while the machine is busy with other things.
PATIENCE = 5.0


def known_flags() -> set[str]:
    """The flags that the binary knows: an older one is tried as well as it goes."""
    text = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=20, check=True).stdout
    return {word.split("[")[0].rstrip(",") for word in text.split() if word.startswith("--")}


def files_in(folder: str) -> Iterator[Path]:
    """The files below a folder; what goes meanwhile is left out."""
    for parent, _, names in os.walk(folder, onerror=lambda _: None):
        yield from (Path(parent, name) for name in names)


@dataclass
class Answer:
    """What `POST /query` answered: its rows, or the text of its error."""

    status: int
    rows: list[list[object]]
    error: str | None

    @classmethod
    def of(cls, response: httpx.Response) -> Answer:
        if response.status_code != 200:
            return cls(response.status_code, [], response.text)
        lines = [json.loads(line) for line in response.text.splitlines()]
        error = next((line["error"] for line in lines[1:] if isinstance(line, dict) and "error" in line), None)
        return cls(200, [line for line in lines[2:] if isinstance(line, list)], error)


class Tenant:
    """A user and ways for it to call."""

    def __init__(self, server: MockServer, user: Credentials, timeout: float = 60.0) -> None:
        self.server = server
        self.user = user
        self.rest = httpx.Client(base_url=server.lakehouse_url, auth=user.pair, timeout=timeout, verify=PLAIN)
        self._channel: grpc.Channel | None = None

    def query(self, statement: str, **fields: object) -> Answer:
        return Answer.of(self.rest.post("/query", json={"statement": statement, **fields}))

    def rows(self, statement: str, **fields: object) -> list[list[object]]:
        answer = self.query(statement, **fields)
        assert answer.error is None, f"{statement[:200]}: {answer.error[:500]}"
        return answer.rows

    @property
    def authorization(self) -> str:
        return "Basic " + base64.b64encode(":".join(self.user.pair).encode()).decode()

    @property
    def raw(self) -> Raw:
        """The tenant's calls over Flight."""
        if self._channel is None:
            # Channels to one address share a connection unless they say otherwise.
            options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
            self._channel = grpc.insecure_channel(self.server.flight_address, options)
        return Raw(self._channel, self.user)

    def close(self) -> None:
        self.rest.close()
        if self._channel is not None:
            self._channel.close()


@dataclass
class Watch:
    """Asks as the bystander all the time, and keeps the slowest answer and the first failure."""

    server: MockServer
    slowest: float = 0.0
    failure: str | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with httpx.Client(
            base_url=self.server.lakehouse_url, auth=BYSTANDER.pair, timeout=PATIENCE, verify=PLAIN
        ) as client:
            while not self._stop.wait(0.1):
                started = time.monotonic()
                try:
                    client.get("/health").raise_for_status()
                    answer = Answer.of(client.post("/query", json={"statement": "SELECT 42", "ephemeral": True}))
                    assert answer.rows == [[42]], answer
                except (httpx.HTTPError, AssertionError) as error:
                    self.failure = self.failure or f"{type(error).__name__}: {error}"
                self.slowest = max(self.slowest, time.monotonic() - started)

    def begin(self) -> None:
        self.slowest, self.failure = 0.0, None

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE * 2 + 1)


class Arena:
    """A server that is attacked; one that fell is replaced before the next case."""

    _numbers = itertools.count()

    def __init__(self, folder: Path | None = None, **flags: str) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True)
        self.folder = str(folder or self._temporary.name)
        known = known_flags()
        wanted = FLAGS | {f"--{name.replace('_', '-')}": value for name, value in flags.items()}
        given = [part for name, value in wanted.items() if name in known for part in (f"{name}={value}",)]
        self.server = MockServer(*given, env={"TMPDIR": self.folder})
        self.attackers: list[Tenant] = []
        self.bystander = Tenant(self.server, BYSTANDER, timeout=PATIENCE)
        self.bystander.rows(f"CREATE TABLE treasure AS SELECT i FROM range({TREASURE}) t(i)")
        self.watch = Watch(self.server)
        self.before = self.server.resident_bytes()

    def attacker(self, timeout: float = 60.0) -> Tenant:
        """A tenant of its own for one case, with a table that it can lose."""
        name = f"attacker{next(self._numbers)}"
        self.attackers.append(Tenant(self.server, Credentials(name, "x"), timeout))
        self.attackers[-1].rows("CREATE TABLE mine AS SELECT i FROM range(100) t(i)")
        return self.attackers[-1]

    def spooled(self) -> int:
        """The bytes of the server's temporary files, those without a name too."""
        found: dict[int, int] = {}
        for path in (*files_in(self.folder), *files_in(f"/proc/{self.server.process.pid}/fd")):
            with suppress(OSError):  # What goes while it is looked at is gone.
                if not path.is_relative_to("/proc") or self._is_ours(path):
                    found[path.stat().st_ino] = path.stat().st_blocks * 512
        return sum(found.values())

    def _is_ours(self, descriptor: Path) -> bool:
        return str(descriptor.readlink()).startswith(self.folder)

    def begin(self, within: float) -> None:
        """Starts a case. One that hangs ends with the server, and so do its calls that have no end of their own."""
        self.before = self.server.resident_bytes()
        self.watch.begin()
        self._hangs = threading.Timer(within, self._give_up, [within])
        self._hangs.daemon = True
        self._hangs.start()

    def _give_up(self, within: float) -> None:
        self.server.log.append(f"(killed by the test: the case took more than {within:.0f} s)")
        self.server.process.kill()

    def end(self) -> None:
        self._hangs.cancel()

    def still_stands(self, growth: int = 96 * MIB) -> None:
        """What holds after every case."""
        code = self.server.process.poll()
        assert code is None, f"the server ended with {code}: " + "\n".join(self.server.log[-5:])
        health = self.bystander.rest.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "ok"), health.text
        started = time.monotonic()
        assert self.bystander.rows("SELECT 42") == [[42]]
        assert self.bystander.rows(COUNT_TREASURE) == ALL_THERE, "another tenant's rows are gone"
        assert time.monotonic() - started < PATIENCE
        assert self.watch.failure is None, f"the bystander was not served: {self.watch.failure}"
        assert self.watch.slowest < PATIENCE, f"the bystander waited {self.watch.slowest:.1f} s"
        self.wait_for(lambda: self.server.resident_bytes() < self.before + growth, "the memory stayed high")
        self.wait_for(lambda: self.spooled() < 16 * MIB, "temporary files stayed")

    def wait_for(self, holds: Callable[[], bool], what: str, within: float = 20.0) -> None:
        try:
            wait_until(holds, within)
        except AssertionError:
            grown = (self.server.resident_bytes() - self.before) // MIB
            raise AssertionError(f"{what}: {grown:+} MiB of memory, {self.spooled() // MIB} MiB of files") from None

    def dismiss(self) -> None:
        """Closes what the case's tenants hold at the client's side."""
        while self.attackers:
            self.attackers.pop().close()

    def close(self) -> None:
        self.watch.stop()
        self.dismiss()
        self.bystander.close()
        if self.server.process.poll() is None:
            self.server.process.kill()
            self.server.process.wait()
        self._temporary.cleanup()
