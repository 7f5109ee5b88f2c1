"""Several clients at once, each a process of its own, so that it is the server that is measured."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence


def elapsed(client: Callable[..., None], shares: Sequence[tuple[object, ...]], start: str = "fork") -> float:
    """Seconds until every client has done its share, from when all are connected.

    A client is called with its share and a function that returns once everyone has called it. What has used gRPC
    cannot fork any more and starts its clients with "spawn".
    """
    context = multiprocessing.get_context(start)
    gate = context.Barrier(len(shares) + 1)
    processes = [context.Process(target=client, args=(*share, gate.wait)) for share in shares]
    for process in processes:
        process.start()
    gate.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
    ended = time.perf_counter()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a client failed")
    return ended - started
