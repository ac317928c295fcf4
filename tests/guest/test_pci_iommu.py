"""net_virtio behind an IOMMU, by vfio-pci: devices are told our own addresses, and interrupt by vectors."""

from collections.abc import Iterator

import pytest
from guest.machine import Machine, Nic
from guest.site import Site
from guest.wires import Datagrams, HostEnd

BEHIND = "iommu_platform=on,disable-legacy=on"
FORMS = {
    "modern": ("", "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    "packed": (",packed=on", "virtio_recv_mergeable_pkts_packed", "virtio_xmit_pkts_packed"),
    "mrg_rxbuf=off": (",mrg_rxbuf=off", "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("w")
    wires: list[HostEnd] = [Datagrams(folder, str(number)) for number in range(len(FORMS))]
    nics = [Nic(3 + i, wires[i], BEHIND + more) for i, (more, _, _) in enumerate(FORMS.values())]
    with Machine(*nics, iommu=True) as machine:
        yield Site(machine, wires)
    for wire in wires:
        wire.close()


def test_every_form_answers_tells_of_its_link_and_needs_no_hugepages(site: Site) -> None:
    site.bind("vfio-pci")
    with site.program() as ours:
        site.ping()
        for port_id, (_, rx, tx) in enumerate(FORMS.values()):
            chosen = ours.run(f"show port {port_id} rxtx").splitlines()
            assert {f"  Rx: {rx}", f"  Tx: {tx}"} <= set(chosen)
            site.switch_link(ours, port_id)
        assert "connected: modern, vfio-pci, MSI-X, 2 vectors" in ours.run("show port 0 virtio")
        site.ping()
        assert ours.quit() == 0
