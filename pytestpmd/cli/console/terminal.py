"""The terminal's settings: taken for a while, given back however the program ends."""

import atexit
import os
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pytestpmd.cli.console.stop import Stop

_LFLAG = 3  # tcgetattr's c_lflag


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
