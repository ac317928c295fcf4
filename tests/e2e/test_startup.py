"""The prompt comes quickly, and without what only a person needs."""

import os
import subprocess
import sys
import time

import pytest
from e2e.program import spawn

PROMPT_WITHIN_S = 0.5


@pytest.mark.skipif("PYTESTPMD_SANITIZERS" in os.environ, reason="the sanitizer takes its time")
def test_the_prompt_comes_within_half_a_second() -> None:
    # The best of a few: the first may fill the file cache, and the machine may be busy.
    waits = []
    for _ in range(8):
        begun = time.monotonic()
        program = spawn("-i", "--console=plain")
        program.expect_exact("testpmd> ")
        waits.append(time.monotonic() - begun)
        program.sendline("quit")
        program.close(force=True)
        if waits[-1] < PROMPT_WITHIN_S:
            break
    assert min(waits) < PROMPT_WITHIN_S


def test_a_script_does_not_load_what_draws_for_a_person() -> None:
    code = "import sys, pytestpmd.cli.main; print(*sorted({'rich', 'prompt_toolkit', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
