"""Statements that want to change the instance, to look like its end, to be its end, or to take all it has.

The judge of each: the settings of a new session are as before, the tenant has its table, its database was not replaced
(a temporary table of an older session is there), no answer is the server's own fault, and the arena still stands.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable

import grpc
import httpx
import pytest
from arena import MIB, Arena, Tenant
from families import Script, depths, disguised_calls, listed, name_of, settings, spoofed_fatalities

# One setting follows the free disk once DuckDB has written to it, and says so before.
SETTINGS = r"""
    SELECT name, regexp_replace(value, '^90% of available disk space$|^[0-9.]+ [GT]iB$', 'by the disk')
    FROM duckdb_settings() WHERE name = 'max_temp_directory_size'
    UNION ALL SELECT name, value FROM duckdb_settings() WHERE name <> 'max_temp_directory_size' ORDER BY ALL
"""
# A statement that runs for ever is given up after this, which is one more thing that clients do.
GIVEN_UP = 0.7
# What a mistake of the client never is; an error of its SQL is INTERNAL there (FE-2).
SERVER_FAULTS = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS}


class Victim:
    """A tenant whose statements are judged; one that took harm makes room for another."""

    current: Victim | None = None

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.tenant = arena.attacker()
        arena.attackers.remove(self.tenant)
        self.session = str(uuid.uuid4())
        self.tenant.rows("CREATE TEMP TABLE keepsake AS SELECT 7 AS i", session_id=self.session)
        self.settings = self.tenant.rows(SETTINGS, ephemeral=True)
        self.seen = time.monotonic()

    @classmethod
    def of(cls, arena: Arena) -> Victim:
        """The victim so far, unless it took harm or may have idled out (LX-13)."""
        if cls.current is None or cls.current.arena is not arena or time.monotonic() - cls.current.seen > 1.5:
            cls.current = cls(arena)
        return cls.current

    def judge(self, *, replaced: bool) -> None:
        """`replaced`: an error inside DuckDB may cost the tenant its database, never its next call."""
        if not replaced:
            assert self.tenant.rows("SELECT count(*) FROM mine") == [[100]]
            kept = self.tenant.query("FROM keepsake", session_id=self.session)
            assert kept.rows == [[7]], f"the database was replaced: {kept.error}"
        # A statement that was given up holds its user's memory until it has stopped.
        self.arena.wait_for(lambda: not self._is_out_of_memory(), "its memory does not come back")
        settings = self.tenant.rows(SETTINGS, ephemeral=True)
        changed = [new for old, new in zip(self.settings, settings, strict=True) if old != new]
        assert replaced or not changed, f"settings of a new session: {changed}"
        self.seen = time.monotonic()

    def _is_out_of_memory(self) -> bool:
        answer = self.tenant.query(SETTINGS, ephemeral=True)
        return answer.error is not None and answer.error.startswith("Out of Memory")


def run_rest(tenant: Tenant, script: Script) -> list[str]:
    """Runs the script in one session and returns what was the server's fault."""
    fields = {"ephemeral": True} if len(script) == 1 else {"session_id": str(uuid.uuid4())}
    for statement in script:
        body = {"statement": statement, **fields}
        try:
            response = tenant.rest.post("/query", json=body, timeout=httpx.Timeout(30, read=GIVEN_UP))
        except httpx.ReadTimeout:
            return []
        if response.status_code >= 500:
            return [f"{statement[:200]}: {response.status_code} {response.text[:300]}"]
    return []


def run_flight(tenant: Tenant, script: Script) -> list[str]:
    raw = tenant.raw
    headers = raw.session()
    faults = []
    for statement in script:
        try:
            ticket = raw.plan(statement, headers, timeout=GIVEN_UP)
            for _ in raw.redeem(ticket, headers, timeout=GIVEN_UP):
                pass
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                break
            if error.code() in SERVER_FAULTS:
                faults.append(f"{statement[:200]}: {error.code()} {error.details()[:300]}")
    raw.act("CloseSession", b"", headers)
    return faults


DOORS = {"rest": run_rest, "flight": run_flight}


def attack(arena: Arena, door: str, script: Script, *, replaced: bool = False) -> None:
    run: Callable[[Tenant, Script], list[str]] = DOORS[door]
    victim = Victim.of(arena)
    try:
        faults = run(victim.tenant, script)
        victim.judge(replaced=replaced)
    except BaseException:
        Victim.current = None
        raise
    if replaced:
        Victim.current = None
    else:
        assert not faults, faults


