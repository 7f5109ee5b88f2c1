"""Judges the reports of runners: none of their cases may fail, and enough of the spec's cases must have run.

Usage: python judge.py REPORT... [--clause 'LQ-*']... [--floor PERCENT]

What a runner leaves out of its report counts as not run. The exit code is 1 if a report falls short.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import evidence
from evidence import Case, Report, Section
from matrix import matrix


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("report", type=Path, nargs="+", help="what a runner wrote to CONFORMANCE_REPORT")
    parser.add_argument("--clause", action="append", help="only these clauses; `*` stands for any text")
    parser.add_argument(
        "--floor", type=float, default=90, help="the least share of their cases, in percent, that must run"
    )
    given = parser.parse_args(arguments)
    sections = list(chosen(evidence.sections(), given.clause or ["*"]))
    clauses = {clause for section in sections for clause in section.clauses}
    cases = [case for case in evidence.cases() if clauses & set(case.clauses)]
    reports = [of_cases(evidence.read(path), cases) for path in given.report]
    print(matrix(sections, reports))
    return 0 if all([is_enough(report, cases, given.floor) for report in reports]) else 1


def chosen(sections: Iterable[Section], patterns: list[str]) -> Iterable[Section]:
    for section in sections:
        clauses = [clause for clause in section.clauses if any(fnmatchcase(clause, each) for each in patterns)]
        if clauses:
            yield replace(section, clauses=tuple(clauses))


def of_cases(report: Report, cases: list[Case]) -> Report:
    return replace(report, cases=tuple(each for each in report.cases if each.of in cases))


def is_enough(report: Report, cases: list[Case], floor: float) -> bool:
    failed = [each for each in report.cases if each.outcome == "failed"]
    for each in failed:
        print(f"failed: {each.case} ({', '.join(each.clauses)})\n  {each.reason}")
    ran = len({each.of for each in report.cases if each.outcome != "skipped"})
    share = 100 * ran / len(cases) if cases else 0
    told = f"{ran} of {len(cases)} cases ran ({share:.0f} %), {len(failed)} failures; the floor is {floor:g} %"
    print(f"{report.language}: {told}")
    return not failed and share >= floor


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
