"""A server that runs elsewhere, such as in a container."""

from __future__ import annotations

from urllib.parse import urlsplit

from ._endpoints import Endpoints
from ._errors import ConfigError, RequestError
from ._http import Door
from ._server import unguessable
from ._tenant import Tenant


class RemoteServer:
    """A server started with ``--allow-any-user``, whose tenants are made by picking a name.

    The addresses that are not given are those next to ``lakehouse_url``: its port + 1 for Product Analytics and + 2
    for Flight SQL, as the program has them by default.

    >>> from altertable_mock import MockServer
    >>> with MockServer(allow_any_user=True) as server:
    ...     remote = RemoteServer(server.lakehouse_url, server.analytics_url, server.flight_location)
    ...     with remote.new_tenant() as tenant:
    ...         tenant.sql("SELECT 42").value()
    42
    """

    def __init__(
        self, lakehouse_url: str, analytics_url: str | None = None, flight_location: str | None = None
    ) -> None:
        """Notes the addresses, and checks that the server answers and admits any user.

        Raises :class:`ConfigError` if it does not.
        """
        self.endpoints = endpoints(lakehouse_url, analytics_url, flight_location)
        try:
            Door(self.endpoints.lakehouse_url).get("/health")
            with self.new_tenant() as tenant:
                tenant.sql("SELECT 1")
        except RequestError as error:
            if error.status == 401:
                raise ConfigError(f"the server at {lakehouse_url} must be started with --allow-any-user") from None
            raise ConfigError(f"there is no server to test with: {error}") from error

    def new_tenant(self, name: str = "") -> Tenant:
        """A fresh user with an empty database, which the server drops some time after its last use.

        Its API key is its name, since that is the project which an undeclared user sees.
        """
        user, password, _ = unguessable(name)
        return Tenant(self.endpoints, user, password, user)

    def __repr__(self) -> str:
        return f"<RemoteServer at {self.endpoints.lakehouse_url}>"


def endpoints(lakehouse_url: str, analytics_url: str | None, flight_location: str | None) -> Endpoints:
    """The addresses, completed; the PostgreSQL door is the third port after the Lakehouse one.

    >>> endpoints("http://localhost:15000/", None, None).flight_location
    'grpc://localhost:15002'
    >>> endpoints("http://mock:1", "http://mock:2", "grpc+tls://mock:3").flight_tls
    True
    """
    lakehouse = split(lakehouse_url, "http", "https")
    if analytics_url is None:
        analytics_url = f"{lakehouse[0]}://{bracketed_host(lakehouse_url)}:{lakehouse[2] + 1}"
    split(analytics_url, "http", "https")
    if flight_location is None:
        flight = ("grpc", lakehouse[1], lakehouse[2] + 2)
    else:
        flight = split(flight_location, "grpc", "grpc+tcp", "grpc+tls")
    postgres = (flight[1], lakehouse[2] + 3)
    rest = (*flight[1:], *postgres, flight[0] == "grpc+tls")
    return Endpoints(lakehouse_url.rstrip("/"), analytics_url.rstrip("/"), *rest)


def split(url: str, *schemes: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL. Raises :class:`ConfigError` if one is missing."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in schemes or not parts.hostname or port is None:
        raise ConfigError(f"{url!r} has to be {schemes[0]}://HOST:PORT")
    return parts.scheme, parts.hostname, port


def bracketed_host(url: str) -> str:
    """The host of a URL as the URL writes it."""
    return urlsplit(url).netloc.rpartition(":")[0].rpartition("@")[2]
