"""A virtio network port: what is done with a device, however it is reached.

``bring_up`` reads like virtio 1.2, 3.1.1: reset, acknowledge, agree on features, share memory, set up the queues, go.
The rings belong to us and outlive the device: when it comes back it goes on from where the rings say it was.
"""

import threading

from pytestpmd._dataplane import lib
from pytestpmd.drivers.rarp import rarp_frame
from pytestpmd.drivers.virtio import features, limits, offloads
from pytestpmd.drivers.virtio.agree import agree, count_pairs, read_known
from pytestpmd.drivers.virtio.controlled import MAX_MAC_ADDRS, driver_log, log
from pytestpmd.drivers.virtio.ctrlq import ControlQueue
from pytestpmd.drivers.virtio.described import DescribedPort
from pytestpmd.drivers.virtio.disabled import disabled
from pytestpmd.drivers.virtio.features import Agreement, negotiate
from pytestpmd.drivers.virtio.paths import RX_PATHS, TX_PATHS, Choice, Facts, Path, choose, explain
from pytestpmd.drivers.virtio.rings import Rings
from pytestpmd.drivers.virtio.rss import KEY_SIZE, RETA_SIZE, agreed_rss, flow_types, is_enough
from pytestpmd.drivers.virtio.status import DeviceStatus
from pytestpmd.drivers.virtio.transport import Transport
from pytestpmd.drivers.virtio.virtqueue import FAULTS
from pytestpmd.drivers.virtio_net import MAX_RX_PKT_LEN, Feature, Status
from pytestpmd.eal.cpu import simd_width
from pytestpmd.eal.lcore import LCORES
from pytestpmd.eal.memory import Region
from pytestpmd.eal.mempool import Mempool, large_pools
from pytestpmd.errors import ConfigError, DeviceError
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import (
    SPEED_UNKNOWN,
    BurstChoice,
    DeviceInfo,
    Link,
    PortConf,
    Queue,
    RxInterrupt,
)

STARTED = Status.ACKNOWLEDGE | Status.DRIVER | Status.FEATURES_OK


