"""Has SQLAlchemy's own plugin set up the databases and choose the tests of its dialect suite."""

from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: F403
