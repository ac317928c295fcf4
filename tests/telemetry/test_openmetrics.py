"""What Prometheus is told, as its own parser reads it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.appliance import Appliance

pytest.importorskip("prometheus_client", reason="pip install pytestpmd[metrics]")

from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pytestpmd.telemetry.drops import drops_by_reason
from pytestpmd.telemetry.openmetrics import Figures


class Scrape:
    """The samples of one page by name and labels, and the type of each family."""

    def __init__(self, appliance: Appliance) -> None:
        registry = CollectorRegistry(auto_describe=False)
        figures: Any = Figures(appliance.app)
        registry.register(figures)
        write: Any = generate_latest
        read: Any = text_string_to_metric_families
        self.families = list(read(write(registry).decode()))

    def value(self, name: str, /, **labels: object) -> float:
        """Of all samples with these labels, the sum; there is one at least."""
        wanted = {key: str(value) for key, value in labels.items()}
        found = [
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name and wanted.items() <= sample.labels.items()
        ]
        assert found, (name, labels)
        return float(sum(found))

    def labels(self, name: str) -> list[dict[str, str]]:
        return [sample.labels for family in self.families for sample in family.samples if sample.name == name]


@pytest.fixture
def nulls() -> Iterator[Appliance]:
    options = "--rxq=2 --txq=2 --record-core-cycles"
    with Appliance("net_null0", "net_null1", options=options) as appliance:
        yield appliance


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Appliance]:
    with Appliance(f"net_vhost0,iface={tmp_path / 's'}", f"net_virtio_user0,path={tmp_path / 's'}") as appliance:
        assert appliance.are_joined()
        yield appliance


def test_counters_are_those_of_the_ports(nulls: Appliance) -> None:
    nulls.forward()
    page, stats = Scrape(nulls), nulls.app.ports[0].lifetime_stats()
    assert page.value("pytestpmd_port_packets_total", port=0, direction="rx") == stats.ipackets > 0
    assert page.value("pytestpmd_port_bytes_total", port=0, direction="tx") == stats.obytes
    assert page.value("pytestpmd_queue_packets_total", port=0, direction="rx") == stats.ipackets
    assert page.value("pytestpmd_stream_packets_total", rx_port=0, outcome="received") > 0


def test_no_clear_makes_a_counter_smaller(nulls: Appliance) -> None:
    nulls.forward()
    before = Scrape(nulls).value("pytestpmd_port_packets_total")
    nulls.run("clear port stats all")
    assert Scrape(nulls).value("pytestpmd_port_packets_total") == before


def test_every_family_has_a_help_and_a_name_that_fits_its_type(nulls: Appliance) -> None:
    nulls.forward()
    families = Scrape(nulls).families
    assert len({family.name for family in families}) == len(families) >= 15
    for family in families:
        assert family.documentation, family.name
        assert family.name.startswith("pytestpmd")
        assert not family.name.endswith(("_total", "_info"))


def test_lcores_tell_their_cycles_where_they_are_recorded(nulls: Appliance) -> None:
    nulls.forward()
    assert Scrape(nulls).value("pytestpmd_lcore_cycles_total", lcore=1, state="busy") > 0
    nulls.app.config.forward.record_core_cycles = False
    assert Scrape(nulls).labels("pytestpmd_lcore_cycles_total") == []


def test_pools_and_links_and_the_program_are_told(nulls: Appliance) -> None:
    page = Scrape(nulls)
    assert page.value("pytestpmd_mempool_mbufs", pool="mb_pool_0") == 4096
    assert page.value("pytestpmd_mempool_in_use_mbufs", pool="mb_pool_0") == nulls.app.pools[0].in_use()
    assert page.value("pytestpmd_port_link_up", port=1) == 1
    assert page.value("pytestpmd_port_link_bits_per_second", port=1) == 10e9
    assert page.value("pytestpmd_info", engine="io") == 1
    assert page.value("pytestpmd_forwarding") == 0
    nulls.run("port stop 1")
    assert Scrape(nulls).value("pytestpmd_port_link_up", port=1) == 0


def test_virtio_ports_tell_functions_features_and_rings(pair: Appliance) -> None:
    pair.forward()
    page = Scrape(pair)
    (info,) = [labels for labels in page.labels("pytestpmd_port_info") if labels["port"] == "1"]
    assert info["driver"] == "net_virtio_user"
    assert info["rx_callback"] == pair.app.ports[1].burst_choices()[0].callback
    assert page.value("pytestpmd_virtio_feature", port=1, feature="VIRTIO_F_VERSION_1") == 1
    assert page.value("pytestpmd_virtqueue_descriptors", port=1, queue="rxq 0") == 256
    assert page.value("pytestpmd_virtqueue_outstanding_descriptors", port=1, queue="rxq 0") > 0
    assert page.labels("pytestpmd_virtqueue_events_total")


def test_losses_go_by_their_reason(pair: Appliance) -> None:
    pair.run("set portlist 0", "set fwd txonly")
    pair.forward()
    page, drops = Scrape(pair), drops_by_reason(pair.app, pair.app.ports[0])
    assert drops["tx_dropped"] > 0
    for reason, count in drops.items():
        assert page.value("pytestpmd_port_drops_total", port=0, reason=reason) == count


def test_a_port_that_is_closed_is_told_of_no_more(nulls: Appliance) -> None:
    nulls.run("port stop 1", "port close 1")
    assert {labels["port"] for labels in Scrape(nulls).labels("pytestpmd_port_info")} == {"0"}


def test_a_port_that_goes_meanwhile_spoils_nothing(nulls: Appliance, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise AttributeError("closed")

    monkeypatch.setattr(nulls.app.ports[1], "link", gone)
    assert {labels["port"] for labels in Scrape(nulls).labels("pytestpmd_port_info")} == {"0"}
