"""Requests to a REST door, with the standard library alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ._errors import RequestError

if TYPE_CHECKING:
    import http.client
    from collections.abc import Mapping
    from typing import IO

TIMEOUT = 60.0
"""Seconds that an answer may take."""


class Door:
    """One door. A request opens a connection of its own and closes it, so that nothing is left to be closed."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        """The body of an answer. Raises as :meth:`post`."""
        return self._request("GET", path, None, headers or {}, TIMEOUT)

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, timeout: float = TIMEOUT) -> bytes:
        """The body of the answer to a JSON body.

        Raises :class:`RequestError` when there is none, or its status is none of success.
        """
        return self._request("POST", path, body, {**headers, "Content-Type": "application/json"}, timeout)

    def send(self, path: str, body: IO[bytes], headers: Mapping[str, str], *, timeout: float) -> bytes:
        """The body of the answer to a file of any kind, read from its beginning. Raises as :meth:`post`."""
        length = body.seek(0, 2)
        body.seek(0)
        return self._request("POST", path, body, {**headers, "Content-Length": str(length)}, timeout)

    def put(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The body of the answer to a JSON body. Raises as :meth:`post`."""
        return self._request("PUT", path, body, {**headers, "Content-Type": "application/json"}, TIMEOUT)

    def delete(self, path: str, headers: Mapping[str, str]) -> bytes:
        """The body of an answer. Raises as :meth:`post`."""
        return self._request("DELETE", path, None, headers, TIMEOUT)

    def _request(
        self, method: str, path: str, body: bytes | IO[bytes] | None, headers: Mapping[str, str], timeout: float
    ) -> bytes:
        import http.client

        connection = connect(self._base_url, timeout)
        try:
            connection.request(method, path, body, {**headers, "Connection": "close"})
            response = connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise RequestError(f"no answer from {self._base_url}{path}: {error}") from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            told = f"{self._base_url}{path} answered {status}: {message(answer)}"
            raise RequestError(told, status, answer)
        return answer


def connect(base_url: str, timeout: float = TIMEOUT) -> http.client.HTTPConnection:
    """A connection to the host of a URL, not yet opened."""
    import http.client

    parts = urlsplit(base_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout)


def message(answer: bytes) -> str:
    """What an error body says.

    >>> message(b'{"error": {"code": "unauthorized", "message": "Invalid credentials"}}'), message(b"oops")
    ('Invalid credentials', 'oops')
    """
    text = answer.decode(errors="replace")
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, TypeError, KeyError):
        return text
