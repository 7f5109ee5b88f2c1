"""Drivers as programs use them: what they ask unasked, how they prepare, pool and read."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import decimal
import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pg8000.dbapi
import psycopg
import psycopg_pool
import pytest
from judge import DATABASE, PASSWORD, USER
from mock_server import MockServer
from psycopg import sql


@pytest.fixture
def place(server: MockServer) -> dict[str, Any]:
    host, port = server.postgres_address
    return {"host": host, "port": port, "user": USER, "password": PASSWORD}


@pytest.fixture
def connection(place: dict[str, Any]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(**place, dbname=DATABASE) as connected:
        yield connected


def test_the_first_steps_with_psycopg(connection: psycopg.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE test (id integer PRIMARY KEY, num integer, data text)")
        cursor.execute("INSERT INTO test (id, num, data) VALUES (1, %s, %s)", (100, "abc'def"))
        cursor.execute("SELECT * FROM test")
        assert cursor.fetchone() == (1, 100, "abc'def")
        cursor.executemany("INSERT INTO test (id, num) VALUES (%s, %s)", [(2, 33), (3, 66)])
        assert cursor.rowcount == 2
        cursor.execute("SELECT id, num FROM test ORDER BY num")
        assert [record for record in cursor] == [(2, 33), (3, 66), (1, 100)]
    connection.commit()


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        42, 2**40, True, "x", b"\xde\xad\0", 1.5, decimal.Decimal("12.50"), uuid.UUID(int=7), datetime.date(2024, 2, 29),
        datetime.datetime(2024, 2, 29, 12, 34, 56, 789000), datetime.time(1, 2, 3), datetime.timedelta(days=1, seconds=2),
        datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc), [1, 2, None],
    ],
    ids=repr,
)  # fmt: skip
def test_values_of_psycopg_come_back(connection: psycopg.Connection, value: object, binary: bool) -> None:
    with connection.cursor(binary=binary) as cursor:
        for placeholder in ("%s", "%b", "%t"):
            assert cursor.execute(f"SELECT {placeholder} AS v", (value,)).fetchone() == (value,), placeholder


def test_psycopg_prepares_what_it_repeats(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TEMP TABLE again (a int)")
    for number in range(20):
        connection.execute("INSERT INTO again VALUES (%s)", (number,))
    assert connection.execute("SELECT count(*), sum(a) FROM again").fetchone() == (20, 190)


def test_errors_have_their_classes(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM nowhere")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        connection.execute("SELECT 1")
    connection.rollback()
    with pytest.raises(psycopg.errors.SyntaxError) as fault:
        connection.execute("SELECT 1 FROM")
    assert "Parser Error" in str(fault.value)
    connection.rollback()
    connection.execute("CREATE TEMP TABLE keys (k int PRIMARY KEY)")
    with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
        connection.execute("INSERT INTO keys VALUES (1), (1)")


def test_a_pipeline_of_psycopg(connection: psycopg.Connection) -> None:
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", (number,)) for number in range(50)]
    assert [cursor.fetchone() for cursor in cursors] == [(number,) for number in range(50)]


def test_rows_are_streamed_to_psycopg(connection: psycopg.Connection) -> None:
    with connection.cursor() as cursor:
        rows = cursor.stream("SELECT range FROM range(100000)", size=1000)
        assert sum(row[0] for row in rows) == 4_999_950_000


def test_a_pool_of_psycopg(place: dict[str, Any]) -> None:
    text = psycopg.conninfo.make_conninfo(**place, dbname=DATABASE)
    with psycopg_pool.ConnectionPool(
        text, min_size=1, max_size=3, reset=lambda used: used.execute("SELECT 1") and used.rollback()
    ) as pool:
        for number in range(10):
            with pool.connection() as connection:
                assert connection.execute("SELECT %s + 1", (number,)).fetchone() == (number + 1,)


def test_cancelling_by_psycopg(place: dict[str, Any]) -> None:
    with psycopg.connect(**place, dbname=DATABASE) as connection:
        connection.execute("SET statement_timeout TO '10s'")
        asyncio.run(_cancel_soon(connection))


async def _cancel_soon(connection: psycopg.Connection) -> None:
    endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
    running = asyncio.to_thread(connection.execute, endless)
    task = asyncio.create_task(running)
    await asyncio.sleep(0.3)
    connection.cancel_safe()
    with pytest.raises(psycopg.errors.QueryCanceled):
        await task


def test_names_composed_by_psycopg(connection: psycopg.Connection) -> None:
    name = sql.Identifier('a "b"')
    connection.execute(sql.SQL("CREATE TEMP TABLE {} (i int)").format(name))
    assert connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone() == (0,)


def test_asyncpg(place: dict[str, Any]) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(**place, database=DATABASE)
        await connection.execute("CREATE TEMP TABLE u (id serial_ int)".replace("serial_ ", ""))
        await connection.executemany("INSERT INTO u VALUES ($1)", [(1,), (2,), (3,)])
        assert [row["id"] for row in await connection.fetch("SELECT id FROM u WHERE id > $1 ORDER BY id", 1)] == [2, 3]
        assert await connection.fetchval(
            "SELECT $1::timestamptz", datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
        )
        assert await connection.fetchval("SELECT sum(id) FROM u") == decimal.Decimal(6)
        async with connection.transaction():
            numbers = [row["range"] async for row in connection.cursor("SELECT range FROM range(1000)", prefetch=64)]
        assert numbers == list(range(1000))
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.fetch("SELECT * FROM nowhere")
        await connection.close()

    asyncio.run(run())


def test_pg8000(place: dict[str, Any]) -> None:
    connection = pg8000.dbapi.connect(**place, database=DATABASE)
    cursor = connection.cursor()
    cursor.execute("CREATE TEMP TABLE b (id int, title varchar)")
    cursor.execute("INSERT INTO b VALUES (%s, %s), (%s, %s)", (1, "Ender's", 2, "Magus"))
    connection.commit()
    cursor.execute("SELECT id, title FROM b WHERE id > %s", (1,))
    assert cursor.fetchall() == ([2, "Magus"],)
    with pytest.raises(pg8000.dbapi.DatabaseError):
        cursor.execute("SELECT * FROM nowhere")
    connection.rollback()
    cursor.execute("SELECT %s::date, %s::double", (datetime.date(2024, 1, 2), 1.5))
    assert cursor.fetchone() == [datetime.date(2024, 1, 2), 1.5]
    connection.close()


def test_texts_are_those_of_the_other_doors(server: MockServer, connection: psycopg.Connection) -> None:
    """A user's statement is DuckDB's (PW-21)."""
    for statement in ("SELECT nothing FROM range(1)", "SELECT * FROM nowhere", "SELECT 1 FROM WHERE"):
        with pytest.raises(psycopg.Error) as fault:
            connection.execute(statement)
        connection.rollback()
        answer = httpx.post(server.lakehouse_url + "/query", json={"statement": statement}, auth=(USER, PASSWORD))
        assert json.dumps(fault.value.diag.message_primary, ensure_ascii=False)[1:-1] in answer.text


def test_copies_of_psycopg(connection: psycopg.Connection) -> None:
    rows = [(1, "a\tb\\", None), (2, 'q"', datetime.date(2024, 2, 29))]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE c (a int, b varchar, d date)")
        with cursor.copy("COPY c FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        with cursor.copy("COPY c (a, b, d) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int4", "varchar", "date"])
            assert list(copy.rows()) == rows
        with contextlib.suppress(KeyboardInterrupt), cursor.copy("COPY c FROM STDIN") as copy:
            copy.write_row(rows[0])
            raise KeyboardInterrupt
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
    connection.rollback()


def test_a_pool_of_asyncpg(place: dict[str, Any]) -> None:
    """Returned to its pool, a connection unlocks, closes and resets what it had."""

    async def run() -> None:
        async with asyncpg.create_pool(**place, database=DATABASE, min_size=1, max_size=2) as pool:
            async with pool.acquire() as connection:
                await connection.execute("SET application_name = 'first'")
                assert await connection.fetchval("SELECT pg_try_advisory_lock(7)") is True
                assert await connection.fetchval("SELECT pg_try_advisory_lock(7, 8)") is True
                await connection.fetchval("SELECT pg_advisory_lock(9)")
                assert await connection.fetchval("SELECT pg_advisory_unlock(7)") is True
            async with pool.acquire() as connection:
                assert await connection.fetchval("SHOW application_name") != "first"
            assert await asyncio.gather(*(pool.fetchval("SELECT $1::int", number) for number in range(20))) == list(
                range(20)
            )

    asyncio.run(run())


def test_copies_of_asyncpg(place: dict[str, Any]) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(**place, database=DATABASE)
        await connection.execute("CREATE TEMP TABLE c (a int, b varchar)")
        records = [(at, f"row {at}") for at in range(1000)]
        assert await connection.copy_records_to_table("c", records=records, columns=["a", "b"]) == "COPY 1000"
        written = bytearray()

        async def write(data: bytes) -> None:
            written.extend(data)

        query = "SELECT a, b FROM c WHERE a < 2 ORDER BY a"
        assert await connection.copy_from_query(query, output=write, format="csv") == "COPY 2"
        assert bytes(written) == b"0,row 0\n1,row 1\n"
        await connection.close()

    asyncio.run(run())


def test_copies_of_pg8000(place: dict[str, Any]) -> None:
    with pg8000.dbapi.connect(**place, database=DATABASE) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMP TABLE c (a int, b varchar)")
        cursor.execute("COPY c FROM STDIN WITH (FORMAT csv)", stream=io.BytesIO(b"1,x\n2,\n"))
        written = io.BytesIO()
        cursor.execute("COPY c TO STDOUT", stream=written)
        assert written.getvalue() == b"1\tx\n2\t\\N\n"
