"""What the commands tell of a program that runs."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.appliance import Appliance

from pytestpmd.errors import ConfigError
from pytestpmd.telemetry import params as read
from pytestpmd.telemetry.protocol import V2
from pytestpmd.telemetry.registry import Json, discover

PAIR = ("net_vhost0,iface={0}", "net_virtio_user0,path={0}")


class Asked:
    """An appliance and what asks it."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance
        self._v2 = V2("x", 1, discover(), appliance.app)

    def __call__(self, request: str) -> Json:
        answer = json.loads(self._v2.answer(request.encode()))
        assert list(answer) == [request.split(",", maxsplit=1)[0]]
        return answer[request.split(",", maxsplit=1)[0]]


@pytest.fixture
def ask() -> Iterator[Asked]:
    """Two net_null ports with two queues each."""
    with Appliance("net_null0", "net_null1", options="--rxq=2 --txq=2 --record-core-cycles") as appliance:
        yield Asked(appliance)


@pytest.fixture
def ask_pair(tmp_path: Any) -> Iterator[Asked]:
    """net_vhost as port 0 and net_virtio_user as port 1, joined."""
    with Appliance(*(device.format(tmp_path / "s") for device in PAIR)) as appliance:
        assert appliance.are_joined()
        yield Asked(appliance)


def test_ports_are_listed_and_go_when_they_are_closed(ask: Asked) -> None:
    assert ask("/ethdev/list") == [0, 1]
    ask.appliance.run("port stop 1", "port close 1")
    assert ask("/ethdev/list") == [0]
    assert ask("/ethdev/stats,1") is None


def test_statistics_are_those_of_the_console(ask: Asked) -> None:
    ask.appliance.forward()
    port = ask.appliance.app.ports[0]
    stats = ask("/ethdev/stats,0")
    assert stats["ipackets"] == port.stats().ipackets > 0
    assert stats["q_ipackets"] == [queue.counters().packets for queue in port.rx_queues]
    assert sum(stats["q_ipackets"]) == stats["ipackets"]
    assert ask("/ethdev/xstats,0") == dict(port.xstats())
    assert ask("/ethdev/xstats,0,hide_zero=true") == {name: value for name, value in port.xstats() if value}


def test_info_is_what_the_port_is_set_to(ask: Asked) -> None:
    info = ask("/ethdev/info,1")
    port = ask.appliance.app.ports[1]
    assert (info["name"], info["port_id"], info["mtu"]) == ("net_null1", 1, 1500)
    assert (info["nb_rx_queues"], info["rxq_state"], info["dev_started"]) == (2, [1, 1], 1)
    assert info["mac_addr"] == port.mac.hex(":").upper()
    ask.appliance.run("port stop 1")
    assert (ask("/ethdev/info,1")["rxq_state"], ask("/ethdev/info,1")["dev_started"]) == ([0, 0], 0)


def test_a_link_that_is_down_has_no_speed(ask: Asked) -> None:
    assert ask("/ethdev/link_status,0") == {"status": "UP", "speed": 10000, "duplex": "full-duplex"}
    ask.appliance.run("port stop 0")
    assert ask("/ethdev/link_status,0") == {"status": "DOWN"}


def test_a_queue_is_told_where_the_driver_tells_of_it(ask_pair: Asked) -> None:
    queue = ask_pair("/ethdev/rx_queue,1")
    assert (queue["nb_desc"], queue["mempool_name"], queue["queue_state"]) == (256, "mb_pool_0", 1)
    assert queue == ask_pair("/ethdev/rx_queue,1,0")
    assert ask_pair("/ethdev/tx_queue,1,0")["nb_desc"] == 256
    assert ask_pair("/ethdev/rx_queue,1,1") is None
    assert queue["rx_drop_en"] == "off"
    ask_pair.appliance.app.config.queues.rx_drop_en = True
    assert ask_pair("/ethdev/rx_queue,1")["rx_drop_en"] == "on"


def test_a_queue_needs_a_number_where_there_are_two(ask: Asked) -> None:
    app = ask.appliance.app
    assert [read.queue(app, f"0,{queue_id}", "rx_queues")[1] for queue_id in (0, 1)] == [0, 1]
    for params in ("0", "0,", "0,2", "0,x"):
        with pytest.raises(ConfigError):
            read.queue(app, params, "rx_queues")


def test_an_lcore_that_records_cycles_tells_how_busy_it_is(ask: Asked) -> None:
    assert ask("/eal/lcore/list") == [0, 1]
    ask.appliance.forward()
    usage = ask("/eal/lcore/usage")
    assert usage["lcore_ids"] == [1]
    assert 0 < usage["busy_cycles"][0] <= usage["total_cycles"][0]
    info = ask("/eal/lcore/info,1")
    assert info["usage_ratio"] == usage["usage_ratio"][0]
    assert info["role"] == "RTE"
    assert "total_cycles" not in ask("/eal/lcore/info,0")
    assert ask("/eal/lcore/info,9") is None
    assert ask("/eal/lcore/info,1x") is None


def test_the_pool_is_as_large_as_was_asked_for(ask: Asked) -> None:
    assert ask("/mempool/list") == ["mb_pool_0"]
    info = ask("/mempool/info,mb_pool_0")
    assert (info["size"], info["cache_size"]) == (4096, 64)
    assert info["total_cache_count"] + info["common_pool_count"] == ask.appliance.app.pools[0].count_free()
    assert ask("/mempool/info,other") == {}
    assert ask("/mempool/info") is None


