"""Has SQLAlchemy's own plugin set up the databases and choose the tests of its dialect suite."""

import os

from sqlalchemy.dialects.postgresql import provision
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: F403

# The tests that need an extension of PostgreSQL's are not in the suite.
provision._extensions = []

# DuckDB has no COMMENT ON CONSTRAINT, which the tables of most tests of reflection come with.
PGDialect.supports_constraint_comments = os.environ["SUITE_SERVER"] == "postgres"
