"""A tenant's latest work as text, for the report of a failed test."""

from __future__ import annotations

import textwrap

from ._errors import AltertableMockError
from ._tenant import JournalEntry, Tenant

SHOWN = 10
"""How many entries are shown."""


def describe(tenant: Tenant) -> str:
    """The latest statements and loads, oldest first, each failure below its statement; empty if there are none."""
    try:
        entries = tenant.journal()
    except AltertableMockError as error:
        return f"(not known: {error})"
    lines = [line(entry) for entry in entries[-SHOWN:]]
    left_out = len(entries) - len(lines)
    return "\n".join([f"… {left_out} before", *lines] if left_out > 0 else lines)


def line(entry: JournalEntry) -> str:
    """One entry.

    >>> print(line(JournalEntry("FROM nowhere", 0.0, "Catalog Error: no such table\\nDid you mean t?")))
    ✗ FROM nowhere
        Catalog Error: no such table
        Did you mean t?
    """
    mark = "✓" if entry.error is None else "✗"
    shown = f"{mark} {textwrap.indent(entry.what, '  ').lstrip()}"
    return shown if entry.error is None else f"{shown}\n{textwrap.indent(entry.error.strip(), '    ')}"
