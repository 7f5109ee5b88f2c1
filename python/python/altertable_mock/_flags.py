"""Keyword arguments as the program's flags."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

SINGULAR = {
    "users": "user",
    "api_keys": "api_key",
    "environments": "environment",
    "catalogs": "catalog",
    "attaches": "attach",
    "control_keys": "control_key",
}
"""The repeatable flags whose keyword is their plural."""

REPEATABLE = {"--" + name.replace("_", "-") for name in (*SINGULAR.values(), "product_analytics", "seed")}
"""The flags that may be given several times."""


def flag_name(keyword: str) -> str:
    """The flag that a keyword argument stands for; plural keywords are repeatable flags.

    >>> [flag_name(name) for name in ("users", "attaches", "product_analytics", "tls_key")]
    ['--user', '--attach', '--product-analytics', '--tls-key']
    """
    return "--" + SINGULAR.get(keyword, keyword).replace("_", "-")


def flags(settings: Mapping[str, Any]) -> list[str]:
    """The flags of the settings that are given, each as one argument.

    >>> flags({"users": {"alice": "secret"}, "lakehouse_port": 0, "tls": True, "tls_key": None})
    ['--user=alice:secret', '--lakehouse-port=0', '--tls=true']
    """
    return [f"{flag_name(name)}={value}" for name, given in settings.items() for value in values(name, given)]


def merged(given: list[str], winning: list[str]) -> list[str]:
    """Both lists of flags, without those of ``given`` that ``winning`` gives anew, unless they may be repeated.

    >>> merged(["--user=alice:secret", "--bind=127.0.0.1"], ["--user=bob:hunter2", "--bind", "::1"])
    ['--user=alice:secret', '--user=bob:hunter2', '--bind', '::1']
    """
    anew = {flag.partition("=")[0] for flag in winning} - REPEATABLE
    return [flag for flag in given if flag.partition("=")[0] not in anew] + winning


def values(name: str, given: Any) -> Iterable[str]:
    """The values of one setting, one per time that its flag is given."""
    if given is None:
        return []
    if name == "seed":
        return seeds(given)
    if isinstance(given, bool):
        return ["true" if given else "false"]
    if isinstance(given, (str, int, os.PathLike)):
        return [os.fspath(given) if isinstance(given, os.PathLike) else str(given)]
    if isinstance(given, Mapping):
        return [joined(name, key, value) for key, value in given.items()]
    return [joined(name, *item) if isinstance(item, tuple) else str(item) for item in given]


def seeds(given: Any) -> list[str]:
    """The values of ``--seed`` for a path, several of them, or a mapping of users to one or several.

    >>> seeds("a=b.sql"), seeds(["x.sql", "/y"]), seeds({"alice": "a=b", "bob": ["c", "d"]})
    (['./a=b.sql'], ['x.sql', '/y'], ['alice=a=b', 'bob=c', 'bob=d'])
    """
    if isinstance(given, Mapping):
        return [f"{user}={path}" for user, paths in given.items() for path in several(paths)]
    return ["./" + path if "=" in path.partition("/")[0] else path for path in several(given)]


def several(paths: Any) -> list[str]:
    """One path or more, as texts."""
    given = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    return [os.fspath(path) for path in given]


def joined(name: str, key: str, value: Any) -> str:
    """One entry of a mapping, as its flag is written."""
    if name == "users":
        return f"{key}:{value}"
    if isinstance(value, tuple):
        return f"{key}={':'.join(value)}"
    return f"{key}={os.fspath(value)}"


def in_python(message: str) -> str:
    """A message about flags as one about keyword arguments.

    >>> in_python("choose another port with --lakehouse-port (0 picks a free one)")
    'choose another port with lakehouse_port= (0 picks a free one)'
    """
    plural = {singular: keyword for keyword, singular in SINGULAR.items()}

    def keyword(match: re.Match[str]) -> str:
        name = match[1].replace("-", "_")
        return plural.get(name, name) + "="

    return re.sub(r"--([a-z][a-z-]*[a-z])", keyword, message)
