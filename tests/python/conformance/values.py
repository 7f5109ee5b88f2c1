"""Arrow values as the contract's LN table writes them, and back."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from decimal import Decimal

import pyarrow as pa
from data import Number, Value, as_text, double, single
from notation import Unsupported, read_field

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
EPOCH = datetime.date(1970, 1, 1)
INFINITIES = {2**63 - 1: "infinity", -(2**63) + 1: "-infinity"}


def rows_of(batch: pa.RecordBatch) -> list[Value]:
    columns = [[value_of(column[at]) for at in range(len(column))] for column in batch.columns]
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(batch.num_rows)]


def value_of(scalar: pa.Scalar) -> Value:
    if isinstance(scalar, pa.UnionScalar):
        return value_of(scalar.value) if scalar.value is not None else None
    if not scalar.is_valid:
        return None
    kind = scalar.type
    if isinstance(scalar, pa.ExtensionScalar | pa.DictionaryScalar):
        return value_of(scalar.value)
    if pa.types.is_boolean(kind):
        return scalar.as_py()
    if pa.types.is_integer(kind):
        return Number(scalar.as_py())
    if pa.types.is_floating(kind):
        return double(scalar.as_py()) if kind == pa.float64() else single(float(scalar.as_py()))
    if pa.types.is_decimal(kind):
        return Number(f"{scalar.as_py():f}")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return scalar.as_py()
    if isinstance(scalar, pa.BinaryScalar | pa.LargeBinaryScalar | pa.FixedSizeBinaryScalar | pa.BinaryViewScalar):
        return scalar.as_py().hex()
    if pa.types.is_temporal(kind):
        return time_of(scalar)
    return nested_of(scalar)


def nested_of(scalar: pa.Scalar) -> Value:
    if isinstance(scalar, pa.MapScalar):
        entries = scalar.values
        return {as_text(value_of(entry["key"])): value_of(entry["value"]) for entry in map(as_entry, entries)}
    if isinstance(scalar, pa.StructScalar):
        fields = [scalar.type.field(at).name for at in range(scalar.type.num_fields)]
        return {name: value_of(scalar[at]) for at, name in enumerate(fields)}
    if hasattr(scalar, "values"):
        return [value_of(item) for item in scalar.values]
    raise Unsupported(f"no notation for values of type {scalar.type}")


def as_entry(entry: pa.StructScalar) -> dict[str, pa.Scalar]:
    return {"key": entry[0], "value": entry[1]}


def time_of(scalar: pa.Scalar) -> Value:
    kind = scalar.type
    if pa.types.is_interval(kind):
        months, days, nanoseconds = scalar.as_py()
        return interval_text(months, days, nanoseconds)
    bits = scalar.value
    if kind == pa.date32():
        return {2**31 - 1: "infinity", -(2**31) + 1: "-infinity"}.get(bits) or day_text(bits)
    if kind == pa.date64():
        return stamp_text(bits, "ms", None)
    if pa.types.is_time(kind):
        return clock_text(bits, PER_SECOND[kind.unit])
    if pa.types.is_timestamp(kind):
        return stamp_text(bits, kind.unit, kind.tz)
    raise Unsupported(f"no notation for values of type {kind}")


def civil(days: int) -> tuple[int, int, int]:
    """The proleptic Gregorian date so many days after the epoch, in any year."""
    cycles, days = divmod(days + (EPOCH - datetime.date(1, 1, 1)).days, 146_097)
    day = datetime.date(1, 1, 1) + datetime.timedelta(days)
    return day.year + 400 * cycles, day.month, day.day


def day_text(days: int) -> str:
    year, month, day = civil(days)
    years = f"{year:04}" if 0 <= year <= 9999 else f"{year:+05}"
    return f"{years}-{month:02}-{day:02}"


def clock_text(ticks: int, per_second: int) -> str:
    seconds, part = divmod(ticks, per_second)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if part == 0:
        return text
    nanoseconds = f"{part * (10**9 // per_second):09}"
    digits = next(digits for digits in (3, 6, 9) if int(nanoseconds[digits:] or 0) == 0)
    return f"{text}.{nanoseconds[:digits]}"


def stamp_text(ticks: int, unit: str, zone: str | None) -> str:
    if ticks in INFINITIES:
        return INFINITIES[ticks]
    per_second = PER_SECOND[unit]
    minutes = offset_minutes(zone, ticks // per_second) if zone else 0
    days, rest = divmod(ticks + minutes * 60 * per_second, 86_400 * per_second)
    text = f"{day_text(days)}T{clock_text(rest, per_second)}"
    if not zone:
        return text
    sign = "-" if minutes < 0 else "+"
    return text + (f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "Z")


def offset_minutes(zone: str, seconds: int) -> int:
    if fixed := re.fullmatch(r"([+-])(\d\d):(\d\d)", zone):
        return (int(fixed[2]) * 60 + int(fixed[3])) * (-1 if fixed[1] == "-" else 1)
    within = min(max(seconds, -62_000_000_000), 253_000_000_000)
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=within)
    offset = moment.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0


def interval_text(months: int, days: int, nanoseconds: int) -> str:
    """LN-03: parts that are zero are left out."""
    sign = -1 if nanoseconds < 0 else 1
    minutes, rest = divmod(abs(nanoseconds), 60 * 10**9)
    counts = ((months, "mons"), (days, "days"), (sign * (minutes // 60), "hours"), (sign * (minutes % 60), "mins"))
    parts = [f"{count} {word}" for count, word in counts if count]
    if rest:
        parts.append(f"{'-' if sign < 0 else ''}{rest // 10**9}.{rest % 10**9:09} secs")
    return " ".join(parts) or "0 secs"


def batches(step: dict[str, Value]) -> tuple[pa.Schema, list[pa.RecordBatch]] | None:
    """The data that a step sends."""
    if "columns" not in step:
        return None
    schema = pa.schema([read_field(text) for text in step["columns"]])
    rows = step.get("rows", [])
    if not rows:
        return schema, []
    columns = [array_of([row[at] for row in rows], field.type) for at, field in enumerate(schema)]
    whole = pa.RecordBatch.from_arrays(columns, schema=schema)
    size = int(step["batch_rows"]) if "batch_rows" in step else len(rows)
    return schema, [whole.slice(start, size) for start in range(0, len(rows), size)]


def array_of(values: list[Value], kind: pa.DataType) -> pa.Array:
    if pa.types.is_union(kind):
        return union_of(values, kind)
    if pa.types.is_dictionary(kind):
        encoded = array_of(values, kind.value_type).dictionary_encode()
        return pa.DictionaryArray.from_arrays(encoded.indices.cast(kind.index_type), encoded.dictionary)
    return pa.array([native(value, kind) for value in values], kind)


def union_of(values: list[Value], kind: pa.DataType) -> pa.Array:
    fields = [kind.field(at) for at in range(kind.num_fields)]
    codes = [next(at for at, field in enumerate(fields) if field.name in value) for value in values]
    types = pa.array(codes, pa.int8())
    names = [field.name for field in fields]
    if kind.mode == "sparse":
        children = [array_of([value.get(field.name) for value in values], field.type) for field in fields]
        return pa.UnionArray.from_sparse(types, children, names)
    chosen = [[value[field.name] for value in values if field.name in value] for field in fields]
    children = [array_of(some, field.type) for some, field in zip(chosen, fields, strict=True)]
    offsets = pa.array([codes[:at].count(code) for at, code in enumerate(codes)], pa.int32())
    return pa.UnionArray.from_dense(types, offsets, children, names)


def native(value: Value, kind: pa.DataType) -> object:
    """What pyarrow takes for a value of the spec."""
    if value is None:
        return None
    if isinstance(kind, pa.DataType) and pa.types.is_struct(kind):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        return {field.name: native(value.get(field.name), field.type) for field in fields}
    if pa.types.is_map(kind):
        return [(native(key, kind.key_type), native(item, kind.item_type)) for key, item in value.items()]
    if isinstance(value, list):
        return [native(item, kind.value_type) for item in value]
    text = as_text(value)
    if pa.types.is_boolean(kind):
        return value
    if pa.types.is_integer(kind) or pa.types.is_duration(kind):
        return int(text)
    if pa.types.is_floating(kind):
        return float(text)
    if pa.types.is_decimal(kind):
        return Decimal(text)
    if "utf8" in str(kind) or "string" in str(kind):
        return text
    if "binary" in str(kind):
        return bytes.fromhex(text)
    return moment(text, kind)


def moment(text: str, kind: pa.DataType) -> object:
    if pa.types.is_date(kind):
        return datetime.date.fromisoformat(text)
    if pa.types.is_interval(kind):
        return interval(text)
    if pa.types.is_time(kind):
        return ticks_of(text) * PER_SECOND[kind.unit] // 10**9
    if pa.types.is_timestamp(kind):
        return ticks_since_epoch(text) * PER_SECOND[kind.unit] // 10**9
    raise Unsupported(f"no way to make {kind} of a text")


def ticks_since_epoch(text: str) -> int:
    """Nanoseconds, of which a datetime would keep microseconds."""
    day, clock, zone = re.fullmatch(r"([^T]*)T([0-9:.]*)(.*)", text).groups()  # type: ignore[union-attr]
    offset = offset_minutes(zone, 0) if zone not in ("", "Z") else 0
    days = (datetime.date.fromisoformat(day) - EPOCH).days
    return (days * 86_400 - offset * 60) * 10**9 + ticks_of(clock)


def ticks_of(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60 * 10**9 + int(Decimal(seconds) * 10**9)


def interval(text: str) -> pa.MonthDayNano:
    sizes = {"years": (12, 0, 0), "mons": (1, 0, 0), "days": (0, 1, 0)}
    clocks = {"hours": 3600, "mins": 60, "secs": 1}
    sums = [Decimal(0)] * 3
    for count, word in re.findall(r"(-?[0-9.]+) (\w+)", text):
        factors = sizes.get(word) or (0, 0, clocks[word] * 10**9)
        sums = [total + Decimal(count) * factor for total, factor in zip(sums, factors, strict=True)]
    return pa.MonthDayNano([int(total) for total in sums])
