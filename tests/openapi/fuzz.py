"""Sends both HTTP doors and the control plane what their OpenAPI documents allow, and much more, by schemathesis.

Run by `make test-openapi`. No answer may be a fault of the server, and every status has to be documented.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "python"))
from mock_server import ALICE, API_KEY, MockServer  # noqa: E402 -- found by the line above

CONTROL_KEY = "control-key"
SCHEMATHESIS = Path(sys.executable).with_name("st")
OPTIONS = (
    "--phases=examples,coverage,fuzzing",
    "--max-examples=15",
    "--seed=1",
    "--generation-deterministic",
    "--checks=no_fault_of_the_server,status_code_conformance",
    "--continue-on-failure",
    "--suppress-health-check=all",
    "--request-timeout=20",
    "--no-color",
)


def main() -> int:
    flags = ("--user", ":".join(ALICE.pair), "--api-key", API_KEY, "--control-key", CONTROL_KEY)
    with MockServer(*flags) as server:
        plane = f"{server.lakehouse_url}/openapi/mock.json"
        codes = [
            fuzz(f"{server.lakehouse_url}/openapi/lakehouse.json", f"--auth={':'.join(ALICE.pair)}"),
            fuzz(f"{server.analytics_url}/openapi/product-analytics.json", f"--header=X-API-Key: {API_KEY}"),
            fuzz(plane, f"--auth={':'.join(ALICE.pair)}"),
            fuzz(plane, f"--header=Authorization: Bearer {CONTROL_KEY}"),
        ]
        if server.process.poll() is not None:
            print("the server ended:\n" + "\n".join(server.log), file=sys.stderr)
            return 1
    return max(codes)


def fuzz(url: str, credentials: str) -> int:
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}
    command = [SCHEMATHESIS, "run", url, credentials, *OPTIONS]
    return subprocess.run(command, cwd=HERE, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
