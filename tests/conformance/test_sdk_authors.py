"""docs/sdk-authors.md: its workflow's commands, with its runner, against a server of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from evidence import ROOT
from mock_server import MockServer

PAGE = (ROOT / "docs" / "sdk-authors.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer("--allow-any-user") as running:
        yield running


def test_the_workflow_holds_the_runner_to_the_spec(server: MockServer, tmp_path: Path) -> None:
    (tmp_path / "altertable-mock").symlink_to(ROOT)
    (tmp_path / "conformance.py").write_text(block("python"))
    job = yaml.safe_load(block("yaml"))["jobs"]["conformance"]
    environment = {**os.environ, **job["env"], "CONFORMANCE_URL": server.lakehouse_url}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands = [step["run"] for step in job["steps"] if step.get("run", "").startswith("python ")]
    told = [run(command, tmp_path, environment) for command in commands]
    assert len(told) == 2, commands
    assert re.search(r"python: \d+ of \d+ cases ran", told[-1])
    written = json.loads((tmp_path / "report.json").read_text())
    assert written.keys() == json.loads(block("json")).keys()
    assert written["cases"][0].keys() == json.loads(block("json"))["cases"][0].keys()
    assert not [case for case in written["cases"] if case["outcome"] == "failed"]


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euc", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
