"""HTTP over bare sockets: the server is what is measured, not a client library."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from clients import elapsed
from mock_server import ALICE


def basic(user: str, password: str) -> str:
    """The header of these credentials."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


AUTHORIZATION = basic(*ALICE.pair)


class Connection:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._socket = socket.create_connection((parts.hostname, parts.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def request(self, path: str, body: bytes) -> bytes:
        """The bytes of a POST request."""
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: {AUTHORIZATION}\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def call(self, request: bytes) -> bytes:
        """Sends a request and returns the whole response, which has to be a 200."""
        self._socket.sendall(request)
        response = self._socket.recv(1 << 16)
        while not is_whole(response):
            more = self._socket.recv(1 << 16)
            if not more:
                raise ConnectionError(f"the server hung up after {response!r}")
            response += more
        if not response.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server answered {response!r}")
        return response


def is_whole(response: bytes) -> bool:
    head, end, body = response.partition(b"\r\n\r\n")
    if not end:
        return False
    length = head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
    return len(body) >= int(length) if length else body.endswith(b"0\r\n\r\n")


def calls_per_second(url: str, path: str, bodies: list[list[bytes]], check: bytes) -> float:
    """How many calls a second as many clients as there are lists of bodies make; every response has to hold `check`."""
    return sum(map(len, bodies)) / elapsed(send_all, [(url, path, mine, check) for mine in bodies])


def send_all(url: str, path: str, bodies: list[bytes], check: bytes, ready: Callable[[], object]) -> None:
    connection = Connection(url)
    requests = [connection.request(path, body) for body in bodies]
    ready()
    for request in requests:
        response = connection.call(request)
        if check not in response:
            raise RuntimeError(f"the server answered {response!r}")
