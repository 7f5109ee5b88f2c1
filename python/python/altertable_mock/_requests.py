"""What was asked of a server, as its journal tells, and waiting for it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ._errors import RequestError, WaitError
from ._http import Door

SLACK = 5.0
"""Seconds that the answer to a wait may take beyond it."""

PLANS = ("GetFlightInfo", "PollFlightInfo", "GetSchema", "DoAction CreatePreparedStatement")
"""Operations that plan a statement which another one runs."""


@dataclass(frozen=True)
class Request:
    """One call on one door, once it has ended."""

    id: str
    """A UUIDv7; the events that it brought carry it as ``request``."""

    time: datetime.datetime
    """When it began."""

    door: str
    """``lakehouse``, ``analytics`` or ``flight``."""

    operation: str
    """What it asked for, such as ``POST /query`` or ``GetFlightInfo CommandStatementQuery``."""

    session: str | None
    """The session that it ran in."""

    statement: str | None
    """What it ran, secrets masked, cut after 16 KiB."""

    table: str | None
    """The table that it loaded rows into."""

    events: list[str]
    """The names of the events that it brought."""

    parameters: list[str | None]
    """The values that it bound, as texts."""

    status: int | str | None
    """HTTP's status, or the name of gRPC's; ``None`` if the client did not wait for it."""

    error: str | None
    """Why it failed, if it did."""

    rows: int | None
    """How many rows went over the wire, if it was about rows."""

    bytes_in: int
    """The bytes of the request's body."""

    bytes_out: int
    """The bytes of the answer's body."""

    duration: float
    """How long it took, in seconds."""

    client: str | None
    """What its client called itself."""

    fault: str | None = None
    """The id of the :class:`Fault` that acted on it."""

    @property
    def what(self) -> str:
        """The statement, or what was asked for in words."""
        if self.statement is not None:
            return self.statement
        if self.table is not None:
            return f"{self.operation}: rows into {self.table}"
        return f"{self.operation}: {', '.join(self.events)}" if self.events else self.operation

    @property
    def is_work(self) -> bool:
        """Whether it ran a statement, brought rows or events, or failed: no login, nor a plan for another request."""
        if self.error is not None or self.door == "analytics":
            return True
        return (self.statement or self.table) is not None and not self.operation.startswith(PLANS)


def request_of(told: Mapping[str, Any]) -> Request:
    """A request as the control plane tells it."""
    return Request(
        id=told["id"],
        time=datetime.datetime.fromisoformat(told["time"].replace("Z", "+00:00")),
        door=told["door"],
        operation=told["operation"],
        session=told["session"],
        statement=told["statement"],
        table=told["table"],
        events=told["events"] or [],
        parameters=told["parameters"] or [],
        status=told["status"],
        error=told["error"],
        rows=told["rows"],
        bytes_in=told["bytes_in"],
        bytes_out=told["bytes_out"],
        duration=told["duration_us"] / 1e6,
        client=told["client"],
        fault=told.get("fault"),
    )


class Plane:
    """The control plane of one tenant."""

    def __init__(self, door: Door, login: Mapping[str, str]) -> None:
        self._door = door
        self._login = login

    def post(self, route: str, body: Mapping[str, Any]) -> Any:
        """The answer to a body."""
        sent = json.dumps(body, default=str).encode()
        return json.loads(self._door.post(f"/_mock/v1/{route}", sent, self._login))

    def put(self, route: str, body: Mapping[str, Any]) -> Any:
        """The answer to a body."""
        sent = json.dumps(body, default=str).encode()
        return json.loads(self._door.put(f"/_mock/v1/{route}", sent, self._login))

    def get(self, route: str, **conditions: Any) -> Any:
        """What is found under those conditions that are not ``None``."""
        given = {name: stated(value) for name, value in conditions.items() if value is not None}
        return json.loads(self._door.get(f"/_mock/v1/{route}?{urlencode(given)}", self._login))

    def delete(self, route: str) -> Any:
        """What is told of what is removed."""
        return json.loads(self._door.delete(f"/_mock/v1/{route}", self._login))

    def wait(self, route: str, conditions: Mapping[str, Any], count: int, timeout: float, since: Any) -> list[Any]:
        """The first ``count`` that meet the conditions. Raises :class:`WaitError` with what came nearest."""
        wanted = {name: stated(value) for name, value in conditions.items() if value is not None}
        body = {"match": wanted, "count": count, "timeout_ms": round(timeout * 1000)}
        if since is not None:
            body["since"] = stated(since)
        sent = json.dumps(body, default=str).encode()
        try:
            answer = self._door.post(f"/_mock/v1/{route}/wait", sent, self._login, timeout=timeout + SLACK)
        except RequestError as error:
            if error.status == 408:
                raise WaitError(told_in_vain(route, wanted, json.loads(error.answer))) from None
            raise
        found: list[Any] = json.loads(answer)[route]
        return found


def stated(value: Any) -> Any:
    """A condition as the plane reads it: times in RFC 3339, requests by their id."""
    if isinstance(value, datetime.datetime):
        return (value if value.tzinfo else value.astimezone()).isoformat()
    return value.id if isinstance(value, Request) else value


def told_in_vain(route: str, wanted: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Why a wait ended without what was wanted, and what came nearest."""
    lines = [f"{answer['error']['message']}, with {json.dumps(dict(wanted), default=str)}"]
    for near in answer["nearest"]:
        what = request_of(near["request"]).what if route == "requests" else json.dumps(near["event"])
        lines.append(f"  not by {', '.join(near['failed'])}: {what}")
    return "\n".join(lines)