def scripts(*families: list[Script]) -> pytest.MarkDecorator:
    every = [script for family in families for script in family]
    return pytest.mark.parametrize("script", every, ids=[name_of(script) for script in every])


both_doors = pytest.mark.parametrize("door", DOORS)
# Where the doors share all of the code that decides, the second one is for later.
rest_first = pytest.mark.parametrize("door", ["rest", pytest.param("flight", marks=pytest.mark.slow)])


@rest_first
@scripts(list(disguised_calls()))
def test_a_call_in_disguise_changes_nothing(arena: Arena, door: str, script: Script) -> None:
    attack(arena, door, script)


@rest_first
@scripts(list(settings()))
def test_a_setting_reaches_no_other_session(arena: Arena, door: str, script: Script) -> None:
    attack(arena, door, script)


@rest_first
@scripts(list(spoofed_fatalities()))
def test_a_text_is_no_fatality(arena: Arena, door: str, script: Script) -> None:
    attack(arena, door, script)


@rest_first
@scripts(listed("tricks"))
def test_a_trick_costs_nothing(arena: Arena, door: str, script: Script) -> None:
    attack(arena, door, script)


def test_what_wants_all_memory_gives_it_back(arena: Arena) -> None:
    """One after another, each by a tenant of its own, and one wait for the memory of all."""
    for script in listed("hungry"):
        Victim.current = None
        attack(arena, "rest", script)


@pytest.mark.slow
@both_doors
@scripts(listed("hungry"))
def test_what_wants_all_memory_gives_it_back_alone(arena: Arena, door: str, script: Script) -> None:
    """The same one by one, which tells whose memory stayed."""
    attack(arena, door, script)


@both_doors
@scripts(listed("internal"))
def test_an_error_inside_duckdb_ends_with_its_call(arena: Arena, door: str, script: Script) -> None:
    attack(arena, door, script, replaced=True)


@rest_first
@pytest.mark.growth(256)
@scripts(list(depths()))
def test_depth_is_refused_or_answered(arena: Arena, door: str, script: Script) -> None:
    attack(arena, door, script)


# Short texts that DuckDB plans for long, and with much memory that its own limit does not count.
LONG_PLANS = {
    "windows": "SELECT " + ", ".join(f"sum({at}) OVER (ORDER BY {at})" for at in range(30_000)),
    "branches": " UNION ALL ".join(["SELECT 1"] * 33_333),
    "lambdas": "SELECT " + "".join(f"list_transform([1], lambda x{at}: " for at in range(30)) + "x0" + ")" * 30,
    "copies": "WITH c0 AS NOT MATERIALIZED (SELECT 1 AS a)"
    + "".join(f", c{at + 1} AS NOT MATERIALIZED (SELECT x.a FROM c{at} x, c{at} y)" for at in range(18))
    + " FROM c18",
}


@both_doors
@pytest.mark.parametrize("plan", LONG_PLANS)
def test_a_plan_that_nobody_waits_for_ends(arena: Arena, door: str, plan: str) -> None:
    tenant, raw, session = arena.attacker(), arena.attackers[-1].raw, str(uuid.uuid4())
    headers = raw.session()
    began = time.monotonic()
    if door == "rest":
        with contextlib.suppress(httpx.ReadTimeout):
            fields = {"statement": LONG_PLANS[plan], "session_id": session}
            tenant.rest.post("/query", json=fields, timeout=httpx.Timeout(30, read=GIVEN_UP))
        assert tenant.rows("SELECT count(*) FROM mine", session_id=session) == [[100]]
    else:
        with contextlib.suppress(grpc.RpcError):
            for _ in raw.redeem(raw.plan(LONG_PLANS[plan], headers, timeout=GIVEN_UP), headers, timeout=GIVEN_UP):
                pass
        assert list(raw.redeem(raw.plan("FROM mine", headers), headers))
    assert time.monotonic() - began < 10, "its session's next call waited"


@pytest.mark.slow
@both_doors
@scripts(listed("unlimited"))
def test_a_value_beyond_all_limits_disturbs_nobody(arena: Arena, door: str, script: Script) -> None:
    """What such a value takes comes back once DuckDB has made it, which may be long after its caller has gone."""
    attack(arena, door, script)
    arena.wait_for(lambda: arena.server.resident_bytes() < arena.before + 96 * MIB, "the memory stayed high", 180)
