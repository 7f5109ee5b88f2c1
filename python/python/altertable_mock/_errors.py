"""What can go wrong: one tree of exceptions."""

from __future__ import annotations


class AltertableMockError(Exception):
    """Everything that this package raises by itself."""


class ConfigError(AltertableMockError, ValueError):
    """A setting cannot be used: a malformed value, a taken port, a name declared twice."""


class NotRunningError(AltertableMockError):
    """The server was not started yet, or has been stopped."""


class ForkedError(AltertableMockError):
    """The server was started by the parent process: after a fork, only the parent may use the object."""


class NotFoundError(AltertableMockError, LookupError):
    """No such user or API key is declared."""


class MissingClientError(AltertableMockError, ImportError):
    """A helper needs a client package that is not installed."""


class RequestError(AltertableMockError):
    """The server refused a request of a helper, or did not answer.

    ``status`` is the HTTP status, or ``None`` when there was no answer; ``answer`` is its body.
    """

    def __init__(self, message: str, status: int | None = None, answer: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.answer = answer


class WaitError(AltertableMockError, TimeoutError):
    """What was waited for did not come in time; the message tells what came nearest."""


class SqlError(AltertableMockError):
    """DuckDB refused a statement given to :meth:`Tenant.sql`; the message is DuckDB's own."""
