"""What one Flight client may hold: sessions, prepared statements, tickets and texts are limited."""

from __future__ import annotations

import grpc
import pytest
from altertable_flightsql.generated import arrow_flight_sql_pb2 as sql
from arena import MIB, Arena
from raw_flight import packed
from test_flight_calls import attempt, prepare, usable

ENDLESS_NUMBERS = "SELECT i FROM range(1000000000000) t(i)"


# While a hundred results wait in it, DuckDB may take some tenths of a second to plan another statement.
A_STREAM = pytest.param("a stream", marks=pytest.mark.slow)


@pytest.mark.parametrize("held", ["nothing", "a temporary table", "a transaction", A_STREAM, "a prepared statement"])
def test_sessions_that_nobody_closes_are_limited(arena: Arena, held: str) -> None:
    tenant = arena.attacker()
    raw, codes, streams, sessions = tenant.raw, [], [], []
    for _ in range(150):
        try:
            headers = raw.session()
            sessions.append(headers)
            if held == "a temporary table":
                list(raw.redeem(raw.plan("CREATE TEMP TABLE t AS SELECT * FROM range(10)", headers), headers))
            elif held == "a transaction":
                raw.act("BeginTransaction", packed(sql.ActionBeginTransactionRequest()), headers)
            elif held == "a stream":
                streams.append(raw.redeem(raw.plan(ENDLESS_NUMBERS, headers), headers, timeout=20))
            elif held == "a prepared statement":
                prepare(raw, "SELECT 1", headers)
            else:
                raw.plan("SELECT 1", headers)
        except grpc.RpcError as error:
            codes.append(error.code())
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
            assert "--tenant-session-limit" in error.details()
            break
    assert codes, "150 sessions passed a limit of 100"
    for stream in streams:
        stream.cancel()
    for headers in sessions[:10]:
        raw.act("CloseSession", b"", headers)
    usable(tenant)


def test_prepared_statements_that_nobody_closes_are_limited(arena: Arena) -> None:
    tenant = arena.attacker()
    raw, headers = tenant.raw, tenant.raw.session()
    with pytest.raises(grpc.RpcError) as refused:
        [prepare(raw, f"SELECT {at}", headers) for at in range(600)]
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, refused.value
    assert "--session-prepared-limit" in refused.value.details()
    usable(tenant)


def test_tickets_that_nobody_redeems_are_limited(arena: Arena) -> None:
    """Either the oldest go or new ones are refused; none of it costs memory without bound."""
    tenant = arena.attacker()
    raw, headers = tenant.raw, tenant.raw.session()
    text = "SELECT '" + "x" * 10_000 + "' AS s, {}"
    codes = {attempt(raw.plan, text.format(at), headers) for at in range(1500)}
    assert codes <= {None, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert arena.server.resident_bytes() - arena.before < 96 * MIB
    usable(tenant)


@pytest.mark.growth(72)
@pytest.mark.parametrize("size", [MIB, pytest.param(4 * MIB, marks=pytest.mark.slow)], ids=["1 MiB", "4 MiB"])
def test_large_texts_are_not_kept(arena: Arena, size: int) -> None:
    tenant = arena.attacker()
    raw, headers = tenant.raw, tenant.raw.session()
    for at in range(80 * MIB // size):
        attempt(lambda at=at: list(raw.redeem(raw.plan(f"SELECT {at} -- " + "x" * size, headers), headers)))
    usable(tenant)
