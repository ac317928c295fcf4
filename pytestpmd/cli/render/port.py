"""``show port info|summary|macs|...`` and ``show device info``: what a port is, as testpmd lays it out.

Every function here takes values and gives the lines, the last without its newline unless an empty one follows it.
"""

from collections.abc import Iterable, Iterator, Sequence

from pytestpmd.eal.ether import mac_text
from pytestpmd.ethdev.link import Link, speed_text
from pytestpmd.ethdev.offloads import RxOffload, TxOffload, names
from pytestpmd.ethdev.port import BurstChoice, DescLimits, DeviceInfo, EthPort

BORDER = "*" * 21
FLOW_TYPES_WIDTH = 64


def invalid_port(port_id: int, valid: Iterable[int]) -> str:
    """What ``show`` and ``clear`` answer to a port id that is not in use."""
    return f"Invalid port {port_id}\nThe valid ports array is [{''.join(f' {i}' for i in valid)} ]"


def summary(ports: Sequence[EthPort], available: int) -> str:
    """``show port summary``: a heading and a line a port."""
    return "\n".join(
        [
            f"Number of available ports: {available}",
            _summary_row("Port", "MAC Address", "Name", "Driver", "Status", "Link"),
            *(_summary_of(port) for port in ports),
        ]
    )


def _summary_of(port: EthPort) -> str:
    link = port.link()
    return _summary_row(
        str(port.port_id), mac_text(port.mac), port.name, port.driver_name, link.status, speed_text(link.speed)
    )


def _summary_row(port_id: str, address: str, name: str, driver: str, state: str, link: str) -> str:
    return f"{port_id:<4} {address:<17} {name:<12} {driver:<14} {state:<8} {link}"


def info(port: EthPort) -> str:
    """``show port info``, with the empty line in front."""
    device = port.info()
    return "\n".join(
        [
            f"\n{BORDER} Infos for port {port.port_id:<2} {BORDER}",
            *_identity(port),
            *_link(port.link()),
            *_modes(port, device),
            *_rss(device),
            *_sizes(device),
            *_queues("RX", len(port.rx_queues), device.max_rx_queues, device.rx_desc),
            *_queues("TX", len(port.tx_queues), device.max_tx_queues, device.tx_desc),
            f"Max segment number per packet: {device.tx_desc.nb_seg_max}",
            f"Max segment number per MTU/TSO: {device.tx_desc.nb_mtu_seg_max}",
            "Device capabilities: 0x0( )",
            "Device error handling mode: none",
            "Device private info:",
            port.private_info(),
        ]
    )


def _identity(port: EthPort) -> Iterator[str]:
    yield f"MAC address: {mac_text(port.mac)}"
    yield f"Device name: {port.name}"
    yield f"Driver name: {port.driver_name}"
    yield "Firmware-version: not available"
    yield f"Devargs: {port.devargs}"
    yield "Connect to socket: 0"
    yield "memory allocation on the socket: 0"


def _link(link: Link) -> Iterator[str]:
    yield f"Link status: {link.status}"
    yield f"Link speed: {speed_text(link.speed)}"
    yield f"Link duplex: {'full' if link.full_duplex else 'half'}-duplex"
    yield f"Autoneg status: {'On' if link.autoneg else 'Off'}"


def _modes(port: EthPort, device: DeviceInfo) -> Iterator[str]:
    yield f"MTU: {port.mtu}"
    yield f"Minimum MTU: {device.min_mtu}"
    yield f"Maximum MTU: {device.max_mtu}"
    yield f"Promiscuous mode: {_enabled(port.promiscuous)}"
    yield f"Allmulticast mode: {_enabled(port.all_multicast)}"
    yield f"Maximum number of MAC addresses: {device.max_mac_addrs}"
    yield f"Maximum number of MAC addresses of hash filtering: {device.max_hash_mac_addrs}"
    yield "VLAN offload: "
    yield "  " + ", ".join(f"{name} {'on' if on else 'off'}" for name, on in _vlan_offloads(port))


def _enabled(on: bool) -> str:
    return "enabled" if on else "disabled"


def _vlan_offloads(port: EthPort) -> list[tuple[str, bool]]:
    active = port.conf.rx_offloads if port.conf else 0
    return [
        ("strip", bool(active & RxOffload.VLAN_STRIP)),
        ("filter", bool(active & RxOffload.VLAN_FILTER)),
        ("extend", bool(active & RxOffload.VLAN_EXTEND)),
        ("qinq strip", bool(active & RxOffload.QINQ_STRIP)),
    ]