class VirtioPort(DescribedPort):
    """The port of a virtio device; a subclass makes the :class:`Transport` and says which features it wants."""

    def __init__(
        self,
        name: str,
        devargs: str,
        transport: Transport,
        wanted: Feature,
        queue_size: int,
        speed: int = SPEED_UNKNOWN,
        vectorized: bool | None = None,
    ) -> None:
        super().__init__(name, devargs)
        self.transport = transport
        #: Of every device, and with what the configuration's offloads need.
        self._always_wanted = self.wanted = wanted
        self._queue_size = queue_size
        self.agreed, self.config = agree(transport, wanted, queue_size)
        self._vectorized = vectorized
        self.choice: Choice = self._choose(self.agreed, PortConf())
        self._speed = speed
        self._nb_pairs = count_pairs(transport, self.agreed, self.config)
        self._virtqueues = Rings()
        self._pools: list[Mempool] = []
        self._control: ControlQueue | None = None
        self._running = self._is_live = False
        self._status = DeviceStatus(transport)
        self._begun_with = -1
        self._told_link = Link(up=False, speed=0)
        # bring_up and bring_down on the console's thread, the device's coming and going on the transport's
        self._lock = threading.RLock()
        transport.on_change = self._device_changed
        transport.on_tick = self._tell_faults
        transport.on_config = self._config_changed
        transport.on_error = self._device_erred

    def info(self) -> DeviceInfo:
        rx_capa, tx_capa = offloads.capabilities(self.transport.features(), self._always_wanted)
        return DeviceInfo(
            max_rx_queues=self._nb_pairs,
            max_tx_queues=self._nb_pairs,
            min_rx_bufsize=limits.MIN_RX_BUFSIZE,
            max_rx_pktlen=MAX_RX_PKT_LEN,
            max_mac_addrs=MAX_MAC_ADDRS,
            max_mtu=self.config.max_mtu,
            fixed_speed=None if self._speed == SPEED_UNKNOWN else self._speed,
            rx_offload_capa=rx_capa,
            tx_offload_capa=tx_capa,
            rx_desc=limits.RING_SIZES,
            tx_desc=limits.RING_SIZES,
            reta_size=RETA_SIZE if is_enough(self.config.rss) else 0,
            hash_key_size=KEY_SIZE if is_enough(self.config.rss) else 0,
            flow_types=flow_types(self.config.rss),
            rx_ring_size=self.transport.ring_size(0, self._queue_size),
            tx_ring_size=self.transport.ring_size(1, self._queue_size),
        )

    def link(self) -> Link:
        up = self._is_live and self.transport.connected and self.config.is_link_up
        speed = self.config.speed if self._speed == SPEED_UNKNOWN else self._speed
        return Link(up, speed if up else 0, self.config.full_duplex, autoneg=True)

    def apply_mtu(self, mtu: int) -> None:
        """The device hears of it at the next start; until then it is ours alone."""
        limits.check_mtu(mtu, self.config.max_mtu, self.conf, self._pools[0] if self._pools else None, self.agreed)

    def burst_choices(self) -> tuple[BurstChoice, BurstChoice]:
        return explain("Rx", RX_PATHS, self.choice.facts), explain("Tx", TX_PATHS, self.choice.facts)

    def rx_interrupt(self, queue_id: int) -> RxInterrupt:
        """The queue's own call: one eventfd for each queue."""
        vq = self._virtqueues[2 * queue_id]
        fd = self.transport.call_fd(vq.index)
        return RxInterrupt(fd, vq.ptr, lib.virtqueue_intr_enable, lib.virtqueue_intr_disable)

    # Configuration.

    def setup(self, conf: PortConf, pool: Mempool) -> None:
        """The device hears of what is agreed here when the port starts: it is reset and asked anew."""
        wanted = self._always_wanted | offloads.asked(conf.rx_offloads, conf.tx_offloads)
        wanted |= Feature.VIRTIO_NET_F_RSS if conf.rss_functions else Feature(0)
        agreed, config = agree(self.transport, wanted, self._queue_size)
        offloads.check(conf.rx_offloads, conf.tx_offloads, agreed)
        rss = agreed_rss(conf, agreed, config, self.rss)
        self.check_data_room(pool, lib.MBUF_HEADROOM)
        limits.check_buffers(conf, pool, agreed)
        nb_queues = 2 * max(conf.nb_rxq, conf.nb_txq)
        layouts = [self.transport.ring_layout(i, self._queue_size, agreed.packed) for i in range(nb_queues)]
        limits.warn_of_ring_sizes(conf, [layout.size for layout in layouts])
        virtqueues, control = (
            Rings.make(layouts, self.name, self.transport),
            self.make_control(agreed, config.max_pairs),
        )
        self._release_queues()
        self._virtqueues, self._control, self._pools = virtqueues, control, [pool]
        self.wanted, self.agreed, self.config, self.rss = wanted, agreed, config, rss
        self.choice = self._choose(agreed, conf)
        for line in disabled(self.choice.facts):
            driver_log.info("virtio_dev_configure(): %s", line)
        virtqueues.strip_tags(bool(conf.rx_offloads & RxOffload.VLAN_STRIP))
        virtqueues.prepare(agreed, conf, pool, self.port_id)
        virtqueues.poll(conf)
        self.rx_queues = self._queues(self.choice.rx, 0, conf.nb_rxq)
        self.tx_queues = self._queues(self.choice.tx, 1, conf.nb_txq)

    def _choose(self, agreed: Agreement, conf: PortConf) -> Choice:
        return choose(Facts(agreed, self._vectorized, conf.rx_offloads, conf.tx_offloads, simd_width()))

    def _queues(self, path: Path, first: int, count: int) -> list[Queue]:
        burst = getattr(lib, path.function(self.choice.facts))
        virtqueues = [self._virtqueues[2 * i + first] for i in range(count)]
        return [Queue(burst, vq.ptr, vq.ptr.stats, memory=vq) for vq in virtqueues]

    def change_vlan_offloads(self, wanted: int) -> None:
        if wanted & RxOffload.VLAN_FILTER:
            offloads.check(RxOffload.VLAN_FILTER, 0, self.agreed)
        self._virtqueues.strip_tags(bool(wanted & RxOffload.VLAN_STRIP))

    def free_sent(self, queue_id: int, most: int) -> int:
        with self._lock:  # the transport's thread may be making the ring anew
            return self._virtqueue("txq", queue_id).free_sent(most, self.agreed.in_order)

    # The device: virtio 1.2, 3.1.1.

    def bring_up(self) -> None:
        with self._lock:
            self.transport.reconnect()
            for line in self.choice.log_lines(self.port_id):
                log.info("%s", line)
            self._virtqueues.reset()
            if self.transport.connected:
                self._begin_or_drain()
            self._running = True
            self._told_link = self.link()

    def _begin_or_drain(self) -> None:
        """Begin, or leave neither a half-started device behind nor mbufs in rings that nobody will empty."""
        try:
            self._adapt()
            self._begin()
        except DeviceError as error:
            self._give_up(error)
            self._virtqueues.drain()
            raise

    def _give_up(self, error: DeviceError) -> None:
        """Have nothing more to do with a device that is of no use (virtio 1.2, 3.1.1)."""
        self._status.fail()
        self.transport.drop(f"the {self.transport.peer} is of no use: {error}")

    def _adapt(self) -> None:
        """Use the rings as this device can: the last one, or what was presumed before there was any, may differ.

        Lcores that poll keep polling: they let go of the rings, are told of other bursts, and have let go of the old
        ones, before a ring begins anew; what was under way in it is lost.
        """
        agreed = features.adapted(self.agreed, negotiate(self.transport.features(), self.wanted))
        if agreed == self.agreed or self.conf is None:
            return
        conf, pool = self.conf, self._pools[0]
        try:
            limits.check_buffers(conf, pool, agreed)
        except ConfigError as error:
            raise DeviceError(f"it {features.difference(self.agreed, agreed)}: {error}") from None
        driver_log.notice(
            "port %d: the %s %s", self.port_id, self.transport.peer, features.difference(self.agreed, agreed)
        )
        self._virtqueues.let_go()
        self.agreed, self.choice = agreed, self._choose(agreed, conf)
        for queues, path in ((self.rx_queues, self.choice.rx), (self.tx_queues, self.choice.tx)):
            for queue in queues:
                queue.burst = getattr(lib, path.function(self.choice.facts))
        self.on_bursts_change(self)
        LCORES.quiesce()
        self._virtqueues.prepare(agreed, conf, pool, self.port_id)
        self._virtqueues.reset()
        for line in self.choice.log_lines(self.port_id):
            log.info("%s", line)

    def _begin(self) -> None:
        """From reset to DRIVER_OK; the rings go on from where they are."""
        self._begun_with = self.transport.generation
        self._reset()
        self._acknowledge()
        self._set_features()
        self._share_memory()
        self._set_up_queues()
        self._driver_ok()

    def _reset(self) -> None:
        """Step 1."""
        self._status.tell(Status.RESET)

    def _acknowledge(self) -> None:
        """Steps 2 and 3: somebody noticed the device, and knows how to drive it."""
        self._status.tell(Status.ACKNOWLEDGE)
        self._status.tell(Status.ACKNOWLEDGE | Status.DRIVER)

    def _set_features(self) -> None:
        """Steps 4 to 6: the device must still offer what the queues were made for, and accept it."""
        negotiate(self.transport.features(), self.wanted, required=self.agreed.features)
        self.transport.set_features(self.agreed.features)
        self._status.tell(STARTED)
        self.config = read_known(self.transport, self.agreed)
        needed = len(self._virtqueues) // 2
        if count_pairs(self.transport, self.agreed, self.config) < needed:
            raise DeviceError(f"the device has only {self.config.max_pairs} of {needed} queue pairs")
        if self.agreed.has(Feature.VIRTIO_NET_F_MTU):
            self.transport.set_mtu(self.mtu)

    def _share_memory(self) -> None:
        """What descriptors may point at: rings, and buffers of every pool."""
        self.transport.share_memory(self._regions())

    def _regions(self) -> list[Region]:
        arenas = [*self._virtqueues.memory, *(pool.arena for pool in (*self._pools, *large_pools()))]
        if self._control and not self.transport.serves_control:
            arenas.append(self._control.memory)
        return [arena.region() for arena in arenas if arena is not None]

    def _set_up_queues(self) -> None:
        """Step 7."""
        self._virtqueues.hand_over(self.transport)
        self.set_up_control()

    def _driver_ok(self) -> None:
        """Step 8: the device is live, and may hear of buffers from now on (3.1.1: not before)."""
        self._status.tell(STARTED | Status.DRIVER_OK)
        self.begin_control(len(self._virtqueues) // 2)
        self._virtqueues.arm(self.transport)
        self._is_live = True
        LCORES.wake()  # who sleeps has asked for the calls of a ring that may have been made anew since

    def bring_down(self) -> None:
        with self._lock:
            self._running = self._is_live = False
            self._virtqueues.disarm()
            if self.transport.connected:
                self._end()
            self._virtqueues.drain()

    def _end(self) -> None:
        """Have the device let go of the rings. One that is just going away has done so."""
        try:
            self._virtqueues.take_back(self.transport)
            self.stop_control()
            self._status.tell(Status.RESET)
        except DeviceError as error:
            self.transport.drop(f"the {self.transport.peer} did not stop: {error}")

    def release(self) -> None:
        self.transport.close()
        self._release_queues()

    def _release_queues(self) -> None:
        self._virtqueues.drain()
        self._virtqueues, self._pools = Rings(), []
        self._control = None

    # What the transport's thread tells of.

    def _device_changed(self) -> None:
        """The device went, or a new one came: it is told about the rings as they are."""
        with self._lock:
            if not self._running or self._has_begun():
                return
            self._is_live = False
            if not self.transport.connected:
                self._virtqueues.disarm()  # where its doorbells were there may soon be another device
            elif not self._take_up():
                return
        self._tell_link()

    def _tell_link(self) -> None:
        """Say so if the link is not what was told last."""
        with self._lock:
            link = self.link()
            has_changed, self._told_link = link != self._told_link, link
        if has_changed:
            self.on_link_change(self)

    def _config_changed(self) -> None:
        """The device says something else of itself: of its link, perhaps (virtio 1.2, 5.1.4)."""
        with self._lock:
            if not self._is_live:
                return
            try:
                self.config = read_known(self.transport, self.agreed)
                self.answer_announcement(self._announce)
            except DeviceError as error:
                self._is_live = False
                self._give_up(error)
        self._tell_link()

    def _announce(self) -> bool:
        """Say to the network where the port's address is now."""
        if not self.tx_queues:
            return False
        return self._virtqueues[1].inject(self.tx_queues[0].burst, self._pools[0], rarp_frame(self.mac))

    def _has_begun(self) -> bool:
        """Whether a start has found the device before it was told of."""
        return self._is_live and self.transport.connected and self._begun_with == self.transport.generation

    def _take_up(self) -> bool:
        """Begin with the device that is there; whether it is of use."""
        try:
            self._adapt()
            self._virtqueues.heal(self.transport.resumes)
            self._begin()
        except DeviceError as error:
            self._give_up(error)
            return False
        return True

    def _device_erred(self) -> None:
        """If it cannot go on it is reset, and begun with anew (virtio 1.2, 2.1.2)."""
        with self._lock:
            if not self._is_live or not self._must_reset():
                return
            self._is_live = False
            if self.transport.connected:
                why = "port %d: the device needs a reset; packets under way that are lost: %d"
                driver_log.error(why, self.port_id, self._let_go())
        self._tell_link()
        with self._lock:
            may_begin = self._running and not self._is_live and self.transport.connected
            if not may_begin or not self._take_up():
                return
        self._tell_link()

    def _must_reset(self) -> bool:
        try:
            return self._status.asks_for_reset()
        except DeviceError as error:
            self._give_up(error)
            return True

    def _let_go(self) -> int:
        """Have lcores and the device let go of every ring: how many packets it had, and perhaps not sent yet."""
        self._virtqueues.let_go()
        self._end()
        return self._virtqueues.lose()

    def _tell_faults(self) -> None:
        with self._lock:
            faults = list(self._virtqueues.new_faults())
        for name, fault in faults:
            driver_log.error("port %d %s is stopped: %s", self.port_id, name, FAULTS[fault])
