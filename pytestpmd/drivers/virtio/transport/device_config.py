"""A vhost-user back-end's configuration space: read when the back-end comes, and again whenever it says so."""

from collections.abc import Callable

from pytestpmd.drivers.net_config import NET_CONFIG_SIZE, NetConfig
from pytestpmd.drivers.virtio.transport.back_channel import BackChannel
from pytestpmd.eal.control import ControlThread
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.channel import FrontendChannel, Refusal
from pytestpmd.vhost_user.wire import ProtocolFeature


class DeviceConfig:
    """``current`` is what it said last; None where it has no configuration space to tell of.

    ``on_change`` is called on the control thread when the back-end tells of a new one; :meth:`read` gets it.
    """

    def __init__(self, path: str, control: ControlThread, on_change: Callable[[], None]) -> None:
        self.current: NetConfig | None = None
        self._path, self._control, self._on_change = path, control, on_change
        self._back: BackChannel | None = None

    @staticmethod
    def wanted(offered: ProtocolFeature) -> ProtocolFeature:
        """What it takes of the protocol: to hear of changes makes sense with something that changes."""
        if ProtocolFeature.CONFIG not in offered:
            return ProtocolFeature(0)
        return ProtocolFeature.CONFIG | ProtocolFeature.BACKEND_REQ

    def open(self, channel: FrontendChannel) -> None:
        """Read it for the first time, from a back-end with which the protocol's features are agreed."""
        agreed = channel.machine.protocol_features
        if ProtocolFeature.BACKEND_REQ in agreed:
            self._back = BackChannel(self._path, self._control, self._on_change)
            channel.call(m.SetBackendReqFd(self._back.theirs))
            self._back.sent()
        if ProtocolFeature.CONFIG in agreed:
            self.read(channel)

    def read(self, channel: FrontendChannel) -> None:
        """Read it again. A back-end that refuses has none."""
        try:
            self.current = NetConfig.decode(channel.ask(m.GetConfig(0, bytes(NET_CONFIG_SIZE))).data)
        except Refusal:
            self.current = None

    def close(self) -> None:
        """The back-end is gone. Harmless when repeated."""
        self.current = None
        if self._back:
            self._back.close()
        self._back = None
