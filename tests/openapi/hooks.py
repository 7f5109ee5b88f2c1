"""What schemathesis checks beside its own rules."""

from __future__ import annotations

import schemathesis


@schemathesis.serializer("application/sql", "application/x-tar")
def as_it_is(_: object, value: object) -> bytes:
    """Bodies that are texts or bytes of their own."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.check
def no_fault_of_the_server(_: object, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """No status of 500 or more but LQ-18's: failed SQL in a format without an envelope."""
    if response.status_code < 500 or is_failed_export(response, case):
        return
    raise AssertionError(f"the server answered {response.status_code}: {response.text[:500]}")


def is_failed_export(response: schemathesis.Response, case: schemathesis.Case) -> bool:
    body = case.body if isinstance(case.body, dict) else {}
    is_plain = any(value.startswith("text/plain") for value in response.headers.get("content-type", []))
    return case.path == "/query" and body.get("format") in ("csv", "jsonl", "parquet") and is_plain
