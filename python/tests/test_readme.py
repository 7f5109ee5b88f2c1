"""The README's programs do what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import RunPython

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", [block for block in BLOCKS if "def test_" in block])
def test_tests_of_the_readme_pass(pytester: pytest.Pytester, block: str) -> None:
    pytester.makepyfile(block)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=60)
    result.assert_outcomes(passed=block.count("def test_"))


@pytest.mark.parametrize("block", [block for block in BLOCKS if "def test_" not in block])
def test_programs_of_the_readme_run(run_python: RunPython, block: str) -> None:
    assert run_python(block).stdout.startswith("http://127.0.0.1:")


def test_the_options_table_is_complete() -> None:
    from altertable_mock.pytest_plugin import OPTIONS

    shown = set(re.findall(r"^\| `--altertable-mock-([a-z-]+)`", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert shown == set(OPTIONS)
