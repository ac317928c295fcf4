"""net_virtio in a guest: every form of device by each way to it, with pings that the host sends and the guest answers.

The ways are those of a device without an IOMMU; ``test_pci_iommu.py`` has one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from guest.machine import Machine, Nic
from guest.site import Site
from guest.wires import Datagrams, HostEnd


@dataclass(frozen=True)
class Form:
    """A device, and the functions that its packets must be moved by."""

    options: str
    rx: str
    tx: str
    layout: str = "modern"


FORMS = {
    "legacy": Form("disable-modern=on", "virtio_recv_mergeable_pkts", "virtio_xmit_pkts", "legacy"),
    "transitional": Form("", "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    "modern": Form("disable-legacy=on", "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    "packed": Form("packed=on", "virtio_recv_mergeable_pkts_packed", "virtio_xmit_pkts_packed"),
    "mrg_rxbuf=off": Form("mrg_rxbuf=off", "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple"),
    "legacy, mrg_rxbuf=off": Form(
        "disable-modern=on,mrg_rxbuf=off", "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple", "legacy"
    ),
}
#: Each way, and how the device's interrupts come by it.
WAYS = {
    "uio_pci_generic": "INTx",
    "no module": "no interrupts, it is polled",
    "vfio-noiommu": "MSI-X, 2 vectors",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("w")
    wires: list[HostEnd] = [Datagrams(folder, str(slot)) for slot in range(len(FORMS))]
    nics = [Nic(3 + i, wire, form.options) for i, (wire, form) in enumerate(zip(wires, FORMS.values(), strict=True))]
    with Machine(*nics, hugepages=128) as machine:
        yield Site(machine, wires)
    for wire in wires:
        wire.close()


@pytest.mark.parametrize("way", WAYS)
def test_every_form_of_device_answers_and_tells_of_its_link(site: Site, way: str) -> None:
    site.bind(way)
    with site.program() as ours:
        site.ping()
        for port_id, (nic, form) in enumerate(zip(site.machine.nics, FORMS.values(), strict=True)):
            chosen = ours.run(f"show port {port_id} rxtx").splitlines()
            assert {f"  Rx: {form.rx}", f"  Tx: {form.tx}"} <= set(chosen)
            found = ours.run(f"show port {port_id} virtio")
            assert f"PCI device at {nic.address}, connected: {form.layout}, {way}, {WAYS[way]}" in found
            site.switch_link(ours, port_id)
        site.ping()
        for line in ("stop", "port stop all", "port start all", "start"):
            ours.run(line)
        site.ping()
        assert ours.quit() == 0


def test_a_device_that_is_taken_from_its_driver_takes_no_other_with_it(site: Site) -> None:
    site.bind("uio_pci_generic")
    taken, beside = site.machine.nics[0], site.machine.nics[1]
    with site.program() as ours:
        assert site.wires[0].ping() == taken.mac
        site.machine.sh(f"echo {taken.address} >/sys/bus/pci/devices/{taken.address}/driver/unbind")
        ours.expect(f"({taken.address}) the device is gone")
        ours.expect(f"Now total ports is {len(FORMS) - 1}")
        assert site.wires[1].ping() == beside.mac
        assert ours.quit() == 0
