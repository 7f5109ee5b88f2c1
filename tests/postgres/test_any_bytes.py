"""Messages that were changed at random: whatever they are answered, the server goes on and others are served (PW-46)."""

from __future__ import annotations

import os
import random
import struct

import pytest
from conftest import logged_in
from judge import PASSWORD, USER
from mock_server import MockServer
from wire import (
    COPY_DONE,
    FLUSH,
    SYNC,
    bind,
    close,
    copy_data,
    copy_fail,
    describe,
    execute,
    message,
    parse,
    query,
)

# How many streams each seed is tried with; more for a longer search.
STREAMS = int(os.environ.get("ANY_BYTES_STREAMS", "60"))

BINARY = b"PGCOPY\n\xff\r\n\0" + struct.pack("!IIhiiiB", 0, 0, 2, 4, 7, 1, 120) + b"\xff\xff"

PIECES = [
    SYNC,
    FLUSH,
    COPY_DONE,
    copy_fail("no"),
    query("SELECT 1 AS a; SELECT 'x' AS b"),
    query("BEGIN"),
    query("COMMIT"),
    query("COPY t FROM STDIN"),
    query("COPY t FROM STDIN CSV HEADER"),
    query("COPY t FROM STDIN BINARY"),
    query("COPY t TO STDOUT BINARY"),
    query("DECLARE c CURSOR FOR SELECT range AS i FROM range(5000)"),
    query("FETCH 10 FROM c"),
    query("CREATE TEMP TABLE s (id serial, d jsonb)"),
    query("SET my.own TO 'x'"),
    copy_data("1\tx\n2\t\\N\n"),
    copy_data('1,"x"\n'),
    copy_data(BINARY),
    parse("SELECT $1::int + $2::int AS n", "s"),
    parse("SELECT range AS i FROM range(5000)"),
    parse("COPY t FROM STDIN", "k"),
    bind(["1", b"\0\0\0\2"], formats=[0, 1], results=[1], statement="s"),
    bind(portal="p"),
    bind(statement="k"),
    describe("S", "s"),
    describe("P"),
    execute(limit=7),
    execute("p", 3),
    execute(),
    close("S", "s"),
    close("P", "p"),
    message("F", struct.pack("!IHHH", 1, 0, 0, 0)),
    message("p", b"password\0"),
]


def changed(stream: bytearray, dice: random.Random) -> bytes:
    """The same with some bytes changed, left out, doubled or put in."""
    for _ in range(dice.choice([0, 0, 1, 1, 2, 5])):
        at = dice.randrange(len(stream))
        match dice.randrange(5):
            case 0:
                stream[at] ^= 1 << dice.randrange(8)
            case 1:
                stream[at] = dice.choice([0, 1, 0x7F, 0x80, 0xFF])
            case 2:
                del stream[at : at + dice.randrange(1, 9)]
            case 3:
                stream[at:at] = stream[at : at + dice.randrange(1, 40)]
            case _:
                stream[at:at] = dice.randbytes(dice.randrange(1, 9))
        if not stream:
            return b""
    return bytes(stream)


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes(seed: int) -> None:
    dice = random.Random(seed)
    with MockServer("--user", f"{USER}:{PASSWORD}") as server:
        with logged_in(server.postgres_address) as bystander:
            for _ in range(STREAMS):
                with logged_in(server.postgres_address) as connection:
                    connection.ask(query("CREATE TEMP TABLE t (a int, b varchar)"))
                    stream = bytearray(b"".join(dice.choices(PIECES, k=dice.randrange(1, 12))))
                    connection.send(changed(stream, dice))
                    connection.until_quiet(0.02)
            assert bystander.ask(query("SELECT 42 AS a"))[1] == ("DataRow", [b"42"])
        assert server.process.poll() is None
        assert not any("panicked" in line for line in server.log)
