"""What there is to prove and what proves it: the contract's clauses, the spec's cases, and the reports of runs.

A runner in any language writes a report where `CONFORMANCE_REPORT` says:

    {"language": "go", "cases": [{"case": "lakehouse/query/a blank statement is refused [2]", "clauses": ["LQ-02"],
                                  "outcome": "passed" | "failed" | "skipped", "reason": "..."}]}

A case is named by its file below `conformance/spec`, its name, and whatever tells its rows and doors apart.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "docs" / "contract"
FIRST = ("lakehouse", "flight", "analytics")
"""The doors of the service itself, in the order in which the support table has them; what else there is follows."""
CLAUSE = re.compile(r"^[ ]*(?:- )?\*\*([A-Z]{2}-[0-9]+)\*\*", re.MULTILINE)
SECTION = re.compile(r"^## (([A-Z]{2}) (?:\u2013 )?(.*))\n((?:(?!## ).*\n?)*)", re.MULTILINE)
UNCOVERED = re.compile(r'^([A-Z]{2}-[0-9]+) = "(.*)"$', re.MULTILINE)
OUTCOMES = ("passed", "failed", "skipped")


@dataclass(frozen=True)
class Section:
    """A part of the contract: the clauses of one feature."""

    door: str
    letters: str
    title: str
    clauses: tuple[str, ...]

    heading: str

    @property
    def feature(self) -> str:
        """The title, without the parameters of a route."""
        return re.split(r"[?\[]", self.title)[0]

    @property
    def link(self) -> str:
        """Where a reader finds it, from the root of the repository."""
        return f"docs/contract/{self.door}.md#{anchor(self.heading)}"


@dataclass(frozen=True)
class Case:
    """A case of the spec, its rows and doors together."""

    file: str
    name: str
    clauses: tuple[str, ...]

    @property
    def link(self) -> str:
        return f"conformance/spec/{self.file}.yaml"


@dataclass(frozen=True)
class Ran:
    """What became of a case, or of a row of it."""

    case: str
    clauses: tuple[str, ...]
    outcome: str
    reason: str

    @property
    def of(self) -> Case:
        """The case of the spec that this is, or is a row of."""
        return case_named(self.case)


@dataclass(frozen=True)
class Report:
    """The run of one language's runner."""

    language: str
    cases: tuple[Ran, ...]


def anchor(heading: str) -> str:
    """How GitHub names a heading in links."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def doors() -> list[str]:
    """What there is a contract of."""
    found = {path.stem for path in CONTRACTS.glob("*.md")}
    return [*FIRST, *sorted(found.difference(FIRST))]


def sections() -> Iterator[Section]:
    for door in doors():
        text = (CONTRACTS / f"{door}.md").read_text()
        for found in SECTION.finditer(text):
            heading, letters, title, body = found.groups()
            yield Section(door, letters, title, tuple(CLAUSE.findall(body)), heading)


@functools.cache
def cases() -> tuple[Case, ...]:
    spec = ROOT / "conformance" / "spec"
    found = []
    for path in sorted(spec.glob("**/*.yaml")):
        file = path.relative_to(spec).with_suffix("").as_posix()
        for case in yaml.load(path.read_text(), yaml.CBaseLoader)["cases"]:
            found.append(Case(file, case["name"], tuple(case["clauses"])))
    return tuple(found)


@functools.cache
def by_name() -> dict[str, Case]:
    return {f"{case.file}/{case.name}": case for case in cases()}


def case_named(name: str) -> Case:
    """The case with that name, whatever follows it to tell rows and doors apart."""
    start = name
    while start and start not in by_name():
        start = start.rpartition(" ")[0]
    if not start:
        raise ValueError(f"conformance/spec has no case {name!r}")
    return by_name()[start]


def uncovered() -> dict[str, str]:
    """Clauses that no case can show, each with the place that does."""
    return dict(UNCOVERED.findall((ROOT / "conformance" / "spec" / "uncovered.toml").read_text()))


def read(path: Path) -> Report:
    """Reads a report, which has to speak of the spec as it is here."""
    content = json.loads(path.read_text())
    ran = [Ran(each["case"], tuple(each["clauses"]), each["outcome"], each["reason"]) for each in content["cases"]]
    for each in ran:
        if each.outcome not in OUTCOMES:
            raise ValueError(f"{path}: {each.case} was neither passed, failed nor skipped but {each.outcome!r}")
        if each.clauses != each.of.clauses:
            raise ValueError(f"{path}: {each.case} proves {', '.join(each.of.clauses)}, not {', '.join(each.clauses)}")
    return Report(content["language"], tuple(ran))
