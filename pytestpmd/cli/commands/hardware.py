"""Options for what a NIC in hardware may have: values are checked as the original checks them, and nothing follows."""

import re
from typing import TYPE_CHECKING

from pytestpmd.cli.params import INT32, TEXT
from pytestpmd.cli.registry import option
from pytestpmd.config import LaunchError
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

#: Fixed link speeds that can be asked for, in Mbps.
SPEEDS = (1000, 2500, 5000, 10000, 25000, 40000, 50000, 100000, 200000, 400000, 800000)
_NO_HAIRPIN = "no device here has hairpin queues"


@option(
    "--eth-link-speed=MBPS",
    "fixed speed of the links",
    type=INT32,
    words=[*map(str, SPEEDS)],
    why_unused="the link's other end decides",
)
def eth_link_speed(app: "TestPmd", mbps: int) -> str:
    return "" if mbps in SPEEDS else "Unsupported fixed speed"


@option("--rxq-share", "share receive queues among ports", why_unused="no device here shares them")
def rxq_share(app: "TestPmd") -> None:
    """Nothing to do."""


@option("--hairpinq=N", "hairpin queues of a port", type=INT32, why_unused=_NO_HAIRPIN)
def hairpinq(app: "TestPmd", count: int) -> None:
    first = next(iter(app.ports.ids()), None)
    if count > 0 and first is not None:
        raise LaunchError(
            f"txq {count} invalid - must be >= 0 && <= 0",
            before=f"Fail: input hairpin ({count}) can't be greater than max_hairpin_queues (0) of port {first}",
        )
    if count < 0:
        raise ConfigError(f"txq {count} invalid - must be >= 0 && <= 0")


@option("--hairpin-mode=MASK", "how hairpin queues are joined", type=TEXT, why_unused=_NO_HAIRPIN)
def hairpin_mode(app: "TestPmd", text: str) -> None:
    if not re.match(r"\s*[+-]?(0[xX][0-9a-fA-F]|[0-9])", text):
        raise ConfigError("hairpin mode invalid")


@option("--hairpin-map=RXPORT:RXQ:TXPORT:TXQ:COUNT", "which hairpin queues are joined", why_unused=_NO_HAIRPIN)
def hairpin_map(app: "TestPmd", text: str) -> None:
    if not re.fullmatch(r"[0-9]{1,5}(:[0-9]{1,5}){4}", text):
        raise ConfigError("invalid hairpin map")
