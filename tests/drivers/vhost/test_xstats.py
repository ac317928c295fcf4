"""What net_vhost counts of its queues besides what is counted of every port's."""

from pathlib import Path

from fakes.appliance import Appliance


def test_calls_of_the_driver_are_counted_from_the_last_clearing_on(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with Appliance(f"net_vhost0,iface={path}", f"net_virtio_user0,path={path}") as pair:
        assert pair.are_joined()
        pair.forward(tx_first=1)
        port = pair.app.ports[0]
        counted = dict(port.xstats())
        told = [counted[f"rx_q0_guest_notifications{ending}"] for ending in ("", "_suppressed")]
        assert told == [port.rx_queues[0].handle.calls, port.rx_queues[0].handle.calls_suppressed]
        assert sum(told) > 0
        port.clear_stats()
        assert not any(value for _, value in port.xstats())
        pair.forward(tx_first=1)
        assert dict(port.xstats())["rx_q0_guest_notifications_suppressed"] > 0


def test_the_drivers_come_after_those_of_every_port(tmp_path: Path) -> None:
    with Appliance(f"net_vhost0,iface={tmp_path / 'socket'}") as back:
        names = [name for name, _ in back.app.ports[0].xstats()]
    assert len(names) == len(set(names))
    start = names.index("rx_q0_good_packets")
    assert names[start - 2 : start] == ["tx_q0_packets", "tx_q0_bytes"]
    assert names[-1] == "tx_q0_mbuf_alloc_failed"
