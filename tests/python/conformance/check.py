"""Comparing what came back with what the spec expects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from data import Number, Value, decode, encode

MISSING = object()


class Difference(NamedTuple):
    """Where an outcome is not as expected, by JSON pointer, and how."""

    path: str
    told: str

    def __str__(self) -> str:
        return f"at {self.path or '/'}: {self.told}"


HEX = "[0-9a-f]"
UUID = rf"{HEX}{{8}}(-{HEX}{{4}}){{3}}-{HEX}{{12}}"
UUIDV7 = rf"{HEX}{{8}}-{HEX}{{4}}-7{HEX}{{3}}-[89ab]{HEX}{{3}}-{HEX}{{12}}"
TIMESTAMP = r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d{2}:\d{2})"


def is_text(pattern: str) -> Callable[[Value], bool]:
    return lambda actual: isinstance(actual, str) and re.fullmatch(pattern, actual, re.ASCII) is not None


def is_number(pattern: str) -> Callable[[Value], bool]:
    return lambda actual: isinstance(actual, Number) and re.fullmatch(pattern, actual.digits) is not None


NAMED: dict[str, Callable[[Value], bool]] = {
    "$any": lambda actual: actual is not MISSING,
    "$absent": lambda actual: actual is MISSING,
    "$string": lambda actual: isinstance(actual, str),
    "$text": lambda actual: isinstance(actual, str) and actual != "",
    "$boolean": lambda actual: isinstance(actual, bool),
    "$array": lambda actual: isinstance(actual, list),
    "$object": lambda actual: isinstance(actual, dict),
    "$uuid": is_text(UUID),
    "$uuidv7": is_text(UUIDV7),
    "$timestamp": is_text(TIMESTAMP),
    "$number": is_number(".*"),
    "$integer": is_number("[^.eE]+"),
    "$natural": is_number("[^-.eE]+"),
}


def short(value: Value) -> str:
    text = "nothing" if value is MISSING else encode(value)
    return text if len(text) < 800 else text[:800] + "…"


def outcome(expected: dict[str, Value], actual: dict[str, Value]) -> list[Difference]:
    """What differs in the keys that the spec mentions; of headers, too, those that it mentions."""
    found: list[Difference] = []
    for key, wanted in expected.items():
        is_subset = key == "headers" and isinstance(wanted, dict) and operator(wanted) is None
        wanted = {"$subset": wanted} if is_subset else wanted
        found += differences(f"/{key}", wanted, actual.get(key, MISSING))
    return found


def operator(value: Value) -> tuple[str, Value] | None:
    if isinstance(value, dict) and len(value) == 1:
        ((name, argument),) = value.items()
        if name.startswith("$"):
            return name, argument
    return None


def matches(expected: Value, actual: Value) -> bool:
    return not differences("", expected, actual)


def differences(path: str, expected: Value, actual: Value) -> list[Difference]:
    def wrong() -> list[Difference]:
        return [Difference(path, f"\n  expected {short(expected)}\n  actual   {short(actual)}")]

    if isinstance(expected, str) and expected.startswith("$"):
        if expected not in NAMED:
            return [Difference(path, f"no matcher is called {expected}")]
        return [] if NAMED[expected](actual) else wrong()
    if applied := operator(expected):
        return applied_differences(path, *applied, actual, wrong)
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return wrong()
        more = [Difference(f"{path}/{key}", "no such key is expected") for key in actual if key not in expected]
        return members(path, expected, actual) + more
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return wrong()
        pairs = enumerate(zip(expected, actual, strict=True))
        return [one for at, (left, right) in pairs for one in differences(f"{path}/{at}", left, right)]
    return [] if same(expected, actual) else wrong()


def same(left: Value, right: Value) -> bool:
    return type(left) is type(right) and left == right


def members(path: str, expected: dict[str, Value], actual: dict[str, Value]) -> list[Difference]:
    each = (differences(f"{path}/{key}", wanted, actual.get(key, MISSING)) for key, wanted in expected.items())
    return [one for found in each for one in found]


def applied_differences(
    path: str, name: str, argument: Value, actual: Value, wrong: Callable[[], list[Difference]]
) -> list[Difference]:
    if name == "$all_of":
        return [one for wanted in argument for one in differences(path, wanted, actual)]
    if name == "$subset" and isinstance(actual, dict):
        return members(path, argument, actual)
    if name == "$each" and isinstance(actual, list):
        return [one for at, item in enumerate(actual) for one in differences(f"{path}/{at}", argument, item)]
    if name == "$json":
        return differences(path, decode(argument), actual)
    if name == "$parsed" and isinstance(actual, str):
        try:
            return differences(path, argument, decode(actual))
        except ValueError:
            return wrong()
    holds = HOLDS.get(name)
    return [] if holds is not None and holds(argument, actual) else wrong()


def contains(argument: Value, actual: Value) -> bool:
    parts = argument if isinstance(argument, list) else [argument]
    return isinstance(actual, str) and all(part in actual for part in parts)


def ends(argument: Value, actual: Value, at_end: bool) -> bool:
    if isinstance(argument, list):
        if not isinstance(actual, list) or len(actual) < len(argument):
            return False
        return matches(argument, actual[len(actual) - len(argument) :] if at_end else actual[: len(argument)])
    return isinstance(actual, str) and (actual.endswith(argument) if at_end else actual.startswith(argument))


def all_found(wanted: list[Value], items: Value) -> bool:
    """Whether each wanted element matches an element of its own."""
    if not isinstance(items, list):
        return False
    left = list(items)
    for each in wanted:
        at = next((at for at, item in enumerate(left) if matches(each, item)), None)
        if at is None:
            return False
        del left[at]
    return True


def between(ends: list[Value], actual: Value) -> bool:
    if isinstance(ends[0], str):
        return isinstance(actual, str) and ends[0] <= actual <= ends[1]
    return isinstance(actual, Number) and float(ends[0]) <= float(actual) <= float(ends[1])


HOLDS: dict[str, Callable[[Value, Value], bool]] = {
    "$eq": lambda argument, actual: same(argument, actual),
    "$not": lambda argument, actual: not matches(argument, actual),
    "$any_of": lambda argument, actual: any(matches(option, actual) for option in argument),
    "$regex": lambda argument, actual: isinstance(actual, str) and re.search(argument, actual) is not None,
    "$contains": contains,
    "$starts": lambda argument, actual: ends(argument, actual, at_end=False),
    "$ends": lambda argument, actual: ends(argument, actual, at_end=True),
    "$unordered": lambda argument, actual: all_found(argument, actual) and len(argument) == len(actual),
    "$includes": all_found,
    "$length": lambda argument, actual: isinstance(actual, str | list) and matches(argument, Number(len(actual))),
    "$between": between,
    "$float": lambda argument, actual: isinstance(actual, Number) and float(argument) == float(actual),
}
