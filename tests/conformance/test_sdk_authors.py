"""docs/sdk-authors.md: its driver, run as its workflow runs it, against the spec."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml
from evidence import ROOT

PAGE = (ROOT / "docs" / "sdk-authors.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return found


def run(folder: Path, driver: str) -> subprocess.CompletedProcess[str]:
    """The workflow's last command, with the program that was built here instead of its image."""
    (folder / "driver.py").write_text(driver)
    command = yaml.safe_load(block("yaml"))["jobs"]["conformance"]["steps"][-1]["run"]
    environment = {**os.environ, "CONFORMANCE": os.environ["ALTERTABLE_CONFORMANCE"]}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_driver_passes_and_tells_what_the_page_says(tmp_path: Path) -> None:
    done = run(tmp_path, block("python"))
    assert (done.returncode, done.stdout) == (0, block("text"))


def test_a_client_that_is_wrong_fails(tmp_path: Path) -> None:
    right = '"rows": result.rows,'
    assert right in block("python")
    done = run(tmp_path, block("python").replace(right, '"rows": result.rows[1:],'))
    assert done.returncode == 1
    assert re.search(r"^cross/sql: .*\n    at /rows", done.stdout, re.MULTILINE)


def test_a_client_that_can_do_too_little_fails(tmp_path: Path) -> None:
    done = run(tmp_path, block("python").replace('"calls": ["sql.rest"]', '"calls": []'))
    assert done.returncode == 1
    assert "python: 0 of 138 cases ran, which misses --floor '*=95'" in done.stdout
