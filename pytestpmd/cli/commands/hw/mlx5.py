"""What only a port of the mlx5 driver does."""

from typing import Any

from pytestpmd.cli.refusal import Refused, any_port, of_driver

LIST = "ID\tType\tClass\tClass_mode\tLen\tOffset\tSample_len\tData"


def attach_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """Both the device and the socket must be named."""
    if len(given[0].split(" ")) < 2 or not given[0].split(" ")[1].startswith("socket="):
        return "Invalid devargs extension is specified"
    return "Failed to attach port {0}: there is no mlx5 driver here"


def engine_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """No port is of that driver, so none changes."""
    return f"Fail to set flow_engine to {given[0]} mode with flag {given[1] or 0:#x}, error Operation not supported"


def tlv_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """Lengths are checked as the original checks them; the option is not kept."""
    _, _, length, offset, sample_len, *_ = given
    if length < sample_len + offset:
        return f"GENEVE TLV option length ({length}) cannot be less than offset ({sample_len}) + sample_len ({offset})"
    if length > 32:
        return f"GENEVE TLV option length ({length}) must be less than 32"
    return "no port here is of the mlx5 driver"


COMMANDS = [
    of_driver(
        "mlx5 set port (port_id) host_shaper avail_thresh_triggered (flag:u16) rate (rate:u8)",
        "Host shaper.",
        "cmd_port_host_shaper error: ({why})",
        check=any_port,
    ),
    of_driver("mlx5 port attach (words:words)", "Attach with fds.", attach_answer, check=any_port),
    of_driver(
        "mlx5 port (port_id) ext_rxq map (sw_queue_id:u16) (hw_queue_id:u32)",
        "Map external queue.",
        "function not implemented or supported",
    ),
    of_driver(
        "mlx5 port (port_id) ext_rxq unmap (sw_queue_id:u16)",
        "Unmap external queue.",
        "function not implemented or supported",
    ),
    of_driver(
        "mlx5 set flow_engine (active|standby) [(flag:u32)]",
        "Flow engine mode.",
        engine_answer,
        check=any_port,
    ),
    of_driver(
        "mlx5 set tlv_option class (class_id:u16) type (type_id:u8) len (len:u8) offset (offset:u8) "
        "sample_len (sample_len:u8) class_mode (ignored|fixed|matchable) data (words:words)",
        "GENEVE TLV option.",
        tlv_answer,
        check=any_port,
    ),
    of_driver("mlx5 list tlv_options", "List TLV options.", LIST, check=any_port),
    of_driver("mlx5 flush tlv_options [max (number:u8)]", "Clear TLV options.", "", check=any_port),
    of_driver(
        "mlx5 port (port_id) apply tlv_options",
        "Apply TLV options.",
        "The option list is empty, please set options",
    ),
    of_driver("mlx5 port (port_id) destroy tlv_options", "Destroy TLV parser.", ""),
    of_driver(
        "mlx5 port (port_id) queue (queue_id) dump sq_context (file)",
        "Dump SQ context.",
        "invalid port_id {port}",
        check=any_port,
    ),
    of_driver(
        "mlx5 port (port_id) queue (queue_id) dump rq_context (file)",
        "Dump RQ context.",
        "invalid port_id {port}",
        check=any_port,
    ),
    of_driver(
        "mlx5 port (port_id) txq (queue_id) rate show",
        "Queue rate index.",
        "invalid port_id {port}",
        check=any_port,
    ),
]
