"""The device's configuration space as a front-end reads and writes it, and the channel on which it hears of changes."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from pytestpmd.drivers.net_config import NET_CONFIG_SIZE, NetConfig
from pytestpmd.errors import DeviceError
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.answer import Answered
from pytestpmd.vhost_user.backend_requests import BackendRequests
from pytestpmd.vhost_user.message import Message

#: What a driver may write of it: its address, where there is no command for that (virtio 1.2, 5.1.4.1).
WRITABLE = range(6)


class ConfigSpace:
    """A front-end's view of our port. Only the MAC address is the front-end's own, and 0 until it has said it."""

    def __init__(self) -> None:
        self.config = NetConfig()
        self._requests: BackendRequests | None = None
        self.handlers: Mapping[type[Message], Callable[[Message], Answered]] = {
            m.GetConfig: self._get,
            m.SetConfig: self._set,
            m.SetBackendReqFd: self._listen,
        }

    def set(self, config: NetConfig) -> None:
        """All but the MAC address; the front-end is told if it is another one."""
        config = replace(config, mac=self.config.mac)
        has_changed, self.config = config != self.config, config
        if has_changed and self._requests:
            self._requests.tell_config_change()

    def _get(self, message: Message) -> m.GetConfig:
        assert isinstance(message, m.GetConfig)
        begin, end = _bounds(message)
        return replace(message, data=self.config.encode()[begin:end])

    def _set(self, message: Message) -> int:
        """By a driver, or after a migration, when it may say anything: but what is ours stays as it is here."""
        assert isinstance(message, m.SetConfig)
        begin, end = _bounds(message)
        if not message.flags & m.CONFIG_MIGRATION and end > WRITABLE.stop:
            raise DeviceError(f"bytes {begin} to {end - 1} of the configuration space are not to be written")
        told = bytearray(self.config.encode())
        told[begin:end] = message.data
        self.config = replace(self.config, mac=NetConfig.decode(bytes(told)).mac)
        return 0

    def _listen(self, message: Message) -> int:
        """Where to tell of changes; a new channel takes the old one's place."""
        assert isinstance(message, m.SetBackendReqFd)
        fresh = BackendRequests(message.fd)
        self.close()
        self._requests = fresh
        return 0

    def close(self) -> None:
        """Tell nobody any more."""
        if self._requests:
            self._requests.close()
        self._requests = None


def _bounds(message: m.GetConfig | m.SetConfig) -> tuple[int, int]:
    end = message.offset + len(message.data)
    if end > NET_CONFIG_SIZE:
        raise DeviceError(f"the configuration space has {NET_CONFIG_SIZE} bytes, and {end} is beyond")
    return message.offset, end
