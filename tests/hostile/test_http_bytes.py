"""What arrives at the HTTP doors below HTTP: calls that break off at every stage, and bytes that are no call."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from arena import API_KEY, MIB, Arena, Tenant
from raw_http import connect, send_until_answered

CSV = b"id,name\n" + b"".join(b"%d,name %d\n" % (i, i) for i in range(20_000))
ROWS = json.dumps([{"id": i, "name": f"name {i}"} for i in range(5_000)]).encode()
LONG_ANSWER = json.dumps({"statement": "SELECT i, repeat('x', 1000) AS s FROM range(200000) t(i)"}).encode()
ENDLESS = json.dumps({"statement": "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"}).encode()
EVENTS = json.dumps([{"event": "e", "distinct_id": f"d{i}"} for i in range(1_000)]).encode()

# Calls by name: door, path, body.
CALLS = {
    "query": ("lakehouse", "/query", LONG_ANSWER),
    "endless query": ("lakehouse", "/query", ENDLESS),
    "upload": ("lakehouse", "/upload?catalog=memory&schema=main&table=cut&mode=create", CSV),
    "upsert": ("lakehouse", "/upsert?catalog=memory&schema=main&table=cut&primary_key=id", CSV),
    "append": ("lakehouse", "/append?catalog=memory&schema=main&table=cut", ROWS),
    "track": ("analytics", "/track", EVENTS),
}


def request(tenant: Tenant, path: str, body: bytes, *, chunked: bool = False) -> tuple[bytes, bytes]:
    """Head and body of a call."""
    size = "transfer-encoding: chunked" if chunked else f"content-length: {len(body)}"
    identity = f"authorization: {tenant.authorization}\r\nx-api-key: {API_KEY}"
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\n{identity}\r\n{size}\r\n\r\n".encode()
    if chunked:
        parts = (body[at : at + 1000] for at in range(0, len(body), 1000))
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return head, body


def url(arena: Arena, door: str) -> str:
    return getattr(arena.server, f"{door}_url")


def reset(stream: socket.socket) -> None:
    """Ends the connection by RST."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


ENDINGS = {
    "closed": socket.socket.close,
    "reset": reset,
    "half closed": lambda stream: stream.shutdown(socket.SHUT_WR),
    "silent": lambda stream: None,
}


