"""Rates, thresholds and congestion management of single queues: nothing that a port here does."""

from typing import Any

from pytestpmd.cli.refusal import Refused, any_port, no
from pytestpmd.ethdev.link import SPEED_UNKNOWN


def rate_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """A rate above the link's is refused before the driver is asked."""
    port_id, _, rate = given
    speed = app.ports[port_id].link().speed
    if speed != SPEED_UNKNOWN and rate > speed:
        return f"Invalid rate value:{rate} bigger than link speed: {speed}"
    return "rte_eth_set_queue_rate_limit for port_id={port} failed diag={code}\nqueue_rate_limit_cmd error: ({why})"


def affinity_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """The queue is looked at before the driver is asked."""
    _, queue_id, _ = given
    if queue_id >= app.config.queues.txq:
        return f"Invalid TX queue {queue_id} (must be < nb_txq={app.config.queues.txq})"
    return "Failed to map tx queue with an aggregated port: {why}"


def cman_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """``default``, or an object, a mode and its three numbers; neither can be had."""
    words = given[-1].split()
    first = "error in default initialization" if words[0].lower() == "default" else _cman_complaint(words)
    return f"{first}\nparams string parse error"


def _cman_complaint(words: list[str]) -> str:
    if len(words) < 2:
        return "Object param parse error"
    if words[1] not in ("queue", "queue_mempool"):
        return "Object value is invalid"
    if len(words) < 3:
        return " Mode param is invalid"
    if len(words) < 4 or words[3] != "red":
        return " Mode value is invalid"
    return "ETHDEV: Function not implemented"


COMMANDS = [
    no("set port (port_id) queue (queue_id:u8) rate (rate_num:u32)", "Tx rate limit of a queue.", rate_answer),
    no(
        "show port (port_id) queue (queue_id) rate",
        "Tx rate limit of a queue.",
        "Get queue rate limit failed: {why}",
        check=any_port,
    ),
    no(
        "set port (port_id) rxq (queue_id) avail_thresh (avail_thresh_num:u8)",
        "Rx descriptor threshold event.",
        "rxq_avail_thresh_cmd error: ({why})",
    ),
    no("show port cman capa (port_id)", "Congestion management capabilities.", "ETHDEV: Function not implemented"),
    no("show port cman config (port_id)", "Congestion management configuration.", "ETHDEV: Function not implemented"),
    no(
        "set port cman config (port_id) (queue_id) (words:words)", "Congestion management.", cman_answer, check=any_port
    ),
    no(
        "port config (port_id) txq (queue_id) affinity (value:u8)",
        "Map Tx queue to aggregated port.",
        affinity_answer,
        section="ports",
    ),
]
