"""Statements through the ADBC driver for Flight SQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import adbc_driver_flightsql
import pyarrow as pa
from adbc_driver_flightsql import DatabaseOptions
from adbc_driver_manager import AdbcConnection, AdbcDatabase, AdbcStatement, Error
from arrow_streams import gathered
from driver import Call, Case, Fields, Make
from flight_calls import secure

# How the ADBC driver's message wraps the server's.
DRIVER_TEXT = re.compile(r"(?s)^(?:[A-Z_]+: )?\[FlightSQL\] (.*) \([A-Za-z]+; [^()]*\)")


def adbc(case: Case, url: str, authorization: str) -> AdbcConnection:
    def connect() -> tuple[AdbcConnection, Callable[[], object]]:
        uri = f"grpc{'+tls' if secure(url) else ''}://{urlsplit(url).netloc}"
        options = {"driver": adbc_driver_flightsql._driver_path(), "uri": uri}
        options[DatabaseOptions.AUTHORIZATION_HEADER.value] = authorization
        database = AdbcDatabase(**options)
        connection = AdbcConnection(database)
        return connection, lambda: (connection.close(), database.close())

    return case.hold((url, authorization), connect)


def statement(call: Call) -> Fields:
    authorization = dict(call.fields["metadata"]).get("authorization", "")
    connection = adbc(call.case, call.fields["url"], authorization)
    answer: Fields = {"error": None}
    with AdbcStatement(connection) as made:
        call.on_hang_up(made.cancel)
        try:
            made.set_sql_query(call.fields["statement"])
            handle, _ = made.execute_query()
            gathered(call, pa.RecordBatchReader._import_from_c(handle.address), answer)
        except (Error, OSError) as failure:
            found = DRIVER_TEXT.match(str(failure))
            answer["error"] = found[1] if found else str(failure)
    return answer


KINDS: dict[str, Make] = {"sql.flight": statement}
