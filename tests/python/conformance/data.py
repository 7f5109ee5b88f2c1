"""Values of the spec and of answers: None, bool, str, Number (digits matter), list and dict."""

from __future__ import annotations

import json
import re
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

Value = Any
Outcome = dict[str, Value]


class Number:
    """A number as its digits are written."""

    __slots__ = ("digits",)

    def __init__(self, digits: object) -> None:
        self.digits = str(digits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and self.digits == other.digits

    def __hash__(self) -> int:
        return hash(self.digits)

    def __repr__(self) -> str:
        return self.digits

    def __int__(self) -> int:
        return int(self.digits)

    def __float__(self) -> float:
        return float(self.digits)


def refuse(constant: str) -> Value:
    raise ValueError(f"{constant} is no JSON")


READER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=refuse)


def decode(text: str | bytes) -> Value:
    """Reads a JSON text, digits kept."""
    return READER.decode(text if isinstance(text, str) else text.decode())


def encode(value: Value) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode(key)}:{encode(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(encode, value)) + "]"
    if isinstance(value, Number):
        return value.digits
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def as_text(value: Value) -> str:
    """How a value reads inside a longer string: strings as they are, the rest as JSON."""
    return value if isinstance(value, str) else encode(value)


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML 1.2 core schema, numbers as written."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012


for tag, pattern, starts in (
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("tag:yaml.org,2002:int", r"^[-+]?[0-9]+$", list("-+0123456789")),
):
    Loader.add_implicit_resolver(tag, re.compile(pattern), starts)
Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: Number(int(node.value)))


def read_yaml(path: Path) -> Value:
    return yaml.load(path.read_text(), Loader)


def double(value: float) -> Value:
    """A number as JSON writers of Rust write it: the shortest digits, always with a point or an exponent."""
    return floating(value, repr(value), 1e-5)


def single(value: float) -> Value:
    """The same for 32 bits."""
    if value != value or value in (float("inf"), float("-inf")):
        return double(value)
    texts = (f"{value:.{digits}g}" for digits in range(1, 10))
    shortest = next(text for text in texts if struct.pack("f", float(text)) == struct.pack("f", value))
    return floating(value, shortest, 1e-4)


def floating(value: float, shortest: str, low: float) -> Value:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    exact = Decimal(shortest)
    if value != 0 and not low <= abs(value) < 1e16:
        sign, digits, exponent = exact.normalize().as_tuple()
        whole, rest = str(digits[0]), "".join(map(str, digits[1:]))
        mantissa = whole + (f".{rest}" if rest else "")
        return Number(f"{'-' if sign else ''}{mantissa}e{int(exponent) + len(digits) - 1}")
    text = f"{exact:f}"
    if "." in text:
        text = text.rstrip("0")
        return Number(text + "0" if text.endswith(".") else text)
    return Number(text + ".0")


class Unknown(Exception):
    """A variable that nothing has set."""


def fill(value: Value, names: dict[str, Value], keep: bool = False) -> Value:
    """Replaces every ${name} inside `value`, keys included; unknown names stay if `keep`."""
    if isinstance(value, str):
        return fill_text(value, names, keep)
    if isinstance(value, list):
        return [fill(item, names, keep) for item in value]
    if isinstance(value, dict):
        return {as_text(fill_text(key, names, keep)): fill(item, names, keep) for key, item in value.items()}
    return value


def fill_text(text: str, names: dict[str, Value], keep: bool) -> Value:
    if text.startswith("${") and text.endswith("}") and text[2:-1] in names:
        return names[text[2:-1]]

    def one(found: re.Match[str]) -> str:
        escaped, name = found.groups()
        if escaped:
            return found[0] if keep else found[0][1:]
        if name in names:
            return as_text(names[name])
        if keep:
            return found[0]
        raise Unknown(f"no variable {name} has been set")

    return re.sub(r"(\$?)\$\{([^}]*)\}", one, text)
