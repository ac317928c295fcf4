"""net_virtio without VFIO: link changes by the interrupt line and without one, another start, a device that is taken.

Both layouts are there; what else forms and ways have to do with each other is ``test_matrix.py``'s.
"""

from collections.abc import Iterator

import pytest
from guest.machine import Machine, Nic
from guest.site import Site
from guest.wires import Datagrams, HostEnd

FORMS = {"legacy": "disable-modern=on,mrg_rxbuf=off", "modern": ""}
#: Each way, and how the device's interrupts come by it.
WAYS = {"uio_pci_generic": "INTx", "no module": "no interrupts, it is polled"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("w")
    wires: list[HostEnd] = [Datagrams(folder, str(number)) for number in range(len(FORMS))]
    nics = [Nic(3 + i, wires[i], options) for i, options in enumerate(FORMS.values())]
    with Machine(*nics, hugepages=64) as machine:
        yield Site(machine, wires)
    for wire in wires:
        wire.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_link_is_told_whatever_the_interrupts_and_a_stop_is_no_end(site: Site, way: str) -> None:
    site.bind(way)
    with site.program() as ours:
        for port_id, (layout, nic) in enumerate(zip(FORMS, site.machine.nics, strict=True)):
            found = ours.run(f"show port {port_id} virtio")
            assert f"PCI device at {nic.address}, connected: {layout}, {way}, {WAYS[way]}" in found
            site.switch_link(ours, port_id)
        site.ping()
        for line in ("stop", "port stop all", "port start all", "start"):
            ours.run(line)
        site.ping()
        assert ours.quit() == 0


def test_a_device_that_is_taken_from_its_driver_takes_no_other_with_it(site: Site) -> None:
    site.bind("uio_pci_generic")
    taken, beside = site.machine.nics
    with site.program() as ours:
        site.ping()
        site.machine.sh(f"echo {taken.address} >/sys/bus/pci/devices/{taken.address}/driver/unbind")
        ours.expect(f"({taken.address}) the device is gone")
        ours.expect("Now total ports is 1")
        assert site.wires[1].ping() == beside.mac
        assert ours.quit() == 0
