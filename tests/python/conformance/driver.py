"""Makes the calls that `altertable-conformance drive` asks for (conformance/spec/DRIVERS.md), each in a thread."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

PROGRAM = os.environ.get("ALTERTABLE_CONFORMANCE", "altertable-conformance")

# More calls than this are never under way at a time.
THREADS = 128

WITHOUT = "the program ended without a verdict"

Fields = dict[str, object]
T = TypeVar("T")


class Cannot(Exception):
    """The clients cannot express a call."""


@dataclass
class Verdict:
    """What became of a case: passed, failed or skipped, and why."""

    id: str
    outcome: str
    reason: str


@dataclass
class Case:
    """What is held open for one case."""

    held: dict[object, object] = field(default_factory=dict)
    closers: list[Callable[[], object]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, key: object, make: Callable[[], tuple[T, Callable[[], object]]]) -> T:
        """What was made under that key, made now if nothing was; `make` says how it is closed, too."""
        with self.lock:
            if key not in self.held:
                self.held[key], close = make()
                self.closers.append(close)
            return self.held[key]  # type: ignore[return-value]

    def close(self) -> None:
        for close in reversed(self.closers):
            close()


class Call:
    """A call under way: what it is to do, where it pauses, and what breaks it off."""

    def __init__(self, message: Fields, case: Case, say: Callable[[Fields], None]) -> None:
        self.fields, self.case, self._say = message, case, say
        self._after = message.get("pause_after")
        self._resumed, self._hang_up = threading.Event(), []

    def reach(self, count: int, so_far: Callable[[], Fields]) -> None:
        """Stops where the call pauses, until it is resumed."""
        if self._after is not None and count >= self._after:
            self._after = None
            self._say({"call": self.fields["call"], "paused": so_far()})
            self._resumed.wait()

    def on_hang_up(self, act: Callable[[], object]) -> None:
        self._hang_up.append(act)

    def resume(self) -> None:
        self._resumed.set()

    def hang_up(self) -> None:
        for act in self._hang_up:
            act()
        self._resumed.set()


Make = Callable[[Call], Fields]


class Driver:
    """The program, and the calls under way; `kinds` makes them."""

    def __init__(self, kinds: dict[str, Make], *arguments: str) -> None:
        command = [PROGRAM, "drive", *arguments]
        self._program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
        self._kinds, self._writing = kinds, threading.Lock()
        self._calls: dict[int, Call] = {}
        self._cases: dict[int, Case] = {}
        self._verdicts: dict[str, Future[Verdict]] = {}
        self._over = threading.Event()
        self._say({"driver": "python", "calls": list(kinds)})
        threading.Thread(target=self._listen, daemon=True).start()

    def verdict(self, case: str) -> Verdict:
        """What became of a case, once it is known."""
        known = self._verdicts.setdefault(case, Future())
        assert known.done() or not self._over.is_set(), WITHOUT
        return known.result()

    def end(self) -> int:
        """The exit code of the program."""
        return self._program.wait()

    def _say(self, message: Fields) -> None:
        with self._writing, contextlib.suppress(BrokenPipeError):
            self._program.stdin.write(json.dumps(message) + "\n")
            self._program.stdin.flush()

    def _listen(self) -> None:
        pool = ThreadPoolExecutor(THREADS)
        try:
            for line in self._program.stdout:
                self._hear(json.loads(line), pool)
        finally:
            # Whoever asks from now on sees that, whoever waits is told.
            self._over.set()
            for waiting in list(self._verdicts.values()):
                if not waiting.done():
                    waiting.set_exception(AssertionError(WITHOUT))
            for call in list(self._calls.values()):
                call.hang_up()
            pool.shutdown()

    def _hear(self, message: Fields, pool: ThreadPoolExecutor) -> None:
        if "verdict" in message:
            self._judged(message["verdict"])
        elif "call" in message:
            case = self._cases.setdefault(message["connection"], Case())
            call = self._calls[message["call"]] = Call(message, case, self._say)
            pool.submit(self._make, call)
        elif call := self._calls.get(message.get("resume") or message["hang_up"]):
            pool.submit(call.resume if "resume" in message else call.hang_up)

    def _judged(self, verdict: dict[str, str | int]) -> None:
        if case := self._cases.pop(verdict["connection"], None):
            case.close()
        made = Verdict(verdict["id"], verdict["outcome"], verdict["reason"])
        self._verdicts.setdefault(made.id, Future()).set_result(made)

    def _make(self, call: Call) -> None:
        number = call.fields["call"]
        try:
            self._say({"call": number, "answer": self._kinds[call.fields["kind"]](call)})
        except Cannot as reason:
            self._say({"call": number, "cannot": str(reason)})
        except Exception as failure:
            self._say({"call": number, "broke": repr(failure)})
        finally:
            del self._calls[number]
