"""Where a server's doors are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoints:
    """The addresses of one server, as clients want them."""

    lakehouse_url: str
    """Base URL of Lakehouse REST, such as ``http://127.0.0.1:15000``."""

    analytics_url: str
    """Base URL of Product Analytics."""

    flight_host: str
    """Host of Flight SQL."""

    flight_port: int
    """Port of Flight SQL."""

    postgres_host: str
    """Host of the PostgreSQL door."""

    postgres_port: int
    """Port of the PostgreSQL door."""

    flight_tls: bool = False
    """Whether clients of Flight SQL and PostgreSQL are to use TLS."""

    @property
    def postgres_url(self) -> str:
        """The PostgreSQL door as ``postgresql://host:port``, with ``?sslmode=require`` if clients are to use TLS."""
        return (
            f"postgresql://{bracketed(self.postgres_host)}:{self.postgres_port}" + "?sslmode=require" * self.flight_tls
        )

    @property
    def flight_location(self) -> str:
        """Flight SQL as a location: ``grpc://host:port``, or ``grpc+tls://`` with TLS."""
        scheme = "grpc+tls" if self.flight_tls else "grpc"
        return f"{scheme}://{bracketed(self.flight_host)}:{self.flight_port}"


class HasEndpoints(ABC):
    """What stands behind endpoints, and names each of them itself."""

    @property
    @abstractmethod
    def endpoints(self) -> Endpoints:
        """Where the doors are."""

    @property
    def lakehouse_url(self) -> str:
        """Base URL of Lakehouse REST."""
        return self.endpoints.lakehouse_url

    @property
    def analytics_url(self) -> str:
        """Base URL of Product Analytics."""
        return self.endpoints.analytics_url

    @property
    def flight_location(self) -> str:
        """Flight SQL as ``grpc://host:port``."""
        return self.endpoints.flight_location

    @property
    def postgres_url(self) -> str:
        """The PostgreSQL door as ``postgresql://host:port``."""
        return self.endpoints.postgres_url

    @property
    def flight_host(self) -> str:
        """Host of Flight SQL."""
        return self.endpoints.flight_host

    @property
    def flight_port(self) -> int:
        """Port of Flight SQL."""
        return self.endpoints.flight_port


def bracketed(host: str) -> str:
    """A host as it is written in a URL.

    >>> bracketed("127.0.0.1"), bracketed("::1")
    ('127.0.0.1', '[::1]')
    """
    return f"[{host}]" if ":" in host else host


def reachable(host: str) -> str:
    """The address at which this machine reaches a server that listens on ``host``.

    >>> reachable("0.0.0.0"), reachable("::"), reachable("10.0.0.7")
    ('127.0.0.1', '::1', '10.0.0.7')
    """
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
