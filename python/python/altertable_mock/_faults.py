"""Faults that a test has its user's calls meet."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._requests import Plane


class Fault:
    """A fault rule of :meth:`Tenant.fail`. At the end of its ``with`` block it is removed, and has to have been met."""

    def __init__(self, plane: Plane, told: Mapping[str, Any], *, must_be_met: bool) -> None:
        self._plane = plane
        self._told = dict(told)
        self._must_be_met = must_be_met
        self._is_removed = False

    @property
    def id(self) -> str:
        """The rule's id; requests that it acted on carry it as ``fault``."""
        return str(self._told["id"])

    @property
    def acted(self) -> int:
        """On how many calls it has acted so far."""
        return int(self._now()["acted"])

    @property
    def matched(self) -> int:
        """How many calls have met its conditions so far."""
        return int(self._now()["matched"])

    def remove(self) -> None:
        """Removes the rule; calls that it holds go on. Once it is removed this does nothing."""
        if not self._is_removed:
            self._told = self._plane.delete(f"faults/{self.id}")
            self._is_removed = True

    def _now(self) -> Mapping[str, Any]:
        if not self._is_removed:
            self._told = self._plane.get(f"faults/{self.id}")
        return self._told

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()
        if kind is None and self._must_be_met and self.acted == 0:
            met = f"{self.matched} calls met its conditions, and it acted on none of them"
            raise AssertionError(f"the fault was not met: {met}: {self._told.get('match', {})} {self._told['do']}")

    def __repr__(self) -> str:
        return f"<Fault {self.id} {self._told['do']}>"


def order(on: Mapping[str, Any] | str | None, schedule: Mapping[str, Any], do: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as the control plane reads it.

    >>> order("POST /query", {"times": 1, "skip": None}, {"status": 503})
    {'match': {'operation': 'POST /query'}, 'do': {'status': 503}, 'times': 1}
    """
    match = {"operation": on} if isinstance(on, str) else dict(on or {})
    given = {name: value for name, value in schedule.items() if value is not None}
    return {"match": match, "do": dict(do), **given}
