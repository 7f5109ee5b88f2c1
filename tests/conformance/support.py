"""Writes what is supported, from the report of a run: docs/support.md, features first and then clause by clause.

Usage: python tests/conformance/support.py REPORT

Every clause is shown by a case that passed, the one that proves least beside it; test_support.py holds the claims
against the contract and the spec as they are now.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import evidence
from evidence import ROOT, Case, Report, Section
from matrix import is_shown, tally

PAGE = ROOT / "docs" / "support.md"
DOORS = {
    "lakehouse": "Lakehouse REST",
    "flight": "Flight SQL",
    "analytics": "Product Analytics",
    "postgres": "PostgreSQL",
    "control": "Control plane",
}
HOLDS, FAILS = "✅", "❌"
ROW = re.compile(rf"^\| ([A-Z]{{2}}-[0-9]+) \| ({HOLDS}|{FAILS}) \| (?:\[(.*)\]\(\.\./(.*)\)|.*) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Claims:
    """Which clauses hold, and the case that shows each."""

    holds: dict[str, bool]
    shown: dict[str, Case]


def claims_of(report: Report) -> Claims:
    """What a run says."""
    holds = {clause: is_shown(counts) for clause, counts in tally(report).items()}
    failed = {each.case for each in report.cases if each.outcome != "passed"}
    passed = {each.of for each in report.cases if each.case not in failed}
    shown: dict[str, Case] = {}
    for case in sorted(filter(passed.__contains__, evidence.cases()), key=lambda case: len(case.clauses)):
        for clause in case.clauses:
            shown.setdefault(clause, case)
    return Claims({**holds, **dict.fromkeys(evidence.uncovered(), True)}, shown)


def claims_in(text: str) -> Claims:
    """What a page says, as far as the spec still has its cases."""
    known = {(case.name, case.link, clause): case for case in evidence.cases() for clause in case.clauses}
    holds, shown = {}, {}
    for clause, mark, name, target in ROW.findall(text):
        holds[clause] = mark == HOLDS
        if case := known.get((re.sub(r"\\(.)", r"\1", name), target, clause)):
            shown[clause] = case
    return Claims(holds, shown)


def gaps(written: str) -> list[str]:
    """Where the page differs from what contract and spec make of its own claims."""
    expected = page(claims_in(written), list(evidence.sections()))
    lines = difflib.unified_diff(written.splitlines(), expected.splitlines(), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def row(claims: Claims, clause: str) -> str:
    case = claims.shown.get(clause)
    proof = link_to(case) if case else evidence.uncovered().get(clause, "no case")
    return f"| {clause} | {mark(claims, [clause])} | {proof} |"


def summary(claims: Claims, section: Section) -> str:
    """A row of the table of features: a feature, how many of its clauses hold, and a case of it."""
    held = [clause for clause in section.clauses if claims.holds.get(clause)]
    example = next((link_to(case) for clause in section.clauses if (case := claims.shown.get(clause))), "")
    count = link(f"{len(held)} of {len(section.clauses)}", f"#{evidence.anchor(heading_of(section))}")
    cells = [
        DOORS[section.door],
        link(section.feature, section.link.removeprefix("docs/")),
        f"{mark(claims, section.clauses)} {count}",
        example,
    ]
    return f"| {' | '.join(cells)} |"


def mark(claims: Claims, clauses: Iterable[str]) -> str:
    return HOLDS if all(claims.holds.get(clause) for clause in clauses) else FAILS


def heading_of(section: Section) -> str:
    return f"{section.letters} {DOORS[section.door]}: {section.feature}"


def link_to(case: Case) -> str:
    return link(case.name, f"../{case.link}")


def link(text: str, target: str) -> str:
    shown = re.sub(r"([][|`*_<>])", r"\\\1", text)
    return f"[{shown}]({target})"


def page(claims: Claims, sections: list[Section]) -> str:
    lines = [
        "# What is supported",
        "",
        "Written by `make support` from a run of the behaviour spec, so not to be edited by hand. First the features,",
        "then each clause of the [contract](contract) beside a case that passed and proves it; most have more. Where",
        "no case can show it, the place that does is named.",
        "",
        *table(claims, sections),
    ]
    for section in sections:
        lines += ["", f"## {heading_of(section)}", "", "| Clause | | Shown by |", "|---|---|---|"]
        lines += [row(claims, clause) for clause in section.clauses]
    return "\n".join(lines) + "\n"


def table(claims: Claims, sections: list[Section]) -> list[str]:
    head = ["| Door | Feature | Clauses | For example |", "|---|---|---|---|"]
    return [*head, *(summary(claims, section) for section in sections)]


def main(report: Path) -> int:
    claims, sections = claims_of(evidence.read(report)), list(evidence.sections())
    PAGE.write_text(page(claims, sections))
    wrong = [clause for section in sections for clause in section.clauses if not claims.holds.get(clause)]
    print(f"docs/support.md: {sum(len(section.clauses) for section in sections) - len(wrong)} clauses hold")
    for clause in wrong:
        print(f"  {clause} does not")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
