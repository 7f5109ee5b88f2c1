"""Runs the spec in each language given, and prints one matrix of clauses by languages.

Usage: python tests/conformance/run_all.py FOLDER LANGUAGE...

FOLDER gets a report per language. The exit code is 1 if any runner failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import evidence
from matrix import matrix


def main(folder: Path, languages: list[str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {language: folder / f"{language}.json" for language in languages}
    failed = [language for language, path in paths.items() if not run(language, path)]
    reports = [evidence.read(path) for path in paths.values() if path.exists()]
    print(matrix(evidence.sections(), reports))
    silent = [language for language, path in paths.items() if not path.exists()]
    for language in sorted({*failed, *silent}):
        print(f"conformance-{language} failed" + (" and wrote no report" if language in silent else ""))
    return 1 if failed or silent else 0


def run(language: str, report: Path) -> bool:
    # What an earlier run left must not pass for what this one did.
    report.unlink(missing_ok=True)
    print(f"--- make conformance-{language}", flush=True)
    command = [os.environ.get("MAKE", "make"), "--no-print-directory", f"conformance-{language}"]
    made = subprocess.run(
        command, cwd=evidence.ROOT, env={**os.environ, "CONFORMANCE_REPORT": str(report)}, check=False
    )
    return made.returncode == 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
