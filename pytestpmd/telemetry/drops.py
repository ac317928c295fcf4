"""Why packets were lost: the port's counters, the forwarding engine's, and the rings', under one name each."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytestpmd.ethdev.port import EthPort

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

#: Of the counters of a ring, those that count packets which came to nothing.
OF_RINGS = ("bad_chains", "bad_headers")


def drops_by_reason(app: "TestPmd", port: EthPort) -> Mapping[str, int]:
    """Packets since the port was made, but ``tx_dropped``: since ``start``.

    ``rx_missed`` found no descriptor or no room, ``rx_nombuf`` no mbuf, ``rx_errors`` and ``tx_errors`` were refused by
    the driver or the device, ``tx_dropped`` were not taken by the transmit queue, ``bad_chains`` and ``bad_headers``
    came from a front-end that broke the rules.
    """
    stats = port.lifetime_stats()
    dropped = Counter(
        rx_missed=stats.imissed,
        rx_nombuf=stats.rx_nombuf,
        rx_errors=stats.ierrors,
        tx_errors=stats.oerrors,
        tx_dropped=sum(one.fwd_dropped for one in app.session.sample() if one.spec.tx_port == port.port_id),
    )
    report = port.device_report()
    for ring in report.rings if report else ():
        dropped.update({name: count for name, count in ring.counters.items() if name in OF_RINGS})
    return dropped
