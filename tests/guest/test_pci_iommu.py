"""net_virtio behind an IOMMU, by vfio-pci: devices told our addresses or physical ones, that interrupt by vectors."""

from collections.abc import Iterator

import pytest
from guest.machine import Machine, Nic
from guest.site import Site
from guest.wires import Datagrams, HostEnd

BEHIND = "iommu_platform=on,disable-legacy=on"
#: Of 2 MB each; the guest has none until they are asked for.
HUGEPAGES = 64
FORMS = {
    "modern": ("", "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    "packed": (",packed=on", "virtio_recv_mergeable_pkts_packed", "virtio_xmit_pkts_packed"),
    "mrg_rxbuf=off": (",mrg_rxbuf=off", "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple"),
}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A card of each form, and behind them one that the IOMMU does not stand before."""
    folder = tmp_path_factory.mktemp("w")
    options = [*(BEHIND + more for more, _, _ in FORMS.values()), "disable-legacy=on"]
    wires: list[HostEnd] = [Datagrams(folder, str(number)) for number in range(len(options))]
    with Machine(*(Nic(3 + i, wires[i], options[i]) for i in range(len(options))), iommu=True) as machine:
        yield Site(machine, wires)
    for wire in wires:
        wire.close()


@pytest.fixture(scope="module")
def site(everything: Site) -> Site:
    """Those behind the IOMMU."""
    return Site(everything.machine, everything.wires[:-1], everything.nics[:-1])


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


@pytest.fixture(scope="module")
def with_hugepages(everything: Site) -> None:
    """For who is to tell devices of physical memory."""
    everything.machine.sh(
        f"echo {HUGEPAGES} >/proc/sys/vm/nr_hugepages; grep -qx {HUGEPAGES} /proc/sys/vm/nr_hugepages"
    )


def test_every_form_answers_when_it_is_told_physical_addresses(site: Site, with_hugepages: None) -> None:
    site.bind("vfio-pci")
    with site.program(eal="--iova-mode=pa") as ours:
        assert "Selected IOVA mode 'PA'" in ours.said
        assert "connected: modern, vfio-pci, MSI-X, 2 vectors" in ours.run("show port 0 virtio")
        site.ping()
        assert ours.quit() == 0


def test_one_program_drives_devices_behind_the_iommu_and_one_that_sees_physical_memory(
    everything: Site, site: Site, with_hugepages: None
) -> None:
    site.bind("vfio-pci")
    Site(everything.machine, everything.wires[-1:], everything.nics[-1:]).bind("uio_pci_generic")
    with everything.program() as ours:
        everything.ping()
        last = len(FORMS)
        assert "connected: modern, vfio-pci, MSI-X, 2 vectors" in ours.run("show port 0 virtio")
        assert "connected: modern, uio_pci_generic" in ours.run(f"show port {last} virtio")
        # and once they are begun anew
        for command in ("stop", "port stop all", "port start all", "start"):
            ours.run(command)
        everything.ping()
        assert ours.quit() == 0
