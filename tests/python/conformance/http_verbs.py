"""Steps over HTTP and bare sockets."""

from __future__ import annotations

import base64
import contextlib
import io
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlsplit

import httpx
import pyarrow as pa
import pyarrow.parquet
from data import Number, Outcome, Value, as_text, decode, encode
from notation import Unsupported, schema_text
from spec import FOLDER
from target import Account, Server, trusted
from values import batches, rows_of

if TYPE_CHECKING:
    from background import Gate
    from run import CaseRun

TIMEOUTS = {"connect": 60.0, "read": 60.0, "write": 60.0, "pool": 60.0}


def transport(server: Server) -> httpx.HTTPTransport:
    return httpx.HTTPTransport(verify=trusted() if server.lakehouse.startswith("https:") else False)


@dataclass
class Call:
    """A request about to be made."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes | None
    transport: httpx.HTTPTransport
    stream: list[httpx.Response] = field(default_factory=list)

    def run(self, gate: Gate) -> Outcome:
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        if not any(name.lower() == "host" for name, _ in self.headers):
            headers.insert(0, (b"Host", urlsplit(self.url).netloc.encode()))
        if self.body is not None:
            headers.append((b"Content-Length", str(len(self.body)).encode()))
        extensions = {"timeout": TIMEOUTS}
        request = httpx.Request(self.method, self.url, stream=Bytes(self.body or b""), extensions=extensions)
        request.headers = httpx.Headers(headers)
        try:
            response = self.transport.handle_request(request)
        except httpx.LocalProtocolError as refused:
            raise Unsupported(f"httpx sends no such request: {refused}") from None
        self.stream.append(response)
        body = bytearray()

        def so_far(aborted: bool = False) -> Outcome:
            return answer(response, bytes(body), aborted)

        try:
            for piece in response.stream:
                body += piece
                gate.reach(body.count(b"\n") if gate.after else 0, so_far)
        except httpx.HTTPError:
            return so_far(aborted=True)
        finally:
            response.close()
        return so_far()

    def cancel(self) -> None:
        """Hangs up."""
        for response in self.stream:
            stream = response.extensions.get("network_stream")
            connection = stream.get_extra_info("socket") if stream else None
            if connection is not None:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class Bytes(httpx.SyncByteStream):
    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self.body


def request(run: CaseRun, step: dict[str, Value], door: str, line: str) -> Call:
    method, _, path = line.partition(" ")
    account = run.account(step)
    url = (run.server.lakehouse if door == "lakehouse" else run.server.analytics) + path
    pairs = (f"{quote_plus(name)}={quote_plus(as_text(value))}" for name, value in step.get("query", {}).items())
    if query := "&".join(pairs):
        url += ("&" if "?" in path else "?") + query
    headers = [("Content-Type", "application/json")] if "json" in step else []
    headers += credentials(step, door, account)
    for name, value in step.get("headers", {}).items():
        headers = [pair for pair in headers if pair[0].lower() != name.lower()]
        values = value if isinstance(value, list) else [] if value is None else [value]
        headers += [(name, as_text(one)) for one in values]
    return Call(method, url, headers, body_of(step), run.transport)


def credentials(step: dict[str, Value], door: str, account: Account) -> list[tuple[str, str]]:
    def basic(pair: str) -> tuple[str, str]:
        return ("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())

    auth = step.get("auth")
    if isinstance(auth, dict):
        ((kind, value),) = auth.items()
        made = {"basic": basic(as_text(value)), "bearer": ("Authorization", f"Bearer {as_text(value)}")}
        made["api_key"] = ("X-API-Key", as_text(value))
        return [made.get(kind, ("Authorization", as_text(value)))]
    if auth == "none":
        return []
    if door == "analytics" and auth is None:
        return [("X-API-Key", account.api_key)]
    return [basic(f"{account.user}:{account.password}")]


def body_of(step: dict[str, Value]) -> bytes | None:
    if "json" in step:
        return encode(step["json"]).encode()
    if "text" in step:
        return step["text"].encode()
    if "base64" in step:
        return base64.b64decode(step["base64"])
    if "file" in step:
        return (FOLDER / step["file"]).read_bytes()
    if "fill" in step:
        return repeated(step["fill"]).encode()
    return arrow_body(step["arrow"]) if "arrow" in step else None


def repeated(fill: dict[str, Value]) -> str:
    return fill.get("head", "") + fill["repeat"] * int(fill["times"]) + fill.get("tail", "")


def arrow_body(step: dict[str, Value]) -> bytes:
    schema, parts = batches(step) or (pa.schema([]), [])
    sink = io.BytesIO()
    make = pa.ipc.new_file if step.get("format") == "file" else pa.ipc.new_stream
    with make(sink, schema) as writer:
        for part in parts:
            writer.write_batch(part)
    return sink.getvalue()


def answer(response: httpx.Response, body: bytes, aborted: bool) -> Outcome:
    headers = {name.lower(): value for name, value in response.headers.items()}
    made: Outcome = {"status": Number(response.status_code), "headers": headers, "aborted": aborted}
    made["text"] = body.decode(errors="replace")
    with contextlib.suppress(ValueError):
        made["json"] = decode(body)
    if (read := lines(body)) is not None:
        made["lines"] = read
    # What broke off, or has not arrived in whole, is no file.
    with contextlib.suppress(pa.ArrowInvalid):
        if body.startswith(b"\xff\xff\xff\xff"):
            made["arrow"] = table(pa.ipc.open_stream(body).read_all())
        if body.startswith(b"PAR1"):
            made["parquet"] = table(pyarrow.parquet.read_table(io.BytesIO(body)))
    return made


def lines(body: bytes) -> list[Value] | None:
    """The JSON lines of a body, if each of its lines is one and ends in a line feed."""
    if not body.endswith(b"\n"):
        return None
    try:
        # As one list: a call per line takes minutes for the spec's millions of lines.
        read = decode(b"[" + body[:-1].replace(b"\n", b",") + b"]")
    except ValueError:
        return None
    return read if len(read) == body.count(b"\n") else None


def table(read: pa.Table) -> Outcome:
    return {"schema": schema_text(read.schema), "rows": [row for part in read.to_batches() for row in rows_of(part)]}


def bare_socket(address: str, sent: Value) -> Outcome:
    """Writes raw bytes and reads until the server closes."""
    if isinstance(sent, dict):
        data = base64.b64decode(sent["base64"]) if "base64" in sent else repeated(sent["fill"]).encode()
    else:
        data = sent.encode()
    place = urlsplit(address)
    got, closed = b"", True
    with socket.create_connection((place.hostname, place.port), 15) as connection:
        try:
            connection.sendall(data)
            while piece := connection.recv(65_536):
                got += piece
        except TimeoutError:
            closed = False
        except OSError:
            # A server that has seen enough closes before everything is sent; what it said still counts.
            pass
    return {"text": got.decode(errors="replace"), "closed": closed}
