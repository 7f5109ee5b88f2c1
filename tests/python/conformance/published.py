"""HTTP calls through `altertable-lakehouse`, where it sends exactly what is asked for."""

from __future__ import annotations

import json
import ssl
from base64 import b64decode
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import httpx
import pydantic
from altertable_lakehouse import Client
from altertable_lakehouse.errors import AltertableLakehouseError, ParseError
from altertable_lakehouse.models import AutocompleteRequest, QueryRequest, UploadMode, ValidateRequest
from driver import Call

Send = Callable[[Client], object]
PLACE = {"catalog", "schema", "table"}


def call_of(call: Call) -> Send | None:
    """The method of the client that makes this call, if there is one."""
    fields, url = call.fields, urlsplit(call.fields["url"])
    method, body = fields["method"], fields["body"]
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    route, _, last = url.path.rpartition("/")
    if method == "POST" and ["content-type", "application/json"] in fields["headers"]:
        return json_call(url.path, query, b64decode(body).decode())
    if method == "POST" and body is not None:
        return file_call(url.path, query, b64decode(body))
    if method == "GET" and not query and last and route in ("/query", "/tasks"):
        return lambda client: client.get_query(last) if route == "/query" else client.get_task(last)
    if method == "DELETE" and route == "/query" and last and query.keys() == {"session_id"}:
        return lambda client: client.cancel_query(last, query["session_id"])
    return None


def json_call(path: str, query: dict[str, str], text: str) -> Send | None:
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


def file_call(path: str, query: dict[str, str], body: bytes) -> Send | None:
    if path == "/upload" and query.keys() == PLACE | {"mode"} and query["mode"] in list(UploadMode):
        return lambda client: client.upload(*place(query), UploadMode(query["mode"]), body)
    if path == "/upsert" and query.keys() == PLACE | {"primary_key"}:
        return lambda client: client.upsert(*place(query), body, query["primary_key"])
    return None


def place(query: dict[str, str]) -> tuple[str, str, str]:
    return query["catalog"], query["schema"], query["table"]


def recorded(call: Call, send: Send, verify: ssl.SSLContext | bool) -> httpx.Response:
    """What came back. The client has to take what succeeded, and to refuse the rest."""
    client = connect(call, verify)
    answers: list[httpx.Response] = []
    client._client.event_hooks = {"response": [lambda response: (response.read(), answers.append(response))]}
    refused = None
    try:
        send(client)
    except (AltertableLakehouseError, pydantic.ValidationError) as error:
        refused = error
    assert answers, f"the client got no answer: {refused!r}"
    (answered,) = answers
    lines = json_lines(answered.content)
    # The client takes U+2028 and its like inside a text for the end of a line.
    if not (isinstance(refused, ParseError) and lines):
        last = lines[-1] if lines else None
        failed = answered.status_code >= 400 or (isinstance(last, dict) and isinstance(last.get("error"), str))
        told = answered.content[:800].decode(errors="replace")
        assert failed == (refused is not None), f"the client: {refused!r}, of {told}"
    return answered


def connect(call: Call, verify: ssl.SSLContext | bool) -> Client:
    url, plain = urlsplit(call.fields["url"]), call.fields["plain"]
    base, user, password = f"{url.scheme}://{url.netloc}", plain["user"], plain["password"]

    def make() -> tuple[Client, Callable[[], object]]:
        made = Client(base, username=user, password=password, verify=verify, timeout=60)
        return made, made._client.close

    return call.case.hold((base, user), make)


def json_lines(body: bytes) -> list[object]:
    """The JSON lines of a body; none if any of its lines is something else."""
    *lines, rest = body.split(b"\n")
    try:
        return [] if rest else [json.loads(line) for line in lines]
    except ValueError:
        return []