def _rss(device: DeviceInfo) -> Iterator[str]:
    if device.hash_key_size:
        yield f"Hash key size in bytes: {device.hash_key_size}"
    if device.reta_size:
        yield f"Redirection table size: {device.reta_size}"
    if not device.flow_types:
        yield "No RSS offload flow type is supported."
        return
    yield "Supported RSS offload flow types:"
    line = ""
    for word in device.flow_types:
        if len(line) + len(word) + 2 >= FLOW_TYPES_WIDTH:
            yield line
            line = ""
        line += f"  {word}"
    yield line


def _sizes(device: DeviceInfo) -> Iterator[str]:
    yield f"Minimum size of RX buffer: {device.min_rx_bufsize}"
    yield f"Maximum configurable length of RX packet: {device.max_rx_pktlen}"
    yield f"Maximum configurable size of LRO aggregated packet: {device.max_lro_pkt_size}"
    yield "Rx split:"
    yield "\tMax segments: 0"


def _queues(kind: str, count: int, most: int, limits: DescLimits) -> Iterator[str]:
    yield f"Current number of {kind} queues: {count}"
    yield f"Max possible {kind} queues: {most}"
    yield f"Max possible number of {kind}Ds per queue: {limits.max}"
    yield f"Min possible number of {kind}Ds per queue: {limits.min}"
    yield f"{kind}Ds number alignment: {limits.align}"


def device_info(port: EthPort) -> str:
    """``show device info``: the device behind a port, and the port, with the empty line in front."""
    return "\n".join(
        [
            f"\n{BORDER} Infos for device {port.name} {BORDER}",
            f"Bus name: {port.bus_name}",
            f"Bus information: {port.bus_info}",
            f"Driver name: {port.driver_name}",
            f"Devargs: {port.devargs}",
            f"Connect to socket: {port.numa_node}",
            "",
            f"\tPort id: {port.port_id:<2}",
            f"\tMAC address: {mac_text(port.mac)}",
            f"\tDevice name: {port.name}",
            f"\tDevice speed capability: {_speed_capability(port.info().fixed_speed)}",
        ]
    )


def _speed_capability(fixed: int | None) -> str:
    return "Autonegotiate (all speeds)" if fixed is None else speed_text(fixed)


def macs(addresses: Sequence[bytes]) -> str:
    """``show port N macs``."""
    held = [address for address in addresses if any(address)]
    return "\n".join([f"Number of MAC address added: {len(held)}", *(f"  {mac_text(address)}" for address in held)])


def mcast_macs(addresses: Sequence[bytes]) -> str:
    """``show port N mcast_macs``."""
    heading = f"Number of Multicast MAC address added: {len(addresses)}"
    return "\n".join([heading, *(f"  {mac_text(address)}" for address in addresses)])


def offload_capabilities(port: EthPort, kind: str) -> str:
    """``show port N rx_offload|tx_offload capabilities``; ``kind`` is Rx or Tx."""
    device = port.info()
    capable = device.rx_offload_capa if kind == "Rx" else device.tx_offload_capa
    per_port = _words("  Per Port  :", capable, kind)
    return f"{kind} Offloading Capabilities of port {port.port_id} :\n  Per Queue :\n{per_port}\n\n"


def offload_configuration(port: EthPort, kind: str, wished: int) -> str:
    """``show port N rx_offload|tx_offload configuration``; ``kind`` is Rx or Tx.

    The port's line has what is in force, those of the queues what the next ``port start`` brings.
    """
    active = 0
    if port.conf:
        active = port.conf.rx_offloads if kind == "Rx" else port.conf.tx_offloads
    queues = port.rx_queues if kind == "Rx" else port.tx_queues
    lines = [
        f"{kind} Offloading Configuration of port {port.port_id} :",
        _words("  Port :", active, kind),
        *(_words(f"  Queue[{i:2}] :", wished, kind) for i in range(len(queues))),
    ]
    return "\n".join(lines) + "\n\n"


def _words(head: str, offloads: int, kind: str) -> str:
    return " ".join([head, *names(offloads, RxOffload if kind == "Rx" else TxOffload)])


def rxtx(port: EthPort) -> str:
    """``show port N rxtx``: the burst functions in use, why, and what each other one would take."""
    return "\n".join(
        [f"Receive and transmit functions of port {port.port_id}:", *map(_burst_choice, port.burst_choices())]
    )


def _burst_choice(choice: BurstChoice) -> str:
    lines = [f"  {choice.way}: {choice.callback}", f"    because {choice.because}"]
    lines += [f"    {name} would need: {', '.join(needs)}" for name, needs in choice.others]
    return "\n".join(lines)
