"""What the console says of a vhost port, beside what the original said of one in the same state."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually
from fakes.vhost_frontend import FakeFrontend
from transcripts import masked, printed, transcript

from pytestpmd.drivers.virtio_net import Feature

#: What DPDK's virtio-user agreed to when the original was recorded.
AGREED = 0x950008000


@pytest.fixture
def appliance(sock: Path) -> Iterator[Appliance]:
    """One port with a front-end that asks for as much as DPDK's did."""
    features = AGREED | Feature.VHOST_USER_F_PROTOCOL_FEATURES
    with Appliance(f"net_vhost0,iface={sock},queues=1") as appliance, FakeFrontend(sock, features=features) as front:
        front.start_as_dpdk()
        assert eventually(lambda: appliance.app.ports[0].link().up)
        yield appliance


def test_port_info_is_the_originals(appliance: Appliance, sock: Path) -> None:
    shown = printed(appliance.run("show port info 0")).replace(str(sock), "SOCK")
    assert masked(shown) == masked(transcript("vhost-show-port-info-0"))


@pytest.mark.parametrize("way", ["rx", "tx"])
def test_capabilities_are_the_originals(appliance: Appliance, way: str) -> None:
    shown = appliance.run(f"show port 0 {way}_offload capabilities")
    assert printed(shown) == transcript(f"vhost-{way}-offload-capabilities")
