"""Every type in both formats and both directions, by its bytes (PW-17, PW-18)."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from wire import SYNC, Connection, bind, describe, execute, parse

Same = Callable[..., list[Any]]

# An expression that both servers read, as text they show the same, and as bytes.
COMMON = [
    "true", "false", "NULL::boolean",
    "1::smallint", "(-32768)::smallint", "32767::smallint", "(-2147483648)::int", "2147483647::int",
    "9223372036854775807::bigint", "(-9223372036854775807)::bigint",
    "1.5::real", "'NaN'::real", "'Infinity'::real", "1e20::real", "1000000::real", "0.1::real",
    "1.5::double precision", "'-Infinity'::double precision", "1e15::double precision", "1e-5::double precision",
    "123456789012345.6::double precision", "'-0'::double precision", "1.7976931348623157e308::double precision",
    "0::decimal(5,2)", "1.50::decimal(5,2)", "(-0.01)::decimal(5,2)", "12345.678::decimal(10,3)",
    "99999999999999999999999999999999999999::decimal(38,0)", "'0.00000000000000000000000000000000000001'::decimal(38,38)",
    "'x'::varchar", "''::varchar", "'äöü€😀'::varchar",
    "'550e8400-e29b-41d4-a716-446655440000'::uuid",
    "'{\"a\": [1, null]}'::json",
    "date '2024-02-29'", "date '0001-01-01'", "date '9999-12-31'", "'infinity'::date", "'-infinity'::date",
    "time '00:00:00'", "time '23:59:59.999999'", "time '12:34:56.5'",
    "'12:34:56.5+05:30'::timetz", "'00:00:00-15:59'::timetz",
    "timestamp '2024-02-29 12:34:56.789'", "timestamp '0001-01-01 00:00:00'", "'infinity'::timestamp",
    "timestamptz '2024-02-29 12:34:56.789+00'", "'-infinity'::timestamptz",
    "interval '1 year 2 months 3 days 04:05:06.789'", "interval '-1 day 02:00:00'", "interval '0 s'",
    "interval '-00:00:01'", "interval '1 day'", "interval '-13 months'", "interval '178000000 years'",
    "ARRAY[1, NULL, 3]::int[]", "ARRAY[]::int[]", "ARRAY['a', 'b c', NULL, 'NULL', '', '\"', '{']::varchar[]",
    "ARRAY[1.5, 2.25]::double precision[]", "ARRAY[true, false]", "ARRAY[date '2024-01-01']",
    "ARRAY['550e8400-e29b-41d4-a716-446655440000'::uuid]", "ARRAY[1.50, 2.00]::decimal(5,2)[]",
]  # fmt: skip


def values(connection: Connection, expression: str) -> list[Any]:
    said = []
    for form in (0, 1):
        query = parse(f"SELECT {expression} AS v")
        said += connection.ask(query, bind(results=[form]), describe("P"), execute(), SYNC)
    return said


@pytest.mark.parametrize("expression", COMMON)
def test_results(same: Same, expression: str) -> None:
    said = same(lambda connection: values(connection, expression))
    assert [kind for kind, _ in said].count("DataRow") == 2, said


# DuckDB's own types: expression, type, text and bytes.
OWN = [
    ("1::tinyint", 21, b"1", b"\0\1"),
    ("255::utinyint", 21, b"255", b"\0\xff"),
    ("65535::usmallint", 23, b"65535", b"\0\0\xff\xff"),
    ("4294967295::uinteger", 20, b"4294967295", struct.pack("!q", 4294967295)),
    ("18446744073709551615::ubigint", 1700, b"18446744073709551615", struct.pack("!4H5H", 5, 4, 0, 0, 1844, 6744, 737, 955, 1615)),
    ("(-170141183460469231731687303715884105728)::hugeint", 1700, b"-170141183460469231731687303715884105728", None),
    ("340282366920938463463374607431768211455::uhugeint", 1700, b"340282366920938463463374607431768211455", None),
    ("sum(1)", 1700, b"1", struct.pack("!4H1H", 1, 0, 0, 0, 1)),
    ("'\\xDE\\xAD'::blob", 17, b"\\xdead", b"\xde\xad"),
    ("'101'::bit", 1562, b"101", struct.pack("!I", 3) + b"\xa0"),
    ("timestamp_s '2000-01-01 00:00:01'", 1114, b"2000-01-01 00:00:01", struct.pack("!q", 1_000_000)),
    ("timestamp_ms '2000-01-01 00:00:00.001'", 1114, b"2000-01-01 00:00:00.001", struct.pack("!q", 1000)),
    ("timestamp_ns '2000-01-01 00:00:00.000001999'", 1114, b"2000-01-01 00:00:00.000001", struct.pack("!q", 1)),
    ("{'a': 1, 'b': [NULL, 'x\"']}", 114, b'{"a":1,"b":[null,"x\\""]}', b'{"a":1,"b":[null,"x\\""]}'),
    ("MAP {'k': 1.5}", 114, b'{"k":1.5}', b'{"k":1.5}'),
    ("[[1], []]", 114, b"[[1],[]]", b"[[1],[]]"),
    ("'b'::ENUM('a', 'b')", 1043, b"b", b"b"),
    ("[1, 2]::int[2]", 1007, b"{1,2}", struct.pack("!3I2I4I", 1, 0, 23, 2, 1, 4, 1, 4, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "oid", "shown", "raw"), OWN, ids=[row[0] for row in OWN])
def test_results_of_duckdbs_types(mock: Connection, expression: str, oid: int, shown: bytes, raw: bytes | None) -> None:
    said = values(mock, expression)
    assert [value[0][1] for kind, value in said if kind == "RowDescription"] == [oid, oid], said
    as_text, as_bytes = (value[0] for kind, value in said if kind == "DataRow")
    assert as_text == shown
    if raw is not None:
        assert as_bytes == raw


ROUNDED = ("real", "double", "decimal", "interval", "blob", "timestamp_ns", "bit")
"""What to_json rounds, or has as another text than the value itself."""


@pytest.mark.parametrize("expression", [row[0] for row in OWN] + COMMON)
def test_what_is_nested_is_json(mock: Connection, expression: str) -> None:
    """As to_json writes it; numbers have all of their digits, and what is no number of JSON is the text that it is alone."""
    query = f"SELECT [{{'v': {expression}}}] AS a, to_json([{{'v': {expression}}}]) AS b"
    said = mock.ask(parse(query), bind(), execute(), SYNC)
    nested, expected = next(value for kind, value in said if kind == "DataRow")
    value = json.loads(nested, parse_float=str)
    if not any(word in expression for word in ROUNDED):
        assert value == json.loads(expected, parse_float=str)


# A type, and values of it as text and as bytes; both are sent to both servers and come back by both.
PARAMETERS: list[tuple[str, int, list[tuple[str, bytes]]]] = [
    ("boolean", 16, [("t", b"\1"), ("f", b"\0")]),
    ("smallint", 21, [("-32768", b"\x80\0"), ("7", b"\0\7")]),
    ("int", 23, [("42", b"\0\0\0\x2a")]),
    ("bigint", 20, [("-9223372036854775807", struct.pack("!q", -9223372036854775807))]),
    ("real", 700, [("0.1", struct.pack("!f", 0.1)), ("NaN", struct.pack("!f", float("nan")))]),
    ("double precision", 701, [("0.1", struct.pack("!d", 0.1)), ("-Infinity", struct.pack("!d", float("-inf")))]),
    ("decimal(38,2)", 1700, [("12345.67", struct.pack("!4H3H", 3, 1, 0, 2, 1, 2345, 6700)), ("-0.01", struct.pack("!2H2H1H", 1, 0xFFFF, 0x4000, 2, 100))]),
    ("varchar", 1043, [("äöü", "äöü".encode()), ("", b"")]),
    ("uuid", 2950, [("550e8400-e29b-41d4-a716-446655440000", uuid.UUID("550e8400-e29b-41d4-a716-446655440000").bytes)]),
    ("json", 114, [('{"a": 1}', b'{"a": 1}')]),
    ("date", 1082, [("2000-01-02", struct.pack("!i", 1)), ("infinity", struct.pack("!i", 2**31 - 1)), ("0001-01-01 BC", struct.pack("!i", -730851))]),
    ("time", 1083, [("00:00:01.5", struct.pack("!q", 1_500_000))]),
    ("timetz", 1266, [("12:00:00+02", struct.pack("!qi", 43_200_000_000, -7200))]),
    ("timestamp", 1114, [("2000-01-01 00:00:01", struct.pack("!q", 1_000_000)), ("-infinity", struct.pack("!q", -(2**63)))]),
    ("timestamptz", 1184, [("2000-01-01 00:00:01+00", struct.pack("!q", 1_000_000)), ("infinity", struct.pack("!q", 2**63 - 1))]),
    ("interval", 1186, [("1 mon 2 days 00:00:03", struct.pack("!qii", 3_000_000, 2, 1)), ("-1 days", struct.pack("!qii", 0, -1, 0))]),
    ("int[]", 1007, [("{1,NULL,3}", struct.pack("!3I2I2Ii2I", 1, 1, 23, 3, 1, 4, 1, -1, 4, 3)), ("{}", struct.pack("!3I", 0, 0, 23))]),
    ("varchar[]", 1015, [('{a,"b, \\"c\\"",NULL}', struct.pack("!3I2II1sI6si", 1, 1, 1043, 3, 1, 1, b"a", 6, b'b, "c"', -1))]),
]  # fmt: skip

SENT = [
    pytest.param(
        name, oid if declared else 0, value, form, id=f"{name}-{'declared' if declared else 'found'}-{form}-{at}"
    )
    for name, oid, both in PARAMETERS
    for declared in (True, False)
    for at, pair in enumerate(both)
    for form, value in enumerate(pair)
]


@pytest.mark.parametrize(("name", "oid", "value", "form"), SENT)
def test_parameters(same: Same, name: str, oid: int, value: bytes | str, form: int) -> None:
    """By the declared type, or where that is 0, by the one that the statement decides."""

    def script(connection: Connection) -> list[Any]:
        asked = (parse(f"SELECT $1::{name} AS v", types=[oid]), bind([value], formats=[form]), execute(), SYNC)
        return connection.ask(*asked)

    assert same(script)[2][0] == "DataRow"


def test_bytes_go_both_ways(mock: Connection) -> None:
    for value, form in ((b"\xde\xad\0", 1), ("\\xdead00", 0), ("\\336\\255\\000", 0)):
        said = mock.ask(parse("SELECT $1::blob AS v"), bind([value], formats=[form], results=[1]), execute(), SYNC)
        assert said[2] == ("DataRow", [b"\xde\xad\0"]), said


WRONG = {
    "an array of negative size": (1007, struct.pack("!iiIii", 1, 0, 23, -1, 1)),
    "an array of negative dimensions": (1007, struct.pack("!iiI", -1, 0, 23)),
    "an array with other flags": (1007, struct.pack("!iiIii", 1, 2, 23, 0, 1)),
    "an array of another type": (1007, struct.pack("!iiIii", 1, 0, 25, 0, 1)),
    "a scale of a number that is too large": (1700, struct.pack("!HhHHH", 1, 0, 0, 16384, 1)),
    "a number with a digit that is none": (1700, struct.pack("!HhHHH", 1, 0, 0, 0, 10_000)),
    "JSON that is none": (114, b"{"),
    "binary JSON that is none": (3802, b"\1[1,"),
}


@pytest.mark.parametrize(("oid", "value"), WRONG.values(), ids=WRONG.keys())
def test_binary_values_that_are_none(same: Same, oid: int, value: bytes) -> None:
    ask = (parse("SELECT $1 AS v", types=[oid]), bind([value], formats=[1]), execute(), SYNC)
    said = same(lambda connection: connection.ask(*ask))
    assert [kind for kind, _ in said] == ["ParseComplete", "Error", "ReadyForQuery"]


def test_a_number_beyond_a_double_is_out_of_range(mock: Connection) -> None:
    huge = struct.pack("!HhHHH", 1, 32767, 0, 0, 1)
    said = mock.ask(parse("SELECT $1 AS v", types=[1700]), bind([huge], formats=[1]), execute(), SYNC)
    assert said[1:] == [("Error", ("ERROR", "22003")), ("ReadyForQuery", "I")]


def test_long_decimals_and_huge_numbers_go_both_ways(mock: Connection) -> None:
    for name, text in (
        ("decimal(38,0)", b"9" * 38),
        ("decimal(38,38)", b"0." + b"9" * 38),
        ("hugeint", b"170141183460469231731687303715884105727"),
        ("ubigint", b"18446744073709551615"),
    ):
        for declared in (0, 1700):
            query = parse(f"SELECT $1::{name} AS v", types=[declared])
            said = mock.ask(query, bind([text], results=[1]), execute(), SYNC)
            assert said[2][0] == "DataRow", said
            again = mock.ask(query, bind(said[2][1], formats=[1]), execute(), SYNC)
            assert again[2] == ("DataRow", [text]), (name, declared)


def test_a_text_is_a_literal_of_what_is_wanted(mock: Connection) -> None:
    mock.ask(
        parse("CREATE TEMP TABLE w (a int, b date, c double, d varchar, e int[], f boolean)"), bind(), execute(), SYNC
    )
    insert = parse("INSERT INTO w VALUES ($1, $2, $3, $4, $5, $6)")
    said = mock.ask(insert, describe("S"), bind(["1", "2024-01-01", "1.5", "x", "{1,2}", "yes"]), execute(), SYNC)
    assert said[1] == ("ParameterDescription", [23, 1082, 701, 1043, 1007, 16])
    said = mock.ask(parse("SELECT * FROM w WHERE a = $1 AND b > $2"), bind(["1", "2023-01-01"]), execute(), SYNC)
    assert said[2] == ("DataRow", [b"1", b"2024-01-01", b"1.5", b"x", b"{1,2}", b"t"])
