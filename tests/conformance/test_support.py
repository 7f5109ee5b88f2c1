"""The support table is what contract and spec allow it to say, and follows the run it is made from."""

from __future__ import annotations

import pytest
import support
from evidence import Case, Ran, Report, cases, sections, uncovered

MORE = "docs/support.md is out of date: run `make support`\n"


def test_the_table_is_up_to_date() -> None:
    gaps = support.gaps(support.PAGE.read_text())
    assert not gaps, MORE + "\n".join(gaps)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(../conformance/spec/lakehouse/query.yaml)", "(../conformance/spec/lakehouse/auth.yaml)"),
        ("| LQ-07 | ✅ | [", "| LQ-07 | ✅ | [some rows and "),
        ("| LQ-07 | ✅ |", "| LQ-07 | ❌ |"),
        ("| LQ-07 | ✅ |", "| LQ-99 | ✅ |"),
        ("| FX-1 | ✅ |", "| FX-1 | ✅ | believe me |"),
        ("## LQ Lakehouse REST: POST /query\n", ""),
        ("✅ [25 of 25]", "✅ [26 of 26]"),
    ],
)
def test_a_claim_that_nothing_shows_is_a_gap(old: str, new: str) -> None:
    page = support.PAGE.read_text()
    assert old in page
    assert support.gaps(page.replace(old, new, 1))


def whole_run(**outcomes: str) -> Report:
    """A run in which every case passed but for those of the clauses given."""

    def outcome(case: Case) -> str:
        return next((outcomes[clause] for clause in case.clauses if clause in outcomes), "passed")

    return Report(
        "rust", tuple(Ran(f"{case.file}/{case.name} [1]", case.clauses, outcome(case), "") for case in cases())
    )


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_a_clause_without_a_case_that_passed_does_not_hold(outcome: str) -> None:
    claims = support.claims_of(whole_run(**{"LQ-07": outcome}))
    assert not claims.holds["LQ-07"]
    assert "LQ-07" not in claims.shown
    assert claims.holds["FX-1"], uncovered()
    page = support.page(claims, list(sections()))
    assert "| LQ-07 | ❌ | no case |" in page
    (feature,) = (line for line in support.table(claims, list(sections())) if "[POST /query]" in line)
    assert "❌ [" in feature
    assert "25 of 25" not in feature


def test_one_failure_outweighs_what_passed() -> None:
    run = whole_run()
    failed = next(each for each in run.cases if "LQ-07" in each.clauses)
    again = Ran(f"{failed.case} [flight]", failed.clauses, "failed", "")
    assert support.claims_of(run).holds["LQ-07"]
    assert not support.claims_of(Report("rust", (*run.cases, again))).holds["LQ-07"]


def test_a_clause_is_shown_by_the_case_that_shows_least_beside_it() -> None:
    shown = support.claims_of(whole_run()).shown
    for clause, case in shown.items():
        assert len(case.clauses) == min(len(other.clauses) for other in cases() if clause in other.clauses)
