"""Reports become one matrix."""

from __future__ import annotations

import json
from pathlib import Path

import evidence
import pytest
import run_all
from evidence import Ran, Report, Section
from matrix import LEGEND, matrix

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


def report(language: str, **outcomes: list[str]) -> Report:
    """A run with so many cases per clause, `LQ_01` for LQ-01."""
    pairs = [(name.replace("_", "-"), outcome) for name, each in outcomes.items() for outcome in each]
    return Report(language, tuple(Ran("a/b", (clause,), outcome, "") for clause, outcome in pairs))


def test_a_row_per_clause_and_a_column_per_language() -> None:
    section = Section("lakehouse", "LQ", "POST /query", ("LQ-01", "LQ-02", "LQ-03"), "")
    rust = report("rust", LQ_01=[PASSED] * 12, LQ_02=[PASSED, FAILED], LQ_03=[PASSED])
    go = report("go", LQ_01=[PASSED, SKIPPED], LQ_02=[SKIPPED])
    assert matrix([section], [rust, go]).splitlines() == [
        "         rust      go",
        "LQ-01    12        1/2",
        "LQ-02    1/2 !1    ·",
        "LQ-03    1         ·",
        "clauses  2         1",
        "cases    14/15 !1  1/3",
        LEGEND,
    ]


def test_the_contract_has_its_sections_and_clauses() -> None:
    sections = list(evidence.sections())
    assert sections[1].clauses[:2] == ("LQ-01", "LQ-02")
    assert sections[1].link == "docs/contract/lakehouse.md#lq--post-query"
    assert {clause[:2] for section in sections for clause in section.clauses} == {each.letters for each in sections}
    assert {clause for case in evidence.cases() for clause in case.clauses} | evidence.uncovered().keys() == {
        clause for section in sections for clause in section.clauses
    }


CASE = evidence.cases()[0]
NAME = f"{CASE.file}/{CASE.name}"


def written(folder: Path, case: str, clauses: tuple[str, ...], outcome: str) -> Path:
    path = folder / "report.json"
    ran = {"case": case, "clauses": clauses, "outcome": outcome, "reason": ""}
    path.write_text(json.dumps({"language": "go", "cases": [ran]}))
    return path


@pytest.mark.parametrize("end", ["", " [2]", " [rest]", " #1 a b [flight]"])
def test_a_report_is_read(tmp_path: Path, end: str) -> None:
    (ran,) = evidence.read(written(tmp_path, NAME + end, CASE.clauses, PASSED)).cases
    assert (ran.of, ran.outcome) == (CASE, PASSED)


@pytest.mark.parametrize(
    ("case", "clauses", "outcome"),
    [
        (NAME, CASE.clauses, "ok"),
        (NAME, ("LQ-99",), PASSED),
        (NAME + "!", CASE.clauses, PASSED),
        ("no such file/no such case", CASE.clauses, PASSED),
    ],
)
def test_a_report_in_other_words_is_refused(tmp_path: Path, case: str, clauses: tuple[str, ...], outcome: str) -> None:
    with pytest.raises(ValueError, match=case.partition("/")[0]):
        evidence.read(written(tmp_path, case, clauses, outcome))


MAKE = """#!/bin/sh
case $2 in
  conformance-good) printf '{"language": "good", "cases": []}' > "$CONFORMANCE_REPORT" ;;
  conformance-bad) printf '{"language": "bad", "cases": []}' > "$CONFORMANCE_REPORT"; exit 2 ;;
esac
"""


@pytest.mark.parametrize(
    ("languages", "code", "told"),
    [
        (["good"], 0, ""),
        (["good", "bad"], 1, "conformance-bad failed\n"),
        (["silent", "good"], 1, "conformance-silent failed and wrote no report\n"),
    ],
)
def test_a_run_fails_with_any_of_its_runners(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    languages: list[str],
    code: int,
    told: str,
) -> None:
    make = tmp_path / "make"
    make.write_text(MAKE)
    make.chmod(0o755)
    monkeypatch.setenv("MAKE", str(make))
    (tmp_path / "silent.json").write_text("left by an earlier run")
    assert run_all.main(tmp_path, languages) == code
    assert capsys.readouterr().out.endswith(LEGEND + "\n" + told)
