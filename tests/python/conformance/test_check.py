"""The matchers, by the table that every language's runner is held to."""

from __future__ import annotations

import check
import pytest
from data import Value, decode
from spec import FOLDER

ROWS = decode((FOLDER / "matchers.json").read_text())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_matchers_match_and_tell_the_place(row: dict[str, Value]) -> None:
    found = check.differences("", row["expected"], row["actual"])
    assert {one.path for one in found} == set(row["differs"])
