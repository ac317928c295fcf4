"""The completion scripts that are checked in and installed."""

import tomllib
from pathlib import Path

from pytestpmd.programs.completions import scripts

ROOT = Path(__file__).parents[2]


def test_the_scripts_that_are_installed_are_those_that_the_programs_print() -> None:
    for name, text in scripts().items():
        assert (ROOT / "completions" / name).read_text() == text, "make man"


def test_the_package_installs_every_script() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    installed = {f"{folder}/{file.name}" for folder, globs in data.items() for one in globs for file in ROOT.glob(one)}
    assert {f"share/{name}" for name in scripts()} <= installed
