"""What docs/json.md says to type does what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.program import FEW_MBUFS, LCORES, PATIENCE_S, own_prefix

DOCUMENT = (Path(__file__).parents[2] / "docs/json.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``pytestpmd`` is this program, on lcores that there are and with a prefix of its own."""
    wrapper = tmp_path / "bin" / "pytestpmd"
    wrapper.parent.mkdir()
    wrapper.write_text(
        "#!/bin/sh\n"
        'for word; do shift; [ "$word" = -- ] && set -- "$@" -- ' + FEW_MBUFS + ' || set -- "$@" "$word"; done\n'
        f'exec {sys.executable} -m pytestpmd {LCORES} {own_prefix()} "$@"\n',
        encoding="ascii",
    )
    wrapper.chmod(0o755)
    return {**os.environ, "PATH": f"{wrapper.parent}:{os.environ['PATH']}"}


def test_there_is_something_to_type() -> None:
    assert len(BLOCKS) == 2


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_ends_well_with_a_result_that_is_right(block: str, shell: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-e", "-c", block],
        env=shell,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, told["status"], told["errors"]) == (0, 0, [])
    assert told["total"]["rx_packets"] > 0
    assert told["conservation"]["holds"]


def test_every_key_of_a_result_is_in_the_document(shell: dict[str, str], tmp_path: Path) -> None:
    told = json.loads(subprocess.check_output(["sh", "-c", BLOCKS[0]], env=shell, text=True, stderr=subprocess.DEVNULL))
    port, keys = told["ports"][0], set(told)
    keys |= set(told["host"]) | set(told["conservation"]) | set(port["drops_by_reason"]) | set(port["rates"])
    keys |= {key for key in port if key.endswith(("callback", "features", "drops", "rates"))}
    assert {key for key in keys if f"`{key}`" not in DOCUMENT} == set()
