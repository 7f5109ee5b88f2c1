"""A seed on this machine as the body of a request."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO


@contextmanager
def packed(path: str | os.PathLike[str], name: str | None) -> Iterator[tuple[IO[bytes], str | None, str]]:
    """The body, the name of the one file that it is (``None`` for a folder, which is a tar), and its Content-Type.

    Raises ``OSError`` for what cannot be read.
    """
    if not os.path.isdir(path):
        with open(path, "rb") as file:
            yield file, name or os.path.basename(os.fspath(path)), "application/octet-stream"
        return
    with tempfile.TemporaryFile() as body:
        with tarfile.open(fileobj=body, mode="w", dereference=True) as archive:
            archive.add(path, arcname=".")
        yield body, None, "application/x-tar"
