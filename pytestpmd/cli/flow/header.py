"""The bytes of ``set raw_encap`` and ``set raw_decap``: headers from the items of a pattern.

Headers are made from the innermost outwards, as each says in the one before it what it is (EtherType, IP protocol).
"""

from pytestpmd.cli.flow.items import fields
from pytestpmd.cli.flow.rules import Item
from pytestpmd.errors import ConfigError

MAX_BYTES = 512
#: Bytes of a header, and how the one before it says so, None where that does not change what is said further out.
HEADERS: dict[str, tuple[int, int | None]] = {
    "eth": (14, None),
    "vlan": (4, 0x8100),
    "ipv4": (20, 0x0800),
    "ipv6": (40, 0x86DD),
    "ipv6_routing_ext": (8, 43),
    "udp": (8, 17),
    "tcp": (20, 6),
    "vxlan": (8, None),
    "vxlan-gpe": (8, None),
    "gre": (4, 47),
    "gre_key": (4, 0),
    "gre_option": (0, 47),
    "mpls": (4, 0),
    "nvgre": (8, 47),
    "geneve": (8, None),
    "geneve-opt": (4, None),
    "l2tpv3oip": (4, 115),
    "esp": (8, 50),
    "ah": (12, 51),
    "gtp": (8, None),
    "gtp_psc": (4, None),
    "pfcp": (16, None),
}
GTP_NEXT_IS_PSC = bytes([0, 0, 0, 0x85])  # sequence number, N-PDU number, type of the next extension (TS 29.281, 5.1)
SRV6 = 4


def build(items: list[Item]) -> bytes:
    """All headers; ConfigError in the original's words for an item that is no header."""
    done, protocol = b"", 0
    for index in reversed(range(len(items))):
        one = items[index]
        if one.name not in HEADERS:
            raise ConfigError("Error - Not supported item")
        header = bytearray(_plain(one))
        _complete(one, header, protocol)
        done = bytes(header) + _after(one, items[index + 1 :]) + done
        own = HEADERS[one.name][1]
        protocol = protocol if own is None else own
    if len(done) > MAX_BYTES:
        raise ConfigError(f"Error - headers of {len(done)} bytes, {MAX_BYTES} at most")
    return done


def _plain(one: Item) -> bytes:
    """The header with the values that are given, or all ones in its usual fields if none is."""
    known, value = fields(one.name), 0
    size = HEADERS[one.name][0] * 8
    spec = one.spec or {name: (1 << field.width) - 1 for name, field in known.items() if field.is_default}
    for name, given in spec.items():
        place = known[name]
        if place.width:
            shift = size - place.offset - place.width
            value = value & ~((1 << place.width) - 1 << shift) | given << shift
    return value.to_bytes(size // 8)


def _complete(one: Item, header: bytearray, protocol: int) -> None:
    """Set what a user leaves to us: versions, what comes next, flags that say that a number is there."""
    if one.name == "eth" and protocol:
        header[12:14] = protocol.to_bytes(2)
    elif one.name == "ipv4":
        header[0] = header[0] or 0x45
        header[9] = header[9] or protocol & 0xFF
    elif one.name == "ipv6":
        header[0] = 0x60 | header[0] & 0x0F
        header[6] = header[6] or protocol & 0xFF
    elif one.name == "vxlan":
        header[0] = header[0] or 0x08
    elif one.name == "vxlan-gpe":
        header[0] = 0x0C
    elif one.name == "nvgre":
        header[0:4] = bytes.fromhex("20006558")
    elif one.name == "gtp_psc":
        header[0] = 1
    elif one.name == "ipv6_routing_ext":
        header[1] = header[3] * 2 & 0xFF  # length in units of 8 bytes (RFC 8754, 2)
        if header[2] == SRV6 and header[3]:
            header[4] = header[3] - 1


def _after(one: Item, following: list[Item]) -> bytes:
    """What belongs to a header and has a length of its own."""
    if one.name == "ipv6_routing_ext":
        return bytes(16 * one.spec.get("ext_seg_left", 0))
    if one.name == "geneve-opt":
        data: bytes = one.spec.get("data", b"")
        size = one.spec.get("length", 0) * 4
        return data[:size].ljust(size, b"\0")
    if one.name == "gre_option":
        return _gre_options(one)
    if one.name == "gtp" and any(item.name == "gtp_psc" for item in following):
        return _before_psc(one, following)
    return b""


def _gre_options(one: Item) -> bytes:
    """Checksum with its reserved bytes, key and sequence number, as far as they are not 0 (RFC 2890, 2)."""
    spec = one.spec
    parts = [(spec.get("checksum", 0) << 16), spec.get("key", 0), spec.get("sequence", 0)]
    return b"".join((part & 0xFFFFFFFF).to_bytes(4) for part in parts if part)


def _before_psc(one: Item, following: list[Item]) -> bytes:
    """The optional word of a GTP header, which says that the extension follows."""
    if following[0].name != "gtp_psc":
        raise ConfigError("Error - GTP PSC does not follow GTP")
    if one.spec.get("v_pt_rsv_flags", 0) & 0x03:
        raise ConfigError("Error - GTP unsupported flags")
    if sum(item.name == "gtp_psc" for item in following) > 1:
        raise ConfigError("Error - Multiple GTP PSC items")
    return GTP_NEXT_IS_PSC
