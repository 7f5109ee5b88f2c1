"""What twelve clients of PostgreSQL were seen to send, run on PostgreSQL 15 and on the server under test.

`catalogs/statements.json` has the statements with the parameters they came with; `catalogs/postgres.sql` and
`duckdb.sql` have the schema that they ask about, in both dialects.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import pq

HERE = Path(__file__).parent / "catalogs"

# The objects that numbers in the recorded statements stand for, and what finds their numbers now.
OBJECTS = {
    "16390": ("class", "customers"),
    "16391": ("type", "_customers"),
    "16392": ("type", "customers"),
    "16402": ("class", "orders"),
    "16403": ("type", "_orders"),
    "16404": ("type", "orders"),
    "16416": ("class", "v_big"),
    "16417": ("type", "_v_big"),
    "16418": ("type", "v_big"),
    "16420": ("type", "_mood"),
    "16421": ("type", "mood"),
    "16427": ("class", "people"),
    "16428": ("type", "_people"),
    "16429": ("type", "people"),
    "16435": ("proc", "f1"),
}


@dataclass
class Answer:
    """What a server said to a statement: of each of its results, the columns and how many rows; or an error."""

    names: list[list[str]] = field(default_factory=list)
    types: list[list[int]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    values: list[list[tuple[Any, ...]]] = field(default_factory=list)
    error: str | None = None


@dataclass
class Recorded:
    number: int
    client: str
    sql: str
    parameters: list[str | None] | None


def statements() -> list[Recorded]:
    recorded = json.loads((HERE / "statements.json").read_text())
    return [Recorded(number, one["client"], one["q"], parameters(one["params"])) for number, one in enumerate(recorded)]


def parameters(text: str) -> list[str | None] | None:
    """The values of a line such as `parameters: $1 = 'a', $2 = NULL`."""
    if not text:
        return None
    found = re.findall(r"\$\d+ = (?:'((?:[^']|'')*)'|(NULL))", text)
    return [None if null else value.replace("''", "'") for value, null in found]


class Side:
    """One of the two servers."""

    def __init__(self, conninfo: str, schema: str, public: str) -> None:
        self.conninfo, self.public = conninfo, public
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for statement in (HERE / f"{schema}.sql").read_text().split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            find = "SELECT oid FROM pg_catalog.pg_{0} WHERE {1}name = %s"
            self.numbers = {}
            for number, (catalog, name) in OBJECTS.items():
                prefix = {"class": "rel", "type": "typ", "proc": "pro"}[catalog]
                row = connection.execute(find.format(catalog, prefix), [name]).fetchone()
                self.numbers[number] = str(row[0]) if row else number

    def here(self, text: str) -> str:
        """A text with this server's numbers, and its name of the schema that tables are in by default."""
        if text == "public":
            return self.public
        text = re.sub(r"\b16\d{3}\b", lambda found: self.numbers.get(found[0], found[0]), text)
        return re.sub(r"(?<=['\"])public(?=['\"])", self.public, text)

    def ask(self, recorded: Recorded) -> Answer:
        """Runs a statement in a transaction that is rolled back."""
        connection = pq.PGconn.connect(self.conninfo.encode())
        try:
            connection.exec_(b"BEGIN")
            sql = self.here(recorded.sql).encode()
            if recorded.parameters is None:
                connection.send_query(sql)
            else:
                values = [None if value is None else self.here(value).encode() for value in recorded.parameters]
                connection.send_query_params(sql, values)
            return read(connection)
        finally:
            connection.finish()


def read(connection: pq.PGconn) -> Answer:
    answer = Answer()
    while (result := connection.get_result()) is not None:
        status = result.status
        if status == pq.ExecStatus.FATAL_ERROR:
            answer.error = result.error_message.decode().strip()
        elif status == pq.ExecStatus.COPY_OUT:
            while connection.get_copy_data(False)[0] > 0:
                pass
        elif status == pq.ExecStatus.COPY_IN:
            connection.put_copy_end()
        elif status == pq.ExecStatus.TUPLES_OK:
            columns = range(result.nfields)
            answer.names.append([result.fname(at).decode() for at in columns])
            answer.types.append([result.ftype(at) for at in columns])
            answer.rows.append(result.ntuples)
            answer.values.append([tuple(result.get_value(row, at) for at in columns) for row in range(result.ntuples)])
    return answer
