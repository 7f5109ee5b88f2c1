"""One matrix of clauses by languages, from the reports of their runners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from evidence import Report, Section

LEGEND = "12: twelve cases passed; 9/12: nine of twelve, the rest not run; 9/12 !3: three failed; ·: none was run"


def matrix(sections: Iterable[Section], reports: list[Report]) -> str:
    rows = [["", *(report.language for report in reports)]]
    tallies = [tally(report) for report in reports]
    for section in sections:
        for clause in section.clauses:
            rows.append([clause, *(cell(counts.get(clause, Counter())) for counts in tallies)])
    wholes = [Counter(each.outcome for each in report.cases) for report in reports]
    shown = [sum(is_shown(counts) for counts in tally.values()) for tally in tallies]
    rows += [["clauses", *map(str, shown)], ["cases", *map(cell, wholes)]]
    return "\n".join([*aligned(rows), LEGEND])


def tally(report: Report) -> dict[str, Counter[str]]:
    """How often each clause's cases had each outcome."""
    counts: dict[str, Counter[str]] = {}
    for each in report.cases:
        for clause in each.clauses:
            counts.setdefault(clause, Counter())[each.outcome] += 1
    return counts


def is_shown(counts: Counter[str]) -> bool:
    return counts["passed"] > 0 and counts["failed"] == 0


def cell(counts: Counter[str]) -> str:
    passed, failed, total = counts["passed"], counts["failed"], counts.total()
    if passed + failed == 0:
        return "·"
    text = str(passed) if passed == total else f"{passed}/{total}"
    return f"{text} !{failed}" if failed else text


def aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
