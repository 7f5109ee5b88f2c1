"""One user of a server, with what a test needs to work as that user."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from ._clients import build
from ._clock import Clock
from ._endpoints import Endpoints, HasEndpoints
from ._errors import RequestError
from ._faults import Fault, order
from ._http import Door
from ._requests import Plane, Request, request_of
from ._rows import Rows, read
from ._seed import packed

if TYPE_CHECKING:
    import os

    import altertable
    import altertable_flightsql
    import altertable_lakehouse
    import psycopg


class Tenant(HasEndpoints):
    """One user: a name, a password, a database, and usually an API key.

    Made by :meth:`MockServer.new_tenant` and :meth:`MockServer.tenant`; in pytest by the fixture ``altertable_mock``.
    In a ``with`` block it is closed at the end.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        user: str,
        password: str,
        api_key: str | None,
        *,
        environment: str = "production",
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self._endpoints = endpoints
        self.user = user
        """The user's name."""
        self.password = password
        """The user's password."""
        self.api_key = api_key
        """The API key whose events the user sees, if there is one."""
        self.environment = environment
        """The environment that the user sees and :meth:`analytics_client` sends to."""
        self._on_close = on_close
        self._lakehouse = Door(endpoints.lakehouse_url)
        self._plane = Plane(self._lakehouse, self._login)
        self.clock = Clock(self._plane)
        """The user's time, which a test may set."""

    @property
    def endpoints(self) -> Endpoints:
        """Where the three doors are."""
        return self._endpoints

    def sql(self, statement: str, params: Mapping[str, Any] | Iterable[Any] | None = None) -> Rows:
        """Runs a statement as this user, in a session of its own, and returns its rows as tuples.

        Of several statements, which run in order until one fails, the rows are the last one's. ``params`` fill
        ``$name`` from a mapping, or ``?`` from a list. Needs no client package. Raises :class:`SqlError` with DuckDB's
        message.

        >>> from altertable_mock import MockServer
        >>> with MockServer() as server, server.new_tenant() as tenant:
        ...     tenant.sql("SELECT $day::DATE + 1 AS next, 1.50 AS price", {"day": "2024-01-15"})
        [(datetime.date(2024, 1, 16), Decimal('1.50'))]
        """
        body: dict[str, Any] = {"statement": statement, "ephemeral": True}
        if params is not None:
            body["params"] = dict(params) if isinstance(params, Mapping) else list(params)
        answer = self._lakehouse.post("/query", json.dumps(body).encode(), self._login)
        return read(answer)

    def load(self, table: str, rows: Iterable[Mapping[str, Any]], *, schema: str = "main") -> None:
        """Adds rows to a table, which is made for them if it is not there.

        Values are sent as JSON; what JSON has no notation for, such as dates, is sent as text.

        >>> from altertable_mock import MockServer
        >>> with MockServer() as server, server.new_tenant() as tenant:
        ...     tenant.load("orders", [{"id": 1, "total": 9.5}, {"id": 2, "total": 20}])
        ...     tenant.sql("SELECT count(*), sum(total) FROM orders")
        [(2, 29.5)]
        """
        place = urlencode({"catalog": "memory", "schema": schema, "table": table})
        body = json.dumps([dict(row) for row in rows], default=str).encode()
        answer = self._lakehouse.post(f"/append?{place}", body, self._login)
        outcome = json.loads(answer)
        if not outcome["ok"]:
            raise RequestError(f"cannot add rows to {table}: {outcome['error_message']}")

    def seed(self, path: str | os.PathLike[str], *, name: str | None = None, timeout: float = 600.0) -> list[str]:
        """Adds tables and events to what this user has, whole or not at all: a SQL file, or a folder of a seed.

        Returns the files, in the order in which they were applied. ``name`` is what another file would be called in
        such a folder, as ``"memory/main/orders.csv"``. Clients have to log in anew. Raises :class:`RequestError`, with
        file and line, if anything is wrong with it, and ``OSError`` for what cannot be read.

        >>> import pathlib, tempfile
        >>> from altertable_mock import MockServer
        >>> with MockServer() as server, server.new_tenant() as tenant, tempfile.TemporaryDirectory() as folder:
        ...     shop = pathlib.Path(folder, "shop.sql")
        ...     _ = shop.write_text("CREATE TABLE orders AS SELECT 1 AS id, 9.5 AS total;")
        ...     tenant.seed(shop), tenant.sql("FROM orders")
        (['shop.sql'], [(1, Decimal('9.5'))])
        """
        with packed(path, name) as (body, called, media):
            query = "?" + urlencode({"name": called}) if called is not None else ""
            headers = {**self._login, "Content-Type": media}
            answer = self._lakehouse.send(f"/_mock/v1/seed{query}", body, headers, timeout=timeout)
        seeded: list[str] = json.loads(answer)["seeded"]
        return seeded

    def events(self, event: str | None = None, *, distinct_id: str | None = None) -> list[dict[str, Any]]:
        """What was tracked with this user's API key, oldest first; of one event or one distinct id if given.

        Each is a row of ``product_analytics.main.events`` as a dictionary, ``properties`` among it.

        >>> from altertable_mock import MockServer
        >>> with MockServer() as server, server.new_tenant() as tenant:
        ...     tenant.track("signed_up", "user-1", {"plan": "pro"})
        ...     [(event["event"], event["properties"]) for event in tenant.events()]
        [('signed_up', {'plan': 'pro'})]
        """
        found = self.sql(
            "SELECT * FROM product_analytics.main.events WHERE event = coalesce($event, event) "
            "AND ($id IS NULL OR distinct_id = $id) ORDER BY timestamp, uuid",
            {"event": event, "id": distinct_id},
        )
        return found.dicts()

    def track(self, event: str, distinct_id: str, properties: Mapping[str, Any] | None = None) -> None:
        """Tracks an event as an application would, without any client package; for seeding.

        Raises :class:`RequestError` if the server refuses it.
        """
        item = {"event": event, "distinct_id": distinct_id, "environment": self.environment}
        body = json.dumps({**item, "properties": dict(properties or {})}, default=str).encode()
        Door(self.analytics_url).post("/track", body, {"X-API-Key": self.api_key or ""})

    def reset(self, *what: str) -> list[str]:
        """Puts this user back to where the server began: no table, no event, no session.

        ``what`` are the parts, such as ``"sessions"``, if not all of them are meant. What was left alone is returned:
        ``["project"]`` where other users see the same events. Clients have to log in anew.

        >>> from altertable_mock import MockServer
        >>> with MockServer() as server, server.new_tenant() as tenant:
        ...     _ = tenant.sql("CREATE TABLE t (i INTEGER)")
        ...     tenant.reset(), tenant.sql("SHOW TABLES")
        ([], [])
        """
        skipped: list[str] = self._plane.post("reset", {"what": list(what)} if what else {})["skipped"]
        return skipped

    def snapshot(self, name: str) -> list[str]:
        """Keeps this user's committed state under a name: every catalog, and what was tracked.

        What cannot be kept is returned, such as temporary tables of sessions. Raises :class:`RequestError` for a name
        that is none, and when the server has no room for it.

        >>> from altertable_mock import MockServer
        >>> with MockServer() as server, server.new_tenant() as tenant:
        ...     _ = tenant.sql("CREATE TABLE t AS SELECT 1 AS i")
        ...     _ = tenant.snapshot("one-row")
        ...     _ = tenant.sql("INSERT INTO t VALUES (2)")
        ...     _ = tenant.restore("one-row")
        ...     tenant.sql("FROM t"), tenant.snapshots()
        ([(1,)], ['one-row'])
        """
        return lacks(self._plane.put(f"snapshots/{segment(name)}", {}))

    def restore(self, name: str) -> list[str]:
        """Makes this user's state that of a snapshot. Clients have to log in anew.

        What did not come back is returned, as by :meth:`snapshot`. Raises :class:`RequestError` if there is no such
        snapshot.
        """
        return lacks(self._plane.post(f"snapshots/{segment(name)}/restore", {}))

    def snapshots(self) -> list[str]:
        """The names of this user's snapshots."""
        return [str(told["name"]) for told in self._plane.get("snapshots")["snapshots"]]

    def remove_snapshot(self, name: str) -> None:
        """Forgets a snapshot. Raises :class:`RequestError` if there is none of that name."""
        self._plane.delete(f"snapshots/{segment(name)}")

    def flight_client(self, **options: Any) -> altertable_flightsql.Client:
        """An ``altertable_flightsql.Client`` logged in as this user; ``options`` are passed on to it.

        Raises :class:`MissingClientError` if ``altertable-flightsql`` is not installed.
        """
        place = {"host": self.flight_host, "port": self.flight_port, "tls": self.endpoints.flight_tls}
        client: altertable_flightsql.Client = build(
            "altertable_flightsql", "Client", self.user, self.password, **{**place, **options}
        )
        return client

    def lakehouse_client(self, **options: Any) -> altertable_lakehouse.Client:
        """An ``altertable_lakehouse.Client`` logged in as this user; ``options`` are passed on to it.

        Raises :class:`MissingClientError` if ``altertable-lakehouse`` is not installed.
        """
        login = {"username": self.user, "password": self.password}
        client: altertable_lakehouse.Client = build(
            "altertable_lakehouse", "Client", self.lakehouse_url, **{**login, **options}
        )
        return client

    def analytics_client(self, **options: Any) -> altertable.Altertable:
        """An ``altertable.Altertable`` that tracks with this user's API key; ``options`` are passed on to it.

        Raises :class:`MissingClientError` if ``altertable`` is not installed.
        """
        place = {"server_url": self.analytics_url, "environment": self.environment}
        client: altertable.Altertable = build("altertable", "Altertable", self.api_key, **{**place, **options})
        return client

    def postgres_client(self, **options: Any) -> psycopg.Connection[Any]:
        """A ``psycopg.Connection`` to the PostgreSQL door as this user, which commits each statement by itself.

        ``options`` are passed on to ``psycopg.connect``, such as ``dbname="lake"`` or ``autocommit=False``.

        Raises :class:`MissingClientError` if ``psycopg`` is not installed.
        """
        login = {"user": self.user, "password": self.password, "autocommit": True}
        client: psycopg.Connection[Any] = build("psycopg", "connect", self.postgres_url, **{**login, **options})
        return client

    def requests(
        self,
        *,
        door: str | None = None,
        operation: str | None = None,
        status: int | str | None = None,
        statement: str | None = None,
        error: str | None = None,
        table: str | None = None,
        event: str | None = None,
        session: str | None = None,
        since: Request | datetime.datetime | str | None = None,
        until: Request | datetime.datetime | str | None = None,
        limit: int | None = None,
        order: str | None = None,
    ) -> list[Request]:
        """This user's calls on every door, oldest first, those that meet every condition.

        ``statement`` and ``error`` are regular expressions. ``since`` and ``until`` are requests, after and with which
        the list begins and ends, or times; ``order="desc"`` puts the latest first.

        >>> from altertable_mock import MockServer
        >>> with MockServer() as server, server.new_tenant() as tenant:
        ...     _ = tenant.sql("SELECT 42")
        ...     [(request.operation, request.statement, request.status) for request in tenant.requests()]
        [('POST /query', 'SELECT 42', 200)]
        """
        conditions = {name: value for name, value in locals().items() if name != "self"}
        return [request_of(told) for told in self._plane.get("requests", **conditions)["requests"]]

    def wait_for_request(
        self,
        *,
        door: str | None = None,
        operation: str | None = None,
        status: int | str | None = None,
        statement: str | None = None,
        error: str | None = None,
        table: str | None = None,
        event: str | None = None,
        session: str | None = None,
        since: Request | datetime.datetime | str | None = None,
        count: int = 1,
        timeout: float = 5.0,
    ) -> Request:
        """Waits until ``count`` calls meet every condition, those of the past included, and returns the last of them.

        Raises :class:`WaitError` after ``timeout`` seconds, which tells the calls that came nearest.
        """
        names = ("door", "operation", "status", "statement", "error", "table", "event", "session")
        given = locals()
        conditions = {name: given[name] for name in names}
        return request_of(self._plane.wait("requests", conditions, count, timeout, since)[-1])

    def wait_for_event(
        self,
        event: str | None = None,
        *,
        distinct_id: str | None = None,
        properties: Mapping[str, Any] | None = None,
        anonymous_id: str | None = None,
        since: Request | datetime.datetime | str | None = None,
        count: int = 1,
        timeout: float = 5.0,
    ) -> dict[str, Any]:
        """Waits until ``count`` events of this user's project meet every condition, those of the past included, and
        returns the last of them. ``properties`` are those that it has to have, with these values, beside others.

        Raises :class:`WaitError` after ``timeout`` seconds, which tells the events that came nearest.

        >>> from altertable_mock import MockServer
        >>> with MockServer() as server, server.new_tenant() as tenant:
        ...     tenant.track("signed_up", "user-1", {"plan": "pro"})
        ...     tenant.wait_for_event("signed_up", properties={"plan": "pro"})["distinct_id"]
        'user-1'
        """
        conditions = {
            "event": event,
            "distinct_id": distinct_id,
            "anonymous_id": anonymous_id,
            "properties": dict(properties) if properties is not None else None,
        }
        found: dict[str, Any] = self._plane.wait("events", conditions, count, timeout, since)[-1]
        return found

    def fail(
        self,
        on: Mapping[str, Any] | str | None = None,
        *,
        times: int | None = None,
        skip: int | None = None,
        probability: float | None = None,
        seed: int | None = None,
        must_be_met: bool = True,
        **do: Any,
    ) -> Fault:
        """Has this user's calls fail that match, from now on; for a ``with`` block, at whose end one has to have.

        ``on`` are the conditions, such as ``{"statement": "(?i)^insert"}``, or an operation such as ``"POST /query"``;
        none is every call. ``do`` is what becomes of a call, in the words of the control plane: ``status=503``,
        ``status="UNAVAILABLE"``, ``status="40001"``, ``delay_ms=200``, ``cut="reset"``, ``after={"rows": 10}`` and so
        on. Raises :class:`RequestError` for a rule that contradicts itself, and ``AssertionError`` at the end of the
        block if no call met it, unless ``must_be_met`` is false.

        >>> from altertable_mock import MockServer, RequestError
        >>> with MockServer() as server, server.new_tenant() as tenant:
        ...     with tenant.fail({"statement": "^SELECT"}, status=503, message="down", times=1) as fault:
        ...         try:
        ...             tenant.sql("SELECT 42")
        ...         except RequestError as error:
        ...             print(error.status)
        ...         print(tenant.sql("SELECT 42"), fault.acted)
        503
        [(42,)] 1
        """
        schedule = {"times": times, "skip": skip, "probability": probability, "seed": seed}
        told = self._plane.post("faults", order(on, schedule, do))
        return Fault(self._plane, told, must_be_met=must_be_met)

    def late_loads(self, delay: float | None = None) -> None:
        """Has rows sent to /upload, /upsert and /append be there only ``delay`` seconds after the answer.

        Without a delay they are there when :meth:`complete` says so. :meth:`instant_loads` takes it back.
        """
        late = {"mode": "manual"} if delay is None else {"mode": "delay", "delay_ms": round(delay * 1000)}
        self._plane.put("tasks", late)

    def instant_loads(self) -> None:
        """Has rows be there before the answer, as usual."""
        self._plane.put("tasks", {"mode": "instant"})

    def complete(self, task_id: str) -> str:
        """Has a pending load run now, and returns its status when it has ended: ``completed`` or ``failed``."""
        return str(self._plane.post(f"tasks/{task_id}/complete", {})["status"])

    def fail_task(self, task_id: str, message: str = "the test had it fail") -> None:
        """Has a pending load fail."""
        self._plane.post(f"tasks/{task_id}/fail", {"message": message})

    def close(self) -> None:
        """Ends the tenant: its database is dropped, and its user and key are refused from then on.

        A user that the server was started with stays.
        """
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()

    @property
    def _login(self) -> dict[str, str]:
        from base64 import b64encode

        pair = f"{self.user}:{self.password}".encode()
        return {"Authorization": "Basic " + b64encode(pair).decode()}

    def __enter__(self) -> Tenant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Tenant {self.user} of {self.lakehouse_url}>"


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def lacks(told: Mapping[str, Any]) -> list[str]:
    """What a snapshot does not have, and why."""
    return [f"{lack['what']}: {lack['why']}" for lack in told["left_out"]]
