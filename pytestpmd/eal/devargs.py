"""Device strings: ``net_virtio_user0,path=/tmp/s,queues=2`` to a driver's typed arguments.

The text is DPDK's kvargs: ``key=value`` separated by commas, a key alone allowed, empty pairs skipped, commas within
``[...]`` part of the value (DPDK ``lib/kvargs``). A driver declares what it takes as annotated fields::

    class Args(DevArgs):
        path: Path                              # no default: mandatory
        queues: int = arg(1, convert=integer(1, 256))
        no_rx: bool = arg(False, key="no-rx")   # where the key is no Python name
        rx_pcap: tuple[str, ...] = ()           # may be given several times
        copy: bool = arg(False, help="...")     # for the manual

and ``Args.parse("path=/tmp/s,queues=2")`` gives a frozen instance or raises :class:`DevargsError`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, NewType, Self, dataclass_transform, get_args, get_origin, get_type_hints

from pytestpmd.errors import ConfigError

Mac = NewType("Mac", bytes)
"""Six bytes of an Ethernet address, first byte on the wire first."""

Converter = Callable[[str], Any]
"""Text to value. Raises ValueError whose message says what was expected: ``an integer``."""

UNKNOWN = 0xFFFFFFFF
"""What DPDK has for a number that nobody gave, such as a link's speed."""

MAX_PAIRS = 32
"""DPDK's ``RTE_KVARGS_MAX``."""


class DevargsError(ConfigError):
    """A device string that cannot be: an unknown, repeated, missing or bad argument."""


@dataclass(frozen=True, slots=True)
class DeviceString:
    """``name,arguments`` as given to ``--vdev``, ``-a`` or ``port attach``."""

    name: str
    arguments: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split at the first comma."""
        name, _, arguments = text.partition(",")
        return cls(name, arguments)

    def driver(self, known: Iterable[str]) -> str | None:
        """The driver (or alias) among ``known`` that the name asks for; None when there is none.

        The longest one wins that is the name up to its trailing digits, so ``net_virtio_user0`` never goes to
        ``net_virtio``.
        """
        matching = [driver for driver in known if re.fullmatch(re.escape(driver) + r"\d*", self.name, re.ASCII)]
        return max(matching, key=len, default=None)


def parse_kvargs(text: str) -> list[tuple[str, str | None]]:
    """Key and value pairs in the order given; the value is None for a key that stands alone."""
    pairs: list[tuple[str, str | None]] = []
    for pair in re.findall(r"(?:\[[^\]]*\]?|[^,\[])+", text):
        key, equals, value = pair.partition("=")
        pairs.append((key, value if equals else None))
    if len(pairs) > MAX_PAIRS:
        raise DevargsError(f"more than {MAX_PAIRS} device arguments")
    return pairs


def integer(low: int | None = None, high: int | None = None) -> Converter:
    """A converter for a number in C's notations (``256``, ``0x100``), from ``low`` to ``high``, both included."""
    if low is None:
        expected = "an integer"
    else:
        expected = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"

    def convert(text: str) -> int:
        if not re.fullmatch(r"-?(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})", text):
            raise ValueError(expected)
        value = int(text, 16 if "x" in text.lower() else 10)
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(expected)
        return value

    return convert


