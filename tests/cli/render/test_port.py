import pytest
from fakes.app import FakeApp, VirtioLikePort
from transcripts import masked, printed, transcript

from pytestpmd.cli.render import port as render
from pytestpmd.ethdev.link import speed_text
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import EthPort, Link, PortConf


def virtio_port() -> VirtioLikePort:
    port = VirtioLikePort()
    port.private = transcript("virtio-show-port-info-0").partition("Device private info:\n")[2].rstrip("\n")
    return port


def test_port_info_is_the_originals_line_by_line() -> None:
    shown = printed(*(render.info(port) for port in FakeApp().ports))
    assert masked(shown) == masked(transcript("show-port-info-all"))


def test_port_info_of_a_virtio_port_has_its_private_printed() -> None:
    assert masked(printed(render.info(virtio_port()))) == masked(transcript("virtio-show-port-info-0"))


def test_port_info_of_a_stopped_virtio_port_has_no_speed() -> None:
    port = virtio_port()
    port.line = Link(up=False, speed=0, autoneg=True)
    assert masked(printed(render.info(port))) == masked(transcript("virtio-stopped-show-port-info-0"))


def test_port_info_begins_with_21_stars_and_mtu_stands_before_its_bounds() -> None:
    text = render.info(virtio_port())
    assert text.startswith("\n" + "*" * 21 + " Infos for port 0  " + "*" * 21 + "\n")
    assert text.index("MTU: 1500") < text.index("Minimum MTU: ") < text.index("Maximum MTU: ")


def test_vlan_offloads_that_are_on_are_told() -> None:
    port = virtio_port()
    port.conf = PortConf(rx_offloads=int(RxOffload.VLAN_STRIP | RxOffload.VLAN_FILTER))
    assert "  strip on, filter on, extend off, qinq strip off\n" in render.info(port)


def test_summary_of_all_ports() -> None:
    ports = list(FakeApp().ports)
    assert masked(printed(render.summary(ports, 2))) == masked(transcript("show-port-summary-all"))


def test_summary_of_one_port_still_counts_all() -> None:
    ports = list(FakeApp().ports)
    assert masked(printed(render.summary(ports[:1], 2))) == masked(transcript("show-port-summary-0"))


def test_summary_lets_long_names_push_the_columns() -> None:
    assert masked(printed(render.summary([virtio_port()], 1))) == masked(transcript("virtio-show-port-summary-all"))


def test_an_invalid_port_is_answered_with_the_valid_ones() -> None:
    assert printed(render.invalid_port(9, [0, 1])) == transcript("show-port-info-9")
    assert render.invalid_port(0, []).endswith("The valid ports array is [ ]")


@pytest.mark.parametrize(
    ("mbps", "text"),
    [
        (0, "None"),
        (10, "10 Mbps"),
        (1000, "1 Gbps"),
        (2500, "2.5 Gbps"),
        (400_000, "400 Gbps"),
        (0xFFFFFFFF, "Unknown"),
    ],
)
def test_speed_is_written_with_its_unit(mbps: int, text: str) -> None:
    assert speed_text(mbps) == text


@pytest.mark.parametrize(
    ("link", "text"),
    [
        (Link(up=True), "up at 10 Gbps FDX Fixed None"),
        (Link(up=True, speed=100, full_duplex=False, autoneg=True), "up at 100 Mbps HDX Autoneg None"),
        (Link(up=False), "down"),
    ],
)
def test_link_line(link: Link, text: str) -> None:
    assert link.describe() == text


def test_device_info_names_the_device_and_its_port() -> None:
    shown = printed(*(render.device_info(port) for port in FakeApp().ports))
    assert masked(shown) == masked(transcript("show-device-info-all"))


def test_device_info_of_a_device_on_no_numa_node() -> None:
    assert masked(printed(render.device_info(virtio_port()))) == masked(transcript("virtio-show-device-info-all"))


def test_macs_leaves_out_free_places() -> None:
    shown = printed(render.macs([bytes.fromhex("020000000001"), bytes(6)]))
    assert masked(shown) == masked(transcript("show-port-0-macs"))


@pytest.mark.parametrize(
    ("port", "kind", "name"),
    [
        (virtio_port(), "Rx", "virtio-rx-offload-capabilities"),
        (next(iter(FakeApp().ports)), "Tx", "tx-offload-capabilities"),
    ],
)
def test_offload_capabilities(port: EthPort, kind: str, name: str) -> None:
    assert printed(render.offload_capabilities(port, kind)) == transcript(name)


def test_offload_configuration_has_a_line_a_queue() -> None:
    port = next(iter(FakeApp().ports))
    assert printed(render.offload_configuration(port, "Rx", 0)) == transcript("rx-offload-configuration")


def test_offload_configuration_tells_what_is_in_force_and_what_is_wished() -> None:
    port = next(iter(FakeApp().ports))
    port.conf = PortConf(tx_offloads=0x8001)
    assert render.offload_configuration(port, "Tx", 0x8000).splitlines()[1:3] == [
        "  Port : VLAN_INSERT MULTI_SEGS",
        "  Queue[ 0] : MULTI_SEGS",
    ]


def test_rxtx_names_both_functions_why_and_what_the_others_would_take() -> None:
    port = FakeApp().ports[0]
    assert render.rxtx(port).splitlines() == [
        "Receive and transmit functions of port 0:",
        "  Rx: fake_rx",
        "    because it is there",
        "    fake_rx_vec would need: vectors agreed (vectorized=1), packed rings not agreed (packed_vq=0)",
        "  Tx: fake_tx",
        "    because it is there",
    ]
