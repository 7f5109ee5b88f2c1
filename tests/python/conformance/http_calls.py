"""Calls over HTTP, with `altertable-lakehouse` where it sends exactly what is asked for; and bare sockets."""

from __future__ import annotations

import contextlib
import socket
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from functools import cache
from urllib.parse import urlsplit

import httpx
import published
from driver import Call, Cannot, Fields, Make

TIMEOUTS = {"connect": 60.0, "read": 60.0, "write": 60.0, "pool": 60.0}
SOCKET_PATIENCE_S = 15


@cache
def trusted() -> ssl.SSLContext:
    """Made once: reading the certificates of the machine takes longer than most cases."""
    return ssl.create_default_context()


def verify(url: str) -> ssl.SSLContext | bool:
    return trusted() if url.startswith("https:") else False


def transport(call: Call) -> httpx.HTTPTransport:
    def make() -> tuple[httpx.HTTPTransport, Callable[[], object]]:
        made = httpx.HTTPTransport(verify=verify(call.fields["url"]))
        return made, made.close

    return call.case.hold(urlsplit(call.fields["url"]).netloc, make)


class Bytes(httpx.SyncByteStream):
    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self.body


def request(call: Call) -> httpx.Request:
    """Exactly what is asked for: httpx's own client adds headers."""
    url, given = call.fields["url"], call.fields["body"]
    body = b64decode(given) if given is not None else None
    headers = [(name.encode(), value.encode()) for name, value in call.fields["headers"]]
    if not any(name == b"host" for name, _ in headers):
        headers.insert(0, (b"Host", urlsplit(url).netloc.encode()))
    if body is not None:
        headers.append((b"Content-Length", str(len(body)).encode()))
    made = httpx.Request(call.fields["method"], url, stream=Bytes(body or b""), extensions={"timeout": TIMEOUTS})
    made.headers = httpx.Headers(headers)
    return made


def http(call: Call) -> Fields:
    if "plain" in call.fields and (send := published.call_of(call)):
        recorded = published.recorded(call, send, verify(call.fields["url"]))
        return answer(recorded, recorded.content)
    try:
        response = transport(call).handle_request(request(call))
    except httpx.LocalProtocolError as refused:
        raise Cannot(f"httpx sends no such request: {refused}") from None
    call.on_hang_up(lambda: cut(response))
    body, lines = bytearray(), 0

    def so_far() -> Fields:
        return answer(response, bytes(body))

    try:
        for piece in response.stream:
            body += piece
            lines += piece.count(b"\n")
            call.reach(lines, so_far)
    except httpx.HTTPError:
        return so_far() | {"aborted": True}
    finally:
        response.close()
    return so_far()


def answer(response: httpx.Response, body: bytes) -> Fields:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {
        "status": response.status_code,
        "headers": headers,
        "body": b64encode(body).decode(),
        "aborted": False,
    }


def cut(response: httpx.Response) -> None:
    """Hangs up; the reader notices."""
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream else None
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def bare_socket(call: Call) -> Fields:
    host, _, port = call.fields["address"].rpartition(":")
    got, closed = b"", True
    with socket.create_connection((host, int(port)), SOCKET_PATIENCE_S) as connection:
        try:
            connection.sendall(b64decode(call.fields["body"]))
            while piece := connection.recv(65_536):
                got += piece
        except TimeoutError:
            closed = False
        except OSError:
            # A server that has seen enough closes before everything is sent; what it said still counts.
            pass
    return {"body": b64encode(got).decode(), "closed": closed}


KINDS: dict[str, Make] = {"http": http, "socket": bare_socket}
