"""Writes the corpora that the fuzz targets begin with: what the behaviour spec sends, and what tests/hostile does.

Usage: seeds.py FOLDER   (a folder for each target is made in it)
"""

import base64
import hashlib
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

ROOT = Path(__file__).resolve().parent.parent
SQL_KEYS = {"sql", "statement", "flight.query", "flight.info", "flight.schema", "flight.update", "flight.prepare"}
LARGEST = 4096

# As in src/flight.rs.
GET_INFO, DO_GET, DO_PUT, DO_ACTION, GET_SCHEMA = (bytes([rpc]) for rpc in range(5))
NEXT_CALL, NEXT_MESSAGE, ID = b"~CALL~", b"~~MSG~~", b"ID" * 16


def main(folder: Path) -> None:
    steps = list(spec_steps())
    statements = sorted({*spec_statements(steps), *hostile_statements()})
    write(folder / "lexer", (sql.encode() for sql in statements))
    write(folder / "guard", (sql.encode() for sql in statements))
    write(folder / "flight", flight_calls(statements, steps))
    write(folder / "arrow", arrow_bodies())
    write(folder / "load", load_bodies(steps))


def write(folder: Path, inputs: Iterable[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        if 0 < len(data) <= LARGEST:
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def spec_steps() -> Iterator[dict]:
    for file in sorted((ROOT / "conformance/spec").glob("*/*.yaml")):
        for case in yaml.safe_load(file.read_text())["cases"]:
            table = case.get("table", {"columns": [], "rows": [[]]})
            for row in table["rows"]:
                values = dict(zip(table["columns"], row, strict=True))
                yield from (fill(step, values) for step in case["steps"])


def fill(value: object, values: dict) -> object:
    """The value with the table's variables filled in; a text that is one variable becomes its value."""
    if isinstance(value, dict):
        return {key: fill(part, values) for key, part in value.items()}
    if isinstance(value, list):
        return [fill(part, values) for part in value]
    if isinstance(value, str):
        if (whole := re.fullmatch(r"\$\{(\w+)\}", value)) and whole[1] in values:
            return values[whole[1]]
        return re.sub(r"\$\{(\w+)\}", lambda name: str(values.get(name[1], name[0])), value)
    return value


def spec_statements(steps: list) -> Iterator[str]:
    def found(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, part in value.items():
                if key in SQL_KEYS and isinstance(part, str):
                    yield part
                elif key != "expect":
                    yield from found(part)
        elif isinstance(value, list):
            for part in value:
                yield from found(part)

    return found(steps)


def hostile_statements() -> Iterator[str]:
    for file in sorted((ROOT / "tests/hostile/statements").glob("*.txt")):
        # Statements that take all memory there is have a suite of their own.
        if file.stem == "unlimited":
            continue
        for line in file.read_text().splitlines():
            if line and not line.startswith("#"):
                yield from ((f"SET {line}", f"PRAGMA {line}") if file.stem == "settings" else line.split(" ;; "))


def field(number: int, data: bytes | str) -> bytes:
    """A protobuf field of bytes, text or a message."""
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low]) if not rest else bytes([low | 0x80]) + varint(rest)


def packed(name: str, message: bytes = b"") -> bytes:
    """A Flight SQL message in an Any."""
    return field(1, f"type.googleapis.com/arrow.flight.protocol.sql.{name}") + field(2, message)


def descriptor(name: str, message: bytes = b"") -> bytes:
    return b"\x08\x02" + field(2, packed(name, message))


def action(name: str, body: bytes = b"") -> bytes:
    return DO_ACTION + field(1, name) + field(2, body)


def fetch(name: str, message: bytes = b"") -> bytes:
    return GET_INFO + descriptor(name, message) + NEXT_CALL + DO_GET + field(1, ID)


def flight_calls(statements: list[str], steps: list) -> Iterator[bytes]:
    # Each statement goes one of the ways that lead to it.
    for number, sql in enumerate(statements):
        prepare = packed("ActionCreatePreparedStatementRequest", field(1, sql))
        ways = [
            fetch("CommandStatementQuery", field(1, sql)),
            GET_SCHEMA + descriptor("CommandStatementQuery", field(1, sql)),
            DO_PUT + field(1, descriptor("CommandStatementUpdate", field(1, sql))),
            action("CreatePreparedStatement", prepare)
            + NEXT_CALL
            + fetch("CommandPreparedStatementQuery", field(1, ID)),
        ]
        yield ways[number % len(ways)]
    for name in ["Catalogs", "DbSchemas", "Tables", "TableTypes", "SqlInfo", "XdbcTypeInfo", "PrimaryKeys"]:
        yield fetch(f"CommandGet{name}")
    yield fetch("CommandGetTables", field(3, "%") + b"\x28\x01")
    begin = action("BeginTransaction", packed("ActionBeginTransactionRequest"))
    for end in (b"\x10\x01", b"\x10\x02"):
        ending = action("EndTransaction", packed("ActionEndTransactionRequest", field(1, ID) + end))
        yield begin + NEXT_CALL + ending
    for batch in batches():
        upload = ipc_messages(batch)
        ingest = field(2, "t")
        yield put("CommandStatementIngest", b"\x0a\x04\x08\x01\x10\x02" + ingest, upload)
        prepare = packed("ActionCreatePreparedStatementRequest", field(1, "SELECT $1, $2"))
        bind = put("CommandPreparedStatementQuery", field(1, ID), upload)
        create = action("CreatePreparedStatement", prepare)
        yield NEXT_CALL.join([create, bind, fetch("CommandPreparedStatementQuery", field(1, ID))])
    for step in steps:
        if isinstance(wanted := step.get("flight.action"), dict):
            yield action(str(wanted["type"]), base64.b64decode(wanted.get("base64", "")))
        for name, value in (step.get("flight.set") or {}).items():
            option = field(1, name) + field(2, field(1, str(value)))
            yield action("SetSessionOptions", field(1, option)) + NEXT_CALL + action("GetSessionOptions")


def put(name: str, message: bytes, upload: list[bytes]) -> bytes:
    first, *rest = upload
    return DO_PUT + NEXT_MESSAGE.join([field(1, descriptor(name, message)) + first, *rest])


def ipc_messages(batch: pa.RecordBatch) -> list[bytes]:
    """The messages of an upload, as FlightData without a descriptor."""
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, batch.schema) as writer:
        writer.write_batch(batch)
    stream.seek(0)
    reader = pa.ipc.MessageReader.open_stream(stream)
    return [field(2, it.metadata) + (field(1000, it.body) if it.body else b"") for it in reader]


