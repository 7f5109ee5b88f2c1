"""Keeps the server under a mixed load for a long time, and tells whether anything of it grows.

Clients of every door run in processes of their own, which are killed at random in the middle of their calls. Tenants
come and go. Every few seconds the server is measured: memory, threads, file descriptors, temporary files, and how long
a tenant that has nothing to do with the load waits for its answers. Over the second half of the run each measure must
be flat, and once the load has gone the server must hold little.

    SOAK_MINUTES=10 tests/soak/soak.py DIRECTORY       (writes DIRECTORY/soak.csv)
"""

from __future__ import annotations

import contextlib
import csv
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))

import httpx
from load import KINDS, client
from mock_server import BINARY, Credentials, MockServer

MIB = 1 << 20
PROBE = Credentials("probe", "asks")
ROWS = 1000
EVERY = 3.0
TENANT_IDLE = 10
SESSION_IDLE = 20
# A probe that waits longer than this has failed; the load alone takes every processor.
PATIENCE = 10.0
# What may fill up is to be full long before the second half of a run.
FLAGS = {
    "--user": ":".join(PROBE.pair),
    "--api-key": "soak-key",
    "--allow-any-user": "true",
    "--tenant-idle-timeout": str(TENANT_IDLE),
    "--session-idle-timeout": str(SESSION_IDLE),
    "--tenant-memory-limit": "256MB",
    "--tenant-threads": "2",
    "--shutdown-timeout": "5",
    "--tenant-spool-limit": "256MB",
    "--project-event-limit": "8MB",
}
# By how much a measure may rise over the second half of a run, by its fitted line, and lie above its start in the end.
ALLOWED = {"memory_mib": (48.0, 96.0), "threads": (6.0, 8.0), "files": (12.0, 8.0), "spool_mib": (32.0, 1.0)}


@dataclass
class Sample:
    """The server at one moment."""

    seconds: float
    memory_mib: float
    threads: float
    files: float
    spool_files: float
    spool_mib: float
    probe_ms: float


class Subject:
    """The server, and the tenant that asks how it is."""

    def __init__(self, folder: str) -> None:
        known = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
        given = [f"{name}={value}" for name, value in FLAGS.items() if f"{name} " in known or f"{name}[" in known]
        self.folder = folder
        self.server = MockServer(*given, env={"TMPDIR": folder})
        self.rest = httpx.Client(base_url=self.server.lakehouse_url, auth=PROBE.pair, timeout=PATIENCE)
        self.ask(f"CREATE TABLE kept AS SELECT i FROM range({ROWS}) t(i)")
        self.started = time.monotonic()
        self.failures: list[str] = []

    def ask(self, statement: str) -> list[list[object]]:
        answer = self.rest.post("/query", json={"statement": statement, "ephemeral": True})
        answer.raise_for_status()
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert all(isinstance(line, list) for line in lines[1:]), lines[-1]
        return lines[2:]

    def probe(self) -> float:
        """Asks what must always be answered, and returns how long that took, in milliseconds."""
        started = time.monotonic()
        try:
            health = self.rest.get("/health")
            assert health.status_code == 200, health.text
            assert self.ask("SELECT 42") == [[42]]
            assert self.ask("SELECT count(*) FROM kept") == [[ROWS]], "the probe's rows are gone"
        except (httpx.HTTPError, AssertionError) as error:
            # What is wrong is said by the first failures; a day of them would say no more.
            if len(self.failures) < 20:
                at = time.monotonic() - self.started
                self.failures.append(f"after {at:.0f} s: {type(error).__name__}: {error}")
        return (time.monotonic() - started) * 1000

    def temporary(self) -> tuple[int, int]:
        """How many temporary files there are, and their bytes; a file without a name is seen by its descriptor."""
        found: dict[int, int] = {}
        descriptors = Path(f"/proc/{self.server.process.pid}/fd")
        for path in (*walk(self.folder), *descriptors.iterdir()):
            with contextlib.suppress(OSError):
                ours = path.parent != descriptors or str(path.readlink()).startswith(self.folder)
                if ours and path.is_file():
                    found[path.stat().st_ino] = path.stat().st_blocks * 512
        return len(found), sum(found.values())

    def sample(self) -> Sample:
        del self.server.log[:-200]
        probe = self.probe()
        count, size = self.temporary()
        return Sample(
            round(time.monotonic() - self.started, 2),
            round(self.server.resident_bytes() / MIB, 2),
            self.server.threads(),
            self.server.open_files(),
            count,
            round(size / MIB, 2),
            round(probe, 2),
        )


def walk(folder: str) -> list[Path]:
    paths = []
    for parent, _, names in os.walk(folder, onerror=lambda _: None):
        paths += [Path(parent, name) for name in names]
    return paths


