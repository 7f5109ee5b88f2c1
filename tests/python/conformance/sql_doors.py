"""`sql` steps: `POST /query` over REST, the ADBC driver over Flight SQL, with one kind of outcome."""

from __future__ import annotations

import re

import adbc_driver_flightsql
from adbc_driver_flightsql import DatabaseOptions
from adbc_driver_manager import AdbcConnection, AdbcDatabase, AdbcStatement, Error
from background import Gate
from data import Number, Outcome, Value, decode, encode
from pyarrow import RecordBatchReader
from values import rows_of

# How the driver's message wraps the server's.
DRIVER_TEXT = re.compile(r"(?s)^(?:[A-Z_]+: )?\[FlightSQL\] (.*) \([A-Za-z]+; [^()]*\)")


def connect(uri: str, authorization: str) -> tuple[AdbcDatabase, AdbcConnection]:
    options = {"driver": adbc_driver_flightsql._driver_path(), "uri": uri}
    options[DatabaseOptions.AUTHORIZATION_HEADER.value] = authorization
    database = AdbcDatabase(**options)
    return database, AdbcConnection(database)


def run_adbc(connection: AdbcConnection, text: str, gate: Gate) -> Outcome:
    made: Outcome = {"columns": None, "rows": [], "row_count": Number(0), "error": None}
    with AdbcStatement(connection) as statement:
        try:
            statement.set_sql_query(text)
            handle, _ = statement.execute_query()
            reader = RecordBatchReader._import_from_c(handle.address)
            made["columns"] = list(reader.schema.names)
            kinds = [(field.metadata or {}).get(b"ARROW:FLIGHT:SQL:TYPE_NAME", b"").decode() for field in reader.schema]
            for count, batch in enumerate(reader, 1):
                for row in rows_of(batch):
                    made["rows"].append([as_rest(value, kind) for value, kind in zip(row, kinds, strict=True)])
                made["row_count"] = Number(len(made["rows"]))
                gate.reach(count, lambda: made)
        except (Error, OSError) as failure:
            found = DRIVER_TEXT.match(str(failure))
            made["error"] = found[1] if found else str(failure)
    return made


def as_rest(value: Value, kind: str) -> Value:
    """As the REST door writes it: JSON parsed, numbers that are none null."""
    if isinstance(value, str) and kind in ("FLOAT", "DOUBLE"):
        return None
    return decode(value) if isinstance(value, str) and kind in ("JSON", "VARIANT") else value


def rest_outcome(answered: Outcome) -> Outcome:
    """What the lines of `POST /query` say."""
    lines = list(answered.get("lines") or [])
    assert lines, f"POST /query answered {encode(answered)}"
    error = None
    if isinstance(lines[-1], dict) and "error" in lines[-1]:
        error = lines.pop()["error"]
    made: Outcome = {"columns": None, "rows": [], "row_count": Number(0), "error": error}
    if len(lines) > 1:
        made["columns"] = [column["name"] for column in lines[1]]
        made["rows"], made["row_count"] = lines[2:], Number(len(lines) - 2)
    return made
