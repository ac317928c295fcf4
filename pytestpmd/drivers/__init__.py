"""Drivers: a package each below here, which announces itself with :func:`driver`; :func:`probe` finds and asks it."""

import importlib
import pkgutil
from collections.abc import Callable, Collection
from typing import Protocol, TypeVar

from pytestpmd.eal.devargs import DevArgs, DeviceString
from pytestpmd.errors import ConfigError, TestpmdError
from pytestpmd.ethdev.port import EthPort
from pytestpmd.log import EAL


class DriverClass(Protocol):
    """A port class with its devargs: called with the device's name, the text after it, and the text parsed."""

    Args: type[DevArgs]

    def __call__(self, name: str, devargs: str, args: DevArgs) -> EthPort: ...


DRIVERS: dict[str, DriverClass] = {}
_D = TypeVar("_D")


class NoSuchDriver(TestpmdError):
    """A device string whose name no driver knows; it ends the program, as in the original."""

    def __init__(self, name: str) -> None:
        super().__init__(f'failed to parse device "{name}"')
        self.name = name


class ProbeError(TestpmdError):
    """A driver refused its device: bad devargs, no peer. Only that device is lost."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"Failed to probe device {name}")
        self.name = name
        self.why = why


def driver(*names: str) -> Callable[[type[_D]], type[_D]]:
    """Announce a port class under its name and aliases."""

    def register(cls: type[_D]) -> type[_D]:
        for name in names:
            if name in DRIVERS:
                raise ValueError(f"two drivers are named {name}")
            DRIVERS[name] = cls  # type: ignore[assignment]  # its constructor and Args are the protocol's
        return cls

    return register


def discover() -> None:
    """Import every driver package once."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def probe(device: str, taken: Collection[str] = ()) -> EthPort:
    """The port of a device string such as ``net_null0,size=128``; not configured yet. Its name must not be ``taken``.

    Raises :class:`NoSuchDriver` or :class:`ProbeError`, whose reason has been logged.
    """
    discover()
    wanted = DeviceString.parse(device)
    name = wanted.driver(DRIVERS)
    if name is None:
        raise NoSuchDriver(wanted.name)
    cls = DRIVERS[name]
    try:
        if wanted.name in taken:
            raise ConfigError("there is a device of this name already")
        return cls(wanted.name, wanted.arguments, cls.Args.parse(wanted.arguments, owner=name.removeprefix("net_")))
    except (TestpmdError, OSError) as error:
        EAL.error("%s: %s", wanted.name, error)
        raise ProbeError(wanted.name, str(error)) from error