class Load:
    """Clients in processes of their own, some of which are killed whenever `disturb` is called."""

    def __init__(self, server: MockServer) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.addresses = (server.lakehouse_url, server.analytics_url, server.flight_address)
        self.random = random.Random(15)
        self.killed = 0
        self.started = 0
        self.calls = {kind: self.context.Value("q", 0) for kind in KINDS}
        self.processes = {kind: self._start(kind) for kind in KINDS}

    def _start(self, kind: str) -> multiprocessing.process.BaseProcess:
        self.started += 1
        arguments = (kind, self.addresses, self.started, self.calls[kind])
        process = self.context.Process(target=client, args=arguments, daemon=True)
        process.start()
        return process

    def disturb(self) -> None:
        """Kills one client in the middle of what it does, now and then, and replaces those that have ended."""
        if self.random.random() < 0.25:
            self.random.choice(list(self.processes.values())).kill()
            self.killed += 1
        for kind, process in self.processes.items():
            if not process.is_alive():
                process.join()
                process.close()
                self.processes[kind] = self._start(kind)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.join()


def slope(points: list[tuple[float, float]]) -> float:
    """The rise per second by Theil and Sen: the median of all pairs' slopes, which no single peak moves."""
    pairs = [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(points) for b in points[i + 1 :] if b[0] > a[0]]
    return statistics.median(pairs) if pairs else 0.0


def second_half(path: Path) -> dict[str, list[tuple[float, float]]]:
    """The later samples of a run, at most 300 of them however long it was: each the median of its part."""
    with path.open(newline="") as file:
        total = sum(1 for _ in file) - 1
    size = max(1, (total - total // 2) // 300)
    columns: dict[str, list[tuple[float, float]]] = {}
    part: list[dict[str, str]] = []
    with path.open(newline="") as file:
        for at, row in enumerate(csv.DictReader(file)):
            if at < total // 2:
                continue
            part.append(row)
            if len(part) == size:
                middle = statistics.median(float(row["seconds"]) for row in part)
                for name in row:
                    value = statistics.median(float(row[name]) for row in part)
                    columns.setdefault(name, []).append((middle, value))
                part = []
    return columns


def verdict(path: Path, first: Sample, last: Sample) -> list[str]:
    """Prints each measure's slope, and says what is not flat."""
    faults = []
    columns = second_half(path)
    print(f"{'':16}{'start':>10}{'median':>10}{'highest':>10}{'per hour':>12}{'rise':>10}{'at rest':>10}")
    for name, points in columns.items():
        if name == "seconds":
            continue
        per_second = slope(points)
        rise = per_second * (points[-1][0] - points[0][0])
        values = [value for _, value in points]
        before, after = getattr(first, name), getattr(last, name)
        print(
            f"{name:16}{before:10.1f}{statistics.median(values):10.1f}{max(values):10.1f}"
            f"{per_second * 3600:12.1f}{rise:10.1f}{after:10.1f}"
        )
        if name in ALLOWED:
            most, left = ALLOWED[name]
            if rise > most:
                faults.append(f"{name} rose by {rise:.1f} over the second half; {most} are allowed")
            if after - before > left:
                faults.append(f"{name} is {after:.1f} at rest, {before:.1f} before the load; {left} more are allowed")
    return faults


def run(minutes: float, path: Path, folder: str) -> list[str]:
    subject = Subject(folder)
    print(f"{minutes:g} minutes with the server as process {subject.server.process.pid}; samples in {path}", flush=True)
    first = subject.sample()
    load = Load(subject.server)
    faults = []
    try:
        with path.open("w", newline="") as file:
            samples = csv.DictWriter(file, list(vars(first)))
            samples.writeheader()
            while time.monotonic() - subject.started < minutes * 60 and subject.server.process.poll() is None:
                time.sleep(EVERY)
                load.disturb()
                if subject.server.process.poll() is None:
                    samples.writerow(vars(subject.sample()))
                    file.flush()
    finally:
        load.stop()
    calls = {kind: counter.value for kind, counter in load.calls.items()}
    print(f"calls: {calls}; clients started: {load.started}, killed: {load.killed}")
    if (code := subject.server.process.poll()) is not None:
        return [f"the server ended with {code}:", *subject.server.log[-10:]]
    # What nobody uses any more goes with its session or its tenant, and the allocators are swept after that.
    time.sleep(SESSION_IDLE + TENANT_IDLE + 15)
    last = subject.sample()
    faults += verdict(path, first, last)
    faults += [f"{kind}: no call succeeded" for kind, count in calls.items() if count == 0]
    faults += [f"probe failed {failure}" for failure in subject.failures]
    stopping = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        subject.server.stop(timeout=10)
    if time.monotonic() - stopping > 8:
        faults.append(f"SIGTERM took {time.monotonic() - stopping:.1f} s")
    return faults


def main() -> int:
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    minutes = float(os.environ.get("SOAK_MINUTES", "10"))
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        faults = run(minutes, target / "soak.csv", folder)
    print("\n".join(["not flat:", *faults]) if faults else "flat")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
