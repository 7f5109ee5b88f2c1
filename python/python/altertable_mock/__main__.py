"""The program ``altertable-mock``, also as ``python -m altertable_mock``: serves until Ctrl-C."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Runs the program with the process's arguments and returns its exit code."""
    from . import _native

    # The program listens to Ctrl-C itself; Python's handler would raise KeyboardInterrupt after it has ended well.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
