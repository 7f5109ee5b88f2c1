"""HTTP steps through `altertable-lakehouse`, where it can send exactly what the step says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import httpx
import pydantic
from altertable_lakehouse import Client
from altertable_lakehouse.errors import AltertableLakehouseError, ParseError
from altertable_lakehouse.models import AutocompleteRequest, QueryRequest, UploadMode, ValidateRequest
from background import Act
from data import Outcome, Value, as_text, encode
from http_verbs import answer, body_of
from target import Account, Server, trusted

if TYPE_CHECKING:
    from run import CaseRun

Send = Callable[[Client], object]
PLACE = {"catalog", "schema", "table"}


def act(run: CaseRun, step: dict[str, Value], line: str) -> Act | None:
    """The step as a call of the client, if it has one that sends the same."""
    # The client has headers of its own, and reads to the end.
    if step.keys() & {"auth", "headers", "background"} or "aborted" in step.get("expect", {}):
        return None
    send = call_of(step, line)
    return Act(lambda _: recorded(run.client(run.account(step)), send)) if send else None


def connect(server: Server, account: Account) -> Client:
    verify = trusted() if server.lakehouse.startswith("https:") else False
    return Client(server.lakehouse, username=account.user, password=account.password, verify=verify, timeout=60)


def call_of(step: dict[str, Value], line: str) -> Send | None:
    method, _, target = line.partition(" ")
    path, _, written = target.partition("?")
    given = {name: as_text(value) for name, value in step.get("query", {}).items()}
    query = {**dict(parse_qsl(written, keep_blank_values=True)), **given}
    route, _, last = path.rpartition("/")
    if method == "POST" and "json" in step:
        return json_call(path, query, step["json"])
    if method == "POST":
        return file_call(path, query, body_of(step))
    if method == "GET" and not query and last and route in ("/query", "/tasks"):
        return lambda client: client.get_query(last) if route == "/query" else client.get_task(last)
    if method == "DELETE" and route == "/query" and last and query.keys() == {"session_id"}:
        return lambda client: client.cancel_query(last, query["session_id"])
    return None


def json_call(path: str, query: dict[str, str], content: Value) -> Send | None:
    text = encode(content)
    plain = json.loads(text)
    # What Python's floats cannot hold would be sent with other digits.
    if json.dumps(plain, ensure_ascii=False, separators=(",", ":")) != text:
        return None
    if path == "/append" and query.keys() - {"sync"} == PLACE and query.get("sync", "true") in ("true", "false"):
        sync = query["sync"] == "true" if "sync" in query else None
        return lambda client: client.append(*place(query), plain, sync)
    if query or not isinstance(plain, dict):
        return None
    if path == "/query" and plain.get("format") == "parquet":
        request = model(QueryRequest, {name: value for name, value in plain.items() if name != "format"})
        return (lambda client: client.query_parquet(request)) if request else None
    kinds = {"/query": QueryRequest, "/validate": ValidateRequest, "/autocomplete": AutocompleteRequest}
    methods = {"/query": Client.query_all, "/validate": Client.validate, "/autocomplete": Client.autocomplete}
    request = model(kinds[path], plain) if path in kinds else None
    return (lambda client: methods[path](client, request)) if request else None


def model(kind: type[pydantic.BaseModel], plain: dict[str, object]) -> pydantic.BaseModel | None:
    """The request, if the client has it and would send it unchanged."""
    try:
        made = kind(**plain)
    except pydantic.ValidationError:
        return None
    return made if made.model_dump(mode="json", exclude_none=True, by_alias=True) == plain else None


def file_call(path: str, query: dict[str, str], body: bytes | None) -> Send | None:
    if body is None:
        return None
    if path == "/upload" and query.keys() == PLACE | {"mode"} and query["mode"] in list(UploadMode):
        return lambda client: client.upload(*place(query), UploadMode(query["mode"]), body)
    if path == "/upsert" and query.keys() == PLACE | {"primary_key"}:
        return lambda client: client.upsert(*place(query), body, query["primary_key"])
    return None


def place(query: dict[str, str]) -> tuple[str, str, str]:
    return query["catalog"], query["schema"], query["table"]


def recorded(client: Client, send: Send) -> Outcome:
    """What came back. The client has to take what succeeded, and to refuse the rest."""
    answers: list[Outcome] = []

    def record(response: httpx.Response) -> None:
        answers.append(answer(response, response.read(), False))

    client._client.event_hooks = {"response": [record]}
    refused = None
    try:
        send(client)
    except (AltertableLakehouseError, pydantic.ValidationError) as error:
        refused = error
    assert answers, f"the client got no answer: {refused!r}"
    (answered,) = answers
    if isinstance(refused, ParseError) and "lines" in answered:
        # The client takes U+2028 and its like inside a text for the end of a line.
        return answered
    assert is_failure(answered) == (refused is not None), f"the client: {refused!r}, of {encode(answered)[:800]}"
    return answered


def is_failure(answered: Outcome) -> bool:
    last = (answered.get("lines") or [None])[-1]
    return int(answered["status"]) >= 400 or (isinstance(last, dict) and isinstance(last.get("error"), str))
