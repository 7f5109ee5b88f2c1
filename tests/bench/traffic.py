"""What clients send to the Product Analytics door, over bare sockets.

Requests are encoded before the clock starts, so that it is the server that is measured.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

from clients import elapsed
from mock_server import API_KEY, MockServer

IDENTITIES = 100_000
BATCH = 1_000
START = 1_700_000_000
NAMES = ("$pageview", "Signed up", "Added to cart", "Removed from cart", "Paid", "Searched the catalogue")
PAGES = ("/", "/pricing", "/docs/getting-started", "/blog/2024/01/a-long-title-of-a-post", "/login")


def event(number: int) -> dict[str, object]:
    """The event of that number: everyone of the identities comes by in turn."""
    person = number % IDENTITIES
    return {
        "event": NAMES[number % len(NAMES)],
        "distinct_id": f"user-{person:06}",
        "anonymous_id": f"anonymous-{person:06}",
        "device_id": f"device-{person:06}",
        "session_id": f"session-{number // 7:07}",
        "timestamp": START + number,
        "properties": {
            "$url": f"https://shop.example{PAGES[number % len(PAGES)]}",
            "$referer": "https://search.example/",
            "plan": ("free", "pro", "team")[person % 3],
            "amount": number % 997 / 10,
        },
    }


def request(path: str, body: object) -> bytes:
    payload = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {API_KEY}\r\nContent-Length: {len(payload)}\r\n\r\n"
    return head.encode() + payload


def batches(first: int, count: int) -> list[bytes]:
    """Requests with the events from `first` on, `BATCH` in each."""
    starts = range(first, first + count, BATCH)
    return [request("/track", [event(number) for number in range(start, start + BATCH)]) for start in starts]


def exchange(connection: socket.socket, message: bytes) -> None:
    """Sends a request and reads its answer, which must be a success."""
    connection.sendall(message)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise AssertionError(answer)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)


def connect(server: MockServer) -> socket.socket:
    host, port = server.analytics_url.removeprefix("http://").rsplit(":", 1)
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def seconds_to_send(server: MockServer, shares: list[list[bytes]]) -> float:
    """How long it takes until every client, each on a connection it keeps, has its share answered."""
    return elapsed(send, [(server, share) for share in shares])


def send(server: MockServer, messages: list[bytes], ready: Callable[[], object]) -> None:
    with connect(server) as connection:
        ready()
        for message in messages:
            exchange(connection, message)


def shares(messages: list[bytes], clients: int) -> list[list[bytes]]:
    return [messages[place::clients] for place in range(clients)]


def identifies(tag: str) -> Iterator[object]:
    number = 0
    while True:
        number += 1
        yield {"distinct_id": f"user-{number % 500:06}", "anonymous_id": f"{tag}-{number}", "traits": {"n": number}}


def aliases(tag: str) -> Iterator[object]:
    number = 0
    while True:
        number += 1
        yield {"distinct_id": f"user-{500 + number:06}", "new_user_id": f"{tag}-alias-{number}"}
