"""What a placeholder of a syntax line stands for: ``(port_id)``, ``(mask)``, ``(x[,y]*)``, ``--burst=N``.

Each is a click type, so one type serves both doors: the console's words and the program's options. The console reads
numbers as the original's command line library does (``10``, ``0xa``, ``012``, ``0b1010``), and a word that does not fit
is no match for that command. A type may instead take any word and refuse it later with a sentence of its own
(:class:`ConfigError`), where the original does that.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import click

from pytestpmd.eal.lcores import MAX_LCORES
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.ports import MAX_PORTS


class Param(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A click type that also knows which words would be good here and what to call them in a help line."""

    name = "STRING"

    def __init__(self, name: str | None = None) -> None:
        if name is not None:
            self.name = name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"

    def read(self, text: str) -> Any:
        """The value of a word; ValueError if the word is none of these."""
        return text

    def candidates(self, app: Any) -> Iterable[str]:
        """Words that could stand here now; none where anything may."""
        return ()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Unexpected(ValueError):
    """The word of a :class:`Rest` that does not belong there, by number, and what could have stood in its place."""

    def __init__(self, index: int, expected: tuple[str, ...]) -> None:
        super().__init__(f"word {index}: {', '.join(expected)} expected")
        self.index, self.expected = index, expected


class Rest(Param):
    """All the words up to the end of the line, at least one; only the last step of a syntax line can be this."""

    def read(self, text: str) -> Any:
        """The value of the words, which one blank parts; :class:`Unexpected` (or ValueError) if they are none."""
        return text

    def follow(self, words: list[str], app: Any) -> Iterable[str]:
        """What could stand after these words: a word, ``<a kind of value>``, or "" for the end of the line."""
        return ("", f"<{self.name}>") if words else (f"<{self.name}>",)

    def unexpected(self, words: list[str]) -> tuple[int, tuple[str, ...]]:
        """How many of these words fit, and what could follow those."""
        try:
            self.read(" ".join(words))
        except Unexpected as error:
            return error.index, error.expected
        except ValueError:
            return 0, (f"<{self.name}>",)
        return len(words), ()


_NUMBER = re.compile(r"0x(?P<hex>[0-9a-fA-F]+)|0b(?P<bin>[01]+)|0(?P<oct>[0-7]+)|(?P<dec>-?\d+)", re.ASCII)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}


def parse_number(text: str) -> int:
    """Read a number as lib/cmdline does: decimal, 0x, 0b, and octal after a leading zero."""
    match = _NUMBER.fullmatch(text)
    if match is None or match.lastgroup is None or (text.startswith("0") and match.lastgroup == "dec" and text != "0"):
        raise ValueError(f"{text} is not a number")
    return int(match[match.lastgroup], _BASES[match.lastgroup])


class Number(Param):
    """An integer of a fixed width, as the original's UINT8 ... UINT64 words."""

    def __init__(self, name: str, low: int, high: int) -> None:
        super().__init__(name)
        self.low, self.high = low, high

    def read(self, text: str) -> int:
        value = parse_number(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{text} is not between {self.low} and {self.high}")
        return value


class PortId(Number):
    """A port number; whether there is such a port is for the command to say (``Invalid port 9``)."""

    def candidates(self, app: Any) -> Iterable[str]:
        return [str(port.port_id) for port in app.ports]


class HexMask(Param):
    """A mask given to an option: hexadecimal with or without 0x, as strtoull base 16 reads it."""

    def read(self, text: str) -> int:
        if not re.fullmatch(r"(0[xX])?[0-9a-fA-F]{1,16}", text, re.ASCII):
            raise ValueError(f"{text} is not a hexadecimal mask")
        return int(text, 16)


class OneOf(Param):
    """One word of a set that is known only at run time, such as the names of the forwarding engines."""

    def __init__(self, name: str, names: Callable[[], Iterable[str]]) -> None:
        super().__init__(name)
        self.names = names

    def read(self, text: str) -> str:
        names = list(self.names())
        if text not in names:
            raise ValueError(f"{text} is none of {', '.join(names)}")
        return text

    def candidates(self, app: Any) -> Iterable[str]:
        return self.names()


def parse_mac(text: str) -> bytes:
    """Six bytes of an Ethernet address written aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff or aabb:ccdd:eeff."""
    if not re.fullmatch(
        r"[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}|[0-9a-f]{1,2}(-[0-9a-f]{1,2}){5}|[0-9a-f]{4}(:[0-9a-f]{4}){2}",
        text,
        re.ASCII | re.IGNORECASE,
    ):
        raise ValueError(f"{text} is not an Ethernet address")
    parts = re.split("[:-]", text)
    return bytes.fromhex("".join(part.zfill(4 if len(parts) == 3 else 2) for part in parts))


class Mac(Param):
    """An Ethernet address, as six bytes."""

    def read(self, text: str) -> bytes:
        return parse_mac(text)


class IpAddress(Param):
    """An IPv4 or IPv6 address, as ``ipaddress`` has it."""

    def read(self, text: str) -> IPv4Address | IPv6Address:
        return ip_address(text)


class IntList(Param):
    """Numbers with commas between them, as a tuple; any word fits and a bad one gets the original's sentence."""

    def read(self, text: str) -> tuple[int, ...]:
        items: list[int] = []
        for word in text.split(","):
            bad = next((c for c in word if not (c.isascii() and c.isdigit())), None)
            if bad is not None:
                raise ConfigError(f"character {bad} is not a decimal digit")
            if not word:
                raise ConfigError("No valid value before comma")
            items.append(int(word))
        if len(items) > MAX_LCORES:
            raise ConfigError(f"Number of {self.name} = {len(items)} > {MAX_LCORES} (maximum items)")
        return tuple(items)


def parse_ranges(text: str, highest: int) -> tuple[int, ...]:
    """Read ``0,2-4`` as (0, 2, 3, 4), each number once and in the order given; ValueError above ``highest``."""
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,5})(?:-(\d{1,5}))?\s*", part, re.ASCII)
        if match is None:
            raise ValueError(f"{text} is not a list of numbers and ranges")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last > highest:
            raise ValueError(f"{part} is not a range within 0-{highest}")
        found.update(dict.fromkeys(range(first, last + 1)))
    return tuple(found)


