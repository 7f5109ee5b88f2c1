"""HTTP without a client library between."""

from __future__ import annotations

import socket


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=30)


def send_until_answered(stream: socket.socket, head: bytes, block: bytes, most: int) -> bytes:
    """Sends `head`, then `block` over and over until the server answers or `most` bytes are sent; its answer."""
    stream.setblocking(True)
    stream.settimeout(0.5)
    sent = 0
    try:
        stream.sendall(head)
        while sent < most:
            sent += stream.send(block)
    except (TimeoutError, ConnectionError):
        pass  # The server does not read any further: it has answered.
    stream.settimeout(10)
    try:
        return stream.recv(65_536)
    except ConnectionError as error:
        raise AssertionError(f"the connection was cut after {sent} bytes without an answer") from error
