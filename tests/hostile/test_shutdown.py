"""SIGTERM ends the process within `--shutdown-timeout`, whatever runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import grpc
import httpx
import pytest
from arena import Arena, Tenant, files_in
from raw_flight import messages
from raw_http import connect
from test_flight_calls import ENDLESS_ROWS, ENDLESS_WORK, attempt, close_prepared, prepare, run_prepared, uploads

GRACE = 1


def rest_work(tenant: Tenant) -> None:
    with suppress(httpx.HTTPError):
        tenant.query(ENDLESS_WORK)


def rest_unread(tenant: Tenant) -> None:
    with suppress(httpx.HTTPError), tenant.rest.stream("POST", "/query", json={"statement": ENDLESS_ROWS}) as response:
        next(response.iter_bytes())
        time.sleep(GRACE * 4)


def flight_work(tenant: Tenant) -> None:
    headers = tenant.raw.session()
    attempt_quietly(lambda: list(tenant.raw.redeem(tenant.raw.plan(ENDLESS_WORK, headers), headers)))


def flight_unread(tenant: Tenant) -> None:
    stream = tenant.raw.get(ENDLESS_ROWS)
    next(stream)
    time.sleep(GRACE * 4)


def flight_spooling(tenant: Tenant) -> None:
    headers = tenant.raw.session()
    stream = tenant.raw.redeem(tenant.raw.plan(ENDLESS_ROWS, headers), headers)
    next(stream)
    attempt_quietly(lambda: tenant.raw.plan("SELECT 1", headers))


def flight_closing(tenant: Tenant) -> None:
    headers = tenant.raw.session()
    handle = prepare(tenant.raw, ENDLESS_WORK, headers)
    running = threading.Thread(
        target=lambda: attempt_quietly(run_prepared, tenant.raw, handle, headers, 20), daemon=True
    )
    running.start()
    time.sleep(0.3)
    attempt_quietly(close_prepared, tenant.raw, handle, headers)


def flight_ingest(tenant: Tenant) -> None:
    def parts() -> Iterator[messages.FlightData]:
        yield from uploads("slowly", 200, pause=0.1)

    attempt_quietly(lambda: list(tenant.raw.put(parts())))


def half_a_call(tenant: Tenant) -> None:
    with connect(tenant.server.lakehouse_url) as stream:
        stream.sendall(b"POST /query HTTP/1.1\r\nhost: x\r\nauthorization: " + tenant.authorization.encode())
        time.sleep(GRACE * 4)


def half_an_upload(tenant: Tenant) -> None:
    def parts() -> Iterator[bytes]:
        yield b"id\n"
        for _ in range(200):
            time.sleep(0.1)
            yield b"1\n"

    with suppress(httpx.HTTPError):
        tenant.rest.post("/upload?catalog=memory&schema=main&table=slowly&mode=create", content=parts())


def attempt_quietly(call: Callable[..., object], *arguments: object) -> None:
    with suppress(grpc.RpcError, AssertionError):
        attempt(call, *arguments)


FIRST = [rest_work, flight_closing, flight_ingest]
LATER = [rest_unread, flight_work, flight_unread, flight_spooling, half_a_call, half_an_upload]


def end_under(*loads: Callable[[Tenant], None]) -> None:
    arena = Arena(shutdown_timeout=str(GRACE))
    try:
        for load, tenant in [(load, arena.attacker()) for load in loads]:
            threading.Thread(target=quietly, args=(load, tenant), daemon=True).start()
        time.sleep(0.8)
        arena.watch.stop()
        started = time.monotonic()
        code = arena.server.stop(timeout=GRACE + 6)
        took = time.monotonic() - started
        assert code == 0, arena.server.log[-5:]
        assert took < GRACE + 2, f"it took {took:.1f} s"
        assert arena.spooled() == 0, f"temporary files were left: {[str(path) for path in files_in(arena.folder)]}"
    finally:
        arena.close()


def quietly(load: Callable[[Tenant], None], tenant: Tenant) -> None:
    """The load's calls end as the server does, in whatever words."""
    with suppress(Exception):
        load(tenant)


@pytest.mark.parametrize(
    "load",
    [*FIRST, *(pytest.param(load, marks=pytest.mark.slow) for load in LATER)],
    ids=lambda load: load.__name__,
)
def test_sigterm_ends_the_server_in_time(load: Callable[[Tenant], None]) -> None:
    end_under(load)


def test_sigterm_ends_the_server_in_time_under_all_of_them() -> None:
    end_under(*FIRST, *LATER, *FIRST, *LATER)
