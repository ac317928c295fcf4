"""docs/guest.md, done as it stands: on the host in a network of its own, in the guest, and at the console."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.netns import private_network
from guest.machine import Machine
from guest.program import GuestProgram

DOCUMENT = Path(__file__).parents[2] / "docs/guest.md"
BLOCK = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
OUR_PROGRAMS = Path(sys.executable).parent


def blocks(kind: str) -> list[str]:
    """The document's blocks of one kind, in order."""
    return [text for name, text in BLOCK.findall(DOCUMENT.read_text()) if name == kind]


def on_host(script: str) -> str:
    done = subprocess.run(["bash", "-e"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_guest(machine: Machine, script: str) -> str:
    return machine.sh(f"set -e; PATH={OUR_PROGRAMS}:$PATH\n{script}", within_s=120)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """The document's guest, bound as it says."""
    with private_network():
        on_host(blocks("sh host")[0])
        with Machine(cpus=3, memory_mb=2048, qemu=blocks("sh qemu")[0].split()) as machine:
            in_guest(machine, blocks("sh guest")[0])
            yield machine


@pytest.fixture(scope="module")
def program(machine: Machine) -> Iterator[GuestProgram]:
    """The guide's line."""
    (line,) = blocks("sh program")
    assert line == "pytestpmd -l 0-2 -n 4 -- -i --tx-offloads=0x0 --rxq=1 --txq=1 --nb-cores=1\n"
    with machine.program(f"env PATH={OUR_PROGRAMS}:$PATH {line.strip()}").ready() as program:
        yield program


def test_the_console_answers_as_the_document_says_and_pings_come_back(program: GuestProgram, machine: Machine) -> None:
    (session,) = blocks("console")
    for exchange in session.split("testpmd> ")[1:]:
        line, *answers = exchange.splitlines()
        said = program.run(line)
        assert [answer for answer in answers if answer not in said] == [], said
    said = on_host(blocks("sh host")[1])
    assert "3 packets transmitted, 3 packets received" in said
    assert program.stats()["TX-packets"] >= 3
    program.run("stop")
    assert program.quit() == 0


def test_the_device_goes_from_one_driver_to_the_other(machine: Machine) -> None:
    in_guest(machine, blocks("sh guest")[1])
    driver = machine.sh("basename $(readlink /sys/bus/pci/devices/0000:00:03.0/driver)").strip()
    assert driver == "vfio-pci"
    assert machine.sh("cat /sys/module/vfio/parameters/enable_unsafe_noiommu_mode").strip() == "Y"
