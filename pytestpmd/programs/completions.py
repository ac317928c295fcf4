"""The completion scripts of every program: ``python -m pytestpmd.programs.completions DIR`` writes them.

They are checked in, and a test holds them equal to what is made here.
"""

import sys
from pathlib import Path

from click.shell_completion import ShellComplete, get_completion_class

from pytestpmd.cli import main as pytestpmd
from pytestpmd.cli.registry import Program, completion_variable
from pytestpmd.cli.shells import SHELLS, helper_of
from pytestpmd.programs import devbind
from pytestpmd.programs.kni import main as kni
from pytestpmd.programs.l3fwd_power import main as l3fwd_power

#: Where each shell looks for the script of a program, below share.
PLACES = {
    "bash": "bash-completion/completions/{}",
    "zsh": "zsh/site-functions/_{}",
    "fish": "fish/vendor_completions.d/{}.fish",
}
assert PLACES.keys() == SHELLS.keys()


def scripts() -> dict[str, str]:
    """Every script by its file's name below share."""
    made = {}
    for shell, place in PLACES.items():
        helpers = [helper_of(shell, module.registry()) for module in (pytestpmd, kni, l3fwd_power)]
        made.update({place.format(one.prog_name): one.source() for one in (*helpers, _devbind(shell))})
    return made


def _devbind(shell: str) -> ShellComplete:
    """A command of click's has click's own."""
    found = get_completion_class(shell)
    assert found
    return found(devbind.command, {}, devbind.PROGRAM, completion_variable(Program(devbind.PROGRAM, "")))


def main(directory: str) -> None:
    """Write them."""
    for name, text in scripts().items():
        file = Path(directory) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
