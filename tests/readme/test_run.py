"""The README's test can fail."""

from __future__ import annotations

import pytest
from run import Block, blocks, matches, run


def sh(text: str) -> Block:
    return Block(1, "sh", "", text)


def output(text: str) -> Block:
    return Block(5, "text", "output", text)


def test_blocks_are_found_with_their_line_and_role() -> None:
    readme = "# Title\n\n```sh server\nmake run\n```\n\n```text output\na\n\nb\n```\n"
    assert blocks(readme) == [Block(3, "sh", "server", "make run\n"), Block(7, "text", "output", "a\n\nb\n")]


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
    assert "-two" in failure
    assert "+one" in failure


def test_a_failed_command_is_a_failure() -> None:
    assert "exit code 1" in (run(sh("echo one; false; echo two"), None) or "")
    assert "exit code 1" in (run(sh("false | cat"), None) or "")


def test_a_python_block_runs_as_python() -> None:
    assert run(Block(1, "python", "", "print(6 * 7)"), output("42")) is None
