"""HTTP without a client library between."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from mock_server import Credentials


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=30)


def interrupted_upload(url: str, user: Credentials, meanwhile: Callable[[], object]) -> tuple[int, Any]:
    """Sends half of an upload into the table `half`, does something meanwhile, then sends the rest; its answer."""
    body = b"a,b\n" + b"1,2\n" * 500_000
    head = (
        b"POST /upload?catalog=memory&schema=main&table=half&mode=create HTTP/1.1\r\nHost: mock\r\n"
        b"Authorization: Basic " + base64.b64encode(":".join(user.pair).encode()) + b"\r\n"
        b"Content-Type: text/csv\r\nConnection: close\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
    )
    with connect(url) as stream:
        stream.sendall(head + body[: len(body) // 2])
        time.sleep(0.3)
        meanwhile()
        stream.sendall(body[len(body) // 2 :])
        response = http.client.HTTPResponse(stream)
        response.begin()
        return response.status, json.loads(response.read())


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
