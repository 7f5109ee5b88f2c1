"""Arrow schemas as the spec writes them: `name type`, `!` for not null."""

from __future__ import annotations

import re

import pyarrow as pa
from data import Value

PLAIN: dict[str, pa.DataType] = {
    "null": pa.null(),
    "bool": pa.bool_(),
    **{f"{sign}int{bits}": getattr(pa, f"{sign}int{bits}")() for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float16": pa.float16(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "utf8": pa.utf8(),
    "large_utf8": pa.large_utf8(),
    "utf8_view": pa.string_view(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "binary_view": pa.binary_view(),
    "date32": pa.date32(),
    "date64": pa.date64(),
    "interval(month_day_nano)": pa.month_day_nano_interval(),
    **{f"time32({unit})": pa.time32(unit) for unit in ("s", "ms")},
    **{f"time64({unit})": pa.time64(unit) for unit in ("us", "ns")},
    **{f"duration({unit})": pa.duration(unit) for unit in ("s", "ms", "us", "ns")},
}
NAMES = {kind: name for name, kind in PLAIN.items()}


class Unsupported(Exception):
    """What pyarrow cannot express."""


def schema_text(schema: pa.Schema) -> list[Value]:
    return [field_text(field) for field in schema]


def metadata_of(schema: pa.Schema) -> list[Value]:
    return [{**extension_of(field.type), **decoded(field.metadata or {})} for field in schema]


def decoded(metadata: dict[bytes, bytes]) -> dict[str, Value]:
    return {key.decode(): value.decode() for key, value in metadata.items()}


def extension_of(kind: pa.DataType) -> dict[str, Value]:
    """The metadata that pyarrow takes out of a field whose extension type it knows."""
    if not isinstance(kind, pa.BaseExtensionType):
        return {}
    parameters = kind.__arrow_ext_serialize__() if hasattr(kind, "__arrow_ext_serialize__") else b""
    return {"ARROW:extension:name": kind.extension_name, "ARROW:extension:metadata": parameters.decode()}


def field_text(field: pa.Field) -> str:
    return f"{field.name} {type_text(field.type)}{'' if field.nullable else '!'}"


def type_text(kind: pa.DataType) -> str:
    if kind in NAMES:
        return NAMES[kind]
    if isinstance(kind, pa.BaseExtensionType):
        return type_text(kind.storage_type)
    if pa.types.is_timestamp(kind):
        return f"timestamp({kind.unit},{kind.tz})" if kind.tz else f"timestamp({kind.unit})"
    if pa.types.is_decimal(kind):
        return f"decimal{kind.bit_width}({kind.precision},{kind.scale})"
    if pa.types.is_fixed_size_binary(kind):
        return f"fixed_size_binary({kind.byte_width})"
    if pa.types.is_fixed_size_list(kind):
        return f"fixed_size_list<{field_text(kind.value_field)}>[{kind.list_size}]"
    heads = ((pa.types.is_list, "list"), (pa.types.is_large_list, "large_list"), (pa.types.is_list_view, "list_view"))
    for is_kind, head in heads:
        if is_kind(kind):
            return f"{head}<{field_text(kind.value_field)}>"
    if pa.types.is_map(kind):
        return f"map<{field_text(kind.key_field)}, {field_text(kind.item_field)}>"
    if pa.types.is_dictionary(kind):
        return f"dictionary<{type_text(kind.index_type)}, {type_text(kind.value_type)}>"
    fields = ", ".join(field_text(kind.field(at)) for at in range(kind.num_fields))
    if pa.types.is_union(kind):
        return f"{kind.mode}_union<{fields}>"
    return f"struct<{fields}>" if pa.types.is_struct(kind) else str(kind)


def read_field(text: str) -> pa.Field:
    text = text.strip()
    name, _, kind = text[1:].partition('" ') if text.startswith('"') else text.partition(" ")
    metadata = None
    if found := re.fullmatch(r"(.*)@([^>]*)", kind, re.DOTALL):
        kind, metadata = found[1], {"ARROW:extension:name": found[2], "ARROW:extension:metadata": ""}
    required = kind.endswith("!")
    return pa.field(name, read_type(kind.removesuffix("!")), not required, metadata)


def read_type(text: str) -> pa.DataType:
    text = text.strip()
    if text in PLAIN:
        return PLAIN[text]
    found = re.fullmatch(r"(\w+)([(<])(.*)[)>](?:\[(\d+)\])?", text, re.DOTALL)
    if not found:
        raise Unsupported(f"pyarrow has no type {text}")
    head, opening, inside, size = found.groups()
    parts = split_outside(inside)
    if opening == "(":
        return read_parameters(text, head, parts)
    if head == "dictionary":
        return pa.dictionary(read_type(parts[0]), read_type(parts[1]))
    fields = [read_field(part) for part in parts]
    makers = {"list": pa.list_, "large_list": pa.large_list, "list_view": pa.list_view}
    if head in makers:
        return makers[head](fields[0])
    if head == "fixed_size_list":
        return pa.list_(fields[0], int(size))
    if head == "map":
        return pa.map_(fields[0], fields[1])
    if head.endswith("_union"):
        return pa.union(fields, head.removesuffix("_union"))
    if head == "struct":
        return pa.struct(fields)
    raise Unsupported(f"pyarrow has no type {text}")


def read_parameters(text: str, head: str, parts: list[str]) -> pa.DataType:
    if head == "timestamp":
        return pa.timestamp(parts[0], parts[1] if len(parts) > 1 else None)
    if head == "fixed_size_binary":
        return pa.binary(int(parts[0]))
    if head.startswith("decimal"):
        return getattr(pa, head)(int(parts[0]), int(parts[1]))
    raise Unsupported(f"pyarrow has no type {text}")


def split_outside(text: str) -> list[str]:
    """Splits at the commas of the outermost level."""
    depth, parts = 0, [""]
    for letter in text:
        depth += (letter in "<([") - (letter in ">)]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
