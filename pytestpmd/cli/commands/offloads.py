"""The offloads that every port is asked for, and the longest packet."""

from typing import TYPE_CHECKING

from pytestpmd.cli.params import INT32
from pytestpmd.cli.registry import option
from pytestpmd.config import LaunchError
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import MIN_FRAME

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "offloads"

_NO_LEVELS = "no device here lets choose"
VLAN = RxOffload.VLAN_STRIP | RxOffload.VLAN_FILTER | RxOffload.VLAN_EXTEND | RxOffload.QINQ_STRIP
CHECKSUM = RxOffload.IPV4_CKSUM | RxOffload.UDP_CKSUM | RxOffload.TCP_CKSUM


@option("--rx-offloads=MASK", "hexadecimal mask of the receive offloads", invalid="rx-offloads must be >= 0")
def rx_offloads(app: "TestPmd", mask: int) -> None:
    app.config.queues.rx_offloads = mask


@option("--tx-offloads=MASK", "hexadecimal mask of the transmit offloads", invalid="tx-offloads must be >= 0")
def tx_offloads(app: "TestPmd", mask: int) -> None:
    app.config.queues.tx_offloads = mask


@option("--disable-crc-strip", "keep the frame check sequence of received frames", value=RxOffload.KEEP_CRC)
@option("--enable-lro", "let the device join TCP segments", value=RxOffload.TCP_LRO)
@option("--enable-scatter", "receive packets longer than one mbuf", value=RxOffload.SCATTER)
@option("--enable-rx-cksum", "let the device check IPv4, UDP and TCP checksums", value=CHECKSUM)
@option("--enable-rx-timestamp", "let the device stamp received packets with their time", value=RxOffload.TIMESTAMP)
@option("--enable-hw-vlan", "let the device strip, filter and extend VLAN and QinQ tags", value=VLAN)
@option("--enable-hw-vlan-filter", "let the device filter by VLAN", value=RxOffload.VLAN_FILTER)
@option("--enable-hw-vlan-strip", "let the device strip VLAN tags", value=RxOffload.VLAN_STRIP)
@option("--enable-hw-vlan-extend", "let the device extend VLANs", value=RxOffload.VLAN_EXTEND)
@option("--enable-hw-qinq-strip", "let the device strip QinQ tags", value=RxOffload.QINQ_STRIP)
def add_rx_offload(app: "TestPmd", offload: int) -> None:
    app.config.queues.rx_offloads |= int(offload)


@option("--enable-drop-en", "drop packets per queue when it has no descriptor left (shown only)")
def enable_drop_en(app: "TestPmd") -> None:
    app.config.queues.rx_drop_en = True


@option("--max-pkt-len=N", "length of the longest packet received, in bytes", type=INT32)
def max_pkt_len(app: "TestPmd", num: int) -> None:
    if num < MIN_FRAME:
        raise ConfigError(f"Invalid max-pkt-len={num} - should be > {MIN_FRAME}")
    app.config.ports.max_pkt_len = num


@option("--max-lro-pkt-size=N", "size of the longest packet that the device may join, in bytes")
def max_lro_pkt_size(app: "TestPmd", num: int) -> None:
    app.config.queues.max_lro_pkt_size = num


@option("--disable-rss", "do not spread packets over receive queues by their hash")
def disable_rss(app: "TestPmd") -> None:
    _set_rss(app, False)


@option("--enable-rss", "spread packets by their hash, with one receive queue as well")
def enable_rss(app: "TestPmd") -> None:
    _set_rss(app, True)


def _set_rss(app: "TestPmd", on: bool) -> None:
    if app.config.queues.rss is (not on):
        raise LaunchError("Invalid option combination, disable-rss and enable-rss")
    app.config.queues.rss = on


@option("--rss-ip", "hash over IPv4 and IPv6", value="ip")
@option("--rss-udp", "hash over IPv4, IPv6 and UDP", value="udp")
def rss_functions(app: "TestPmd", function: str) -> None:
    app.config.queues.rss_functions |= {"ip", function}


@option("--rss-level-inner", "hash over the innermost header", group="offloads", why_unused=_NO_LEVELS)
@option("--rss-level-outer", "hash over the outermost header", group="offloads", why_unused=_NO_LEVELS)
def rss_level(app: "TestPmd") -> None:
    """Nothing to do."""


@option("--rx-mq-mode=TEXT", "hexadecimal mask of the receive multi-queue modes allowed; 1 is RSS")
def rx_mq_mode(app: "TestPmd", text: str) -> None:
    try:
        mode = int(text, 16)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 7:
        raise ConfigError("rx-mq-mode must be >= 0 and <= 7")
    app.config.queues.rx_mq_mode = mode


@option("--vxlan-gpe-port=N", "UDP port of VXLAN-GPE tunnels", type=INT32)
def vxlan_gpe_port(app: "TestPmd", num: int) -> None:
    if not 0 <= num <= 0xFFFF:
        raise ConfigError("vxlan-gpe-port must be >= 0")
    app.config.forward.vxlan_gpe_port = num


@option("--geneve-parsed-port=N", "UDP port of GENEVE tunnels", type=INT32)
def geneve_parsed_port(app: "TestPmd", num: int) -> None:
    if not 0 <= num <= 0xFFFF:
        raise ConfigError("geneve-parsed-port must be >= 0")
    app.config.forward.geneve_port = num
