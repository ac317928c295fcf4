"""Completion as people get it: in bash for real, and in zsh and fish where they are installed."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pexpect
import pytest

from pytestpmd.cli.main import main

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30
#: What is typed, and what stands there after Tab.
TYPED = [
    ("--forc", "--force-max-simd-bitwidth="),
    ("--iova-mode=p", "--iova-mode=pa "),
    ("--vdev=net_vh", "--vdev=net_vhost0 "),
    ("--vdev=net_vhost0,if", "--vdev=net_vhost0,iface="),
    ("--vdev=net_vhost0,iface=soc", "--vdev=net_vhost0,iface=socket "),
    ("--vdev net_virtio_user0,pac", "--vdev net_virtio_user0,packed_vq="),
    ("--log-level=pmd.net.vh", "--log-level=pmd.net.vhost:"),
    ("--log-level=pmd.net.vhost:deb", "--log-level=pmd.net.vhost:debug "),
    ("-- --forw", "-- --forward-mode="),
    ("-- --forward-mode=icm", "-- --forward-mode=icmpecho "),
    ("-- --port-topology ch", "-- --port-topology chained "),
    ("-- -i --cmdline-file=comm", "-- -i --cmdline-file=commands "),
    ("-l 0-1 -- --record-b", "-l 0-1 -- --record-burst-stats "),
]


#: A shell that is asked by Ctrl-T what stands on its line: its arguments, its file of settings, and what is in that.
SHELLS = {
    "bash": (
        ["--noprofile", "--rcfile", "settings", "-i"],
        "settings",
        "PS1='ready> '; bind 'set enable-bracketed-paste off'\n"
        'eval "$(_PYTESTPMD_COMPLETE=bash_source pytestpmd)"\n'
        "show() { printf '<%s>\\n' \"$READLINE_LINE\"; }; bind -x '\"\\C-t\": show'\n",
    ),
    "zsh": (
        ["-i"],
        ".zshrc",
        "PS1='ready> '; unsetopt zle_bracketed_paste prompt_sp; autoload -U compinit; compinit -D -u\n"
        'eval "$(_PYTESTPMD_COMPLETE=zsh_source pytestpmd)"\n'
        'show() { print -r -- "<$BUFFER>"; zle redisplay }; zle -N show\n'
        "bindkey '^T' show; bindkey '^U' kill-buffer\n",
    ),
    "fish": (
        ["--init-command", "source settings"],
        "settings",
        "function fish_prompt; echo 'ready> '; end; function fish_greeting; end\n"
        "set -gx _PYTESTPMD_COMPLETE fish_source; pytestpmd | source; set -e _PYTESTPMD_COMPLETE\n"
        'bind \\ct \'echo "<"(commandline)">"\'; bind \\cu \'commandline ""\'\n',
    ),
}


class Shell:
    """An interactive shell in a folder with two files, to which the program is known by its name."""

    def __init__(self, name: str, folder: Path) -> None:
        arguments, file, settings = SHELLS[name]
        for empty in ("socket", "commands"):
            (folder / empty).touch()
        (folder / "bin").mkdir()
        program = folder / "bin/pytestpmd"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pytestpmd "$@"\n')
        program.chmod(0o755)
        (folder / file).write_text(settings)
        environment = {
            **os.environ,
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "TERM": "dumb",
            "HOME": str(folder),
            "ZDOTDIR": str(folder),
        }
        self._shell = pexpect.spawn(
            name, arguments, cwd=folder, env=environment, encoding="utf-8", timeout=PATIENCE_S, dimensions=(50, 400)
        )
        self._shell.delaybeforesend = None
        self._shell.expect_exact("ready> ")

    def completed(self, typed: str) -> str:
        """What stands there after this and Tab."""
        self._shell.send(f"pytestpmd {typed}\t\x14")
        self._shell.expect("<pytestpmd (.*?)>\r")
        assert isinstance(self._shell.match, re.Match)
        self._shell.send("\x15")
        return str(self._shell.match[1])

    def close(self) -> None:
        self._shell.close(force=True)


@pytest.fixture(scope="module", params=list(SHELLS))
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param} is installed")
    made = Shell(request.param, tmp_path_factory.mktemp(request.param))
    yield made
    made.close()


@pytest.mark.parametrize(("typed", "there"), TYPED)
def test_a_line_is_completed(typed: str, there: str, shell: Shell) -> None:
    assert shell.completed(typed) == there


def test_a_question_that_is_none_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_PYTESTPMD_COMPLETE", "csh_source")
    assert main([]) == 1
    assert capsys.readouterr().err.startswith("_PYTESTPMD_COMPLETE: what is csh_source?")


@pytest.mark.parametrize("program", ["kni", "l3fwd-power"])
def test_the_other_programs_complete_theirs(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"pytestpmd-{program}"
    monkeypatch.setenv(f"_{name.upper().replace('-', '_')}_COMPLETE", "bash_complete")
    for variable, value in {
        "COMP_LINE": f"{name} -- --conf",
        "COMP_POINT": str(len(name) + 10),
        "COMP_WORDBREAKS": "=:",
    }.items():
        monkeypatch.setenv(variable, value)
    main_of = import_module(f"pytestpmd.programs.{program.replace('-', '_')}.main").main
    assert main_of([]) == 0
    assert "open\t--config=\n" in capsys.readouterr().out
