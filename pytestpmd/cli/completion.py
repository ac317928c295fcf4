"""What could follow on a half-typed command line, for shells: options of both parts, and values where they are known.

A word is completed as a whole, ``--vdev=net_vhost0,iface=``. The shells that ask, and how, are in ``shells.py``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pytestpmd.cli.argv import HELP
from pytestpmd.cli.registry import Option, Registry
from pytestpmd.eal import options as eal
from pytestpmd.eal.devargs import DevArgs
from pytestpmd.eal.options import EalOption, Value


@dataclass(frozen=True)
class Item:
    """A word that could stand here, or, for ``kind`` file or dir, ``path``, which the shell completes, after ``word``.

    One that ends in ``=``, ``,`` or ``:`` goes on without a space.
    """

    word: str
    help: str = ""
    kind: str = "plain"
    path: str = ""

    def after(self, before: str) -> "Item":
        """The same with something before it that has been typed already."""
        return replace(self, word=before + self.word)


#: From what is typed of a value to what it could be.
Values = Callable[[str], Iterable[Item]]


def complete(registry: Registry, words: Sequence[str], partial: str) -> list[Item]:
    """What could stand in the place of ``partial``, after ``words``, which do not have the program's name."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return _complete_own(registry, rest, partial)
        option = eal.find(word)
        if option and option.value is Value.REQUIRED:
            if not rest:
                return _fitting(_eal_values(option)(partial), partial)
            rest.pop(0)
    if partial.startswith("--") and "=" in partial:
        name, _, value = partial.partition("=")
        option = eal.find(name)
        return _values_after(f"{name}=", value, _eal_values(option) if option else _none)
    return _fitting(_eal_names(words), partial)


def _complete_own(registry: Registry, words: list[str], partial: str) -> list[Item]:
    """The same after the ``--``."""
    options = [*registry.options.values(), HELP]
    if words and (waiting := _waiting(options, words)):
        return _fitting(_own_values(waiting)(partial), partial)
    if partial.startswith("--") and "=" in partial:
        name, _, value = partial.partition("=")
        option = _named(options, name)
        return _values_after(f"{name}=", value, _own_values(option) if option else _none)
    return _fitting((item for option in options for item in _own_names(option)), partial)


def _waiting(options: Iterable[Option], words: Sequence[str]) -> Option | None:
    """The option that the last word is, if it waits for a value in the next."""
    rest, option = list(words), None
    while rest:
        option = _named(options, rest.pop(0))
        if option and option.takes_value and rest:
            rest.pop(0)
            option = None
    return option if option and option.takes_value else None


def _named(options: Iterable[Option], word: str) -> Option | None:
    """By its letter, its name, or a unique beginning of that."""
    known = list(options)
    exact = [one for one in known if word in (f"--{one.name}", f"-{one.short}")]
    long = [one for one in known if word.startswith("--") and f"--{one.name}".startswith(word)]
    choices = (exact, long, [one for one in long if not one.ours])
    return next((choice[0] for choice in choices if len(choice) == 1), None)


def _values_after(before: str, value: str, values: Values) -> list[Item]:
    return [item.after(before) for item in _fitting(values(value), value)]


def _fitting(items: Iterable[Item], partial: str) -> list[Item]:
    return [item for item in items if item.kind != "plain" or item.word.startswith(partial)]


# Names


def _eal_names(words: Sequence[str]) -> Iterator[Item]:
    given = {option.name for word in words if (option := eal.find(word.partition("=")[0]))}
    for option in eal.OPTIONS:
        if option.name in given and not option.many:
            continue
        end = "=" if option.value is Value.REQUIRED else ""
        yield Item(option.long + end, option.help)
        if option.short:
            yield Item(option.short, option.help)
    yield Item("--help", "show the options of both parts, and end")
    yield Item("--", "the options of the program follow")


def _own_names(option: Option) -> Iterator[Item]:
    yield Item(f"--{option.name}{'=' if option.takes_value else ''}", option.help)
    if option.short:
        yield Item(f"-{option.short}", option.help)


# Values


def _none(value: str) -> Iterable[Item]:
    return ()


def _file(value: str) -> Iterable[Item]:
    return [Item("", kind="file", path=value)]


def _dir(value: str) -> Iterable[Item]:
    return [Item("", kind="dir", path=value)]


def _of(words: Iterable[str]) -> Values:
    return lambda value: [Item(word) for word in words]


def _own_values(option: Option) -> Values:
    if option.metavar == "FILE":
        return _file
    if option.words:
        words = option.words() if callable(option.words) else option.words
        return _of(words)
    try:
        # what depends on ports, of which there are none yet, has nothing to offer
        return _of(option.type.candidates(None) if option.type else ())
    except AttributeError:
        return _none


def _eal_values(option: EalOption) -> Values:
    special: dict[str, Values] = {
        "vdev": _vdev,
        "allow": _pci,
        "block": _addresses,
        "log-level": _log_level,
        "driver-path": _file,
        "huge-dir": _dir,
        "trace-dir": _dir,
    }
    return special.get(option.name) or _of(option.words)


def _vdev(value: str) -> Iterable[Item]:
    from pytestpmd.drivers import DRIVERS, discover

    discover()
    name, comma, rest = value.partition(",")
    if not comma:
        return [Item(f"{driver}0", _about(cls)) for driver, cls in sorted(DRIVERS.items()) if driver.startswith("net_")]
    driver = DRIVERS.get(name.rstrip("0123456789"))
    return [item.after(f"{name},") for item in _devargs(driver.Args, rest)] if driver else ()


def _pci(value: str) -> Iterable[Item]:
    from pytestpmd.drivers import PCI_DRIVERS

    name, comma, rest = value.partition(",")
    if not comma:
        return _addresses(value)
    drivers = list(PCI_DRIVERS.values())
    return [item.after(f"{name},") for item in _devargs(drivers[0].cls.Args, rest)] if drivers else ()


def _addresses(value: str) -> Iterable[Item]:
    from pytestpmd.drivers import pci_driver_of
    from pytestpmd.eal.pci.bus import PciBus

    ours = [device for device in PciBus().devices() if pci_driver_of(device)]
    return [Item(str(device.address), f"bound to {device.driver or 'no driver'}") for device in ours]


def _devargs(args: type[DevArgs], text: str) -> Iterable[Item]:
    """The last of ``key=value,...``."""
    head, comma, last = text.rpartition(",")
    before = head + comma
    key, equals, value = last.partition("=")
    if not equals:
        given = {pair.partition("=")[0] for pair in head.split(",")}
        about = {shown.partition("=")[0]: line for shown, line in args.manual()}
        return [Item(f"{before}{name}=", about[name]) for name in about if name not in given]
    if args.is_path(key):
        return [item.after(f"{before}{key}=") for item in _file(value)]
    return [Item(f"{before}{key}={word}") for word in args.words(key)]


def _about(thing: object) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]


def _log_level(value: str) -> Iterable[Item]:
    from pytestpmd.drivers import discover
    from pytestpmd.log import REGISTRY, Level

    discover()
    name, colon, _ = value.partition(":")
    levels = [level.name.lower() for level in Level]
    if colon:
        return [Item(f"{name}:{level}") for level in levels]
    return [*(Item(f"{name}:") for name in REGISTRY.names()), *map(Item, ("help", *levels))]
