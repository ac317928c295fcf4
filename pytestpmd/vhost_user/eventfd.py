"""Is this file descriptor, which the peer gave us, really an eventfd?

Writing to an eventfd never blocks for long and never runs code of the peer; writing to a pipe, a socket or a file of
its choice might. The kernel tells them apart for us.
"""

from pathlib import Path


def is_eventfd(fd: int) -> bool:
    """True if ``/proc/self/fdinfo`` shows an eventfd counter for the fd; False also for an fd that is not open."""
    try:
        text = Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return any(line.startswith("eventfd-count:") for line in text.splitlines())
