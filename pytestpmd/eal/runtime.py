"""The runtime directory, where other programs find this one, and the lock by which a second primary meets the first.

Names are DPDK's (its ``lib/eal/unix/eal_filesystem.c``), so that tools written for it look in the right place. The lock
is on the same file as DPDK's, ``config``, and meets it: neither takes a prefix that the other has. Nothing is ever
written there, since we have no secondary processes.

In ``/tmp`` anybody may have been here before: nothing is followed that is a link, and nothing is used that others own
or may write to.
"""

import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pytestpmd.eal.args import EalArgs, EalError
from pytestpmd.errors import ConfigError
from pytestpmd.log import EAL

LOCK_FILE = "config"
#: A Unix socket in the directory has to fit into ``sockaddr_un`` with its path, as the original demands.
MAX_PATH = 107
NO_CONFIG = "Cannot init config"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: ``struct flock`` for the whole file, whatever its length.
_WHOLE_FILE = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


class PrefixTaken(ConfigError):
    """Another primary process has the lock."""


def runtime_dir(file_prefix: str) -> Path:
    """Where sockets and the lock of this prefix belong; nothing is made.

    ``/var/run/dpdk/<prefix>`` for root, in ``$XDG_RUNTIME_DIR`` or ``/tmp`` for others; a service's own
    ``$RUNTIME_DIRECTORY`` (systemd.exec) comes before either.
    """
    usual = "/var/run" if os.getuid() == 0 else os.environ.get("XDG_RUNTIME_DIR") or "/tmp"
    return Path(os.environ.get("RUNTIME_DIRECTORY") or usual, "dpdk", file_prefix)


def make_runtime_dir(file_prefix: str) -> Path:
    """The same, there and ours alone (mode 0700); raises :class:`ConfigError` where it cannot be."""
    path = runtime_dir(file_prefix)
    os.close(_open_made(path))
    return path


@contextmanager
def claim(args: EalArgs) -> Iterator[None]:
    """Hold the lock of the process's ``--file-prefix``, where it takes one; raises :class:`EalError`.

    Afterwards the directory is removed, unless something in it is somebody's.
    """
    if args.proc_type == "secondary":
        raise _no_secondary(args)
    try:
        fd = -1 if args.no_shconf else take_lock(args.file_prefix)
    except PrefixTaken as error:
        if args.proc_type == "auto":
            EAL.info("Auto-detected process type: SECONDARY")
            raise _no_secondary(args) from None
        raise EalError.starting(str(error), NO_CONFIG, "Resource temporarily unavailable") from None
    except ConfigError as error:
        lines = f"{error}\nCannot create runtime directory"
        raise EalError.starting(lines, "Error parsing command line arguments.") from None
    if args.proc_type == "auto":
        EAL.info("Auto-detected process type: PRIMARY")
    try:
        yield
    finally:
        if fd >= 0:
            give_lock_back(args.file_prefix, fd)


def _no_secondary(args: EalArgs) -> EalError:
    path = runtime_dir(args.file_prefix) / LOCK_FILE
    if path.exists():
        line = f"There are no secondary processes here: {path} is another program's; take another --file-prefix"
    else:
        line = f"Cannot open '{path}' for rte_mem_config"
    return EalError.starting(line, NO_CONFIG, "Operation not supported")


def take_lock(file_prefix: str) -> int:
    """The locked file's descriptor; raises :class:`PrefixTaken`, or :class:`ConfigError` for want of a directory."""
    path = runtime_dir(file_prefix)
    directory = _open_made(path)
    try:
        while True:
            fd = _open_lock(directory, path / LOCK_FILE)
            try:
                # Of the open file, not of the process: closing another descriptor of it does not end the lock.
                fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _WHOLE_FILE)
            except OSError:
                os.close(fd)
                line = f"Cannot create lock on '{path / LOCK_FILE}'. Is another primary process running?"
                raise PrefixTaken(line) from None
            if _is_still_there(directory, fd):
                return fd
            os.close(fd)  # whoever had it has removed it in the meantime
    finally:
        os.close(directory)


def give_lock_back(file_prefix: str, fd: int) -> None:
    """Remove the file, if it is empty and so not DPDK's, and the directory, if nothing else is in it."""
    path = runtime_dir(file_prefix)
    with suppress(OSError):
        if os.fstat(fd).st_size == 0:
            (path / LOCK_FILE).unlink()
        path.rmdir()
    os.close(fd)


def _open_lock(directory: int, path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(LOCK_FILE, flags, 0o600, dir_fd=directory)
    except OSError as error:
        raise ConfigError(f"Cannot open '{path}' for rte_mem_config: {error.strerror}") from None


def _is_still_there(directory: int, fd: int) -> bool:
    try:
        there = os.stat(LOCK_FILE, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(fd))


def _open_made(path: Path) -> int:
    """A descriptor of the directory of a prefix, made where it is missing."""
    if len(os.fsencode(path)) > MAX_PATH:
        raise ConfigError("Runtime directory string too long")
    common = _enter(path.parent, None)
    try:
        return _enter(path, common)
    finally:
        os.close(common)


def _enter(path: Path, above: int | None) -> int:
    """Make one directory, and open it if it is fit to be used."""
    name = path if above is None else path.name
    try:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=above)
        fd = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    except OSError as error:
        raise _unfit(path, error.strerror) from None
    found = os.fstat(fd)
    if found.st_uid in (0, os.geteuid()) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return fd
    os.close(fd)
    raise _unfit(path, "others own it or may write to it")


def _unfit(path: Path, why: str | None) -> ConfigError:
    return ConfigError(f"Error creating '{path}': {why}; set XDG_RUNTIME_DIR or RUNTIME_DIRECTORY, or use --in-memory")
