"""The test of README.md and docs/ can fail, and forgets no page; the README is short, and links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from run import PAGES, ROOT, Block, blocks, blocks_of, matches, run

# tests/conformance and tests/image run its driver.
ELSEWHERE = {"docs/sdk-authors.md"}

DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*.md")),
]


def sh(text: str) -> Block:
    return Block("docs/some.md", 1, "sh", "", text)


def output(text: str) -> Block:
    return Block("docs/some.md", 5, "text", "output", text)


def test_blocks_are_found_with_their_line_and_role() -> None:
    page = "# Title\n\n```sh server\nmake run\n```\n\n```text output\na\n\nb\n```\n"
    server, shown = blocks("README.md", page)
    assert server == Block("README.md", 3, "sh", "server", "make run\n")
    assert shown == Block("README.md", 7, "text", "output", "a\n\nb\n")
    assert (server.is_run, shown.is_run) == (True, False)


def test_every_page_with_something_to_run_is_run() -> None:
    """And a page that is in the list has something."""
    pages = ["README.md", *(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]
    assert {page for page in pages if any(block.is_run for block in blocks_of(page))} - ELSEWHERE == set(PAGES)


def test_one_server_goes_on_from_the_first_page() -> None:
    servers = [block.page for page in PAGES for block in blocks_of(page) if block.role == "server"]
    assert servers == [PAGES[0]]


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
    assert "docs/some.md:1: prints something else than docs/some.md:5 shows" in failure
    assert "-two" in failure
    assert "+one" in failure


def test_a_failed_command_is_a_failure() -> None:
    assert "exit code 1" in (run(sh("echo one; false; echo two"), None) or "")
    assert "exit code 1" in (run(sh("false | cat"), None) or "")


def test_a_python_block_runs_as_python() -> None:
    assert run(Block("docs/some.md", 1, "python", "", "print(6 * 7)"), output("42")) is None


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
