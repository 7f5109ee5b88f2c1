"""Small queries over Flight: GetFlightInfo and DoGet over a connection that is kept."""

from __future__ import annotations

import multiprocessing
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pyarrow as pa
from altertable_flightsql.generated import arrow_flight_sql_pb2 as sql
from clients import elapsed
from google.protobuf.any_pb2 import Any
from mock_server import ALICE, BINARY
from pyarrow import flight

SPAWNING = multiprocessing.get_context("spawn")
ANSWER = pa.table({"42": pa.array([42], pa.int32())})


class SmallQueries:
    """A client that asks the same again and again, through pyarrow."""

    def __init__(self, address: str, *, login: bool = True) -> None:
        command = Any()
        command.Pack(sql.CommandStatementQuery(query="SELECT 42"))
        self._query = flight.FlightDescriptor.for_command(command.SerializeToString())
        self._client = flight.connect(f"grpc://{address}")
        headers = [self._client.authenticate_basic_token(*ALICE.pair)] if login else []
        self._options = flight.FlightCallOptions(headers=headers)

    def ask(self) -> None:
        info = self._client.get_flight_info(self._query, self._options)
        answer = self._client.do_get(info.endpoints[0].ticket, self._options).read_all()
        if answer.num_rows != 1 or answer.column(0)[0].as_py() != 42:
            raise RuntimeError(f"the server answered {answer}")


class LeanQueries:
    """The same through arrow-rs's client, in a process of its own; it tells how long an answer took."""

    def __init__(self, address: str) -> None:
        program = Path(BINARY).with_name("examples") / "small_queries"
        self._process = subprocess.Popen(
            [program, address, *ALICE.pair], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def seconds(self, statement: str) -> float:
        self._process.stdin.write(f"{statement}\n")
        return float(self._process.stdout.readline()) / 1e6

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


class ConstantServer(flight.FlightServerBase):
    """Arrow's own server with an answer that is always there."""

    def get_flight_info(self, _: object, descriptor: flight.FlightDescriptor) -> flight.FlightInfo:
        return flight.FlightInfo(ANSWER.schema, descriptor, [flight.FlightEndpoint(b"answer", [])], -1, -1)

    def do_get(self, *_: object) -> flight.RecordBatchStream:
        return flight.RecordBatchStream(ANSWER)


@contextmanager
def constant_server() -> Iterator[str]:
    """The address of a server that does nothing, in a process of its own: the least that a query can cost."""
    ours, theirs = SPAWNING.Pipe()
    process = SPAWNING.Process(target=serve_constant, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def serve_constant(parent: Connection) -> None:
    server = ConstantServer("grpc://127.0.0.1:0")
    parent.send(f"127.0.0.1:{server.port}")
    server.serve()


def calls_per_second(address: str, clients: int, each: int) -> float:
    """How many queries a second that many clients get answered."""
    return clients * each / elapsed(ask_all, [(address, each)] * clients, "spawn")


def ask_all(address: str, count: int, ready: Callable[[], object]) -> None:
    client = SmallQueries(address)
    client.ask()
    ready()
    for _ in range(count):
        client.ask()
