"""Arrow data as the protocol has it: IPC streams, written from what was read."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterator

import grpc
import pyarrow as pa
from altertable_flightsql.generated import arrow_flight_pb2 as flight
from driver import Call, Fields


def text(raw: bytes) -> str:
    return b64encode(raw).decode()


class Stream(io.RawIOBase):
    """The messages of a DoGet as one IPC stream."""

    def __init__(self, messages: Iterator[flight.FlightData]) -> None:
        self.messages = messages
        self.left = b""
        self.failure: grpc.RpcError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:
        while not self.left:
            try:
                message = next(self.messages)
            except StopIteration:
                return 0
            except grpc.RpcError as failure:
                self.failure = failure
                return 0
            header = message.data_header + b"\0" * (-len(message.data_header) % 8)
            if header:
                self.left = b"\xff\xff\xff\xff" + len(header).to_bytes(4, "little") + header + message.data_body
        count = min(len(into), len(self.left))
        into[:count] = self.left[:count]
        self.left = self.left[count:]
        return count


def written(found: pa.Schema, batches: list[pa.RecordBatch]) -> str:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, found) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return text(sink.getvalue())


def gathered(call: Call, reader: pa.RecordBatchReader, into: Fields) -> None:
    """Reads a stream into `into`, so that what came before a failure is kept."""
    batches: list[pa.RecordBatch] = []
    try:
        for batch in reader:
            batches.append(batch)
            call.reach(len(batches), lambda: {"arrow": written(reader.schema, batches)})
    finally:
        into["arrow"] = written(reader.schema, batches)
