"""Clients that read the whole schema, from PostgreSQL 15 and from the server under test: the same, but for names that
DuckDB gives keys, and texts, which have one type there (PW-39, PW-40, PW-42)."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
import sqlalchemy
from judge import PASSWORD, USER, Judge
from mock_server import MockServer

SCHEMA = """
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'ok');
CREATE TABLE shop.places (x int, y int, name varchar NOT NULL, PRIMARY KEY (x, y));
CREATE TABLE shop.people (id bigint PRIMARY KEY, boss bigint, px int, py int, feels shop.mood, paid numeric(12,2) DEFAULT 1,
  "Odd Name" varchar, tags varchar[], born date, seen timestamptz,
  FOREIGN KEY (px, py) REFERENCES shop.places (x, y), FOREIGN KEY (boss) REFERENCES shop.people (id),
  UNIQUE (px, boss), CHECK (paid > 0));
CREATE INDEX by_place ON shop.people (py, px);
CREATE UNIQUE INDEX by_name ON shop.people ("Odd Name");
CREATE VIEW shop.paid AS SELECT id, paid FROM shop.people;
CREATE SEQUENCE shop.numbers START 5;
COMMENT ON TABLE shop.people IS 'everybody';
COMMENT ON COLUMN shop.people.paid IS 'a month';
"""

COMMANDS = [
    *(r"\l", r"\dn", r"\dn+", r"\dt", r"\dt *.*", r"\d", r"\d shop.people", r"\d+ shop.people", r"\d shop.places"),
    *(
        r"\d shop.paid",
        r"\d+ shop.paid",
        r"\dv shop.*",
        r"\di shop.*",
        r"\ds shop.*",
        r"\d shop.numbers",
        r"\dT shop.*",
    ),
    *(r"\dT+", r"\df", r"\df lower", r"\du", r"\dx", r"\dp shop.*", r"\conninfo", r"\d shop.by_place", r"\dt+ shop.*"),
    *(
        r"\db",
        r"\dC bool",
        r"\do +",
        r"\dd",
        r"\sv shop.paid",
        r"\dF",
        r"\des",
        r"\dRp",
        r"\ddp",
        r"\dL",
        r"\dc",
        r"\dO",
    ),
]


@pytest.fixture(scope="module")
def servers(judge: Judge) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """How to reach both, with the schema in each."""
    judge.run_sql(f"CREATE DATABASE reflected OWNER {USER}")
    with MockServer("--user", f"{USER}:{PASSWORD}", "--catalog", "other") as server:
        both = []
        for (host, port), database in ((judge.address, "reflected"), (server.postgres_address, "memory")):
            how = {"host": host, "port": port, "user": USER, "password": PASSWORD}
            with psycopg.connect(**how, dbname=database, autocommit=True) as connection:
                for statement in SCHEMA.split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
            both.append({**how, "database": database})
        # A schema of the same name in another catalog is nobody's business.
        with psycopg.connect(**how, dbname="memory", autocommit=True) as connection:
            connection.execute("CREATE SCHEMA other.shop")
            connection.execute("CREATE TABLE other.shop.people (id int)")
        yield both[0], both[1]


def reflected(how: dict[str, Any]) -> dict[str, Any]:
    url = sqlalchemy.URL.create(
        "postgresql+psycopg", how["user"], how["password"], how["host"], how["port"], how["database"]
    )
    engine = sqlalchemy.create_engine(url)
    inspector = sqlalchemy.inspect(engine)
    found: dict[str, Any] = {
        "tables": sorted(inspector.get_table_names("shop")),
        "views": inspector.get_view_names("shop"),
        "sequences": inspector.get_sequence_names("shop"),
        "enums": inspector.get_enums("shop"),
        "exists": [inspector.has_table(name, "shop") for name in ("people", "paid", "nobody")],
    }
    for table in ("people", "places"):
        foreign = inspector.get_foreign_keys(table, "shop")
        indexes = inspector.get_indexes(table, "shop")
        found[table] = {
            "columns": [
                (it["name"], str(it["type"]), it["nullable"], it["default"], it.get("comment"))
                for it in inspector.get_columns(table, "shop")
            ],
            "primary": inspector.get_pk_constraint(table, "shop")["constrained_columns"],
            "foreign": sorted(
                (it["constrained_columns"], it["referred_schema"], it["referred_table"], it["referred_columns"])
                for it in foreign
            ),
            "unique": sorted(it["column_names"] for it in inspector.get_unique_constraints(table, "shop")),
            "indexes": sorted((it["column_names"], it["unique"]) for it in indexes),
            "checks": len(inspector.get_check_constraints(table, "shop")),
            "comment": inspector.get_table_comment(table, "shop"),
        }
    metadata = sqlalchemy.MetaData()
    metadata.reflect(engine, schema="shop", views=True)
    found["metadata"] = {name: sorted(table.columns.keys()) for name, table in sorted(metadata.tables.items())}
    engine.dispose()
    return found


def test_sqlalchemy_reflects_the_same(servers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    expected, actual = (reflected(how) for how in servers)
    assert actual == expected
    assert len(actual["people"]["foreign"]) == 2


def psql(programs: Path, how: dict[str, Any], command: str) -> subprocess.CompletedProcess[str]:
    arguments = ["--no-psqlrc", f"--host={how['host']}", f"--port={how['port']}", f"--username={how['user']}"]
    return subprocess.run(
        [programs / "psql", *arguments, f"--dbname={how['database']}", "--command", command],
        env={"PGPASSWORD": how["password"], "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_psql_shows_what_there_is(judge: Judge, servers: tuple[dict[str, Any], dict[str, Any]], command: str) -> None:
    expected, actual = (psql(judge.programs, how, command) for how in servers)
    assert (actual.returncode, actual.stderr) == (expected.returncode, expected.stderr)


def test_psql_describes_keys(judge: Judge, servers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    shown = psql(judge.programs, servers[1], r"\d shop.people").stdout
    assert "FOREIGN KEY (px, py) REFERENCES shop.places(x, y)" in shown
    assert '"by_name" UNIQUE, btree ("Odd Name")' in shown
    assert "numeric(12,2)" in shown
    referenced = psql(judge.programs, servers[1], r"\d shop.places").stdout
    assert "Referenced by:" in referenced
    assert 'TABLE "shop.people" CONSTRAINT' in referenced


def test_asyncpg_loads_types(servers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    async def load(how: dict[str, Any]) -> list[Any]:
        connection = await asyncpg.connect(**how)
        try:
            await connection.set_type_codec("mood", schema="shop", encoder=str, decoder=str, format="text")
            keys = await connection.fetch(
                "SELECT conkey, confkey FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'f' ORDER BY conkey",
                "shop.people",
            )
            types = await connection.fetch(
                "SELECT oid, typname, typarray FROM pg_type WHERE oid = ANY($1::oid[]) ORDER BY oid", [23, 25, 1700]
            )
            return [[tuple(row) for row in rows] for rows in (keys, types)]
        finally:
            await connection.close()

    expected, actual = (asyncio.run(load(how)) for how in servers)
    assert actual == expected


def test_every_relation_of_postgresql_can_be_read(servers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    found = []
    # Some are for superusers alone.
    for how in ({**servers[0], "user": "postgres"}, servers[1]):
        login = {"dbname" if key == "database" else key: value for key, value in how.items()}
        with psycopg.connect(**login) as connection:
            names = connection.execute(
                "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v') ORDER BY 1, 2"
            ).fetchall()
            columns = {}
            for schema, name in names:
                cursor = connection.execute(f"SELECT * FROM {schema}.{name} LIMIT 0")
                columns[schema, name] = [(it.name, it.type_code) for it in cursor.description or ()]
            found.append(columns)
    expected, actual = found
    assert actual == expected
    assert len(actual) > 180


def test_a_thousand_tables_are_listed_at_once(judge: Judge) -> None:
    with MockServer("--user", f"{USER}:{PASSWORD}") as server:
        host, port = server.postgres_address
        with psycopg.connect(host=host, port=port, user=USER, password=PASSWORD, autocommit=True) as connection:
            for number in range(1000):
                connection.execute(f"CREATE TABLE t{number} (a int PRIMARY KEY, b text)")
            asked = (
                "SELECT n.nspname, c.relname, c.relkind, pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class c "
                "LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam "
                "WHERE c.relkind IN ('r','p','v','m','S','f','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' "
                "AND n.nspname <> 'information_schema' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2"
            )
            took = []
            for _ in range(5):
                begun = time.perf_counter()
                assert len(connection.execute(asked).fetchall()) == 1000
                took.append(time.perf_counter() - begun)
            print(f"1,000 tables: {min(took) * 1000:.0f} ms")
            # The goal is 100 ms; a machine that does much else at the same time takes longer.
            assert min(took) < 1
