"""The kinds of window: a BAR that is mapped, one that is a file, one that is ports."""

import errno
import os
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.mapping import Mapping
from pytestpmd.eal.memory import address_of
from pytestpmd.eal.pci.access import Window
from pytestpmd.errors import DeviceError

_RIGHTS = ": it takes root, or the right to that file"
OPEN_HINTS = {errno.EACCES: _RIGHTS, errno.EPERM: _RIGHTS, errno.EBUSY: ": another process uses it"}


class DeviceFile:
    """A file that stands for a part of a device: exact reads and writes, or ``DeviceError``. It takes the fd over."""

    def __init__(self, fd: int, name: str) -> None:
        self.fd, self.name = fd, name

    @classmethod
    def open(cls, path: str | os.PathLike[str], name: str, flags: int = os.O_RDWR) -> "DeviceFile":
        """``DeviceError`` says which file would not open, and what to do about it."""
        try:
            return cls(os.open(path, flags | os.O_CLOEXEC), name)
        except OSError as error:
            hint = OPEN_HINTS.get(error.errno or 0, "")
            raise DeviceError(f"{name}: cannot open {path}: {error.strerror}{hint}") from None

    def read(self, offset: int, size: int) -> bytes:
        """All of so many bytes."""
        try:
            data = os.pread(self.fd, size, offset)
        except OSError as error:
            raise DeviceError(f"{self.name}: cannot read {size} bytes at {offset:#x}: {error.strerror}") from None
        if len(data) != size:
            raise DeviceError(f"{self.name}: only {len(data)} of {size} bytes could be read at {offset:#x}")
        return data

    def write(self, offset: int, data: bytes) -> None:
        """All of them."""
        try:
            written = os.pwrite(self.fd, data, offset)
        except OSError as error:
            raise DeviceError(
                f"{self.name}: cannot write {len(data)} bytes at {offset:#x}: {error.strerror}"
            ) from error
        if written != len(data):
            raise DeviceError(f"{self.name}: only {written} of {len(data)} bytes could be written at {offset:#x}")

    def close(self) -> None:
        """A second time is nothing."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class MappedBar:
    """The mapping that a BAR's windows share. ``inside`` is where in its page the BAR begins, if it is smaller."""

    def __init__(self, fd: int, size: int, name: str, *, offset: int = 0, inside: int = 0) -> None:
        self.name = name
        self._dead: Any = ffi.new("uint32_t *")
        self._mapping: Mapping | None = Mapping(fd, size, self._dead, name, offset=offset)
        self._host = self._mapping.host + inside

    def host(self, at: int) -> Any:
        """Where a register lies here."""
        if self._mapping is None:
            raise DeviceError(f"{self.name}: the device was closed")
        return self._host + at

    @property
    def is_dead(self) -> bool:
        """Whether the device went, and zeros took its place."""
        return bool(self._dead[0])

    def close(self) -> None:
        """No lcore may ring a bell there any more; a second time is nothing."""
        mapping, self._mapping = self._mapping, None
        if mapping:
            mapping.close()


class MappedWindow(Window):
    """Registers that are reached by loads and stores."""

    def __init__(self, bar: MappedBar, size: int) -> None:
        super().__init__(bar.name, size)
        self._bar = bar

    def _check(self) -> None:
        if self._bar.is_dead:
            raise DeviceError(f"{self.name}: the device is gone")

    def _load(self, at: int, size: int) -> int:
        value = int(lib.io_load(self._bar.host(at), size))
        self._check()
        return value

    def _store(self, at: int, size: int, value: int) -> None:
        lib.io_store(self._bar.host(at), size, value)
        self._check()

    def _ring(self, at: int, value: int) -> Doorbell:
        return Doorbell.store(address_of(self._bar.host(at)), value)


class FileWindow(Window):
    """Registers that are reached by reading and writing a file, from ``base`` on; ``port`` is the first one's, if they
    are ports."""

    def __init__(self, file: DeviceFile, name: str, size: int, *, base: int = 0, port: int | None = None) -> None:
        super().__init__(name, size)
        self._file, self._base, self._port = file, base, port

    def _load(self, at: int, size: int) -> int:
        return int.from_bytes(self._file.read(self._base + at, size), "little")

    def _store(self, at: int, size: int, value: int) -> None:
        self._file.write(self._base + at, (value & (1 << 8 * size) - 1).to_bytes(size, "little"))

    def _ring(self, at: int, value: int) -> Doorbell:
        if self._port is None:
            return Doorbell.pwrite(self._file.fd, self._base + at, value)
        return Doorbell.out(self._port + at, value, self._file.fd, self._base + at)


class PortWindow(Window):
    """Registers that are reached by instructions (x86), where there is no file for them."""

    def __init__(self, name: str, size: int, port: int) -> None:
        super().__init__(name, size)
        if not 0 < port <= 0x10000 - size:
            raise DeviceError(f"{name}: {port:#x} is no port that {size} more can follow")
        self._port = port
        self._ask()

    def _ask(self) -> None:
        """The right is a thread's, so each has to ask."""
        if not lib.port_allowed():
            raise DeviceError(f"{self.name}: this process may not use ports: it needs CAP_SYS_RAWIO")

    def _load(self, at: int, size: int) -> int:
        self._ask()
        return int(lib.port_in(self._port + at, size))

    def _store(self, at: int, size: int, value: int) -> None:
        self._ask()
        lib.port_out(self._port + at, size, value)

    def _ring(self, at: int, value: int) -> Doorbell:
        return Doorbell.out(self._port + at, value)
