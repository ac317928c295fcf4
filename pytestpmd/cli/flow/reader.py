"""Reads the words of a flow rule, one decision at a time.

A rule is longer and freer than the lines that ``cli/grammar.py`` tells apart, so each part of it is a function that
takes words from a :class:`Reader` and says at each what may stand there. The same functions complete: run on half a
line they stop at its end, and what they asked for there is what could follow.
"""

import re
from collections.abc import Callable, Collection, Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from pytestpmd.cli.params import Rest, Unexpected, parse_mac

#: Stands for the end of the line among what may follow.
END = ""

_BASES = {"hex": 16, "oct": 8, "dec": 10}
_NUMBER = re.compile(r"(?P<sign>[+-]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0(?P<oct>[0-7]+)|(?P<dec>[0-9]+))", re.ASCII)
_BOOLEANS = {name: number % 2 for number, name in enumerate(("0", "1", "false", "true", "no", "yes", "N", "Y"))}
_BOOLEANS |= {"off": 0, "on": 1}


def number(text: str, bits: int = 64) -> int:
    """A number as C's strtoumax reads it with base 0; ValueError if it is none, or has more bits than ``bits``."""
    match = _NUMBER.fullmatch(text)
    if match is None or match.lastgroup is None:
        raise ValueError(text)
    value = int(match[match.lastgroup], _BASES[match.lastgroup])
    if match["sign"] == "-":
        value = -value & (1 << 64) - 1
    if value >> bits:
        raise ValueError(text)
    return value


def signed(text: str, bits: int = 32) -> int:
    """A number with a sign."""
    value = number(text)
    value -= (value >> 63) << 64
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise ValueError(text)
    return value


def boolean(text: str, bits: int = 64) -> int:
    """A word for yes or no, or a number."""
    return _BOOLEANS[text] if text in _BOOLEANS else number(text, bits)


def _hex(text: str, bits: int = 64) -> bytes:
    return bytes.fromhex(text[2:] if text[:2] in ("0x", "0X") else text)


#: What values are, by the letter that the tables of items and actions give them: a name, and what reads a word.
KINDS: dict[str, tuple[str, Callable[[str, int], Any]]] = {
    "u": ("unsigned", number),
    "i": ("integer", signed),
    "b": ("boolean", boolean),
    "s": ("string", lambda text, bits: text),
    "h": ("hex", _hex),
    "m": ("MAC address", lambda text, bits: int.from_bytes(parse_mac(text))),
    "4": ("IPv4 address", lambda text, bits: int(IPv4Address(text))),
    "6": ("IPv6 address", lambda text, bits: int(IPv6Address(text))),
    "p": ("prefix", lambda text, bits: number(text, 8)),
}


class Reader:
    """The words, and how far they have been read."""

    def __init__(self, words: list[str]) -> None:
        self.words, self.index = words, 0
        #: What could have stood at the end instead of it.
        self.instead_of_end: tuple[str, ...] = ()

    def one_of(self, options: Collection[str]) -> str:
        """The next word, which is one of these; :data:`END` among them stands for no more words."""
        if self.index == len(self.words):
            if END in options:
                self.instead_of_end = tuple(options)
                return END
            raise Unexpected(self.index, tuple(options))
        word = self.words[self.index]
        if word not in options or word == END:
            raise Unexpected(self.index, tuple(option or "end of line" for option in options))
        self.index += 1
        return word

    def value(self, kind: str, bits: int = 64) -> Any:
        """The next word as a value: a letter of :data:`KINDS`, or words with bars between."""
        if len(kind) > 1:
            return self.one_of(kind.split("|"))
        name, read = KINDS[kind]
        if self.index == len(self.words):
            raise Unexpected(self.index, (f"<{name}>",))
        try:
            value = read(self.words[self.index], bits)
        except ValueError:
            raise Unexpected(self.index, (f"<{name}>",)) from None
        self.index += 1
        return value

    def attributes(self, kinds: dict[str, str], *after: str) -> tuple[dict[str, Any], str]:
        """Words with their values, ``-`` for a word without, each as often as one likes; and the word after them.

        A word that comes again with ``*`` before its kind gathers a list.
        """
        found: dict[str, Any] = {}
        while (word := self.one_of([*kinds, *after])) not in after:
            kind = kinds[word]
            if kind.startswith("*"):
                found.setdefault(word, []).append(self.value(kind[1:]))
            else:
                found[word] = True if kind == "-" else self.value(kind)
        return found, word

    def finish(self) -> None:
        """No more words; :class:`Unexpected` if there are."""
        if self.index < len(self.words):
            raise Unexpected(self.index, ("end of line",))


class Phrase(Rest):
    """The rest of a line, read by a function of this package."""

    def __init__(self, name: str, read: Callable[[Reader], Any]) -> None:
        super().__init__(name)
        self._read = read

    def read(self, text: str) -> Any:
        return self._take(Reader(text.split(" ")))

    def _take(self, reader: Reader) -> Any:
        value = self._read(reader)
        reader.finish()
        return value

    def follow(self, words: list[str], app: Any) -> Iterable[str]:
        reader = Reader(words)
        try:
            self._take(reader)
        except Unexpected as error:
            return error.expected if error.index == len(words) else ()
        except ValueError:
            return ()
        return reader.instead_of_end or (END,)
