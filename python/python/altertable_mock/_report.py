"""A tenant's latest work as text, for the report of a failed test."""

from __future__ import annotations

import textwrap

from ._errors import AltertableMockError, RequestError
from ._requests import Request
from ._tenant import Tenant

SHOWN = 10
"""How many requests are shown."""

LOOKED_AT = 1_000
"""How many are asked for, those that are not worth showing included."""

LONGEST = 2_000
"""How many characters of a statement are shown."""


def describe(tenant: Tenant) -> str:
    """The latest requests, oldest first, each failure below its request; empty if there are none."""
    try:
        requests = tenant.requests(order="desc", limit=LOOKED_AT)
    except RequestError as error:
        # A server without control plane tells nothing.
        return "" if error.status == 404 else f"(not known: {error})"
    except AltertableMockError as error:
        return f"(not known: {error})"
    shown = [request for request in reversed(requests) if request.is_work]
    lines = [line(request) for request in shown[-SHOWN:]]
    left_out = len(shown) - len(lines)
    return "\n".join([f"… {left_out} before", *lines] if left_out > 0 else lines)


def line(request: Request) -> str:
    """One request."""
    what = textwrap.shorten(request.what, LONGEST) if len(request.what) > LONGEST else request.what
    mark = "✓" if request.error is None else "✗"
    shown = f"{mark} {textwrap.indent(what, '  ').lstrip()}"
    return shown if request.error is None else f"{shown}\n{textwrap.indent(request.error.strip(), '    ')}"
