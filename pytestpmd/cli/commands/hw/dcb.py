"""Data centre bridging and flow director: classes can be chosen and shown, and no port here has them."""

from typing import TYPE_CHECKING, Any

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.params import UINT8
from pytestpmd.cli.preconditions import refuse_while_forwarding
from pytestpmd.cli.refusal import Refused, no
from pytestpmd.cli.registry import command
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.port import PortState

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

MAX_CLASSES = 8


def no_dcb_info(app: Any, command: Refused, given: list[Any]) -> str:
    """Said of one port, or of each."""
    ids = given or app.ports.ids()
    return "\n".join(f"\n Failed to get dcb infos on port {port_id:<2} " for port_id in ids)


def dcb_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """The number of classes is looked at before the driver is asked."""
    port_id, _, classes = given[:3]
    if app.ports[port_id].state is not PortState.STOPPED:
        return f"Please stop port {port_id} first"
    if not 1 <= classes <= MAX_CLASSES:
        return "The invalid number of traffic class, only 1~8 allowed."
    if app.config.forward.nb_cores < classes:
        return "nb_cores shouldn't be less than number of TCs."
    return "rte_eth_dev_get_dcb_info not supported."


def _listed(mask: int) -> str:
    return "".join(f" {one}" for one in range(MAX_CLASSES) if mask >> one & 1)


@command("set dcb fwd_tc (tc_mask)", "Set which traffic classes would forward.", "config", tc_mask=UINT8)
def set_fwd_tc(app: "TestPmd", mask: int) -> str:
    refuse_while_forwarding(app)
    if not mask:
        raise ConfigError("TC mask should not be zero!")
    app.config.dcb.fwd_tc_mask = mask
    return f"Enabled DCB forwarding TC list:{_listed(mask)}"


@command("set dcb fwd_tc_cores (tc_cores)", "Set how many cores a traffic class would have.", "config", tc_cores=UINT8)
def set_fwd_tc_cores(app: "TestPmd", cores: int) -> str:
    refuse_while_forwarding(app)
    if not cores:
        raise ConfigError("Cores per-TC should not be zero!")
    app.config.dcb.fwd_tc_cores = cores
    return f"Set cores-per-TC: {cores}"


@command("show config dcbfwdtc", "Show which traffic classes would forward, and their cores.", "display")
def show_fwd_tc(app: "TestPmd") -> Answer:
    dcb = app.config.dcb
    classes = [one for one in range(MAX_CLASSES) if dcb.fwd_tc_mask >> one & 1]
    return Answer(
        f"DCB forwarding TC list:{_listed(dcb.fwd_tc_mask)}\nDCB forwarding cores per-TC: {dcb.fwd_tc_cores}",
        lambda: {"traffic_classes": classes, "cores_per_class": dcb.fwd_tc_cores},
    )


COMMANDS = [
    no("show port fdir (port_id)", "Show flow director statistics, which no port has.", ""),
    no("show port dcb_tc (port_id)", "Show traffic classes, which no port has.", no_dcb_info),
    no("clear port fdir (port_id)", "Does nothing.", "", section="display"),
    no("clear port dcb_tc (port_id)", "Does nothing.", "", section="display"),
    no("show port fdir all", "Show flow director statistics, which no port has.", ""),
    no("show port dcb_tc all", "Show traffic classes, which no port has.", no_dcb_info),
    no("clear port fdir all", "Does nothing.", "", section="display"),
    no("clear port dcb_tc all", "Does nothing.", "", section="display"),
    no(
        "port config (port_id) dcb vt (on|off) (num_tcs:u8) pfc (words:words)",
        "Put port in DCB mode.",
        dcb_answer,
        section="ports",
    ),
]
