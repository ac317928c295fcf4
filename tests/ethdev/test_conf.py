"""What a device can do and what is asked of a port, as lib/ethdev weighs it."""

from typing import Any

import pytest

from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.conf import DescLimits, DeviceInfo, PortConf, check_conf
from pytestpmd.ethdev.offloads import RxOffload

LRO = int(RxOffload.TCP_LRO)


@pytest.mark.parametrize(
    ("most", "asked", "verdict"),
    [
        (0, 1518, ""),
        (0, 0, ""),
        (0, 1000, "1000 != 1518 is not allowed"),
        (9000, 9000, ""),
        (9000, 9001, "9001 > max allowed value 9000"),
        (9000, 63, "63 < min allowed value 64"),
    ],
)
def test_joined_packets_are_as_long_as_the_device_can(most: int, asked: int, verdict: str) -> None:
    info = DeviceInfo(rx_offload_capa=LRO, max_lro_pkt_size=most)
    check_conf(3, PortConf(max_lro_pkt_size=asked), info)
    assert refusal(info, rx_offloads=LRO, max_lro_pkt_size=asked) == (
        verdict and f"ETHDEV: Ethdev port_id=3 max_lro_pkt_size {verdict}"
    )


def refusal(info: DeviceInfo, **conf: Any) -> str:
    """What is said of such a wish; nothing if it may be."""
    try:
        check_conf(3, PortConf(**conf), info)
    except ConfigError as error:
        return str(error)
    return ""


def test_rings_are_as_long_as_the_device_can_each_by_itself() -> None:
    info = DeviceInfo(max_rx_queues=2, rx_desc=DescLimits(512, 32))
    invalid = "Invalid value for nb_rx_desc(={}), should be: <= 512, >= 32, and a product of 1"
    assert refusal(info, nb_rxq=2, nb_rxd=16) == invalid.format(16)
    assert refusal(info, nb_rxq=2, ring_sizes={("rxq", 1): 513}) == invalid.format(513)
    assert refusal(info, nb_rxq=1, ring_sizes={("rxq", 1): 513}) == ""
    assert refusal(info, nb_rxq=2, nb_rxd=16, ring_sizes={("rxq", 0): 64, ("rxq", 1): 64}) == ""


def test_the_length_between_frame_and_mtu_is_the_devices_or_ethernets() -> None:
    assert DeviceInfo().frame_overhead == DeviceInfo(max_rx_pktlen=9728).frame_overhead == 18
    assert DeviceInfo(max_rx_pktlen=9728, max_mtu=9698).frame_overhead == 30
