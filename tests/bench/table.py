"""Timing, and the table that is printed: each figure beside its in-process twin of the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

READ_ROWS = 10_000_000
WRITE_ROWS = 5_000_000
COLUMNS = "i::BIGINT a, (i*0.5)::DOUBLE b, 'str'||i c"
READ = f"SELECT {COLUMNS} FROM range({READ_ROWS}) r(i)"
WRITE = f"SELECT {COLUMNS} FROM range({WRITE_ROWS}) r(i)"


def header() -> None:
    print("| What | Server | In process | Ratio | Goal |")
    print("|---|---|---|---|---|", flush=True)


def row(what: str, ours: float, inside: float | None = None, goal: str = "") -> None:
    """Prints a figure; `inside` is the same work done in this process."""
    beside = ("", "") if inside is None else (f"{inside:.2f}", f"{ours / inside:.2f}")
    print(f"| {what} | {ours:.2f} | {beside[0]} | {beside[1]} | {goal} |", flush=True)


def rate(rows: int, act: Callable[[], object], times: int = 3) -> float:
    """Million rows a second, the median of a few runs."""
    return rows / statistics.median(seconds(act) for _ in range(times)) / 1e6


def seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def median_ms(act: Callable[[], object], times: int = 200) -> float:
    return statistics.median(seconds(act) for _ in range(times)) * 1000


def in_turns(ours: Callable[[], float], other: Callable[[], float], times: int = 1000) -> tuple[float, float]:
    """The medians, in seconds, of two things done in turns, each of which tells how many seconds it took.

    What the machine gives a process changes from second to second; in turns, both get the same of it.
    """
    rounds = [(ours(), other()) for _ in range(times)]
    left, right = (statistics.median(taken) for taken in zip(*rounds, strict=True))
    return left, right


def in_turns_ms(ours: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """The same in milliseconds."""
    left, right = in_turns(ours, other)
    return left * 1000, right * 1000
