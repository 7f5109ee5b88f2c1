"""What each `flight.` verb does."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

import flight_wire as wire
from altertable_flightsql.generated import arrow_flight_pb2 as flight
from altertable_flightsql.generated import arrow_flight_sql_pb2 as sql
from background import Act
from data import Number, Outcome, Value, as_text
from flight_call import Call
from flight_wire import packed
from google.protobuf.any_pb2 import Any
from notation import Unsupported
from values import batches

if TYPE_CHECKING:
    from background import Gate
    from run import CaseRun

Make = Callable[[Outcome, "Gate"], None]


def act(run: CaseRun, step: dict[str, Value], verb: str, argument: Value) -> Act:
    call = run.call(step, verb)
    make = verb_made(run, call, step, verb, argument)
    return Act(lambda gate: call.run(lambda into: make(into, gate)), call.cancel)


def verb_made(run: CaseRun, call: Call, step: dict[str, Value], verb: str, argument: Value) -> Make:
    transaction = base64.b64decode(step["transaction"]) if "transaction" in step else None
    data = batches(step)
    if verb in ("query", "info", "poll", "schema"):
        command = command_of(run, argument, transaction, update=False)
        if verb == "query":
            return lambda into, gate: call.query(command, into, gate)
        return lambda into, _: getattr(call, verb)(command, into)
    if verb == "update":
        command = command_of(run, argument, transaction, update=True)
        return lambda into, _: call.update(command, data, into)
    if verb == "ingest":
        command = wire.ingest(argument, transaction)
        breaks = int(step["break_after"]) if "break_after" in step else None
        return lambda into, _: call.update(command, data, into, breaks)
    if verb == "bind":
        return lambda into, _: call.bind(handle_of(run, argument), data, into)
    if verb == "fetch":
        return lambda into, gate: call.fetch(base64.b64decode(argument), into, gate)
    if verb == "handshake":
        return lambda into, _: call.handshake(int((argument or {}).get("requests", 1)), into)
    if verb == "actions":
        return lambda into, _: into.update(actions(call))
    if verb == "rpc":
        return lambda into, _: call.rpc(argument, base64.b64decode(step.get("base64", "")), into)
    if verb == "prepare":
        return lambda into, _: call.prepare(argument, transaction, into)
    return lambda into, _: into.update(ACTIONS[verb](run, call, step, argument))


def handle_of(run: CaseRun, name: str) -> bytes:
    """A prepared statement's; a name never prepared stands for itself."""
    return run.prepared.get(name, name.encode())


def command_of(run: CaseRun, argument: Value, transaction: bytes | None, update: bool) -> bytes:
    if isinstance(argument, str):
        kind = sql.CommandStatementUpdate if update else sql.CommandStatementQuery
        return packed(kind(query=argument, transaction_id=transaction))
    ((name, value),) = argument.items()
    if name == "prepared":
        kind = sql.CommandPreparedStatementUpdate if update else sql.CommandPreparedStatementQuery
        return packed(kind(prepared_statement_handle=handle_of(run, value)))
    if name == "base64":
        return base64.b64decode(value)
    if name == "any":
        wrapped = Any(type_url=value["type_url"], value=base64.b64decode(value.get("base64", "")))
        return wrapped.SerializeToString()
    if not hasattr(sql, f"Command{name}"):
        raise Unsupported(f"no Flight SQL command is called {name}")
    return wire.named_command(name, value or {})


def actions(call: Call) -> Outcome:
    return {"actions": [action.type for action in call.stream("ListActions", flight.Empty(), flight.ActionType)]}


def close(run: CaseRun, call: Call, _: dict[str, Value], argument: Value) -> Outcome:
    request = sql.ActionClosePreparedStatementRequest(prepared_statement_handle=handle_of(run, argument))
    return {"results": Number(len(call.action("ClosePreparedStatement", packed(request))))}


def begin(_: CaseRun, call: Call, *__: Value) -> Outcome:
    request, result = sql.ActionBeginTransactionRequest(), sql.ActionBeginTransactionResult()
    call.one("BeginTransaction", packed(request), result, wrapped=True)
    return {"transaction": wire.text64(result.transaction_id)}


def end(_: CaseRun, call: Call, __: dict[str, Value], argument: Value) -> Outcome:
    word = as_text(argument["action"])
    number = {"commit": 1, "rollback": 2}.get(word)
    request = sql.ActionEndTransactionRequest(transaction_id=base64.b64decode(argument["transaction"]))
    request.action = int(word) if number is None else number
    return {"results": Number(len(call.action("EndTransaction", packed(request))))}


def set_options(_: CaseRun, call: Call, step: dict[str, Value], argument: Value) -> Outcome:
    result = flight.SetSessionOptionsResult()
    call.one("SetSessionOptions", wire.set_options(argument, step.get("wrapped")), result, wrapped=False)
    names = ("UNSPECIFIED", "INVALID_NAME", "INVALID_VALUE", "ERROR")
    return {"errors": {key: wire.name_of(error.value, names) for key, error in result.errors.items()}}


def get_options(_: CaseRun, call: Call, *__: Value) -> Outcome:
    result = flight.GetSessionOptionsResult()
    call.one("GetSessionOptions", b"", result, wrapped=False)
    return {"options": {key: wire.option_shown(option) for key, option in result.session_options.items()}}


def close_session(_: CaseRun, call: Call, *__: Value) -> Outcome:
    result = flight.CloseSessionResult()
    call.one("CloseSession", b"", result, wrapped=False)
    return {"result": wire.name_of(result.status, ("UNSPECIFIED", "CLOSED", "CLOSING", "NOT_CLOSEABLE"))}


def cancel(_: CaseRun, call: Call, step: dict[str, Value], argument: Value) -> Outcome:
    info = wire.cancel_body(base64.b64decode(argument))
    if step.get("via") == "CancelQuery":
        old = sql.ActionCancelQueryResult()
        request = sql.ActionCancelQueryRequest(info=info.SerializeToString())
        call.one("CancelQuery", packed(request), old, wrapped=True)
        return {"result": wire.name_of(old.result, wire.CANCELLED)}
    result = flight.CancelFlightInfoResult()
    call.one("CancelFlightInfo", flight.CancelFlightInfoRequest(info=info).SerializeToString(), result, wrapped=False)
    return {"result": wire.name_of(result.status, wire.CANCELLED)}


def any_action(_: CaseRun, call: Call, __: dict[str, Value], argument: Value) -> Outcome:
    results = call.action(argument["type"], base64.b64decode(argument.get("base64", "")))
    return {"results": [wire.text64(result) for result in results]}


ACTIONS = {
    "close": close,
    "begin": begin,
    "end": end,
    "set": set_options,
    "get": get_options,
    "close_session": close_session,
    "cancel": cancel,
    "action": any_action,
}
