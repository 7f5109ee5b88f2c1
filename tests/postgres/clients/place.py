"""Where a client connects to."""

from __future__ import annotations

from dataclasses import dataclass

from judge import PASSWORD, USER


@dataclass(frozen=True)
class Place:
    """A server, and a database of it that a test file has for itself."""

    host: str
    port: int
    database: str
    is_judge: bool

    def url(self, scheme: str = "postgresql") -> str:
        return f"{scheme}://{USER}:{PASSWORD}@{self.host}:{self.port}/{self.database}"

    def variables(self) -> dict[str, str]:
        """The environment by which libpq, and what follows it, finds the server."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": USER,
            "PGPASSWORD": PASSWORD,
            "PGDATABASE": self.database,
        }
