"""The clients of a soak: each kind calls one door as people do, and badly at times, until it is killed."""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))

import httpx

# The tenants of a moment; the next moment has others, and the server drops those that nobody calls any more.
TENANTS, MOMENT = 4, 15.0
CSV_ROW = "{0},name {0},{1}\n"


class Door:
    """What a client knows: the addresses, a source of chance, and how many of its calls went well."""

    def __init__(self, addresses: tuple[str, str, str], seed: int, counter: object) -> None:
        self.lakehouse, self.analytics, self.flight = addresses
        self.random = random.Random(seed)
        self.counter = counter

    def tenant(self) -> tuple[str, str]:
        moment = int(time.monotonic() / MOMENT)
        return f"tenant{moment}x{self.random.randrange(TENANTS)}", "secret"

    def done(self) -> None:
        with self.counter.get_lock():
            self.counter.value += 1

    def act(self, actions: list[Callable[[], None]]) -> None:
        """One action after another; what the server refuses is an answer too."""
        while True:
            with contextlib.suppress(*refusals()):
                self.random.choice(actions)()
                self.done()
            time.sleep(self.random.random() * 0.05)


def refusals() -> tuple[type[BaseException], ...]:
    """How the clients say that a call failed."""
    kinds: list[type[BaseException]] = [httpx.HTTPError]
    if "grpc" in sys.modules:
        kinds.append(sys.modules["grpc"].RpcError)
    if "pyarrow" in sys.modules:
        arrow = sys.modules["pyarrow"]
        kinds += [arrow.ArrowException, KeyError, OSError, TypeError, ValueError]
    if "adbc_driver_manager" in sys.modules:
        kinds.append(sys.modules["adbc_driver_manager"].Error)
    return tuple(kinds)


def rest(door: Door) -> None:
    """Queries: small, large, failing, broken off, cancelled, in sessions that nobody ends."""
    client = httpx.Client(base_url=door.lakehouse, timeout=20)

    def query(statement: str, **fields: object) -> httpx.Response:
        return client.post("/query", auth=door.tenant(), json={"statement": statement, **fields})

    def large() -> None:
        query(f"SELECT i, repeat('x', 100) AS s FROM range({door.random.randrange(100_000)}) t(i)")

    def failing() -> None:
        query(
            door.random.choice(["SELEC 1", "SELECT error('x')", "FROM nothing", "SELECT 'database has been'::INTEGER"])
        )

    def long_text() -> None:
        query(f"SELECT {door.random.random()} -- " + "x" * 500_000)

    def broken_off() -> None:
        body = {"statement": "SELECT i, repeat('x', 1000) FROM range(10000000) t(i)"}
        with client.stream("POST", "/query", auth=door.tenant(), json=body) as response:
            next(response.iter_bytes())

    def cancelled() -> None:
        ids = {"query_id": str(uuid.uuid4()), "session_id": str(uuid.uuid4())}
        work = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"
        auth = door.tenant()
        with client.stream("POST", "/query", auth=auth, json={"statement": work, **ids}) as response:
            lines = response.iter_lines()
            next(lines)
            client.delete(f"/query/{ids['query_id']}", auth=auth, params={"session_id": ids["session_id"]})
            list(lines)

    def left_behind() -> None:
        query("CREATE TEMP TABLE t AS SELECT * FROM range(10000)", session_id=str(uuid.uuid4()))

    def left_open() -> None:
        session = str(uuid.uuid4())
        for statement in ("BEGIN", f"CREATE TABLE t{session[:8]} AS SELECT 1"):
            query(statement, session_id=session)

    def impatient() -> None:
        with contextlib.suppress(httpx.TimeoutException):
            client.post(
                "/query",
                auth=door.tenant(),
                json={"statement": "SELECT count(*) FROM range(100000000000) t(i) WHERE i % 7 = 3"},
                timeout=0.3,
            )

    small = [lambda: query("SELECT 42"), lambda: query("SELECT 42", ephemeral=True)] * 4
    door.act([*small, large, failing, long_text, broken_off, cancelled, left_behind, left_open, impatient])


def loads(door: Door) -> None:
    """Uploads, upserts and appends, whole and broken off."""
    client = httpx.Client(base_url=door.lakehouse, timeout=20)

    def rows(count: int) -> str:
        return "id,name,note\n" + "".join(CSV_ROW.format(i, "x" * 50) for i in range(count))

    def target(**more: str) -> dict[str, str]:
        return {"catalog": "memory", "schema": "main", "table": f"loaded{door.random.randrange(5)}", **more}

    def send(path: str, body: str | Iterator[bytes], params: dict[str, str]) -> None:
        client.post(path, auth=door.tenant(), params=params, content=body)

    def upload() -> None:
        send("/upload", rows(door.random.randrange(20_000)), target(mode="overwrite"))

    def upsert() -> None:
        send("/upsert", rows(door.random.randrange(5_000)), target(primary_key="id"))

    def append() -> None:
        some = [{"id": i, "name": "x", "note": "y"} for i in range(door.random.randrange(1, 200))]
        send("/append", json.dumps(some), target())

    def broken_off() -> None:
        def parts() -> Iterator[bytes]:
            yield rows(2_000).encode()
            raise OSError

        with contextlib.suppress(OSError):
            send("/upload", parts(), target(mode="create_append"))

    def damaged() -> None:
        send("/upload", "PAR1" + rows(10), target(mode="overwrite"))

    door.act([upload, upsert, append, append, append, broken_off, damaged])


