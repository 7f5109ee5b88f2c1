"""The cases of the spec, tables and doors expanded (format: conformance/spec/README.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data import Value, as_text, fill, read_yaml

FOLDER = Path(__file__).parents[3] / "conformance" / "spec"
DEFAULT_FLAGS = ["--allow-any-user"]


@dataclass(frozen=True)
class Case:
    """One behaviour, ready to run: one row of a table, over one door."""

    name: str
    clauses: tuple[str, ...]
    flags: tuple[str, ...]
    tenants: tuple[str, ...]
    door: str | None
    steps: list[Value]


VERBS = ("lakehouse", "analytics", "socket", "sql", "join", "drop", "pending", "sleep")


def verb_of(step: dict[str, Value]) -> tuple[str, Value]:
    found = ((key, value) for key, value in step.items() if key in VERBS or key.startswith("flight."))
    return next(found, ("", None))


def load() -> list[Case]:
    return [case for path in sorted(FOLDER.glob("**/*.yaml")) for case in load_file(path)]


def load_file(path: Path) -> list[Case]:
    content = read_yaml(path)
    file = path.relative_to(FOLDER).with_suffix("").as_posix()
    cases = []
    for raw in content["cases"]:
        steps = [*content.get("before", []), *raw["steps"]]
        flags = raw.get("server", content.get("server", DEFAULT_FLAGS))
        table = raw.get("table", {"columns": [], "rows": [[]]})
        for number, row in enumerate(table["rows"], 1):
            names = dict(zip(table["columns"], row, strict=True))
            filled = fill(steps, names, keep=True)
            flags_filled = tuple(as_text(flag) for flag in fill(flags, {**names, "spec": str(FOLDER)}, keep=True))
            suffix = f" [{number}]" if "table" in raw else ""
            for door in doors(raw, filled):
                over = f" [{door}]" if door else ""
                name = f"{file}/{raw['name']}{suffix}{over}"
                tenants = tuple(raw.get("tenants", ["default"]))
                cases.append(Case(name, tuple(raw["clauses"]), flags_filled, tenants, door, filled))
    return cases


def doors(raw: dict[str, Value], steps: list[Value]) -> list[str | None]:
    if any("sql" in step and "door" not in step for step in steps):
        return list(raw.get("doors", ["rest", "flight"]))
    return [None]
