"""net_vhost: the device's side, made of the front-end's memory.

``vhost_user/`` is the language; ``device.py`` carries out what a front-end says, ``memory.py`` maps what it shares,
``rings.py`` hands its rings to the data plane; that is ``dequeue.c`` and ``enqueue.c``. What the front-end transmits,
we receive: its transmit ring 2i + 1 is our receive queue i, its receive ring 2i our transmit queue i (virtio 1.2,
5.1.2).
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary

from pytestpmd._dataplane import lib
from pytestpmd.drivers import driver
from pytestpmd.drivers.net_config import DUPLEX_FULL, LINK_UP, NetConfig
from pytestpmd.drivers.vhost import report, xstats
from pytestpmd.drivers.vhost.device import FrontEndGone, VhostDevice, log
from pytestpmd.drivers.vhost.features import HOST_TSO, offered
from pytestpmd.drivers.vhost.offloads import (
    Wishes,
    has_rx_sw_csum,
    has_tx_sw_csum,
    rx_capabilities,
    tx_capabilities,
)
from pytestpmd.drivers.vhost.rings import FAULTS, Ring, VhostQueue
from pytestpmd.drivers.virtio_net import MIN_MTU
from pytestpmd.eal.control import ControlThread
from pytestpmd.eal.devargs import DevArgs, arg, integer
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool, large_pool
from pytestpmd.errors import DeviceError
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import BurstChoice, DeviceInfo, EthPort, Link, PortConf, Queue, RxInterrupt
from pytestpmd.ethdev.report import ConnectionReport, DeviceReport
from pytestpmd.log import Level, log_type
from pytestpmd.vhost_user.connection import Connection, Listener, check_path, connect, listen

driver_log = log_type("pmd.net.vhost", "VHOST")

MAX_QUEUE_PAIRS = 128
RECONNECT_S = 1.0
#: In which a front-end that never pauses lets others have the port.
PAUSE_S = 0.001


def _off(why: str) -> Callable[[str], bool]:
    """A devarg of the original's that can be 0 only."""

    def convert(text: str) -> bool:
        if text != "0":
            raise ValueError(f"0: {why}")
        return False

    return convert


