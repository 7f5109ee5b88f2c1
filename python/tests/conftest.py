"""What the package's own tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

pytest_plugins = ["pytester"]

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


def buffered() -> dict[str, str]:
    """The environment of a machine where Python buffers its output, so that what is lost there is lost here too."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.fixture
def run_python() -> RunPython:
    """Runs a program in an interpreter of its own, which has to end well and within a time."""

    def run(program: str, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-c", program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=buffered())
        assert done.returncode == code, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run
