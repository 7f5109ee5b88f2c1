"""The time of one user, as a test sets it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from ._requests import stated

if TYPE_CHECKING:
    from ._requests import Plane


class Clock:
    """A user's clock: :attr:`Tenant.clock`. It is the machine's until it is set.

    >>> from altertable_mock import MockServer
    >>> with MockServer() as server, server.new_tenant() as tenant:
    ...     _ = tenant.clock.freeze("2024-02-29T12:00:00Z")
    ...     _ = tenant.clock.advance(days=1, hours=12)
    ...     tenant.sql("SELECT current_date")
    [(datetime.date(2024, 3, 2),)]
    """

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    @property
    def now(self) -> datetime.datetime:
        """What it shows."""
        return shown(self._plane.get("clock"))

    def set(self, at: datetime.datetime | str, *, rate: float | None = None) -> datetime.datetime:
        """Sets it; it runs on, at ``rate`` times the machine's pace."""
        return shown(self._plane.put("clock", {"at": stated(at), "frozen": False} | ({"rate": rate} if rate else {})))

    def freeze(self, at: datetime.datetime | str | None = None) -> datetime.datetime:
        """Has it stand, at ``at`` or at what it shows."""
        return shown(self._plane.put("clock", {"at": stated(at), "frozen": True}))

    def advance(self, by: datetime.timedelta | str | None = None, **parts: float) -> datetime.datetime:
        """Moves it ahead, by what makes a ``timedelta`` (``days=31``), one, or an ISO 8601 duration such as ``"P1M"``.

        What falls due by then, such as sessions that have idled for too long, has happened when this returns. Raises
        :class:`RequestError` for a negative duration.
        """
        given = datetime.timedelta(**parts) if by is None else by
        lapse = given if isinstance(given, str) else round(given / datetime.timedelta(milliseconds=1))
        return shown(self._plane.post("clock/advance", {"by": lapse}))

    def reset(self) -> datetime.datetime:
        """Has it show the machine's time again."""
        return shown(self._plane.delete("clock"))


def shown(told: dict[str, Any]) -> datetime.datetime:
    """What a clock shows, as the control plane tells it."""
    return datetime.datetime.fromisoformat(told["at"].replace("Z", "+00:00"))