def stages(head: bytes, body: bytes) -> dict[str, bytes]:
    """How much of a call is sent."""
    return {
        "in the first line": head[:9],
        "in the headers": head[: len(head) // 2],
        "before the body": head,
        "in the body": head + body[: len(body) // 2],
        "before the last byte": head + body[:-1],
        "after the body": head + body,
    }


def break_offs() -> Iterator[object]:
    """Every call, stage and ending; a chunked body differs little from another, so that most of those are for later."""
    for call, stage, ending, chunked in itertools.product(CALLS, stages(b"", b""), ENDINGS, (False, True)):
        first = ending == "reset" if chunked else ending in ("closed", "half closed")
        later = [] if first else [pytest.mark.slow]
        yield pytest.param(call, chunked, stage, ending, marks=later)


@pytest.mark.parametrize(("call", "chunked", "stage", "ending"), list(break_offs()))
def test_a_call_that_breaks_off_leaves_nothing(arena: Arena, call: str, chunked: bool, stage: str, ending: str) -> None:
    door, path, body = CALLS[call]
    tenant = arena.attacker()
    sent = stages(*request(tenant, path, body, chunked=chunked))[stage]
    with ExitStack() as streams:
        for _ in range(3):
            stream = streams.enter_context(connect(url(arena, door)))
            with suppress(BrokenPipeError, ConnectionResetError):
                stream.sendall(sent)
                ENDINGS[ending](stream)
        assert tenant.rows("SELECT count(*) FROM mine") == [[100]]
        if call in ("upload", "upsert", "append") and stage not in ("after the body", "in the first line"):
            assert tenant.rows("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'cut'") == [[0]]


def test_a_client_that_has_closed_its_sending_side_gets_everything(arena: Arena) -> None:
    tenant = arena.attacker()
    statement = "SELECT i, repeat('x', 100) AS s FROM range(300000) t(i)"
    head, body = request(tenant, "/query", json.dumps({"statement": statement}).encode())
    with connect(arena.server.lakehouse_url) as stream:
        stream.sendall(head.replace(b"host: x", b"host: x\r\nconnection: close") + body)
        stream.shutdown(socket.SHUT_WR)
        received = b""
        while part := stream.recv(MIB):
            received += part
    assert received.endswith(b"0\r\n\r\n"), "the answer was cut"
    assert received.count(b"xxx]") + received.count(b'xxx"]') == 300_000


# Bytes by name; `{auth}` is the header of a tenant.
NONSENSE = {
    "nothing": b"\r\n" * 1000,
    "zeros": bytes(10_000),
    "noise": bytes(range(256)) * 100,
    "TLS": bytes.fromhex("1603010200010001fc0303") + bytes(500),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/3": b"GET / HTTP/3.0\r\nhost: x\r\n\r\n",
    "no method": b" / HTTP/1.1\r\n\r\n",
    "a method without end": b"A" * 1_000_000,
    "a path without end": b"GET /" + b"a" * 1_000_000,
    "an odd method": b"BREW / HTTP/1.1\r\nhost: x\r\n\r\n",
    "CONNECT": b"CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nhost: x\r\n\r\n",
    "an absolute path": b"GET http://example.com/ HTTP/1.1\r\nhost: x\r\n\r\n",
    "upwards": b"GET /../../../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n",
    "percent": b"GET /%00%ff%2e%2e/%zz HTTP/1.1\r\nhost: x\r\n\r\n",
    "ten thousand headers": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
    "a header of a mebibyte": b"GET / HTTP/1.1\r\na: " + b"b" * MIB + b"\r\n\r\n",
    "a name of a mebibyte": b"GET / HTTP/1.1\r\n" + b"a" * MIB + b": b\r\n\r\n",
    "a header of nothing": b"GET / HTTP/1.1\r\n: \r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n",
    "a bare line feed": b"GET / HTTP/1.1\nhost: x\n\n",
    "a zero in a header": b"GET / HTTP/1.1\r\nhost: \x00\r\n\r\n",
    "two lengths": b"POST /query HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
    "length and chunks": b"POST /query HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a negative length": b"POST /query HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    "a length of all": b"POST /query HTTP/1.1\r\n{auth}content-length: 18446744073709551615\r\n\r\n{}",
    "a length beyond all": b"POST /query HTTP/1.1\r\n{auth}content-length: 99999999999999999999999\r\n\r\n{}",
    "an odd encoding": b"POST /query HTTP/1.1\r\n{auth}transfer-encoding: rot13\r\n\r\n{}",
    "chunked twice": b"POST /query HTTP/1.1\r\n{auth}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "a chunk of all": b"POST /query HTTP/1.1\r\n{auth}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    "a chunk beyond all": b"POST /query HTTP/1.1\r\n{auth}transfer-encoding: chunked\r\n\r\n" + b"f" * 100_000,
    "a chunk's extension": b"POST /query HTTP/1.1\r\n{auth}transfer-encoding: chunked\r\n\r\n1;" + b"a" * MIB,
    "trailers": b"POST /query HTTP/1.1\r\n{auth}transfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 50_000,
    "expectations": b"POST /query HTTP/1.1\r\n{auth}expect: 100-continue\r\ncontent-length: 10\r\n\r\n",
    "an odd expectation": b"POST /query HTTP/1.1\r\n{auth}expect: miracles\r\ncontent-length: 2\r\n\r\n{}",
    "an upgrade": b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "a thousand at once": b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n" * 1000,
    "a thousand without credentials": b"POST /query HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}" * 1000,
    "odd credentials": b"GET /tasks/x HTTP/1.1\r\nauthorization: Basic " + b"=" * 10_000 + b"\r\n\r\n",
    "credentials that are none": b"GET /tasks/x HTTP/1.1\r\nauthorization: Basic \xff\xfe\r\n\r\n",
    "a user without end": b"GET /tasks/x HTTP/1.1\r\nauthorization: Basic "
    + base64.b64encode(b"u" * 20_000 + b":p")
    + b"\r\n\r\n",
}


@pytest.mark.parametrize("door", ["lakehouse", "analytics"])
@pytest.mark.parametrize("name", NONSENSE)
def test_bytes_that_are_no_call_are_answered_or_cut_off(arena: Arena, door: str, name: str) -> None:
    tenant = arena.attacker()
    auth = f"authorization: {tenant.authorization}\r\nx-api-key: {API_KEY}\r\n".encode()
    sent = NONSENSE[name].replace(b"{auth}", auth)
    with connect(url(arena, door)) as stream, suppress(OSError):
        stream.settimeout(2)
        stream.sendall(sent)
        stream.shutdown(socket.SHUT_WR)
        while stream.recv(MIB):
            pass
    assert tenant.rows("SELECT count(*) FROM mine") == [[100]]


def tiny_chunks(count: int) -> Iterator[bytes]:
    for _ in range(count // 10_000):
        yield b"1\r\n \r\n" * 10_000


@pytest.mark.parametrize("call", ["query", "append", "track", "upload"])
@pytest.mark.parametrize("count", [100_000, pytest.param(5_000_000, marks=pytest.mark.slow)])
def test_chunks_of_one_byte_are_only_slow(arena: Arena, call: str, count: int) -> None:
    door, path, _ = CALLS[call]
    tenant = arena.attacker()
    head, _ = request(tenant, path, b"", chunked=True)
    with connect(url(arena, door)) as stream:
        stream.sendall(head)
        with suppress(BrokenPipeError, ConnectionResetError):
            for block in tiny_chunks(count):
                stream.sendall(block)
            stream.sendall(b"0\r\n\r\n")
        assert stream.recv(1000).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("call", ["query", "upload", "append", "track"])
def test_a_slow_writer_holds_up_nobody(arena: Arena, call: str) -> None:
    door, path, body = CALLS[call]
    tenant = arena.attacker()
    head, body = request(tenant, path, body)
    with ExitStack() as stack:
        streams = [stack.enter_context(connect(url(arena, door))) for _ in range(50)]
        for at in range(0, 60, 12):
            for stream in streams:
                stream.sendall((head + body)[at : at + 12])
            time.sleep(0.1)
        assert tenant.rows("SELECT count(*) FROM mine") == [[100]]


def test_slow_readers_hold_up_nobody(arena: Arena) -> None:
    tenant = arena.attacker()
    head, body = request(tenant, "/query", LONG_ANSWER)
    with ExitStack() as stack:
        streams = [stack.enter_context(connect(arena.server.lakehouse_url)) for _ in range(20)]
        for stream in streams:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stream.sendall(head + body)
        for _ in range(5):
            for stream in streams:
                assert stream.recv(100)
            time.sleep(0.1)
        assert tenant.rows("SELECT count(*) FROM mine") == [[100]]


@pytest.mark.parametrize("door", ["lakehouse", "analytics"])
def test_many_connections_that_say_nothing_hold_up_nobody(arena: Arena, door: str) -> None:
    with ExitStack() as stack:
        for _ in range(400):
            stack.enter_context(connect(url(arena, door)))
        assert arena.bystander.rows("SELECT 42") == [[42]]


@pytest.mark.slow
def test_a_body_without_end_is_cut_off(arena: Arena) -> None:
    tenant = arena.attacker()
    head, _ = request(tenant, "/append?catalog=memory&schema=main&table=cut", b"", chunked=True)
    with connect(arena.server.lakehouse_url) as stream:
        answer = send_until_answered(stream, head, b"10000\r\n" + b" " * 65_536 + b"\r\n", 1 << 30)
    assert answer.split(b" ")[1] == b"413"
