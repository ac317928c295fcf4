"""Sessions of the original, played here line by line.

A file of ``data/transcripts/26.07`` is one session of DPDK's testpmd 26.07 as it went: its command line after ``$``,
then what was typed and what was answered. ``# (not kept)`` in an answer's place says that nobody noted it.
"""

import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from fakes.appliance import lcores
from fakes.leaks import eventually
from fakes.log import levels_kept

from pytestpmd.app import TestPmd
from pytestpmd.cli import argv, console
from pytestpmd.cli.launch import probe
from pytestpmd.cli.main import prepare
from pytestpmd.cli.registry import discover
from pytestpmd.config import Config
from pytestpmd.eal import args

FOLDER = Path(__file__).parents[1] / "data" / "transcripts" / "26.07"
NOT_KEPT = "# (not kept)\n"
#: Stands in a session where the program at the other end was started, or ended.
PEER_COMES = "(the peer comes)"
SCRIPT = "show port summary all\nset fwd mac\nfoo bar\nset verbose 1\n"
PEER_GOES = "(the peer goes)"
REGISTRY = discover()


@dataclass(frozen=True)
class Line:
    """A line that was typed: in which session, the how-manieth there, and what the original answered to it."""

    session: str
    number: int
    typed: str
    original: str | None

    @property
    def key(self) -> str:
        """How a list of lines names it."""
        return f"{self.session}:{self.number}: {self.typed}"


@dataclass(frozen=True)
class Session:
    """One session: the words after the program's name, and the lines."""

    name: str
    words: tuple[str, ...]
    lines: tuple[Line, ...]


def load(name: str) -> Session:
    """Read a session."""
    head, *blocks = re.split(r"^testpmd> ", (FOLDER / f"{name}.txt").read_text(), flags=re.MULTILINE)
    lines = []
    for number, block in enumerate(blocks, 1):
        typed, _, said = block.partition("\n")
        lines.append(Line(name, number, typed, None if said == NOT_KEPT else said))
    return Session(name, tuple(head.removeprefix("$ ").split()[1:]), tuple(lines))


def load_all() -> list[Session]:
    """All of them, by name."""
    return [load(path.stem) for path in sorted(FOLDER.glob("*.txt"))]


class Recorder(io.StringIO):
    """Standard error of the program: its log, among what it says."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__()
        self._hear = hear

    def write(self, text: str) -> int:
        self._hear(text.removesuffix("\n"))
        return len(text)


class Stage:
    """The program in this process, as a session's command line starts it."""

    def __init__(self, words: list[str]) -> None:
        self.said: list[str] = []
        self._typist = threading.get_ident()
        given = args.collate(words)
        args.set_log_options(given)
        self.app = TestPmd(Config(), args.interpret(given), self.hear)
        try:
            probe(self.app)
            prepare(self.app, argv.parse_options(REGISTRY, given.app_argv))
        except BaseException:
            self.app.release()
            raise

    def hear(self, text: str) -> None:
        """Note what is said by whoever runs the commands; what peers bring about comes when it comes."""
        if threading.get_ident() == self._typist:
            self.said.append(text)

    def type(self, line: str) -> str:
        """Type a line; everything that is printed, in order."""
        before = len(self.said)
        answer = console.execute(self.app, REGISTRY, line)
        texts = [*self.said[before:], answer]
        return "".join(text if not text or text.endswith("\n") else f"{text}\n" for text in texts)


def adapted(words: tuple[str, ...], folder: Path) -> list[str]:
    """The command line for here: lcores on the CPUs there are, sockets in a folder of ours, no runtime files."""
    (folder / "work").mkdir(exist_ok=True)
    (folder / "work" / "script1.txt").write_text(SCRIPT)
    text = " ".join(words)
    text = re.sub(r"-l 0-1|--file-prefix=\S+|-m \d+", "", text)
    return [f"--lcores={lcores(1)}", "--in-memory", *text.split()]


def peer_of(words: list[str]) -> list[str]:
    """The command line of the program at the other end of a socket; empty where there is none."""
    if path := re.search(r"net_virtio_user0,path=([^, ]+)", " ".join(words)):
        queues = re.search(r"queues=\d+", " ".join(words))
        device = f"net_vhost0,iface={path[1]}" + (f",{queues[0]}" if queues else "")
    elif path := re.search(r"net_vhost0,iface=([^, ]+)", " ".join(words)):
        device = f"net_virtio_user0,path={path[1]}"
    else:
        return []
    device += "" if "vh0.sock" in " ".join(words) else ",tso=1"
    both = ["--rxq=2", "--txq=2"] if "queues=2" in device else []
    return [f"--lcores={lcores(1)}", "--in-memory", "--no-pci", f"--vdev={device}", "--", "-i", *both]


@contextmanager
def staged(words: tuple[str, ...], folder: Path) -> Iterator[tuple[Stage, "Peer"]]:
    """The program ready at its prompt, in a folder of its own, and its peer, which a back-end gets later."""
    with ExitStack() as stack:
        stack.enter_context(chdir(folder))
        stack.enter_context(levels_kept())
        ours = adapted(words, folder)
        peer = Peer(peer_of(ours))
        if "net_virtio_user0" in " ".join(ours):
            peer.come()
        stage = Stage(ours)
        stack.callback(peer.go)
        stack.callback(stage.app.release)
        stack.enter_context(redirect_stderr(Recorder(stage.hear)))
        stack.enter_context(redirect_stdout(Recorder(stage.hear)))
        yield stage, peer


class Peer:
    """The program at the other end, if the session has one."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._stage: Stage | None = None

    def come(self) -> None:
        self._stage = Stage(self._words)

    def go(self) -> None:
        if self._stage:
            self._stage.app.release()
        self._stage = None


def play(session: Session, folder: Path) -> dict[str, str]:
    """Type every line of a session; what was answered, by the line's key."""
    answers = {}
    with staged(session.words, folder) as (stage, peer):
        for line in session.lines:
            if line.typed == PEER_COMES:
                peer.come()
                eventually(lambda: all(port.link().up for port in stage.app.ports))
            elif line.typed == PEER_GOES:
                peer.go()
                eventually(lambda: not any(port.link().up for port in stage.app.ports))
            else:
                answers[line.key] = stage.type(line.typed)
    return answers