@driver("net_vhost", "eth_vhost")
class VhostPort(EthPort):
    """A port whose other end is a virtio driver: in a guest, or in another process."""

    driver_name = "net_vhost"

    class Args(DevArgs):
        """As DPDK's driver takes them."""

        iface: Path = arg(help="the vhost-user socket; mandatory")
        queues: int = arg(1, convert=integer(1, MAX_QUEUE_PAIRS), help="queue pairs, at most")
        client: bool = arg(False, help="connect to the front-end, again and again, instead of listening")
        tso: bool = arg(False, help="whether the front-end may leave segmentation to this port")
        linear_buffer: bool = arg(False, key="linear-buffer", help="drop what does not fit one mbuf")
        ext_buffer: bool = arg(False, key="ext-buffer", help="put what does not fit an mbuf into a large one")
        legacy_ol_flags: bool = arg(
            False, key="legacy-ol-flags", help="mark received packets with the flags of sent ones, as DPDK once did"
        )
        iommu_support: bool = arg(
            False,
            key="iommu-support",
            convert=_off("addresses are not translated by an IOMMU"),
            help="0 only: there is no address translation",
        )
        postcopy_support: bool = arg(
            False,
            key="postcopy-support",
            convert=_off("a guest that runs has all its memory here"),
            help="0 only: there is no migration after the guest has begun to run",
        )

    def __init__(self, name: str, devargs: str, args: Args) -> None:
        super().__init__(name, devargs)
        self.args = args
        self.path = str(args.iface)
        self.promiscuous = self.all_multicast = True
        self._features = offered(tso=args.tso)
        self._wishes = Wishes(legacy=args.legacy_ol_flags, linear=args.linear_buffer, large=args.ext_buffer)
        if args.ext_buffer:
            large_pool()  # before any port starts: the front-ends among them share it then
        self._device: VhostDevice | None = None
        self._listener: Listener | None = None
        self._queues: list[VhostQueue | None] = [None] * (2 * args.queues)
        #: Of the notifications that queues counted, those before the statistics were cleared.
        self._told: WeakKeyDictionary[object, xstats.Notifications] = WeakKeyDictionary()
        #: What was said, even when it is over, and how the last conversation ended.
        self._exchange: Iterable[str] = ()
        self._ended = ""
        self._serving = False
        self._was_up = False
        self._next_attempt = 0.0
        # what happens to the device is told by its control thread; the console's thread starts and stops
        self._lock = threading.RLock()
        self._control = ControlThread("vhost", self._tick)
        self._open(args.client)
        self._control.start()

    def _open(self, client: bool) -> None:
        try:
            check_path(self.path)
            self._listener = None if client else listen(self.path)
        except DeviceError:
            self._control.stop()
            raise
        if self._listener is None:
            self._attempt()
            return
        log.info("(%s) vhost-user server: socket created, fd: %d", self.path, self._listener.fileno())
        log.info("(%s) binding succeeded", self.path)
        self._control.watch(self._listener.fileno(), self._accept)

    def info(self) -> DeviceInfo:
        return DeviceInfo(
            max_rx_queues=self.args.queues,
            max_tx_queues=self.args.queues,
            rx_offload_capa=rx_capabilities(self._wishes.legacy),
            tx_offload_capa=tx_capabilities(self._wishes.legacy),
        )

    def link(self) -> Link:
        return Link(up=self._device is not None and self._device.is_served)

    def burst_choices(self) -> tuple[BurstChoice, BurstChoice]:
        because = "it serves both layouts: which one the ring has is known when a front-end comes"
        return BurstChoice("Rx", "vhost_rx_burst", because), BurstChoice("Tx", "vhost_tx_burst", because)

    def rx_interrupt(self, queue_id: int) -> RxInterrupt:
        """The kick of the ring that the queue serves."""
        queue = self._queues[2 * queue_id + 1]
        assert queue
        return RxInterrupt(queue.interrupt_fd, queue.ptr, lib.vhost_intr_enable, lib.vhost_intr_disable)

    def device_report(self) -> DeviceReport:
        with self._lock:
            note = "" if self._device else self._ended or "none has come yet"
            role = "client" if self.args.client else "server"
            connection = ConnectionReport(self._device is not None, role, self.path, note)
            said = tuple(self._exchange)
            if self._device is None:
                return DeviceReport("back-end", connection, report.features(self._features, None), conversation=said)
            return DeviceReport(
                "back-end",
                connection,
                report.features(self._features, self._device.features),
                report.protocol(self._device.protocol_features),
                tuple(map(report.region, self._device.regions)),
                tuple(report.rings(self._device, self._queues, self._serving)),
                said,
                config=self._device.config.shown(),
                shared=self._device.shared_report(),
            )

    def private_info(self) -> str:
        device, wishes = self._device, self._wishes
        features = device.features if device else 0
        return "\n".join(
            [
                f"iface_name: {self.path}",
                f"flags: 0x{self._flags():x}",
                f"disable_flags: 0x{0 if self.args.tso else int(HOST_TSO):x}",
                f"features: 0x{features:x}",
                f"max_queues: {self.args.queues}",
                f"vid: {0 if device else -1}",
                f"started: {int(self._serving)}",
                f"dev_attached: {int(device is not None and device.is_served)}",
                f"vlan_strip: {int(bool(wishes.rx_offloads & RxOffload.VLAN_STRIP))}",
                f"rx_sw_csum: {int(has_rx_sw_csum(features, wishes))}",
                f"tx_sw_csum: {int(has_tx_sw_csum(features, wishes))}",
            ]
        )

    def _flags(self) -> int:
        """As DPDK's driver would have registered the socket (lib/vhost/rte_vhost.h)."""
        args = self.args
        bits = {0: args.client, 5: args.ext_buffer, 6: args.linear_buffer, 8: not args.legacy_ol_flags, 9: True}
        return sum(1 << bit for bit, wanted in bits.items() if wanted)

    # What it counted.

    def xstats(self) -> list[tuple[str, int]]:
        values = super().xstats()
        for way, queues in (("rx", self.rx_queues), ("tx", self.tx_queues)):
            for i, queue in enumerate(queues):
                notified = xstats.Notifications.of(queue.handle) - self._told.get(queue.memory, xstats.Notifications())
                values += xstats.of_queue(f"{way}_q{i}_", queue.counters(), notified)
        return values

    def clear_stats(self) -> None:
        super().clear_stats()
        for queue in (*self.rx_queues, *self.tx_queues):
            self._told[queue.memory] = xstats.Notifications.of(queue.handle)

    def used_count(self, kind: str, queue_id: int) -> int:
        """What is to be sent is copied at once, so nothing waits for that."""
        if kind == "txq":
            return 0
        with self._lock:  # no ring comes or goes meanwhile
            return int(lib.vhost_virtqueue_nb_waiting(self.rx_queues[queue_id].handle))

    # The port.

    def setup(self, conf: PortConf, pool: Mempool) -> None:
        self.check_data_room(pool, lib.MBUF_HEADROOM)
        # the original's default: "VHOST" in ASCII, and the port
        self.mac = b"VHOST" + bytes([self.port_id])
        nb_queues = conf.nb_rxq + conf.nb_txq
        memory = Arena(nb_queues * VhostQueue.bytes() + 4096, name=f"{self.name}'s queues")
        wishes = replace(self._wishes, rx_offloads=conf.rx_offloads, tx_offloads=conf.tx_offloads)
        rx = [VhostQueue(memory, pool, self.port_id, wishes, has_interrupt=True) for _ in range(conf.nb_rxq)]
        tx = [VhostQueue(memory, pool, self.port_id, wishes) for _ in range(conf.nb_txq)]
        with self._lock:
            self._wishes = wishes
            self._release_queues()
            self._queues[1 : 1 + 2 * len(rx) : 2] = rx
            self._queues[0 : 2 * len(tx) : 2] = tx
        self.rx_queues = [Queue(lib.vhost_rx_burst, q.ptr, q.ptr.stats, memory=q) for q in rx]
        self.tx_queues = [Queue(lib.vhost_tx_burst, q.ptr, q.ptr.stats, memory=q) for q in tx]

    def bring_up(self) -> None:
        with self._lock:
            self._serving = True
            self._serve(self._queues)
            self._tell_config()
        self._tell_link()

    def bring_down(self) -> None:
        with self._lock:
            self._serving = self._was_up = False
            self._serve([None] * len(self._queues))
            self._tell_config()

    def _tell_config(self) -> None:
        """To the front-end there is a link when the port is started."""
        if not self._device:
            return
        status = LINK_UP if self._serving else 0
        mtu = max(self.mtu, MIN_MTU)
        self._device.set_config(NetConfig(bytes(6), status, self.args.queues, mtu, self.link().speed, DUPLEX_FULL))

    def _serve(self, queues: list[VhostQueue | None]) -> None:
        if self._device:
            try:
                self._device.serve(queues)
            except DeviceError as error:
                self._drop(str(error), Level.ERROR)

    def _release_queues(self) -> None:
        self._serve([None] * len(self._queues))
        for queue in filter(None, self._queues):
            queue.close()
        self._queues = [None] * len(self._queues)

    def release(self) -> None:
        self._control.stop()
        with self._lock:
            if self._device:
                self._device.close()
            self._device = None
            self._release_queues()
        if self._listener:
            self._listener.close()

    # The control thread.

    def _accept(self) -> None:
        assert self._listener is not None
        connection = self._listener.accept()
        if connection is None:
            return
        with self._lock:
            if self._device and self._device.peer_is_gone:
                self._drop("vhost peer closed")
            if self._device:
                log.limited((self.path, "second"), Level.WARNING, "(%s) a second front-end is turned away", self.path)
                connection.close()
                return
            self._welcome(connection)

    def _welcome(self, connection: Connection) -> None:
        log.info("(%s) new vhost user connection is %d", self.path, connection.fileno())
        device = VhostDevice(self.path, connection, self._features, self.args.queues)
        device.on_queue_state = lambda: self.on_queue_state(self)
        device.serve(self._queues if self._serving else [None] * len(self._queues))
        self._device, self._exchange = device, device.exchange
        self._tell_config()
        self._control.watch(device.fileno(), self._converse)

    def _attempt(self) -> None:
        """As the client: look for a front-end every second."""
        if time.monotonic() < self._next_attempt:
            return
        self._next_attempt = time.monotonic() + RECONNECT_S
        try:
            connection = connect(self.path, timeout=0)
        except DeviceError as error:
            log.debug("(%s) %s", self.path, error)
            return
        with self._lock:
            self._welcome(connection)

    def _converse(self) -> None:
        has_more = False
        with self._lock:
            if self._device is None:
                return
            try:
                has_more = self._device.handle()
            except FrontEndGone as error:
                self._drop(str(error))
            except DeviceError as error:
                self._drop(str(error), Level.ERROR)
        self._tell_link()
        if has_more:
            time.sleep(PAUSE_S)

    def _drop(self, why: str, level: Level = Level.INFO) -> None:
        """The front-end is gone, or has to go; the next one may come."""
        device, self._device, self._ended = self._device, None, why
        if device:
            self._control.unwatch(device.fileno())
            device.close()
            log.limited((self.path, "gone"), level, "(%s) %s", self.path, why)

    def _tick(self) -> None:
        if self.args.client and self._device is None:
            self._attempt()
        self._converse()  # a message that has begun is given up when its rest does not come
        with self._lock:
            if self._device and self._device.memory_is_dead:
                self._drop("the front-end took its memory away", Level.ERROR)
            if self._device:
                self._device.catch_up()
                self._tell_faults(self._device)
        self._tell_link()

    def _tell_faults(self, device: VhostDevice) -> None:
        for ring in device.rings:
            if ring.fault and not ring.told_of_fault:
                log.error("(%s) port %d %s is stopped: %s", self.path, self.port_id, ring.name, FAULTS[ring.fault])
                ring.tell_fault()
            self._tell_bad_chains(ring)
            self._tell_bad_headers(ring)

    def _tell_bad_chains(self, ring: Ring) -> None:
        count, why = ring.queue.new_bad_chains() if ring.queue else (0, "")
        if count:
            text = "(%s) port %d %s: chains that cannot be: %d, the last because %s"
            log.limited((self.path, ring.name), Level.ERROR, text, self.path, self.port_id, ring.name, count, why)

    def _tell_bad_headers(self, ring: Ring) -> None:
        if count := ring.queue.new_bad_headers() if ring.queue else 0:
            text = "(%s) port %d %s: net headers that ask for what cannot be, not heeded: %d"
            log.limited((self.path, ring.name, "header"), Level.ERROR, text, self.path, self.port_id, ring.name, count)

    def _tell_software(self) -> None:
        """What lcores do that nobody asked for, in DPDK's words."""
        with self._lock:
            features, wishes = self._device.features if self._device else 0, self._wishes
        if has_rx_sw_csum(features, wishes):
            driver_log.notice("Rx csum will be done in SW, may impact performance.")
        if has_tx_sw_csum(features, wishes):
            driver_log.notice("Tx csum will be done in SW, may impact performance.")

    def _tell_link(self) -> None:
        with self._lock:
            up = self.link().up
            has_changed, self._was_up = up != self._was_up, up
        if has_changed and up:
            log.info("(%s) virtio is now ready for processing.", self.path)
            self._tell_software()
        if has_changed:
            self.on_link_change(self)
