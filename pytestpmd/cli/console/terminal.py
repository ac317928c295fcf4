"""The standard files and the terminal's settings: taken for a while, given back however the program ends."""

import atexit
import io
import os
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pytestpmd.cli.console.stop import Stop

_LFLAG = 3  # tcgetattr's c_lflag


def settle_standard_files() -> None:
    """Make sure that input, output and errors are open, before a socket takes one of their numbers.

    Output waits for a slow reader (whoever started us may have left its end non-blocking) and takes any character,
    whatever the locale.
    """
    for fd, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.set_blocking(fd, True)
        except OSError:
            os.open(os.devnull, mode)  # gets this number: those below it are open
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def unbuffered_keys(fd: int, stop: Stop) -> Iterator[None]:
    """Have the terminal pass each key on, without echo or signals; nothing changes if ``fd`` is no terminal.

    Only ICANON, ECHO and ISIG are cleared, and at once: TCSAFLUSH would throw away what was typed ahead.
    """
    restore = _clear(fd)
    atexit.register(restore)
    stop.at_kill.append(restore)
    try:
        yield
    finally:
        stop.at_kill.remove(restore)
        atexit.unregister(restore)
        restore()


def _clear(fd: int) -> Callable[[], None]:
    """Clear the flags; what puts them back."""
    if not os.isatty(fd):
        return lambda: None
    with suppress(termios.error):  # the terminal may be gone, which the first read will tell
        saved = termios.tcgetattr(fd)
        cleared = list(saved)
        cleared[_LFLAG] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
        termios.tcsetattr(fd, termios.TCSANOW, cleared)

        def restore() -> None:
            with suppress(termios.error):
                termios.tcsetattr(fd, termios.TCSANOW, saved)

        return restore
    return lambda: None
