"""Every stored launch of the original (26.07), with an option of each kind, good and bad: what is printed up to the
prompt or the end, and the exit status. ``data/testpmd/launches.txt`` has them; what differs on purpose is in
``launch_differences.txt`` with the reason and our own text, in the form of ``differences.txt``.
"""

import io
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from parity.compare import masked
from parity.verdicts import FOLDER, blocks

from pytestpmd.cli import console, launch
from pytestpmd.cli import main as program
from pytestpmd.eal import lcores

#: Lines of EAL's that tell of the original's own making, and not of what an option does.
OF_DPDK = re.compile(r"^EAL: (Detected (NUMA|static)|Multi-process|Selected IOVA|Unregistering).*\n?", re.MULTILINE)
CMDLINE_FILE = "show port summary all\nset fwd mac\n"


@dataclass(frozen=True)
class Launch:
    """One of the original: its command line, what it printed, and its exit status, or None where it had a prompt."""

    name: str
    words: list[str]
    text: str
    status: int | None


def load() -> list[Launch]:
    """All of them."""
    found = []
    for head, line, text in blocks(FOLDER / "launches.txt"):
        name, _, end = head.partition(": ")
        status = int(end.removeprefix("exit ")) if end != "prompt" else None
        found.append(Launch(name, shlex.split(line.removeprefix("$ ")), text, status))
    return found


LAUNCHES = load()
DIFFERENCES = {head: text for head, _, text in blocks(FOLDER / "launch_differences.txt")}


def shown(text: str) -> str:
    """A text without what differs from run to run and from program to program."""
    text = re.sub(r"(Usage: pytestpmd [^\n]*|usage: pytestpmd [^\n]*)\n(?!Invalid)[\s\S]+", r"\1\n[usage]", text)
    text = re.sub(r"RTE Version: '[^']*'", "RTE Version: 'VERSION'", text)
    text = re.sub(r"(\t[a-z][\w.]*\n)+", "[types]\n", OF_DPDK.sub("", text.replace("dpdk-testpmd", "pytestpmd")))
    return masked(text)


class Terminal(io.StringIO):
    """Takes standard output and standard error in the order in which they are written."""

    def fileno(self) -> int:
        return 1


def play(words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int | None]:
    """What our program prints up to its prompt, or all and its exit status."""
    (folder / "work").mkdir()
    (folder / "work/cf.txt").write_text(CMDLINE_FILE)
    monkeypatch.chdir(folder)
    terminal, prompted = Terminal(), []

    def prompt(*_: object) -> None:
        prompted.append(terminal.getvalue())

    for module in (lcores, launch):
        monkeypatch.setattr(module, "detected_cpus", lambda: frozenset({0, 1}))
    monkeypatch.setattr(program, "lock_memory", lambda: None)
    monkeypatch.setattr(console, "run_console", prompt)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    status = program.main(words)
    return (prompted[0], None) if prompted else (terminal.getvalue(), status)


def verdict(launched: Launch, ours: str, status: int | None) -> str:
    """In the words of the report."""
    if status == launched.status and shown(ours) == shown(launched.text):
        return "same"
    meant = status == launched.status and shown(ours) == masked(DIFFERENCES.get(launched.name, "\0"))
    return "differs on purpose" if meant else "FAILS"
