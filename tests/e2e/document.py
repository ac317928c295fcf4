"""A document whose blocks are done as they stand.

- ``sh``: run by bash; it must end with 0. ``sh NAME``: its output must hold the ``text`` block that comes next.
- ``console NAME``: what a person sees in the terminal NAME. ``$ `` starts a program there, ``testpmd> `` is typed at
  its prompt, and the lines below must come in the answer, in that order; ``[...]`` stands for lines left out.

Numbers and Ethernet addresses in an answer may be others.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pexpect

PROMPT = "testpmd> "
PATIENCE_S = 90
BLOCK = re.compile(r"^```(.+)\n((?:.*\n)*?)```$", re.MULTILINE)
VARIES = re.compile(r"(?:(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|\d+(?:\.\d+)?(?:e\+\d+)?) *")
#: What is asked of a terminal before the first line.
QUESTION = re.compile(r"\x1b\[[0-9;?]*[a-z]")
LEFT_OUT = "[...]"
OUR_PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Block:
    """A fenced block: what stands behind the fence, and its text."""

    kind: str
    terminal: str
    text: str


def blocks(text: str) -> list[Block]:
    """Every block of a text, in order; a fence without a kind is an error."""
    assert text.count("\n```") == 2 * len(BLOCK.findall(text)), "a block has no kind"
    return [Block(*(*kind.split(" ", 1), "")[:2], body) for kind, body in BLOCK.findall(text)]


def environment() -> dict[str, str]:
    """With our programs first on PATH, and nothing that changes what they print."""
    return {**os.environ, "PATH": f"{OUR_PROGRAMS}:{os.environ['PATH']}", "NO_COLOR": "1", "COLUMNS": "120"}


def missing(expected: list[str], said: str) -> list[str]:
    """Of these lines, those that do not come in the text one after the other."""
    left = iter(QUESTION.sub("", said).replace("\r", "").splitlines())
    return [line for line in expected if line != LEFT_OUT and not any(_is_like(line, other) for other in left)]


def _is_like(line: str, other: str) -> bool:
    pattern = VARIES.sub("\0", line.rstrip())
    return re.fullmatch(re.escape(pattern).replace("\0", VARIES.pattern), other.rstrip()) is not None


class Reader:
    """Does a document's blocks in a folder of its own; leaving it ends what still runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._terminals: dict[str, pexpect.spawn[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for child in self._terminals.values():
            child.close(force=True)

    def do(self, todo: Iterator[Block]) -> None:
        """All of them."""
        for block in todo:
            if block.kind == "sh":
                said = self._run(block.text)
                if block.terminal:
                    self._compare(next(todo).text.splitlines(), said, block.text)
            elif block.kind == "console":
                self._type(block)
            else:
                raise AssertionError(f"nobody knows how to do a block of {block.kind}")

    def _run(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail"],
            input=script,
            capture_output=True,
            text=True,
            cwd=self._folder,
            env=environment(),
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @staticmethod
    def _compare(expected: list[str], said: str, what: str) -> None:
        assert missing(expected, said) == [], f"{what}\n--- said ---\n{said}"

    def _type(self, block: Block) -> None:
        for line, expected in exchanges(block.text):
            if line.startswith("$ "):
                said = self._start(block.terminal, line.removeprefix("$ "))
            else:
                said = self._tell(block.terminal, line)
            self._compare(expected, said, line)

    def _start(self, terminal: str, command: str) -> str:
        child = pexpect.spawn(
            "bash",
            ["-c", f"exec {command}"],
            encoding="utf-8",
            timeout=PATIENCE_S,
            cwd=str(self._folder),
            env=environment(),
            dimensions=(40, 200),
        )
        self._terminals[terminal] = child
        child.expect_exact([PROMPT, pexpect.EOF])
        return str(child.before)

    def _tell(self, terminal: str, line: str) -> str:
        child = self._terminals[terminal]
        child.sendline(line)
        if line == "quit":
            child.expect_exact(pexpect.EOF)
            del self._terminals[terminal]
            assert child.wait() == 0
        else:
            child.expect_exact(PROMPT)
        return str(child.before)


def exchanges(text: str) -> Iterator[tuple[str, list[str]]]:
    """What is typed, without the prompt of the program, and the lines that come of it."""
    typed, answer = "", list[str]()
    for line in text.splitlines():
        if line.startswith(("$ ", PROMPT)):
            if typed:
                yield typed, answer
            typed, answer = line.removeprefix(PROMPT), []
        else:
            answer.append(line)
    if typed:
        yield typed, answer
