"""The test of the README's commands can fail; and what no command shows: its length, and where its links lead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from run import ROOT, Block, blocks, matches, run

DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*.md")),
]


def sh(text: str) -> Block:
    return Block("a.md", 1, "sh", "", text)


def output(text: str) -> Block:
    return Block("a.md", 5, "text", "output", text)


def test_blocks_are_found_with_their_line_and_role() -> None:
    readme = "# Title\n\n```sh server\nmake run\n```\n\n```text output\na\n\nb\n```\n"
    assert blocks("a.md", readme) == [
        Block("a.md", 3, "sh", "server", "make run\n"),
        Block("a.md", 7, "text", "output", "a\n\nb\n"),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("[42]", "[42]\n", True),
        ("[42]", "[43]\n", False),
        ('{"id":"…"}', '{"id":"5f"}', True),
        ('{"id":"…"}', '{"id":\n"5f"}', False),
        ("a.c", "abc", False),
        ("one\ntwo", "one\ntwo\nthree", False),
    ],
)
def test_output_is_compared_but_for_ellipses(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same


def test_a_wrong_output_is_a_failure() -> None:
    assert run(sh("echo one"), output("one")) is None
    failure = run(sh("echo one"), output("two"))
    assert failure is not None
    assert "a.md:1: prints something else than a.md:5 shows" in failure
    assert "-two" in failure
    assert "+one" in failure


def test_a_failed_command_is_a_failure() -> None:
    assert "exit code 1" in (run(sh("echo one; false; echo two"), None) or "")
    assert "exit code 1" in (run(sh("false | cat"), None) or "")


def test_a_python_block_runs_as_python() -> None:
    assert run(Block("a.md", 1, "python", "", "print(6 * 7)"), output("42")) is None


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def anchors(page: Path) -> set[str]:
    """The fragments that lead to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", re.sub(r"\\(.)", r"\1", heading).lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    page = ROOT / document
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, fragment = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), f"{document}: {target}"
        if fragment and found.suffix == ".md":
            assert fragment in anchors(found), f"{document}: {target}: no such heading"
