"""Reports are judged by what ran, what failed, and what the spec has."""

from __future__ import annotations

import json
from pathlib import Path

import evidence
import judge
import pytest

QUERIES = [case for case in evidence.cases() if any(clause.startswith("LQ-") for clause in case.clauses)]


def report(path: Path, share: float, outcome: str = "passed", rest: str | None = None) -> Path:
    """A run in which so much of the cases about queries had an outcome, and the rest another or none."""
    count = round(len(QUERIES) * share)
    outcomes = [*zip(QUERIES[:count], [outcome] * count, strict=True)]
    outcomes += [(case, rest) for case in QUERIES[count:] if rest]
    cases = [
        {"case": f"{case.file}/{case.name} [1]", "clauses": case.clauses, "outcome": outcome, "reason": "as it came"}
        for case, outcome in outcomes
    ]
    path.write_text(json.dumps({"language": "go", "cases": cases}))
    return path


@pytest.mark.parametrize(
    ("share", "outcome", "rest", "code"),
    [
        (1.0, "passed", None, 0),
        (0.95, "passed", "skipped", 0),
        (0.95, "passed", None, 0),
        (0.85, "passed", "skipped", 1),
        (0.85, "passed", None, 1),
        (0.99, "passed", "failed", 1),
        (0.0, "passed", None, 1),
    ],
)
def test_enough_must_run_and_nothing_fail(
    tmp_path: Path, share: float, outcome: str, rest: str | None, code: int
) -> None:
    path = report(tmp_path / "go.json", share, outcome, rest)
    assert judge.main([str(path), "--clause", "LQ-*", "--floor", "90"]) == code


def test_what_failed_is_told_with_its_clauses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge.main([str(report(tmp_path / "go.json", 1, "failed")), "--clause", "LQ-*"])
    told = capsys.readouterr().out
    case = QUERIES[0]
    assert f"failed: {case.file}/{case.name} [1] ({', '.join(case.clauses)})\n  as it came\n" in told
    assert f"go: {len(QUERIES)} of {len(QUERIES)} cases ran (100 %), {len(QUERIES)} failures; the floor is 90 %" in told


def test_only_the_clauses_asked_for_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(report(tmp_path / "go.json", 1))
    assert judge.main([path, "--clause", "FQ-*"]) == 1
    assert "LQ-01" not in capsys.readouterr().out
    assert judge.main([path, "--clause", "XX-*"]) == 1


def test_each_of_several_reports_must_do(tmp_path: Path) -> None:
    good, poor = report(tmp_path / "good.json", 1), report(tmp_path / "poor.json", 0.5)
    assert judge.main([str(good), str(good), "--clause", "LQ-*"]) == 0
    assert judge.main([str(good), str(poor), "--clause", "LQ-*"]) == 1
