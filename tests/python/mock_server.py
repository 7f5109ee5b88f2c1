"""The server under test as a process of its own, on free ports."""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

BINARY = os.environ.get("ALTERTABLE_MOCK_BINARY") or shutil.which("altertable-mock") or "target/release/altertable-mock"

# FX-1: the line that says that a door is open, and where.
STARTED = re.compile(r"Starting (Flight SQL|Lakehouse HTTP|Product Analytics HTTP|PostgreSQL) server on (\S+:\d+)")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Credentials:
    """A declared user."""

    name: str
    password: str

    @property
    def pair(self) -> tuple[str, str]:
        return (self.name, self.password)


ALICE = Credentials("alice", "secret")
BOB = Credentials("bob", "a:colon,and a comma")
API_KEY = "test-key"


class MockServer:
    """A running `altertable-mock`; stopped by `stop()` or on leaving a `with` block."""

    def __init__(
        self,
        *flags: str,
        start_timeout: float = 20.0,
        env: dict[str, str] | None = None,
        bind: Iterable[str] = ("127.0.0.1",),
    ) -> None:
        if not Path(BINARY).exists():
            raise FileNotFoundError(f"{BINARY} is not there: run `make build`, or set ALTERTABLE_MOCK_BINARY")
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ALTERTABLE_")}
        ports = [f"--{door}-port=0" for door in ("flight", "lakehouse", "analytics", "postgres")]
        self.process = subprocess.Popen(
            [BINARY, *(f"--bind={address}" for address in bind), *ports, *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**clean, **(env or {})},
        )
        self.log: list[str] = []
        self.addresses: dict[str, str] = {}
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.addresses = self._wait_for_doors(start_timeout)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log.append(ANSI.sub("", line.rstrip("\n")))
            if not self.addresses:
                self._lines.put(self.log[-1])
        self._lines.put(None)

    def _wait_for_doors(self, timeout: float) -> dict[str, str]:
        addresses: dict[str, str] = {}
        deadline = time.monotonic() + timeout
        while len(addresses) < 4:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                self.process.kill()
                raise RuntimeError("the server did not open its four doors:\n" + "\n".join(self.log))
            if found := STARTED.search(line):
                addresses[found[1]] = found[2]
        return addresses

    @property
    def postgres_address(self) -> tuple[str, int]:
        host, _, port = self.addresses["PostgreSQL"].rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def flight_address(self) -> str:
        return self.addresses["Flight SQL"]

    @property
    def lakehouse_port(self) -> str:
        return self.addresses["Lakehouse HTTP"].rsplit(":", 1)[1]

    @property
    def flight_port(self) -> int:
        return int(self.flight_address.rsplit(":", 1)[1])

    @property
    def lakehouse_url(self) -> str:
        return "http://" + self.addresses["Lakehouse HTTP"]

    @property
    def analytics_url(self) -> str:
        return "http://" + self.addresses["Product Analytics HTTP"]

    def resident_bytes(self) -> int:
        """The memory that the process holds now."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak_resident_bytes(self) -> int:
        """The most memory that the process has held."""
        fields = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return 1024 * next(int(field.split()[1]) for field in fields if field.startswith("VmHWM"))

    def threads(self) -> int:
        """The threads that the process has now."""
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def open_files(self) -> int:
        """The file descriptors that the process holds now."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_seconds(self) -> float:
        """The processor time that the process has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, timeout: float = 15.0) -> int:
        """Asks the server to end and returns its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def __enter__(self) -> MockServer:
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the server; then `log` has all that it said."""
        if self.process.poll() is None:
            self.stop()
        self._reader.join(15)


def run_to_end(*flags: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the binary with `flags`, expecting it to end by itself."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ALTERTABLE_")}
    return subprocess.run(
        [BINARY, *flags], capture_output=True, text=True, timeout=20, env={**clean, **(env or {})}, check=False
    )
