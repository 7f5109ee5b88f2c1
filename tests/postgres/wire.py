"""PostgreSQL's protocol byte by byte: what no client library would send, and what none shows."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = tuple[str, object]

NAME_ONLY = {"BackendKeyData"}
AUTHENTICATION = {0: "Ok", 3: "CleartextPassword", 10: "SASL", 11: "SASLContinue", 12: "SASLFinal"}
BARE = {"1": "ParseComplete", "2": "BindComplete", "3": "CloseComplete", "n": "NoData", "s": "PortalSuspended"}


def text(value: str | bytes) -> bytes:
    return (value.encode() if isinstance(value, str) else value) + b"\0"


def message(tag: str, body: bytes = b"") -> bytes:
    return tag.encode() + struct.pack("!I", len(body) + 4) + body


def query(sql: str | bytes) -> bytes:
    return message("Q", text(sql))


def parse(sql: str | bytes, name: str = "", types: Sequence[int] = ()) -> bytes:
    return message("P", text(name) + text(sql) + struct.pack(f"!H{len(types)}I", len(types), *types))


def bind(
    values: Sequence[bytes | str | None] = (),
    *,
    formats: Sequence[int] = (),
    results: Sequence[int] = (),
    portal: str = "",
    statement: str = "",
) -> bytes:
    body = text(portal) + text(statement) + struct.pack(f"!H{len(formats)}h", len(formats), *formats)
    body += struct.pack("!H", len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            raw = value.encode() if isinstance(value, str) else value
            body += struct.pack("!i", len(raw)) + raw
    return message("B", body + struct.pack(f"!H{len(results)}h", len(results), *results))


def describe(kind: str, name: str = "") -> bytes:
    return message("D", kind.encode() + text(name))


def execute(portal: str = "", limit: int = 0) -> bytes:
    return message("E", text(portal) + struct.pack("!i", limit))


def close(kind: str, name: str = "") -> bytes:
    return message("C", kind.encode() + text(name))


def copy_data(data: bytes | str) -> bytes:
    return message("d", data.encode() if isinstance(data, str) else data)


def copy_fail(why: str) -> bytes:
    return message("f", text(why))


COPY_DONE = message("c")
SYNC, FLUSH, TERMINATE = message("S"), message("H"), message("X")


def startup(parameters: dict[str, str], version: int = 3 << 16) -> bytes:
    body = struct.pack("!I", version) + b"".join(text(key) + text(value) for key, value in parameters.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


@dataclass
class Connection:
    """A connection to a server, with what it says as values that can be compared."""

    address: tuple[str, int]
    socket: socket.socket = field(init=False)
    key: bytes = b""
    status: dict[str, str] = field(default_factory=dict)
    buffer: bytes = b""
    # Where in the data each error was, if it says so.
    contexts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.socket = socket.create_connection(self.address, timeout=20)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *messages: bytes) -> None:
        self.socket.sendall(b"".join(messages))

    def _need(self, count: int) -> bytes | None:
        while len(self.buffer) < count:
            try:
                received = self.socket.recv(65_536)
            except ConnectionResetError:
                received = b""
            if not received:
                return None
            self.buffer += received
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read(self) -> Message:
        """The next message, with what it holds; `EOF` where the connection ended."""
        head = self._need(5)
        if head is None:
            return ("EOF", None)
        body = self._need(struct.unpack("!I", head[1:])[0] - 4)
        assert body is not None, "the connection ended within a message"
        if head[:1] == b"E":
            self.contexts += [part[1:].decode() for part in body.split(b"\0") if part[:1] == b"W"]
        return decoded(head[:1].decode(), body)

    def until_ready(self) -> list[Message]:
        """All messages up to the next ReadyForQuery, or the connection's end."""
        seen = [self.read()]
        while seen[-1][0] not in ("ReadyForQuery", "EOF"):
            seen.append(self.read())
        return seen

    def until_quiet(self, seconds: float = 0.3) -> list[Message]:
        """All messages that come within a while."""
        seen = []
        self.socket.settimeout(seconds)
        try:
            while True:
                seen.append(self.read())
                if seen[-1][0] == "EOF":
                    break
        except TimeoutError:
            pass
        finally:
            self.socket.settimeout(20)
        return seen

    def ask(self, *messages: bytes) -> list[Message]:
        self.send(*messages)
        return self.until_ready()

    def log_in(self, user: str, password: str, **parameters: str) -> list[Message]:
        """Logs in by whatever the server asks for; returns what it said."""
        self.send(startup({"user": user, **parameters}))
        seen = []
        while True:
            seen.append(self.read())
            name, value = seen[-1]
            if name in ("ReadyForQuery", "EOF", "Error"):
                return seen
            if name == "Authentication":
                self._answer(value, password)  # type: ignore[arg-type]
            elif name == "BackendKeyData":
                self.key = value  # type: ignore[assignment]
                seen[-1] = (name, None)
            elif name == "ParameterStatus":
                key, shown = value  # type: ignore[misc]
                self.status[key] = shown

    def _answer(self, asked: tuple[str, bytes], password: str) -> None:
        kind, data = asked
        if kind == "CleartextPassword":
            self.send(message("p", text(password)))
        elif kind == "SASL":
            self._first = b"n=,r=" + base64.b64encode(secrets.token_bytes(18))
            first = b"n,," + self._first
            self.send(message("p", text("SCRAM-SHA-256") + struct.pack("!i", len(first)) + first))
        elif kind == "SASLContinue":
            parts = dict(part.split(b"=", 1) for part in data.split(b","))
            salt, rounds = base64.b64decode(parts[b"s"]), int(parts[b"i"])
            salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
            client_key = hmac.digest(salted, b"Client Key", "sha256")
            bare = b"c=biws,r=" + parts[b"r"]
            signed = b",".join((self._first, data, bare))
            signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
            proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
            self._expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
            self.send(message("p", bare + b",p=" + base64.b64encode(proof)))
        elif kind == "SASLFinal":
            assert base64.b64decode(data.removeprefix(b"v=")) == self._expected, "the server does not know the password"


