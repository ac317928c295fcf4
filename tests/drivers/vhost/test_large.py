"""ext-buffer=1: frames longer than an mbuf in buffers of their own, on their way through the program."""

from pathlib import Path

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually
from fakes.packets import audit, frames, receive
from fakes.vhost_frontend import HDR_SIZE, FakeFrontend
from fakes.virtio_driver import Desc

from pytestpmd.eal.mempool import large_pool, large_pools


def transmit(front: FakeFrontend, sent: list[bytes]) -> None:
    """As many buffers of 2000 bytes as a frame takes."""
    driver = front.rings[1].driver
    for data in sent:
        address = front.alloc(HDR_SIZE + len(data))
        front.memory.write(address, bytes(HDR_SIZE) + data)
        whole = HDR_SIZE + len(data)
        driver.offer(driver.chain([Desc(address + at, min(2000, whole - at)) for at in range(0, whole, 2000)]))


def come(appliance: Appliance, count: int) -> list[bytes]:
    """What arrives at the far end."""
    queue, got = appliance.app.ports[0].rx_queues[0], list[bytes]()

    def more() -> bool:
        got.extend(receive(queue.burst, queue.handle))
        return len(got) >= count

    assert eventually(more)
    return got


@pytest.mark.parametrize("rings", ["packed_vq=0", "packed_vq=1", "mrg_rxbuf=0,in_order=0,vectorized=1"])
def test_a_front_end_of_ours_sends_them_on(no_leaks: None, no_large: None, tmp_path: Path, rings: str) -> None:
    """It shares them with its back-end although they are of no pool that it was configured with."""
    near, far = tmp_path / "near", tmp_path / "far"
    devices = (
        f"net_vhost0,iface={far}",
        f"net_virtio_user0,path={far},{rings}",
        f"net_vhost1,iface={near},ext-buffer=1",
    )
    with Appliance(*devices) as appliance, FakeFrontend(near, size=256, room=1 << 20) as front:
        front.start_as_dpdk()
        assert appliance.are_up()
        appliance.run("set portlist 1,2", "start")
        for turn in range(4):
            sent = frames(8, 9000, first=turn)
            transmit(front, sent)
            queue, got = appliance.app.ports[0].rx_queues[0], list[bytes]()
            assert eventually(
                lambda queue=queue, got=got: got.extend(receive(queue.burst, queue.handle)) or len(got) == 8
            )
            assert got == sent
            front.rings[1].driver.reap()
        assert appliance.app.ports[2].stats().ipackets == 32
        appliance.run("stop")
        assert len(large_pools()) == 1
    audit(large_pool())


def test_no_pool_of_large_buffers_is_made_that_nobody_asks_for(no_leaks: None, no_large: None, sock: Path) -> None:
    with Appliance(f"net_vhost0,iface={sock},ext-buffer=0", f"net_virtio_user0,path={sock}"):
        assert large_pools() == []
