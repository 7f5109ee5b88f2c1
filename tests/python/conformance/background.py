"""Steps that run on while the next ones do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import check
from data import Outcome

# How long anything may take, in seconds.
PATIENCE = 60.0


class Gate:
    """Stops a background step after so many lines or batches until it is joined; `after` 0 stops nobody."""

    def __init__(self, after: int = 0) -> None:
        self.after = after
        self.reached, self.resume = threading.Event(), threading.Event()
        self.so_far: Outcome = {}

    def reach(self, count: int, outcome: Callable[[], Outcome]) -> None:
        if self.after and count >= self.after and not self.reached.is_set():
            self.so_far = dict(outcome())
            self.reached.set()
            self.resume.wait(PATIENCE)


@dataclass
class Act:
    """Something about to happen, and how to hang up on it."""

    run: Callable[[Gate], Outcome]
    cancel: Callable[[], None] = lambda: None


class Background:
    """A step that has been set going."""

    def __init__(self, verb: str, act: Act, gate: Gate, pool: ThreadPoolExecutor) -> None:
        self.verb, self.act, self.gate = verb, act, gate
        self.done = pool.submit(act.run, gate)

    def wait_for_pause(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.gate.reached.wait(0.02):
            assert not self.done.done(), f"it ended before the pause: {check.short(self.done.result())}"
            assert time.monotonic() < deadline, "nothing came back in time"

    def join(self) -> Outcome:
        self.gate.resume.set()
        return self.done.result(PATIENCE)

    def hang_up(self) -> None:
        self.act.cancel()
        self.gate.resume.set()
        # What a step says after it was hung up on is nobody's business, that it ends is.
        self.done.exception(PATIENCE)
