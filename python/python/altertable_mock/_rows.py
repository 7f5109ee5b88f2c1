"""Rows of a query as Python values."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Optional
from uuid import UUID

from ._errors import SqlError

Convert = Optional[Callable[[Any], Any]]


class Rows(list[tuple[Any, ...]]):
    """The rows of a result, as tuples; ``columns`` and ``types`` tell their names and DuckDB types.

    >>> rows = Rows(["id", "name"], ["INTEGER", "VARCHAR"], [[1, "Ada"], [2, "Grace"]])
    >>> rows
    [(1, 'Ada'), (2, 'Grace')]
    >>> rows.dicts()[0]
    {'id': 1, 'name': 'Ada'}
    >>> rows.column("name")
    ['Ada', 'Grace']
    """

    def __init__(self, columns: Sequence[str], types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        converts = [converter(name) for name in types]
        super().__init__(
            tuple(
                value if convert is None or value is None else convert(value) for convert, value in zip(converts, row)
            )
            for row in rows
        )
        self.columns = list(columns)
        self.types = list(types)

    def dicts(self) -> list[dict[str, Any]]:
        """The rows as dictionaries; of columns with the same name the last one counts."""
        return [dict(zip(self.columns, row)) for row in self]

    def column(self, name: str) -> list[Any]:
        """The values of one column. Raises ``ValueError`` if there is none of that name."""
        at = self.columns.index(name)
        return [row[at] for row in self]

    def value(self) -> Any:
        """The one value of a result of one row and one column. Raises ``ValueError`` for any other.

        >>> Rows(["answer"], ["INTEGER"], [[42]]).value()
        42
        """
        if len(self) != 1 or len(self.columns) != 1:
            raise ValueError(f"expected one row of one column, not {len(self)} of {len(self.columns)}")
        return self[0][0]


def read(answer: bytes) -> Rows:
    """The rows of a query's answer: a line about the query, one about the columns, and one per row.

    Raises :class:`SqlError` if the last line is a failure.
    """
    lines = answer.decode().split("\n")[1:-1]
    header = json.loads(lines[0])
    last = json.loads(lines[-1])
    if isinstance(last, dict):
        raise SqlError(last["error"])
    types = [column["type"] for column in header]
    # Only a DECIMAL needs all the digits of a fraction; anywhere else a fraction is a float.
    exact = [at for at, name in enumerate(types) if name.startswith("DECIMAL")]
    return Rows([column["name"] for column in header], types, (row(line, exact) for line in lines[1:]))


def row(line: str, exact: list[int]) -> list[Any]:
    """The values of a line, those at the places ``exact`` as exact numbers.

    >>> row("[1.50, 1.5]", [0])
    [Decimal('1.50'), 1.5]
    """
    values: list[Any] = json.loads(line)
    if exact:
        digits = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        for at in exact:
            values[at] = digits[at]
    return values


def converter(name: str) -> Convert:
    """What turns a JSON value of a DuckDB type into the Python value; ``None`` if that is what JSON gives.

    Values inside lists and structs stay as JSON gives them, as does what Python cannot hold, such as ``infinity``.

    >>> [converter(name)("2024-01-15") for name in ("DATE",)], converter("VARCHAR")
    ([datetime.date(2024, 1, 15)], None)
    """
    return _CONVERTERS.get(name)


def lenient(convert: Callable[[str], Any]) -> Callable[[Any], Any]:
    """``convert``, leaving the text where Python has no such value."""

    def converted(value: Any) -> Any:
        try:
            return convert(value)
        except (ValueError, OverflowError):
            return value

    return converted


def iso(text: str) -> str:
    """ISO 8601 as Python before 3.11 reads it: an offset in digits and six digits of a second at most.

    >>> iso("2024-01-15T13:45:00.123Z"), iso("01:02:03.123456789")
    ('2024-01-15T13:45:00.123000+00:00', '01:02:03.123456')
    """
    text = re.sub(r"Z$", "+00:00", text)
    return re.sub(r"\.(\d+)", lambda match: "." + match[1][:6].ljust(6, "0"), text)


_TIMESTAMP = lenient(lambda text: datetime.datetime.fromisoformat(iso(text)))
_TIME = lenient(lambda text: datetime.time.fromisoformat(iso(text)))
_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "BLOB": bytes.fromhex,
    "DATE": lenient(datetime.date.fromisoformat),
    "TIME": _TIME,
    "TIMETZ": _TIME,
    "TIMESTAMP": _TIMESTAMP,
    "TIMESTAMP_S": _TIMESTAMP,
    "TIMESTAMP_MS": _TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": _TIMESTAMP,
    "UUID": UUID,
}