def batches() -> Iterator[pa.RecordBatch]:
    columns = {
        "int": pa.array([1, None, 3], pa.int64()),
        "utf8": pa.array(["a", None, "é" * 20]),
        "view": pa.array(["a", None, "long enough to be out of line"], pa.string_view()),
        "binary": pa.array([b"\x00", None, b""], pa.large_binary()),
        "bool": pa.array([True, None, False]),
        "date": pa.array([0, None, 19_000], pa.date32()),
        "time": pa.array([0, None, 1], pa.time64("us")),
        "stamp": pa.array([0, None, 1 << 60], pa.timestamp("ns", "Europe/Paris")),
        "interval": pa.array([(1, 2, 3), None, (0, 0, 0)], pa.month_day_nano_interval()),
        "decimal": pa.array([1, None, 3], pa.decimal128(38, 9)),
        "dictionary": pa.array(["a", None, "a"]).dictionary_encode(),
        "list": pa.array([[1, 2], None, []], pa.list_(pa.int32())),
        "fixed": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
        "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
        "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        "run": pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"]),
        "union": pa.UnionArray.from_dense(
            pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()), [pa.array([1, 2]), pa.array(["x"])]
        ),
        "null": pa.nulls(3),
    }
    for name, column in columns.items():
        yield pa.record_batch({"id": columns["int"], name if name != "int" else "other": column})
    yield pa.record_batch({"id": pa.array([], pa.int64())})


def arrow_bodies() -> Iterator[bytes]:
    for batch in batches():
        for kind in range(4):
            for open_writer in (pa.ipc.new_stream, pa.ipc.new_file):
                sink = io.BytesIO()
                with open_writer(sink, batch.schema) as writer:
                    writer.write_batch(batch)
                yield bytes([kind]) + sink.getvalue()


def load_bodies(steps: list) -> Iterator[bytes]:
    for step in steps:
        if "lakehouse" not in step:
            continue
        if "json" in step:
            body = json.dumps(step["json"]).encode()
            yield from (bytes([kind]) + body for kind in (0, 2, 6))
        if isinstance(step.get("text"), str):
            yield from (bytes([kind]) + step["text"].encode() for kind in (0, 1, 2, 3, 4, 5, 6))
    for batch in batches():
        sink = io.BytesIO()
        try:
            pq.write_table(pa.Table.from_batches([batch]), sink)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            continue
        yield b"\x07" + sink.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
