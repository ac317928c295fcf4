"""The exception tree, and the one place that reads a negative number from C.

Each is raised where the fact is known, in testpmd's own wording where it has one, and caught by the console and by
main alone.
"""

import os


class TestpmdError(Exception):
    """What the console prints as one line; ``exit_code`` is the program's status when it ends the program."""

    __test__ = False
    exit_code = 1


class CommandError(TestpmdError):
    """A line that is no command: the verdict, where it went wrong (character offset) and what was expected there."""

    def __init__(self, text: str, position: int = 0, expected: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.position = position
        self.expected = expected


class ConfigError(TestpmdError):
    """A setting, or a combination of settings, that cannot be."""


class CheckFailed(TestpmdError):
    """What a script claimed does not hold: it ends the file that says so, and the run ends with this status."""

    exit_code = 3


class WaitExpired(CheckFailed):
    """What a script waited for did not come in time."""

    exit_code = 4


class PortError(TestpmdError):
    """A port that is not there, or not in the state that a request needs."""


class DeviceError(TestpmdError):
    """The device, or its back-end, refused or failed."""


class FeatureError(DeviceError):
    """A feature that is required was not offered."""


class StatusError(DeviceError):
    """The device did not take a status that the driver set."""


class DeviceTimeout(DeviceError):
    """The device, or its back-end, did not answer in time."""


class OperationError(DeviceError):
    """What an operation of ethdev returns as ``-code``; the text is the system's for it."""

    def __init__(self, code: int) -> None:
        super().__init__(os.strerror(code))
        self.code = code


class ProtocolError(DeviceError):
    """The vhost-user conversation broke a rule."""


class LocalProtocolError(ProtocolError):
    """We did: a bug of ours."""


class RemoteProtocolError(ProtocolError):
    """The peer did."""


class NotSupported(DeviceError):
    """The driver has no such operation; the original's ``-ENOTSUP``."""


class DataplaneError(TestpmdError, OSError):
    """A set-up function in C returned ``-errno``."""


def check(code: int, doing: str) -> int:
    """Pass a count through; turn ``-errno`` into a :class:`DataplaneError` that says what was being done."""
    if code < 0:
        raise DataplaneError(-code, f"Cannot {doing}: {os.strerror(-code)}")
    return code
