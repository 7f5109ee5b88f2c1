"""Runs the commands of README.md and docs/ as they are printed, on the default ports, and compares what they print.

The pages are run in this order, against the one server that README.md starts:

    README.md              starts the server, and asks it once
    docs/endpoints.md      every endpoint; its Python blocks need the clients that it installs
    docs/isolation.md      what a session keeps, and what SQL may not do
    docs/seeds.md          a folder of data, sent by a test
    docs/debugging.md      a failed query in the log, health and limits

A page stands by itself, so that a reader may begin with any of them once the server runs. Blocks of other pages are run
elsewhere or not at all: test_run.py holds that no page has one that is forgotten.

A fenced block is run unless its info string says otherwise:

    ```sh            a shell command of the checkout's folder, which must succeed
    ```python        a Python program, which must succeed
    ```sh server     a command that goes on running: its doors must open before the next block is run
    ```sh no-test    shown only
    ```sh image      needs the image: tests/image runs it
    ```text output   what the block before it prints; `…` stands for any text within one line

The table of flags in docs/configuration.md must also name every flag that `--help` names, and no other.
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/endpoints.md", "docs/isolation.md", "docs/seeds.md", "docs/debugging.md")
FLAGS = "docs/configuration.md"
PORTS = (15000, 15001, 15002, 15003)
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ISOLATED = "README_TEST_IN_OWN_NETWORK"
DOOR_OPENS = re.compile(r"Starting (?:Flight SQL|Lakehouse HTTP|Product Analytics HTTP|PostgreSQL) server on ")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    role: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        return self.language in ("sh", "python") and self.role not in ("no-test", "image")


def blocks(page: str, text: str) -> list[Block]:
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2].strip(), found[3])
        for found in BLOCK.finditer(text)
    ]


def blocks_of(page: str) -> list[Block]:
    return blocks(page, (ROOT / page).read_text(encoding="utf-8"))


def main() -> int:
    if ISOLATED in os.environ:
        raise_loopback()
    elif network_namespaces_work():
        unshare = [*unshare_command(), sys.executable, *sys.argv]
        return subprocess.run(unshare, env={**os.environ, ISOLATED: "1"}, check=False).returncode
    elif taken := [port for port in PORTS if is_taken(port)]:
        print(f"The pages' examples use the ports {taken}, which other programs hold: stop those and try again.")
        return 1
    failures = run_all([block for page in PAGES for block in blocks_of(page)])
    for failure in failures:
        print(failure)
    return 1 if failures else 0


def run_all(shown: list[Block]) -> list[str]:
    failures = []
    with contextlib.ExitStack() as servers:
        for block, after in zip(shown, [*shown[1:], None], strict=True):
            if not block.is_run:
                continue
            if block.role == "server":
                servers.enter_context(running(block))
                failures += compare_flags()
            elif failure := run(block, after if after and after.role == "output" else None):
                failures.append(failure)
    return failures


def run(block: Block, expected: Block | None) -> str | None:
    """Runs one block; returns what went wrong."""
    with tempfile.NamedTemporaryFile("w", suffix=f".{block.language}", encoding="utf-8") as script:
        script.write(block.text)
        script.flush()
        command = ["python", script.name] if block.language == "python" else ["bash", "-euo", "pipefail", script.name]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode != 0:
        return f"{block.where}: exit code {ended.returncode}\n{ended.stdout}{ended.stderr}"
    if expected and not matches(expected.text, ended.stdout):
        diff = difflib.unified_diff(
            expected.text.splitlines(), ended.stdout.splitlines(), expected.page, "printed", "", ""
        )
        return f"{block.where}: prints something else than {expected.where} shows\n" + "\n".join(diff)
    print(f"{block.where}: ok")
    return None


def matches(shown: str, printed: str) -> bool:
    pattern = re.escape(shown.strip()).replace("…", "[^\n]*?")
    return re.fullmatch(pattern, printed.strip()) is not None


@contextlib.contextmanager
def running(block: Block) -> Iterator[None]:
    """Runs a block that goes on, from the moment its three doors are open."""
    process = subprocess.Popen(
        ["bash", "-c", block.text],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for_doors(process, block.where)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def wait_for_doors(process: subprocess.Popen[str], where: str) -> None:
    assert process.stdout is not None
    log, doors = [], 0
    while doors < 4:
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{where}: the server ended before its doors were open:\n{''.join(log)}")
        log.append(line)
        doors += bool(DOOR_OPENS.search(line))
    print(f"{where}: running")
    # Read on, so that the server never waits for its log to be read.
    threading.Thread(target=process.stdout.read, daemon=True).start()


def compare_flags() -> list[str]:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = ROOT / target / "release" / "altertable-mock"
    shown = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    real = set(re.findall(r"^\s+(?:-\w, )?(--[a-z][a-z-]+)", shown, re.MULTILINE)) - {"--help", "--version"}
    table = set(re.findall(r"^\| `(--[a-z-]+)", (ROOT / FLAGS).read_text(encoding="utf-8"), re.MULTILINE))
    missing = [f"{FLAGS}: the table of flags lacks {flag}" for flag in sorted(real - table)]
    surplus = [f"{FLAGS}: the table of flags has {flag}, which --help lacks" for flag in sorted(table - real)]
    return missing + surplus


def unshare_command() -> list[str]:
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_root, "--net", "--"]


def network_namespaces_work() -> bool:
    """Whether this machine lets the test have a network of its own, where the default ports are surely free."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*unshare_command(), "true"], capture_output=True, check=False).returncode == 0


def raise_loopback() -> None:
    """Brings up the loopback device of a new network namespace, as `ip link set lo up` does."""
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, get_flags, request))[1]
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", flags | up))


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
