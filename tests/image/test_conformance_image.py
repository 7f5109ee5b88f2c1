"""The image of the conformance program, by itself and under the driver of docs/sdk-authors.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import CONFORMANCE_IMAGE, DOCKER, ROOT, docker, inspect

PAGE = (ROOT / "docs" / "sdk-authors.md").read_text()


def test_it_holds_its_own_server_to_the_spec_without_a_network() -> None:
    told = docker("run", "--rm", "--network", "none", "--read-only", CONFORMANCE_IMAGE, "run", "cross/*")
    assert re.search(r"^[1-9][0-9]* passed, 0 failed, 0 known failures, 0 skipped", told, re.MULTILINE)


def test_it_says_what_it_is() -> None:
    config = inspect(CONFORMANCE_IMAGE)["Config"]
    assert config["User"] == "65532:65532"
    assert config["Labels"]["org.opencontainers.image.title"] == "altertable-mock-conformance"


def test_the_driver_for_sdk_authors_runs_with_it(tmp_path: Path) -> None:
    (driver,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (printed,) = re.findall(r"CONFORMANCE: (docker .*?) }", PAGE)
    (told,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    command = printed.replace("docker ", f"{DOCKER} ", 1)
    assert CONFORMANCE_IMAGE.partition(":")[0] in command
    (tmp_path / "driver.py").write_text(driver)
    done = subprocess.run(
        [sys.executable, "driver.py"],
        cwd=tmp_path,
        env={**os.environ, "CONFORMANCE": command},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, told)