class Choice:
    """A converter that takes one of some words."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.table = table

    def __call__(self, text: str) -> Any:
        if text not in self.table:
            raise ValueError("one of " + ", ".join(self.table))
        return self.table[text]


def choice(values: Mapping[str, Any] | Iterable[str]) -> Converter:
    """A converter that takes one of ``values``: given a mapping, to what the word stands for."""
    return Choice(dict(values) if isinstance(values, Mapping) else {value: value for value in values})


def mac(text: str) -> Mac:
    """``02:00:00:00:00:01`` to its six bytes."""
    if not re.fullmatch(r"([0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}", text):
        raise ValueError("an Ethernet address like 02:00:00:00:00:01")
    return Mac(bytes(int(byte, 16) for byte in text.split(":")))


def path(text: str) -> Path:
    """A file name; it need not exist."""
    if not text or "\0" in text:
        raise ValueError("a path")
    return Path(text)


BOOLEAN = choice({"0": False, "1": True})
CONVERTERS: Mapping[Any, Converter] = {int: integer(), bool: BOOLEAN, str: str, Path: path, Mac: mac}


def arg(
    default: Any = MISSING,
    *,
    key: str | None = None,
    convert: Converter | None = None,
    flag: bool = False,
    help: str = "",
) -> Any:
    """A field of a :class:`DevArgs` that needs more than an annotation.

    ``key`` is the name in the device string, ``convert`` takes its text, ``flag`` lets a bool stand alone and mean 1,
    ``help`` is the line of the manual.
    """
    return field(default=default, metadata={"key": key, "convert": convert, "flag": flag, "help": help})


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of a driver: the field that it fills and how."""

    name: str
    convert: Converter
    many: bool
    flag: bool


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(arg, field))
class DevArgs:
    """Base of a driver's arguments; a subclass becomes a frozen, keyword-only dataclass."""

    _keys: ClassVar[Mapping[str, _Key] | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._keys = None
        dataclass(frozen=True, kw_only=True)(cls)

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Every key that the driver knows, in the order of declaration."""
        return tuple(cls._table())

    @classmethod
    def words(cls, key: str) -> tuple[str, ...]:
        """Every value that a key may have, where they are known."""
        found = cls._table().get(key)
        return tuple(found.convert.table) if found and isinstance(found.convert, Choice) else ()

    @classmethod
    def is_path(cls, key: str) -> bool:
        """Whether its value is the name of a file."""
        found = cls._table().get(key)
        return found is not None and found.convert is path

    @classmethod
    def manual(cls) -> Iterator[tuple[str, str]]:
        """Each key with its default, as it would be written, and what it means."""
        for item in _fields(cls):
            yield f"{_key_name(item)}={_default_text(item.default)}", item.metadata.get("help", "")

    @classmethod
    def parse(cls, text: str, *, owner: str = "") -> Self:
        """Arguments from ``key=value,...``; ``owner`` names the driver in the line about a missing one."""
        table = cls._table()
        values: dict[str, Any] = {}
        for name, value in parse_kvargs(text):
            if name not in table:
                raise DevargsError(f"unknown argument '{name}'; known: {', '.join(table) or 'none'}")
            _store(values, name, table[name], value)
        for item in _fields(cls):
            if item.default is MISSING and item.default_factory is MISSING and item.name not in values:
                suffix = f" for {owner}" if owner else ""
                raise DevargsError(f"arg {_key_name(item)} is mandatory{suffix}")
        return cls(**values)

    @classmethod
    def _table(cls) -> Mapping[str, _Key]:
        # Built at the first use, when names in the annotations can be resolved.
        if cls._keys is None:
            hints = get_type_hints(cls)
            cls._keys = {_key_name(item): _key(item, hints[item.name]) for item in _fields(cls)}
        return cls._keys


def _fields(cls: type[DevArgs]) -> tuple[Field[Any], ...]:
    return fields(cls)  # type: ignore[arg-type]  # __init_subclass__ made it a dataclass


def _key_name(item: Field[Any]) -> str:
    return item.metadata.get("key") or item.name


def _default_text(default: Any) -> str:
    if isinstance(default, bool):
        return str(int(default))
    return str(default) if isinstance(default, int | str) and default != UNKNOWN else "VALUE"


def _key(item: Field[Any], hint: Any) -> _Key:
    many = get_origin(hint) is tuple
    inner = [kind for kind in get_args(hint) if kind not in (type(None), Ellipsis)] or [hint]
    convert = item.metadata.get("convert") or CONVERTERS[inner[0]]
    return _Key(item.name, convert, many, item.metadata.get("flag", False))


def _store(values: dict[str, Any], name: str, key: _Key, text: str | None) -> None:
    if key.name in values and not key.many:
        raise DevargsError(f"argument '{name}' is given more than once")
    value = _convert(name, key, text)
    values[key.name] = (*values.get(key.name, ()), value) if key.many else value


def _convert(name: str, key: _Key, text: str | None) -> Any:
    if text is None:
        if key.flag:
            return True
        raise DevargsError(f"argument '{name}' needs a value: {name}=...")
    try:
        return key.convert(text)
    except ValueError as error:
        raise DevargsError(f"invalid value '{text}' for argument '{name}': expected {error}") from None
