"""The image that `make image` built, and the blocks about it in docs/docker.md and README.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

IMAGE = os.environ.get("CONFORMANCE_IMAGE", "ghcr.io/altertable-ai/altertable-mock:latest")
CONFORMANCE_IMAGE = IMAGE.replace(":", "-conformance:")
DOCKER = os.environ.get("DOCKER", "docker")
ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+) (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def docker(*arguments: str, check: bool = True) -> str:
    """Runs the docker client and returns what it printed, on either stream."""
    done = subprocess.run(
        [DOCKER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120
    )
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(arguments)}\n{done.stdout}")
    return done.stdout.strip()


def inspect(name: str) -> dict:
    return json.loads(docker("inspect", name))[0]


class Container:
    """A running container of the image."""

    def __init__(self, options: list[str], flags: list[str]) -> None:
        self.id = docker("run", "--detach", *options, IMAGE, *flags)

    def until_healthy(self) -> None:
        """Waits for Docker's own verdict."""
        deadline = time.monotonic() + 30
        while (state := inspect(self.id)["State"]).get("Health", {}).get("Status") != "healthy":
            assert state["Running"], self.logs()
            assert time.monotonic() < deadline, f"{state}\n{self.logs()}"
            time.sleep(0.1)

    def url(self, port: int) -> str:
        return "http://" + docker("port", self.id, str(port)).splitlines()[0].replace("0.0.0.0", "127.0.0.1")

    def logs(self) -> str:
        return docker("logs", self.id)

    def healthcheck(self) -> str:
        return docker("exec", self.id, "/usr/local/bin/altertable-mock", "healthcheck", check=False)


@pytest.fixture
def run() -> Iterator[Callable[..., Container]]:
    """Starts containers with options of `docker run` and flags of the program; removes them afterwards."""
    started: list[Container] = []

    def start(*options: str, flags: list[str] | None = None) -> Container:
        started.append(Container(list(options), flags or []))
        return started[-1]

    yield start
    for container in started:
        docker("rm", "--force", "--volumes", container.id)


def recipe(language: str, role: str, page: str = "docs/docker.md") -> str:
    """The page's block with that info string."""
    text = (ROOT / page).read_text()
    found = [block for lang, info, block in BLOCK.findall(text) if (lang, info) == (language, role)]
    assert len(found) == 1, f"{len(found)} blocks of {page} are ```{language} {role}"
    return found[0]