def test_memory_is_told_area_by_area_and_as_a_whole(ask: Asked) -> None:
    gc.collect()  # other tests' ports
    zones = [ask(f"/eal/memzone_info,{index}") for index in ask("/eal/memzone_list")]
    (pool,) = (zone for zone in zones if zone["Address"] == hex(ask.appliance.app.pools[0].arena.address))
    assert (pool["Name"], pool["Length"]) == ("mb_pool_0", ask.appliance.app.pools[0].arena.size)
    heap = ask("/eal/heap_info,0")
    assert heap["Heap_size"] == sum(zone["Length"] for zone in zones) == heap["Free_size"] + heap["Alloc_size"]
    segments = [ask(f"/eal/memseg_info,0,{index}") for index in ask("/eal/memseg_list_info,0")]
    assert sum(segment["Size"] for segment in segments) == heap["Heap_size"]
    assert (ask("/eal/memseg_lists"), ask("/eal/memseg_list_info,7")) == ([0], [])
    assert (ask("/eal/memseg_info,0"), ask("/eal/memseg_info,0,99999"), ask("/eal/memseg_info,1,0")) == (None,) * 3
    assert (ask("/eal/heap_info,1"), ask("/eal/memzone_info,99999"), ask("/eal/memzone_info")) == (None, None, None)


def test_the_command_line_is_told_word_by_word(ask: Asked) -> None:
    assert ask("/eal/params")[2:] == [
        "--no-pci",
        "--force-max-simd-bitwidth=512",
        "--vdev=net_null0",
        "--vdev=net_null1",
    ]
    assert "--record-core-cycles" in ask("/eal/app_params")


def test_what_there_is_none_of_is_null_or_empty(ask: Asked) -> None:
    for name in ("dcb", "fec", "flow_ctrl", "regs", "tm_capability", "dump_priv"):
        assert ask(f"/ethdev/{name},0") is None
    assert ask("/ethdev/module_eeprom,0") == {}
    assert ask("/ethdev/module_eeprom,7") is None
    assert ask("/rawdev/list") == ask("/ring/list") == []


@pytest.mark.parametrize("params", ["", ",", ",x", ", 0", ",-1", ",99", ",99999999999999999999", ",é"])
def test_a_port_that_is_none_is_null_whatever_is_asked_of_it(ask: Asked, params: str) -> None:
    for name in discover():
        if name.startswith("/ethdev/") and name != "/ethdev/list":
            assert ask(name + params) is None


def test_more_than_the_port_is_ignored_as_in_the_original(ask: Asked) -> None:
    assert ask("/ethdev/link_status,0,7") == ask("/ethdev/link_status,0x0") == ask("/ethdev/link_status,0")


def test_a_hash_is_told_where_packets_are_spread(ask: Asked, ask_pair: Asked) -> None:
    rss = ask.appliance.app.ports[0].rss
    assert ask("/ethdev/rss_info,0")["rss_hf"] == hex(rss.functions) != "0x0"
    assert ask("/ethdev/rss_info,0")["rss_key"] == rss.key.hex()
    assert ask_pair("/ethdev/rss_info,0") is None


def test_a_vlan_filter_is_told_in_blocks_of_64(ask_pair: Asked) -> None:
    ask_pair.appliance.app.ports[1].vlan_ids |= {1, 64, 65, 4095}
    vlan = ask_pair("/ethdev/vlan,1")
    assert vlan["vlan_num"] == 4
    assert vlan["vlan_ids"] == {"vlan_0_to_63": [1], "vlan_64_to_127": [64, 65], "vlan_4032_to_4095": [4095]}
    assert vlan["VLAN_STRIP"] == "off"


def test_a_virtio_port_tells_its_functions_and_its_two_ends(ask_pair: Asked) -> None:
    assert ask_pair("/pytestpmd/callbacks,1")["rx"]["callback"].startswith("virtio_recv")
    back, front = ask_pair("/pytestpmd/virtio,0"), ask_pair("/pytestpmd/virtio,1")
    assert (back["side"], front["side"]) == ("back-end", "front-end")
    agreed = [{one["name"] for one in end["features"] if one["agreed"]} for end in (back, front)]
    assert "VIRTIO_F_VERSION_1" in agreed[0] & agreed[1]


def test_what_was_forwarded_is_told_by_port_and_stream(ask: Asked) -> None:
    ask.appliance.forward()
    stats = ask("/pytestpmd/fwd/stats")
    assert (stats["engine"], stats["running"], len(stats["ports"]), len(stats["streams"])) == ("io", False, 2, 4)
    assert stats["total"]["rx_packets"] == sum(stream["rx_packets"] for stream in stats["streams"]) > 0
    assert set(ask("/pytestpmd/drops,0").values()) == {0}


def test_losses_go_by_their_reason(ask_pair: Asked) -> None:
    # the front-end's ring fills up, since nobody takes packets out of it
    ask_pair.appliance.run("set portlist 0", "set fwd txonly")
    ask_pair.appliance.forward()
    assert ask_pair("/pytestpmd/drops,0")["tx_dropped"] > 0
