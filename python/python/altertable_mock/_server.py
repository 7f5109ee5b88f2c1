"""The server inside this process."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import threading
import weakref
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union

from ._endpoints import Endpoints, HasEndpoints, bracketed, reachable
from ._errors import ConfigError, ForkedError, NotFoundError, NotRunningError
from ._flags import flags as as_flags
from ._flags import in_python, merged
from ._tenant import Tenant

if TYPE_CHECKING:
    from . import _native

    SeedPath = Union[str, os.PathLike[str]]
    Seeds = Union[SeedPath, Iterable[SeedPath], Mapping[str, Union[SeedPath, Iterable[SeedPath]]]]


class MockServer(HasEndpoints):
    """A server with all three doors, inside this process and on threads of its own.

    Every setting is a flag of the program ``altertable-mock``, whose ``--help`` explains it; the plural ones may be
    given several values. Ports are free ones on the loopback address unless told otherwise. No environment variable
    is read, and nothing is printed unless ``log`` is given.

    >>> with MockServer(users={"alice": "secret", "bob": "hunter2"}) as server:
    ...     server.lakehouse_url.startswith("http://127.0.0.1:")
    True

    ``async with`` works as well, as do :meth:`start` and :meth:`stop`.
    """

    def __init__(
        self,
        *,
        users: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        api_keys: Iterable[str] = (),
        environments: Iterable[str] = ("production",),
        allow_any_user: bool = False,
        control_keys: Iterable[str] = (),
        control_api_keys: bool = False,
        no_control: bool = False,
        product_analytics: Mapping[str, tuple[str, str]] | None = None,
        lakehouse_port: int = 0,
        analytics_port: int = 0,
        flight_port: int = 0,
        postgres_port: int = 0,
        bind: str | Iterable[str] | None = None,
        tls: bool | None = None,
        tls_ca_file: str | os.PathLike[str] | None = None,
        tls_cert: str | os.PathLike[str] | None = None,
        tls_key: str | os.PathLike[str] | None = None,
        catalogs: Iterable[str] = (),
        attaches: Mapping[str, str | os.PathLike[str]] | None = None,
        query_stream: str | None = None,
        legacy_query_stream: bool = False,
        legacy_altertable_catalog: bool = False,
        mock_catalog: bool = False,
        seed: Seeds | None = None,
        arrow_json_extension: bool = False,
        allow_external_access: bool = False,
        memory_limit: str | int | None = None,
        tenant_memory_limit: str | None = None,
        tenant_threads: int | None = None,
        tenant_concurrency: int | None = None,
        tenant_lingering_limit: int | None = None,
        thread_limit: int | None = None,
        worker_threads: int | None = None,
        statement_timeout: int | None = None,
        tenant_session_limit: int | None = None,
        session_prepared_limit: int | None = None,
        tenant_prepared_limit: int | None = None,
        session_ticket_limit: int | None = None,
        tenant_ticket_limit: int | None = None,
        undeclared_user_limit: int | None = None,
        tenant_limit: int | None = None,
        connection_limit: int | None = None,
        door_connection_limit: int | None = None,
        login_limit: int | None = None,
        idle_connection_timeout: int | None = None,
        lost_peer_timeout: int | None = None,
        statement_limit: str | int | None = None,
        tenant_spool_limit: str | int | None = None,
        tenant_held_limit: str | int | None = None,
        query_log_limit: str | int | None = None,
        journal_limit: str | int | None = None,
        fault_limit: int | None = None,
        snapshot_limit: str | int | None = None,
        task_limit: int | None = None,
        seed_timeout: int | None = None,
        seed_limit: str | int | None = None,
        seed_file_limit: int | None = None,
        project_event_limit: str | int | None = None,
        decoded_body_limit: str | int | None = None,
        row_key_limit: int | None = None,
        new_column_limit: int | None = None,
        arrow_message_limit: str | int | None = None,
        session_idle_timeout: int | None = None,
        tenant_idle_timeout: int | None = None,
        json_body_limit: int | None = None,
        analytics_body_limit: int | None = None,
        no_metrics: bool = False,
        shutdown_timeout: int = 1,
        flags: Iterable[str] = (),
        log: str | None = None,
    ) -> None:
        """Notes the settings; :meth:`start` checks and uses them.

        ``users`` maps names to passwords, ``attaches`` catalog names to DuckDB files, ``product_analytics`` users to
        the (API key, environment) they see. ``bind`` is the address or addresses to listen on, those of loopback if
        none is given. ``seed`` are SQL files or folders that every tenant begins with, or those of each user by name.
        Timeouts are in seconds; sizes are texts such as ``"64MB"``, or bytes.
        ``flags`` are further flags as on the command line, which win. ``log`` is a filter in the syntax of
        ``RUST_LOG``, such as ``"info"``; the first one given in a process counts, and lines go to stderr.
        """
        settings = {name: value for name, value in locals().items() if name not in ("self", "flags", "log")}
        self._flags = merged(as_flags(settings), list(flags))
        self._tls = bool(tls or tls_cert)
        self._log = log
        self._passwords = dict(users)
        self._api_keys = list(api_keys)
        self._native: _native.Server | None = None
        self._lock = threading.Lock()

    def start(self) -> MockServer:
        """Starts the server and returns it; its ports are open then.

        Raises :class:`ConfigError` for a setting or port that cannot be used, naming it, or if it runs already.
        """
        from . import _native

        with self._lock:
            if self._native is not None:
                raise ConfigError("this server runs already")
            try:
                if self._log is not None:
                    _native.log_to_stderr(self._log)
                self._native = _native.Server(self._flags)
            except ConfigError as error:
                raise ConfigError(in_python(str(error))) from None
            _RUNNING.add(self)
        return self

    def stop(self) -> None:
        """Stops the server and waits until its ports are closed; one that does not run is left as it is.

        Calls still running get ``shutdown_timeout`` seconds to finish.
        """
        with self._lock:
            native, self._native = self._native, None
            _RUNNING.discard(self)
        if native is not None:
            native.stop()

    @property
    def is_running(self) -> bool:
        """Whether the server was started, in this process, and not stopped."""
        native = self._native
        return native is not None and native.owner == os.getpid()

    @property
    def endpoints(self) -> Endpoints:
        """Where the doors are."""
        native = self._running()
        doors = native.addresses
        flight, postgres = ((reachable(host), port) for host, port in (doors["flight"], doors["postgres"]))
        return Endpoints(url(doors["lakehouse"]), url(doors["analytics"]), *flight, *postgres, self._tls)

    def tenant(self, user: str) -> Tenant:
        """A declared user, with the helpers of a :class:`Tenant`; its API key is the server's first.

        Raises :class:`NotFoundError` if ``users`` does not name it.
        """
        password = self._passwords.get(user)
        if password is None:
            raise NotFoundError(f"users= does not declare {user!r}")
        api_key = self._api_keys[0] if self._api_keys else None
        return Tenant(self.endpoints, user, password, api_key)

    def new_tenant(self, name: str = "", *, source: Tenant | None = None, snapshot: str | None = None) -> Tenant:
        """A fresh user with a database and an API key of its own, none of which can be guessed.

        The database is empty, or a copy of ``source``'s as it is now, or as its ``snapshot`` of that name has it.
        ``name`` is put into the user's name, to be recognised in logs. The tenant is gone once it is closed.

        >>> with MockServer() as server, server.new_tenant() as one, server.new_tenant() as other:
        ...     _ = one.sql("CREATE TABLE t AS SELECT 1 AS i")
        ...     one.sql("SHOW TABLES"), other.sql("SHOW TABLES")
        ([('t',)], [])
        >>> with MockServer() as server, server.new_tenant() as one:
        ...     _ = one.sql("CREATE TABLE t AS SELECT 1 AS i")
        ...     with server.new_tenant(source=one) as copy:
        ...         copy.sql("FROM t")
        [(1,)]
        """
        native = self._running()
        user, password, api_key = unguessable(name)
        if source is None:
            native.add_user(user, password, api_key)
        else:
            native.add_copy(user, password, api_key, (source.user, snapshot))

        def remove() -> None:
            # A server that was stopped meanwhile has nothing left to remove.
            with contextlib.suppress(NotRunningError, NotFoundError, ForkedError):
                native.remove_user(user)
                native.remove_api_key(api_key)

        return Tenant(self.endpoints, user, password, api_key, on_close=remove)

    def add_user(self, name: str, password: str, api_key: str | None = None) -> None:
        """Declares a user while the server runs, and ``api_key`` too, whose events the user then sees.

        Raises :class:`ConfigError` if a part is empty or taken.
        """
        self._running().add_user(name, password, api_key)
        self._passwords[name] = password

    def remove_user(self, name: str) -> None:
        """Refuses a user from now on and drops the user's database.

        Raises :class:`NotFoundError` if there is none.
        """
        self._running().remove_user(name)
        self._passwords.pop(name, None)

    def add_api_key(self, key: str) -> None:
        """Declares an API key while the server runs.

        Raises :class:`ConfigError` if it is empty or taken.
        """
        self._running().add_api_key(key)

    def remove_api_key(self, key: str) -> None:
        """Refuses an API key from now on and drops its events and identities.

        Raises :class:`NotFoundError` if it is not declared.
        """
        self._running().remove_api_key(key)

    def reset(self) -> None:
        """Empties every database and every project; users and keys stay. Clients have to connect anew.

        >>> with MockServer(users={"alice": "secret"}) as server:
        ...     _ = server.tenant("alice").sql("CREATE TABLE t (i INTEGER)")
        ...     server.reset()
        ...     server.tenant("alice").sql("SHOW TABLES")
        []
        """
        self._running().reset()

    def _running(self) -> _native.Server:
        native = self._native
        if native is None:
            raise NotRunningError("the server does not run: call start(), or use it in a with block")
        return native

    def __enter__(self) -> MockServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> MockServer:
        import asyncio

        return await asyncio.get_running_loop().run_in_executor(None, self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio

        await asyncio.get_running_loop().run_in_executor(None, self.stop)

    def __repr__(self) -> str:
        return f"<MockServer at {self.lakehouse_url}>" if self.is_running else "<MockServer, not running>"

    def __reduce__(self) -> Any:
        raise TypeError("a running server cannot be pickled: pass its addresses on instead")


def url(address: tuple[str, int]) -> str:
    """The base URL at which this machine reaches a door."""
    host, port = address
    return f"http://{bracketed(reachable(host))}:{port}"


def unguessable(name: str) -> tuple[str, str, str]:
    """A user name that holds ``name``, a password and an API key."""
    prefix = f"{name}-" if name else "tenant-"
    return prefix + secrets.token_hex(8), secrets.token_hex(16), "key-" + secrets.token_hex(16)


_RUNNING: weakref.WeakSet[MockServer] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Stops what still runs, before the interpreter and DuckDB's library are taken down."""
    for server in list(_RUNNING):
        # A forked child has inherited the object, but the server is its parent's.
        if server.is_running:
            server.stop()
