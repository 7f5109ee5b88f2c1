"""alembic: of a schema that it has made it finds nothing to change, and it sees what was changed since."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata, produce_migrations
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.operations.ops import CreateTableOp
from place import Place
from sqlalchemy.dialects import postgresql

metadata = sa.MetaData(schema="jobs")
people = sa.Table(
    "people",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String, nullable=False, unique=True),
    sa.Column("born", sa.Date),
    sa.Column("seen", sa.DateTime(timezone=True)),
    sa.Column("paid", sa.Numeric(12, 2)),
    sa.Column("is_in", sa.Boolean, nullable=False),
    sa.Column("score", sa.Double),
    sa.Column("token", sa.Uuid),
    sa.Column("details", sa.JSON),
    sa.Column("picture", sa.LargeBinary),
    sa.Column("mood", postgresql.ENUM("sad", "ok", name="mood", schema="jobs")),
    sa.Column("tags", postgresql.ARRAY(sa.Integer)),
    comment="everybody",
)
sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("person_id", sa.Integer, sa.ForeignKey("jobs.people.id"), nullable=False),
    sa.Column("title", sa.String, server_default="nothing"),
    sa.Column(
        "hours", sa.SmallInteger, sa.CheckConstraint("hours >= 0", name="hours_are_not_negative"), comment="at most"
    ),
    sa.Index("tasks_by_title", "title", "hours"),
    sa.UniqueConstraint("person_id", "title"),
)


@pytest.fixture(scope="module")
def connection(place: Place) -> Iterator[sa.Connection]:
    engine = sa.create_engine(place.url("postgresql+psycopg"))
    with engine.connect() as connection:
        connection.execute(sa.schema.CreateSchema("jobs"))
        metadata.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()


def context(connection: sa.Connection) -> MigrationContext:
    def included(name: str | None, kind: str, _: object) -> bool:
        return kind != "schema" or name == "jobs"

    options = {"include_schemas": True, "include_name": included, "compare_type": True, "target_metadata": metadata}
    return MigrationContext.configure(connection, opts=options)


def test_nothing_is_left_to_change(connection: sa.Connection) -> None:
    assert compare_metadata(context(connection), metadata) == []


def test_what_is_made_anew_is_found(connection: sa.Connection) -> None:
    operations = Operations(context(connection))
    operations.create_table(
        "extra", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.String), schema="jobs"
    )
    operations.add_column("extra", sa.Column("b", sa.Integer), schema="jobs")
    operations.alter_column("extra", "b", type_=sa.BigInteger, schema="jobs")
    operations.create_index("extra_by_a", "extra", ["a"], schema="jobs")
    found = compare_metadata(context(connection), metadata)
    assert sorted(difference[0] for difference in found) == ["remove_index", "remove_table"]
    (table,) = (difference[1] for difference in found if difference[0] == "remove_table")
    assert [(column.name, str(column.type)) for column in table.columns][1:] == [("a", "VARCHAR"), ("b", "BIGINT")]
    operations.drop_table("extra", schema="jobs")
    assert compare_metadata(context(connection), metadata) == []
    connection.commit()


def test_a_migration_is_written_from_nothing(connection: sa.Connection) -> None:
    other = sa.MetaData(schema="jobs")
    sa.Table("new", other, sa.Column("id", sa.Integer, primary_key=True))
    made = produce_migrations(context(connection), other).upgrade_ops
    assert made is not None
    assert [each.table_name for each in made.ops if isinstance(each, CreateTableOp)] == ["new"]


def test_versions_are_kept(connection: sa.Connection) -> None:
    versions = MigrationContext.configure(connection, opts={"version_table_schema": "jobs"})
    versions._ensure_version_table()
    assert versions.get_current_revision() is None
    connection.rollback()
