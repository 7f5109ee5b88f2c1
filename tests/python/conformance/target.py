"""Which servers are held to the spec: one started per set of flags, or the one that CONFORMANCE_URL names."""

from __future__ import annotations

import functools
import os
import ssl
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

from mock_server import MockServer
from spec import DEFAULT_FLAGS, Case


@dataclass(frozen=True)
class Account:
    """Credentials of a tenant."""

    user: str
    password: str
    api_key: str

    @classmethod
    def fresh(cls) -> Account:
        """A user nobody has seen before; its API key is its name (LX-13)."""
        user = f"user-{uuid.uuid4().hex}"
        return cls(user, f"pw:{uuid.uuid4().hex}", user)


@dataclass(frozen=True)
class Server:
    """Where a server listens, and whom it knows if not everybody."""

    lakehouse: str
    analytics: str
    flight: str
    only: Account | None = None

    @property
    def flight_address(self) -> str:
        return urlsplit(self.flight).netloc

    @property
    def flight_secure(self) -> bool:
        return urlsplit(self.flight).scheme not in ("http", "grpc", "grpc+tcp")


class Servers:
    """A server per set of flags, started by the first case that needs it."""

    def __init__(self) -> None:
        self.running: dict[tuple[str, ...], MockServer] = {}

    def at(self, flags: tuple[str, ...]) -> Server:
        if "CONFORMANCE_URL" in os.environ:
            return remote()
        if flags not in self.running:
            self.running[flags] = MockServer(*flags)
        started = self.running[flags]
        return Server(started.lakehouse_url, started.analytics_url, f"http://{started.flight_address}")

    def stop(self) -> None:
        for server in self.running.values():
            # It drops a thousand tenants and more, some milliseconds each.
            server.stop(timeout=300)


def remote() -> Server:
    """The server that the variables of the Rust runner name."""
    name, _, password = os.environ.get("CONFORMANCE_USER", "").partition(":")
    return Server(
        os.environ["CONFORMANCE_URL"].rstrip("/"),
        os.environ.get("CONFORMANCE_ANALYTICS_URL", "http://127.0.0.1:15001").rstrip("/"),
        os.environ.get("CONFORMANCE_FLIGHT_URL", "http://127.0.0.1:15002"),
        Account(name, password, os.environ.get("CONFORMANCE_API_KEY", "")) if name else None,
    )


def refusal(case: Case) -> str | None:
    """Why the target cannot run a case, if it cannot."""
    if "CONFORMANCE_URL" not in os.environ:
        return None
    if list(case.flags) != DEFAULT_FLAGS:
        return "needs a server started with other flags"
    if os.environ.get("CONFORMANCE_USER") and len(case.tenants) > 1:
        return "needs several tenants"
    return None


@functools.cache
def trusted() -> ssl.SSLContext:
    """Made once: reading the certificates of the machine takes longer than most cases."""
    return ssl.create_default_context()