def events(door: Door) -> None:
    """Events, identities and aliases of one project for all tenants, and what they see of it."""
    client = httpx.Client(base_url=door.analytics, headers={"x-api-key": "soak-key"}, timeout=20)
    sql = httpx.Client(base_url=door.lakehouse, timeout=20)

    def who() -> str:
        return f"user{door.random.randrange(1000)}"

    def track() -> None:
        some = [
            {"event": "e", "distinct_id": who(), "properties": {"n": i, "note": "x" * 500}}
            for i in range(door.random.randrange(1, 50))
        ]
        client.post("/track", json=some)

    def identify() -> None:
        client.post("/identify", json={"distinct_id": who(), "traits": {"plan": "pro"}})

    def alias() -> None:
        client.post("/alias", json={"distinct_id": who(), "new_user_id": who()})

    def bad() -> None:
        client.post("/track", content=b"[" * door.random.randrange(100_000))

    def look() -> None:
        statement = "SELECT count(*) FROM product_analytics.events"
        sql.post("/query", auth=door.tenant(), json={"statement": statement})

    door.act([track, track, identify, alias, bad, look])


def calls(door: Door) -> None:
    """Bare Flight calls: sessions that nobody closes, unread streams, tickets, transactions, ingests that break off."""
    import grpc
    from mock_server import Credentials
    from raw_flight import Raw, messages, upload

    def raw() -> tuple[Raw, object]:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        channel = grpc.insecure_channel(door.flight, options)
        return Raw(channel, Credentials(*door.tenant())), channel

    def with_raw(work: Callable[[Raw], None]) -> Callable[[], None]:
        def action() -> None:
            mine, channel = raw()
            with channel:
                work(mine)

        return action

    def query(mine: Raw) -> None:
        headers = mine.session()
        for at in range(20):
            list(mine.redeem(mine.plan(f"SELECT {at}", headers), headers, timeout=20))
        mine.act("CloseSession", b"", headers)

    def unread(mine: Raw) -> None:
        headers = mine.session()
        rows = "SELECT i, repeat('x', 100) FROM range(300000) t(i)"
        stream = mine.redeem(mine.plan(rows, headers), headers, timeout=20)
        next(stream)
        list(mine.redeem(mine.plan("SELECT 1", headers), headers, timeout=20))
        if door.random.random() < 0.5:
            list(stream)

    def endless(mine: Raw) -> None:
        stream = mine.get("SELECT i, repeat('x', 100) FROM range(1000000000000) t(i)")
        next(stream)

    def tickets(mine: Raw) -> None:
        headers = mine.session()
        for at in range(50):
            mine.plan(f"SELECT {at}, '{'x' * 1000}'", headers)

    def transaction(mine: Raw) -> None:
        headers = mine.session()
        for statement in ("BEGIN", "CREATE TABLE IF NOT EXISTS t (i INTEGER)", "INSERT INTO t VALUES (1)"):
            list(mine.redeem(mine.plan(statement, headers), headers, timeout=20))

    def ingest(mine: Raw) -> None:
        import pyarrow as pa

        batch = pa.record_batch({"i": pa.array(range(10_000), pa.int64())})
        first, rows = upload("ingested", batch)

        def parts() -> Iterator[messages.FlightData]:
            yield first
            yield from [rows] * door.random.randrange(10)
            if door.random.random() < 0.3:
                raise OSError

        mine.put(parts())

    door.act([with_raw(work) for work in (query, query, query, unread, endless, tickets, transaction, ingest)])


def adbc(door: Door) -> None:
    """The ADBC driver: cursors with parameters, ingest, transactions that are and are not ended."""
    import adbc_driver_flightsql.dbapi as dbapi
    import pyarrow as pa
    from adbc_driver_manager import DatabaseOptions

    names = (DatabaseOptions.USERNAME.value, DatabaseOptions.PASSWORD.value)
    table = pa.table({"id": list(range(1000)), "name": ["x"] * 1000})

    def connected(work: Callable[[dbapi.Connection, dbapi.Cursor], None], *, autocommit: bool) -> Callable[[], None]:
        def action() -> None:
            user = dict(zip(names, door.tenant(), strict=True))
            with dbapi.connect(f"grpc://{door.flight}", db_kwargs=user, autocommit=autocommit) as connection:
                with connection.cursor() as cursor:
                    work(connection, cursor)

        return action

    def prepared(_: dbapi.Connection, cursor: dbapi.Cursor) -> None:
        for at in range(20):
            cursor.execute("SELECT ? + 1", (at,))
            cursor.fetchall()

    def early(_: dbapi.Connection, cursor: dbapi.Cursor) -> None:
        cursor.execute("SELECT * FROM range(10000000)")
        cursor.fetchone()

    def ingest(_: dbapi.Connection, cursor: dbapi.Cursor) -> None:
        cursor.adbc_ingest("by_adbc", table, mode="create_append")

    def transaction(connection: dbapi.Connection, cursor: dbapi.Cursor) -> None:
        cursor.execute("CREATE TABLE IF NOT EXISTS kept (i INTEGER)")
        cursor.execute("INSERT INTO kept VALUES (1)")
        if door.random.random() < 0.5:
            connection.rollback()

    door.act(
        [
            connected(prepared, autocommit=True),
            connected(early, autocommit=True),
            connected(ingest, autocommit=True),
            connected(transaction, autocommit=False),
        ]
    )


KINDS: dict[str, Callable[[Door], None]] = {
    "rest": rest,
    "loads": loads,
    "events": events,
    "calls": calls,
    "adbc": adbc,
}


def client(kind: str, addresses: tuple[str, str, str], seed: int, counter: object) -> None:
    """The main function of a client's process."""
    KINDS[kind](Door(addresses, seed, counter))
