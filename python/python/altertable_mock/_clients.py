"""The official clients and psycopg, built only if they are installed."""

from __future__ import annotations

import importlib
from typing import Any

from ._errors import MissingClientError

PACKAGES = {
    "altertable": "altertable",
    "altertable_flightsql": "altertable-flightsql",
    "altertable_lakehouse": "altertable-lakehouse",
    "psycopg": "psycopg[binary]",
}
"""The package on PyPI of each module."""


def build(module: str, name: str, *args: Any, **options: Any) -> Any:
    """An object of a client package.

    Raises :class:`MissingClientError`, which says what to install.
    """
    try:
        client = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        # Something that the client itself misses is its own fault to report.
        if error.name != module:
            raise
        package = PACKAGES[module]
        message = f"{package} is not installed: pip install {package}, or altertable-mock[clients] for all clients"
        raise MissingClientError(message, name=module) from None
    return client(*args, **options)