def texts(body: bytes) -> list[str]:
    return [part.decode() for part in body.split(b"\0")]


def decoded(tag: str, body: bytes) -> Message:
    """A message by its name. Of an error, severity and code alone are kept: texts are each server's own."""
    if tag in BARE:
        return (BARE[tag], None)
    if tag == "R":
        return ("Authentication", (AUTHENTICATION[struct.unpack("!I", body[:4])[0]], body[4:]))
    if tag == "S":
        return ("ParameterStatus", tuple(texts(body)[:2]))
    if tag == "K":
        return ("BackendKeyData", body)
    if tag == "Z":
        return ("ReadyForQuery", body.decode())
    if tag == "I":
        return ("EmptyQueryResponse", None)
    if tag == "C":
        return ("CommandComplete", texts(body)[0])
    if tag in "EN":
        fields = {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}
        return ("Error" if tag == "E" else "Notice", (fields["S"], fields["C"]))
    if tag == "t":
        return ("ParameterDescription", list(struct.unpack(f"!{(len(body) - 2) // 4}I", body[2:])))
    if tag == "T":
        return ("RowDescription", list(columns(body)))
    if tag == "D":
        return ("DataRow", list(values(body)))
    return (tag, body)


def columns(body: bytes) -> Iterable[tuple[str, int, int, int, int]]:
    """Name, type, length, modifier and format; where the column comes from is not told (PW-22)."""
    rest = body[2:]
    for _ in range(struct.unpack("!H", body[:2])[0]):
        name, _, rest = rest.partition(b"\0")
        _table, _place, oid, length, modifier, form = struct.unpack("!IHIhih", rest[:18])
        rest = rest[18:]
        yield (name.decode(), oid, length, modifier, form)


def values(body: bytes) -> Iterable[bytes | None]:
    rest = body[2:]
    for _ in range(struct.unpack("!H", body[:2])[0]):
        length = struct.unpack("!i", rest[:4])[0]
        rest = rest[4:]
        if length == -1:
            yield None
        else:
            yield rest[:length]
            rest = rest[length:]


def asked(*steps: bytes | tuple[bytes, ...]) -> Callable[[Connection], list[Any]]:
    """A script: each step is sent, and read to its ReadyForQuery."""

    def run(connection: Connection) -> list[Any]:
        said: list[Any] = []
        for step in steps:
            said += connection.ask(*((step,) if isinstance(step, bytes) else step))
        return said

    return run
