"""Whoever asks while commands close, open and configure ports gets an answer, and nobody is the worse for it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.appliance import Appliance

from pytestpmd.telemetry.legacy import Legacy
from pytestpmd.telemetry.protocol import V2
from pytestpmd.telemetry.registry import discover

ROUNDS = 6
PAUSE_S = 0.02


class Asking:
    """Threads that ask everything again and again, until they are stopped; what they were not answered."""

    def __init__(self, appliance: Appliance) -> None:
        endpoints = discover()
        self._v2, self._legacy = V2("x", 1, endpoints, appliance.app), Legacy(appliance.app)
        ids = range(3)
        self._requests = [f"{name},{port_id}".encode() for name in endpoints for port_id in ids] + [b"/", b"/info"]
        self._requests += [b"/mempool/info,mb_pool_0", b"/ethdev/rx_queue,1,1"]
        self._ended = threading.Event()
        self.answers = 0
        self.wrong: list[object] = []

    def run(self) -> None:
        while not self._ended.is_set():
            for request in self._requests:
                self._ask(request)

    def _ask(self, request: bytes) -> None:
        try:
            (name,) = json.loads(self._v2.answer(request))
            assert name == request.decode().split(",")[0]
            everything = {"action": 0, "command": "ports_all_stat_values", "data": None}
            answer = self._legacy.answer(json.dumps(everything).encode())
            assert isinstance(answer, bytes)
            json.loads(answer)
            self.answers += 1
        except Exception as error:
            self.wrong.append((request, error))
            self._ended.set()

    @contextmanager
    def meanwhile(self, nb_threads: int = 2) -> Iterator[None]:
        threads = [threading.Thread(target=self.run, daemon=True) for _ in range(nb_threads)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()


@pytest.mark.usefixtures("no_leaks")
def test_ports_come_and_go_and_are_configured_under_whoever_asks(tmp_path: Path) -> None:
    back, front = f"net_vhost0,iface={tmp_path / 's'}", f"net_virtio_user0,path={tmp_path / 's'},queues=2"
    with Appliance(back, front, "net_null0") as appliance:
        asking = Asking(appliance)
        with asking.meanwhile():
            for turn in range(ROUNDS):
                queues = 1 + turn % 2
                appliance.run("start tx_first")
                time.sleep(PAUSE_S)
                appliance.run("stop", "port stop all", f"port config all rxq {queues}", f"port config all txq {queues}")
                appliance.run(
                    "port start all", "port stop 2", "port close 2", "port attach net_null0", "port start all"
                )
        assert asking.wrong == []
        assert asking.answers > ROUNDS


def test_a_command_does_not_wait_for_who_asks() -> None:
    with Appliance("net_null0", "net_null1") as appliance:
        asking = Asking(appliance)
        appliance.run("start")
        with asking.meanwhile():
            slowest = 0.0
            for _ in range(50):
                began = time.monotonic()
                appliance.run("show port stats 0")
                slowest = max(slowest, time.monotonic() - began)
        appliance.run("stop")
    assert slowest < 1.0
