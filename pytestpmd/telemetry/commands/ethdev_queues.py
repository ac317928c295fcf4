"""``/ethdev/rx_queue`` and ``/ethdev/tx_queue``: how a queue is set up, where the driver tells."""

from typing import TYPE_CHECKING

from pytestpmd.ethdev.offloads import RxOffload, TxOffload, names
from pytestpmd.ethdev.port import PortConf
from pytestpmd.telemetry import params as read
from pytestpmd.telemetry.commands.ethdev import queue_state
from pytestpmd.telemetry.registry import Json, telemetry

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

#: No descriptor ring here has these.
NO_THRESHOLDS: dict[str, Json] = {"host_threshold": 0, "prefetch_threshold": 0, "writeback_threshold": 0}


@telemetry(
    "/ethdev/rx_queue",
    "How a receive queue is set. Parameters: int port_id, int queue_id (if more than one)",
)
def rx_queue(app: "TestPmd", params: str) -> Json:
    port, queue_id, queue = read.queue(app, params, "rx_queues")
    conf, told = port.conf or PortConf(), port.queue_info("rxq", queue_id)
    return {
        "mempool_name": told.pool,
        "socket_id": 0,
        **NO_THRESHOLDS,
        "free_threshold": told.free_thresh,
        "rx_drop_en": "on" if app.config.queues.rx_drop_en else "off",
        "deferred_start": "on" if ("rxq", queue_id) in conf.deferred else "off",
        "rx_nseg": 0,
        "share_group": 0,
        "share_qid": 0,
        "offloads": names(conf.rx_offloads, RxOffload),
        "rx_nmempool": 0,
        "scattered_rx": "on" if told.is_scattered else "off",
        "queue_state": queue_state(port, queue),
        "nb_desc": told.nb_desc,
        "rx_buf_size": app.pools[0].data_room,
        "avail_thresh": 0,
        "burst_flags": 0,
        "burst_mode": told.burst_mode,
    }


@telemetry(
    "/ethdev/tx_queue",
    "How a transmit queue is set. Parameters: int port_id, int queue_id (if more than one)",
)
def tx_queue(app: "TestPmd", params: str) -> Json:
    port, queue_id, queue = read.queue(app, params, "tx_queues")
    conf, told = port.conf or PortConf(), port.queue_info("txq", queue_id)
    return {
        **NO_THRESHOLDS,
        "rs_threshold": 0,
        "free_threshold": told.free_thresh,
        "deferred_start": "on" if ("txq", queue_id) in conf.deferred else "off",
        "offloads": names(conf.tx_offloads, TxOffload),
        "queue_state": queue_state(port, queue),
        "nb_desc": told.nb_desc,
        "burst_flags": 0,
        "burst_mode": told.burst_mode,
    }
