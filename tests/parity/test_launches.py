"""The program is launched as the original was, and goes as that did."""

from pathlib import Path

import pytest
from parity.compare import masked
from parity.launches import DIFFERENCES, LAUNCHES, Launch, play, shown
from parity.rows import options
from parity.sessions import REGISTRY

from pytestpmd.cli.argv import HELP, Reader, UsageError
from pytestpmd.eal.options import Value, find

OPTIONS = {**REGISTRY.options, HELP.name: HELP}


@pytest.mark.parametrize("launched", LAUNCHES, ids=lambda launched: launched.name)
def test_a_launch_goes_as_the_originals(launched: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, status = play(launched.words, tmp_path, monkeypatch)
    text = shown(ours)
    if launched.name in DIFFERENCES:
        assert text != shown(launched.text), "no difference any more: out with it from launch_differences.txt"
        assert text == masked(DIFFERENCES[launched.name])
    else:
        assert text == shown(launched.text)
    assert status == launched.status


def test_every_option_that_matters_is_one_here() -> None:
    """Those of scope ``core`` and ``useful``, and of hardware too, with their letters and whether they take a value."""
    for row in options("options"):
        option = OPTIONS.get(row.name)
        assert option, row
        assert (option.short, option.takes_value) == (row.short, row.argument != "(none)"), row
    for row in options("eal_options"):
        if row.name == "help":
            continue
        known = find(f"--{row.name}")
        assert known, row
        assert (known.short or "") == (f"-{row.short}" if row.short else ""), row
        takes = Value.NONE if row.argument == "(none)" else Value.OPTIONAL if "[=" in row.argument else Value.REQUIRED
        assert known.value is takes, row


def test_what_the_original_does_not_have_is_marked_as_ours() -> None:
    theirs = {row.name for row in options("options")}
    assert {name for name, option in OPTIONS.items() if not option.ours} == theirs


def test_the_beginnings_of_names_mean_what_they_mean_in_the_original() -> None:
    theirs = [row.name for row in options("options")]
    for prefix in {name[:length] for name in theirs for length in range(1, len(name) + 1)} - set(theirs):
        meant = [name for name in theirs if name.startswith(prefix)]
        reader = Reader(REGISTRY.program, OPTIONS.values())
        if len(meant) == 1:
            [given] = reader.read([f"--{prefix}", *["1"] * OPTIONS[meant[0]].takes_value])
            assert given.option.name == meant[0]
        else:
            with pytest.raises(UsageError, match="is ambiguous"):
                list(reader.read([f"--{prefix}"]))


def test_what_differs_is_of_launches_that_there_are() -> None:
    assert set(DIFFERENCES) <= {launched.name for launched in LAUNCHES}
