import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes.app import FakeApp, FakePort

from pytestpmd.cli.answer import dumps
from pytestpmd.cli.facts import port as facts
from pytestpmd.cli.render import virtio as render
from pytestpmd.ethdev.report import (
    ConnectionReport,
    ControlReport,
    DeviceReport,
    FeatureReport,
    RegionReport,
    RingReport,
)


def as_json(port: Any) -> str:
    return dumps({**facts.identity(port), **facts.virtio(port)})


FRONT_END = DeviceReport(
    "front-end",
    ConnectionReport(True, "client", "/tmp/s"),
    (
        FeatureReport("VIRTIO_NET_F_MTU", True, True, True),
        FeatureReport("VIRTIO_F_RING_PACKED", True, False, False, "not wanted: devarg packed_vq=1 asks for it"),
    ),
    (FeatureReport("VHOST_USER_PROTOCOL_F_MQ", False, True, False, "not offered by the back-end"),),
    (RegionReport(0x1000, 0x2000, 0x3000, 0),),
    (
        RingReport(0, "rxq 0", "split", 256, "live", 0x2000, 0x2100, 0x2200, 300, 44, None, None, {"outstanding": 255}),
        RingReport(
            1,
            "txq 0",
            "packed",
            100,
            "live",
            0x2300,
            0x2400,
            0x2500,
            7,
            98,
            0,
            1,
            {"kicks": 3, "kicks_suppressed": 9},
            "the device gave back a buffer that it does not have",
        ),
    ),
    ("> VHOST_USER_GET_FEATURES", "< VHOST_USER_GET_FEATURES reply 0x140000000"),
)
BACK_END = DeviceReport(
    "back-end",
    ConnectionReport(False, "server", "/tmp/s", "none has come yet"),
    (FeatureReport("VIRTIO_NET_F_MRG_RXBUF", True, None, False),),
)


class Reporting(FakePort):
    """A port whose report is what the test says."""

    driver_name = "net_virtio_user"

    def __init__(self, report: DeviceReport) -> None:
        super().__init__("net_virtio_user0")
        self.port_id = 3
        self.report = report

    def device_report(self) -> DeviceReport:
        return self.report


def test_a_front_end_shows_who_refused_what_its_rings_and_what_was_said() -> None:
    assert render.device(Reporting(FRONT_END)).splitlines() == [
        "Virtio front-end of port 3 (net_virtio_user0):",
        "  Connection: client at /tmp/s, connected",
        "  Features (offered, wanted, agreed):",
        "    VIRTIO_NET_F_MTU      yes      yes     yes",
        "    VIRTIO_F_RING_PACKED  yes      no      no      not wanted: devarg packed_vq=1 asks for it",
        "  Protocol features (offered, wanted, agreed):",
        "    VHOST_USER_PROTOCOL_F_MQ  no       yes     no      not offered by the back-end",
        "  Memory regions:",
        "    guest 0x1000 user 0x2000 size 0x3000 file offset 0x0",
        "  Rings:",
        "    ring 0, rxq 0: split, 256 descriptors, live",
        "      desc 0x2000 avail 0x2100 used 0x2200",
        "      avail index 300, used index 44, outstanding 255",
        "    ring 1, txq 0: packed, 100 descriptors, live",
        "      desc 0x2300 avail 0x2400 used 0x2500",
        "      avail index 7 (wrap counter 0), used index 98 (wrap counter 1), kicks 3, kicks suppressed 9",
        "      fault: the device gave back a buffer that it does not have",
        "  Messages, the newest last (> sent, < received):",
        "    > VHOST_USER_GET_FEATURES",
        "    < VHOST_USER_GET_FEATURES reply 0x140000000",
    ]


def test_a_driver_shows_its_way_to_the_device_and_no_protocol() -> None:
    way = ConnectionReport(True, "PCI device", "0000:00:05.0", "modern, vfio-pci, MSI-X, 2 vectors")
    report = DeviceReport("driver", way, FRONT_END.features, rings=FRONT_END.rings[:1])
    assert render.device(Reporting(report)).splitlines() == [
        "Virtio driver of port 3 (net_virtio_user0):",
        "  Connection: PCI device at 0000:00:05.0, connected: modern, vfio-pci, MSI-X, 2 vectors",
        "  Features (offered, wanted, agreed):",
        "    VIRTIO_NET_F_MTU      yes      yes     yes",
        "    VIRTIO_F_RING_PACKED  yes      no      no      not wanted: devarg packed_vq=1 asks for it",
        "  Memory regions: none",
        "  Rings:",
        "    ring 0, rxq 0: split, 256 descriptors, live",
        "      desc 0x2000 avail 0x2100 used 0x2200",
        "      avail index 300, used index 44, outstanding 255",
    ]