class Ranges(Param):
    """Numbers and ranges of numbers, ``0,2-4``, as a tuple."""

    def __init__(self, name: str, highest: int) -> None:
        super().__init__(name)
        self.highest = highest

    def read(self, text: str) -> tuple[int, ...]:
        return parse_ranges(text, self.highest)


class Seconds(Param):
    """A time in seconds, above 0 and at most a year, with a fraction if wanted."""

    most = 366 * 24 * 3600

    def read(self, text: str) -> float:
        if not re.fullmatch(r"\d+(\.\d+)?|\.\d+", text, re.ASCII) or not 0 < float(text) <= self.most:
            raise ValueError(f"{text} is not a time in seconds")
        return float(text)


def _engine_names() -> Iterable[str]:
    from pytestpmd.fwd import ENGINES

    return list(ENGINES)


TEXT = Param("STRING")
UINT8 = Number("UINT8", 0, 2**8 - 1)
UINT16 = Number("UINT16", 0, 2**16 - 1)
UINT32 = Number("UINT32", 0, 2**32 - 1)
UINT64 = Number("UINT64", 0, 2**64 - 1)
INT32 = Number("INT32", -(2**31), 2**31 - 1)
PORT_ID = PortId("PORT_ID", 0, 2**16 - 1)
SECONDS = Seconds("SECONDS")
HEX_MASK = HexMask("MASK")
MAC = Mac("MAC")
INT_LIST = IntList("LIST")
PORT_LIST = Ranges("PORTS", MAX_PORTS - 1)
ENGINE = OneOf("ENGINE", _engine_names)
FILENAME = Param("FILE")

# The names that syntax lines use. A command whose word is wider or narrower says so itself: num=UINT32.
PLACEHOLDERS: dict[str, Param] = {
    "port_id": PORT_ID,
    "portid": PORT_ID,
    "queue_id": UINT16,
    "desc_id": UINT16,
    "vlan_id": UINT16,
    "outer_vlan_id": UINT16,
    "num": UINT16,
    "value": UINT16,
    "level": UINT16,
    "size": UINT16,
    "length": UINT16,
    "segsize": UINT16,
    "microseconds": UINT32,
    "seconds": SECONDS,
    "cycles": UINT8,
    "mask": UINT64,
    "mac_addr": MAC,
    "peer_addr": TEXT,
    "x[,y]*": INT_LIST,
    "engine": ENGINE,
    "name": TEXT,
    "identifier": TEXT,
    "ident": TEXT,
    "type": TEXT,
    "file": FILENAME,
}

# The same for the value of an option, --option=NAME.
METAVARS: dict[str, Param] = {
    "N": UINT32,
    "MASK": HEX_MASK,
    "FILE": FILENAME,
    "TEXT": TEXT,
    "MODE": TEXT,
    "PORTS": PORT_LIST,
    "X[,Y]": INT_LIST,
}
