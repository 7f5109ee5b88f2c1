"""Running a case: its steps in order, each compared with what the spec expects."""

from __future__ import annotations

import base64
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import check
import flight_call
import flight_verbs
import http_verbs
import published
import sql_doors
from adbc_driver_manager import AdbcConnection
from altertable_lakehouse import Client
from background import Act, Background, Gate
from data import Number, Outcome, Value, encode, fill
from spec import Case, verb_of
from target import Account, Server


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"([0-9]+)(ms|s)", text).groups()  # type: ignore[union-attr]
    return int(number) / (1000 if unit == "ms" else 1)


class LateError(AssertionError):
    """Everything was as expected, but not in time."""


class CaseRun:
    """The state of one case while its steps run."""

    def __init__(self, case: Case, server: Server) -> None:
        self.case, self.server = case, server
        self.transport = http_verbs.transport(server)
        self.channel = flight_call.connect(server.flight_address, server.flight_secure)
        self.pool = ThreadPoolExecutor(8)
        self.names: dict[str, Value] = {"uuid": str(uuid.uuid4())}
        self.accounts: dict[str, Account] = {}
        self.rest_sessions: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.prepared: dict[str, bytes] = {}
        self.drivers: dict[str, AdbcConnection] = {}
        self.clients: dict[Account, Client] = {}
        self.background: dict[str, Background] = {}
        self.closers = [self.transport.close, self.channel.close, self.pool.shutdown]
        for tenant in case.tenants:
            self.introduce(tenant)

    def introduce(self, tenant: str) -> None:
        account = self.server.only or Account.fresh()
        self.accounts[tenant] = account
        pairs = vars(account)
        self.names.update({f"{tenant}.{name}": value for name, value in pairs.items()})
        if tenant == self.case.tenants[0]:
            self.names.update(pairs)

    def account(self, step: dict[str, Value]) -> Account:
        return self.accounts[step.get("tenant", self.case.tenants[0])]

    def run(self) -> None:
        try:
            for number, step in enumerate(self.case.steps, 1):
                try:
                    self.step(step)
                except AssertionError as wrong:
                    raise type(wrong)(f"step {number}: {wrong}\n{check.short(step)}") from None
        finally:
            for running in self.background.values():
                running.hang_up()
            for close in reversed(self.closers):
                close()

    def step(self, raw: dict[str, Value]) -> None:
        for number in range(int(fill(raw.get("times", Number(1)), self.names))):
            self.names["i"] = Number(number)
            self.once(fill(raw, self.names))

    def once(self, step: dict[str, Value]) -> None:
        verb, argument = verb_of(step)
        started = time.monotonic()
        if verb == "sleep":
            time.sleep(seconds(argument))
        elif verb == "pending":
            time.sleep(0.05)
            assert not self.background[argument].done.done(), f"the background step {argument} has ended"
        elif verb == "drop":
            self.background.pop(argument).hang_up()
        elif verb == "join":
            running = self.background.pop(argument)
            self.judge(running.verb, step, running.join(), started)
        elif "background" in step:
            self.start(step, verb, argument)
        else:
            self.until_it_holds(step, verb, argument)

    def start(self, step: dict[str, Value], verb: str, argument: Value) -> None:
        gate = Gate(int(step.get("pause_after", Number(0))))
        running = Background(verb, self.act(step, verb, argument), gate, self.pool)
        self.background[step["background"]] = running
        if gate.after:
            running.wait_for_pause()
            self.capture(step, gate.so_far)

    def until_it_holds(self, step: dict[str, Value], verb: str, argument: Value) -> None:
        deadline = time.monotonic() + (seconds(step["eventually"]) if "eventually" in step else 0)
        while True:
            began = time.monotonic()
            outcome = self.act(step, verb, argument).run(Gate())
            if verb == "flight.prepare" and "handle" in outcome:
                self.prepared[step.get("as", "main")] = base64.b64decode(outcome["handle"])
            try:
                return self.judge(verb, step, outcome, began)
            except AssertionError:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(0.02)

    def judge(self, verb: str, step: dict[str, Value], outcome: Outcome, started: float) -> None:
        """Compares with the step's expectations, success filled in where they say nothing."""
        took = time.monotonic() - started
        expected = dict(step.get("expect") or {})
        if verb in ("lakehouse", "analytics"):
            expected.setdefault("status", {"$between": [Number(200), Number(299)]})
        elif verb == "sql":
            expected.setdefault("error", None)
        elif verb != "socket":
            expected.setdefault("status", "OK")
        wrong = [str(one) for one in check.outcome(expected, outcome)]
        if "after" in step and took < seconds(step["after"]):
            wrong.append(f"took {took:.3f} s, less than {step['after']}")
        assert not wrong, "\n".join(wrong) + f"\noutcome {check.short(outcome)}"
        if "within" in step and took > seconds(step["within"]):
            raise LateError(f"took {took:.3f} s, more than {step['within']}")
        self.capture(step, outcome)

    def capture(self, step: dict[str, Value], outcome: Outcome) -> None:
        for name, pointer in step.get("capture", {}).items():
            found: Value = outcome
            for part in pointer.split("/")[1:]:
                key = part.replace("~1", "/").replace("~0", "~")
                found = found[int(key)] if isinstance(found, list) else found[key]
            self.names[name] = found

    def act(self, step: dict[str, Value], verb: str, argument: Value) -> Act:
        if verb in ("lakehouse", "analytics"):
            return self.http(step, verb, argument)
        if verb == "socket":
            address = getattr(self.server, argument)
            return Act(lambda _: http_verbs.bare_socket(address, step["send"]))
        if verb == "sql":
            door = step.get("door", self.case.door)
            return self.flight_sql(step, argument) if door == "flight" else self.rest_sql(step, argument)
        return flight_verbs.act(self, step, verb.removeprefix("flight."), argument)

    def http(self, step: dict[str, Value], door: str, line: str) -> Act:
        """Through the published client if it can send the step, else through httpx."""
        if door == "lakehouse" and (through_client := published.act(self, step, line)):
            return through_client
        call = http_verbs.request(self, step, door, line)
        return Act(call.run, call.cancel)

    def client(self, account: Account) -> Client:
        if account not in self.clients:
            self.clients[account] = published.connect(self.server, account)
            self.closers.append(self.clients[account]._client.close)
        return self.clients[account]

    def rest_sql(self, step: dict[str, Value], statement: str) -> Act:
        key = f"{self.account(step).user}/{step.get('session', 'main')}"
        session = self.rest_sessions.setdefault(key, str(uuid.uuid4()))
        wanted = {key: step[key] for key in ("auth", "headers", "tenant", "background") if key in step}
        wanted["json"] = {"statement": statement, "session_id": session}
        query = self.http(wanted, "lakehouse", "POST /query")
        return Act(lambda gate: sql_doors.rest_outcome(query.run(gate)), query.cancel)

    def flight_sql(self, step: dict[str, Value], statement: str) -> Act:
        (authorization,) = (value for name, value in self.call(step, "query").metadata if name == "authorization")
        if authorization not in self.drivers:
            uri = f"{'grpc+tls' if self.server.flight_secure else 'grpc'}://{self.server.flight_address}"
            database, self.drivers[authorization] = sql_doors.connect(uri, authorization)
            self.closers += [database.close, self.drivers[authorization].close]
        connection = self.drivers[authorization]
        return Act(lambda gate: sql_doors.run_adbc(connection, statement, gate))

    def call(self, step: dict[str, Value], verb: str) -> flight_call.Call:
        """Calls in a session of the step's tenant, opened on first use."""
        account = self.account(step)
        if "auth" in step or verb == "handshake":
            pairs = http_verbs.credentials(step, "flight", account)
            metadata = {name.lower(): value for name, value in pairs}
        else:
            metadata = {"authorization": f"Bearer {self.token(account, step.get('session', 'main'))}"}
        for name, value in step.get("headers", {}).items():
            metadata[name.lower()] = value if isinstance(value, str) else encode(value)
        return flight_call.Call(self.channel, list(metadata.items()))

    def token(self, account: Account, session: str) -> str:
        key = f"{account.user}/{session}"
        if key not in self.tokens:
            ((_, basic),) = http_verbs.credentials({}, "flight", account)
            call = flight_call.Call(self.channel, [("authorization", basic)])
            answered = call.run(lambda into: call.handshake(1, into))
            assert answered["status"] == "OK", f"the handshake failed: {answered}"
            self.tokens[key] = answered["token"]
        return self.tokens[key]