def test_a_back_end_that_nobody_came_to_says_so_and_what_it_offers() -> None:
    assert render.device(Reporting(BACK_END)).splitlines() == [
        "Virtio back-end of port 3 (net_virtio_user0):",
        "  Connection: server at /tmp/s, not connected: none has come yet",
        "  Features (offered, acknowledged):",
        "    VIRTIO_NET_F_MRG_RXBUF  yes      no",
        "  Protocol features (offered, acknowledged): none",
        "  Memory regions: none",
        "  Rings: none",
        "  Messages, the newest last (> sent, < received): none",
    ]


def test_a_way_without_a_socket_has_no_path() -> None:
    text = render.device(Reporting(replace(BACK_END, connection=ConnectionReport(True))))
    assert "  Connection: connected\n" in text


def leaves(value: Any) -> Iterator[Any]:
    """Every string and number in a JSON value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from leaves(each)
    if isinstance(value, str | int) and not isinstance(value, bool):
        yield value


@pytest.mark.parametrize("report", [FRONT_END, BACK_END], ids=["front-end", "back-end"])
def test_json_is_one_line_with_all_that_the_text_says(report: DeviceReport) -> None:
    port = Reporting(report)
    line, text = as_json(port), render.device(port)
    shown = json.loads(line)
    assert "\n" not in line
    assert list(shown) == ["port_id", "name", "driver", "virtio"]
    assert [shown["port_id"], shown["name"], shown["driver"]] == [3, "net_virtio_user0", "net_virtio_user"]
    for leaf in leaves(shown["virtio"]):
        assert str(leaf) in text or hex(int(leaf)) in text, leaf


def test_json_keeps_addresses_as_numbers_and_what_nobody_knows_as_null() -> None:
    front, back = (json.loads(as_json(Reporting(report)))["virtio"] for report in (FRONT_END, BACK_END))
    assert front["rings"][1]["desc"] == 0x2300
    assert front["rings"][1]["counters"] == {"kicks": 3, "kicks_suppressed": 9}
    assert front["rings"][0]["avail_wrap"] is None
    assert back["features"][0] == {
        "name": "VIRTIO_NET_F_MRG_RXBUF",
        "offered": True,
        "wanted": None,
        "agreed": False,
        "note": "",
    }


def test_another_port_has_one_line_and_null() -> None:
    port = FakeApp().ports[0]
    assert render.device(port) == "Port 0 (net_null0) is no virtio device: its driver is net_null"
    assert json.loads(as_json(port)) == {
        "port_id": 0,
        "name": "net_null0",
        "driver": "net_null",
        "virtio": None,
    }


def test_a_control_queue_and_a_configuration_space_are_shown_where_there_are_some() -> None:
    control = ControlReport(4, 2, 1, "the device did not answer a command within 1 s", ("RX_PROMISC 01: refused",))
    report = replace(FRONT_END, control=control, config={"status": 1, "mac": "02:11:22:33:44:55"})
    shown = render.device(Reporting(report))
    assert (
        "  Configuration space:\n"
        "    status 1\n"
        "    mac 02:11:22:33:44:55\n"
        "  Control queue:\n"
        "    queue 4: commands sent 2, refused 1\n"
        "    broken: the device did not answer a command within 1 s\n"
        "    RX_PROMISC 01: refused\n"
        "  Messages"
    ) in shown
    assert "Control queue" not in render.device(Reporting(FRONT_END))
    told = json.loads(as_json(Reporting(report)))["virtio"]
    assert told["control"]["refused"] == 1
    assert told["config"]["status"] == 1


def test_what_the_front_end_shares_besides_is_shown_in_numbers() -> None:
    report = replace(BACK_END, shared={"memory_slots": 8, "memory_slots_used": 1, "dirty_log_bytes": 4096})
    text = render.text("Heading:", report)
    assert "\n  Shared:\n    memory slots 8\n    memory slots used 1\n    dirty log bytes 4096\n" in text
    assert "Shared:" not in render.text("Heading:", BACK_END)
