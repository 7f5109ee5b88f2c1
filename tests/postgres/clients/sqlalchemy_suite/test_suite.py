"""The tests that SQLAlchemy has for every dialect, those of its own included."""

from sqlalchemy.testing.suite import *  # noqa: F403
