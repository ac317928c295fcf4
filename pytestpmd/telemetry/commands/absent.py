"""What there is none of here: asked, the original says of such a port or program what these say."""

from typing import TYPE_CHECKING

from pytestpmd.errors import NotSupported
from pytestpmd.telemetry import params as read
from pytestpmd.telemetry.registry import Json, telemetry

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


@telemetry("/ethdev/dcb", "Data center bridging of a port: none here. Parameters: int port_id")
@telemetry("/ethdev/dump_priv", "A driver's private dump: none here. Parameters: int port_id")
@telemetry("/ethdev/fec", "Forward error correction of a port: none here. Parameters: int port_id")
@telemetry("/ethdev/flow_ctrl", "Pause frames of a port: none here. Parameters: int port_id")
@telemetry("/ethdev/regs", "Registers of a port: none here. Parameters: int port_id")
@telemetry("/ethdev/tm_capability", "Traffic management of a port: none here. Parameters: int port_id")
@telemetry("/ethdev/tm_level_capability", "A level of it: none here. Parameters: int port_id, int level_id")
@telemetry("/ethdev/tm_node_capability", "A node of it: none here. Parameters: int port_id, int node_id")
def not_of_these_ports(app: "TestPmd", params: str) -> Json:
    raise NotSupported("Operation not supported")


@telemetry("/ethdev/module_eeprom", "A port's plug-in module: nothing here. Parameters: int port_id")
def module_eeprom(app: "TestPmd", params: str) -> Json:
    read.port(app, params)
    return {}


@telemetry("/dmadev/list", "Ids of DMA devices: none here. No parameters")
@telemetry("/rawdev/list", "Ids of raw devices: none here. No parameters")
@telemetry("/ring/list", "Names of rings between threads: none here. No parameters")
def none_of_these_devices(app: "TestPmd", params: str) -> Json:
    return []
