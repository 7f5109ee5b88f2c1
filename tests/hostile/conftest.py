"""One arena for all cases; a case that fails leaves it, and the next one gets a new one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from arena import MIB, Arena

_arenas: list[Arena] = []


@pytest.fixture
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    """The server to attack. After the case everything stands; `@pytest.mark.growth(MIB)` allows it more memory."""
    if not _arenas:
        _arenas.append(Arena())
    current = _arenas[0]
    slow = request.node.get_closest_marker("slow")
    current.begin(within=300 if slow else 40)
    try:
        yield current
        current.dismiss()
        marked = request.node.get_closest_marker("growth")
        current.still_stands(marked.args[0] * MIB if marked else 96 * MIB)
    except BaseException:
        leave()
        raise
    finally:
        current.end()
    if getattr(request.node, "failed", False):
        leave()


def leave() -> None:
    while _arenas:
        _arenas.pop().close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    if outcome.get_result().failed:
        item.failed = True


def pytest_sessionfinish() -> None:
    leave()
