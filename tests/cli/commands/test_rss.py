"""``port config ... rss``, ``show port ... rss``, in the original's words."""

from dataclasses import replace

import pytest
from fakes.app import FakeApp, FakePort, VirtioLikePort
from fakes.console import answer

from pytestpmd.config import QueueConfig, rss_functions_of
from pytestpmd.errors import OperationError
from pytestpmd.ethdev.rss import RSS_TYPES, Rss

KEY = "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"
OFF = "ETHDEV: Multi-queue RSS mode isn't enabled."


def refusal(port_id: int) -> str:
    return f"Configuration of RSS hash at ethernet port {port_id} failed with error (95): Operation not supported."


class HashingPort(FakePort):
    """A port of two queues that hashes what the test says."""

    refuse = 0

    def __init__(self) -> None:
        super().__init__()
        self.device = replace(self.device, flow_types=("ipv4", "ipv4-tcp", "ipv4-udp", "ipv6"))
        self.rss = Rss(RSS_TYPES["ipv4"], bytes.fromhex(KEY), tuple(i % 2 for i in range(128)))

    def apply_rss(self, rss: Rss) -> None:
        if self.refuse:
            raise OperationError(self.refuse)


@pytest.fixture
def app() -> FakeApp:
    app = FakeApp(0)
    port = HashingPort()
    app.ports.attach(port)
    port.rx_queues = [None, None]  # type: ignore[list-item]
    return app


def virtio_app() -> FakeApp:
    app = FakeApp(0)
    app.ports.attach(VirtioLikePort())
    return app


def null_app() -> FakeApp:
    app = FakeApp()
    for port in app.ports:
        port.rss = Rss(key=bytes(40), reta=(0,) * 128)
    return app


# Where it is not in force, as typed at DPDK 26.07.


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("port config all rss default", f"{OFF}\n{refusal(0)}"),
        (
            "port config all rss ip",
            "Port 0 modified RSS hash function based on hardware support,requested:0xa38c configured:0\n"
            f"{OFF}\n{refusal(0)}",
        ),
        ("port config 0 rss reta (0,0)", "Redirection table size is 0 which is invalid for RSS"),
        (f"port config 0 rss-hash-key ipv4 {KEY}", "dev_info did not provide a valid hash key size"),
        ("show port 0 rss-hash", "dev_info did not provide a valid hash key size"),
        ("show port 0 rss-hash key", "dev_info did not provide a valid hash key size"),
        ("show port 0 rss-hash algorithm", "dev_info did not provide a valid hash key size"),
        ("show port 0 rss reta 128 (0xff,0xff)", "Invalid redirection table size: 128 (1-0)"),
    ],
)
def test_a_virtio_port_without_it_answers_as_the_original_s(line: str, text: str) -> None:
    assert answer(virtio_app(), line) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("port config all rss ip", f"{OFF}\n{refusal(0)}\n{OFF}\n{refusal(1)}"),
        ("port config all rss none", f"{OFF}\n{refusal(0)}\n{OFF}\n{refusal(1)}"),
        (
            "port config all rss all",
            "\n".join(
                f"Port {i} modified RSS hash function based on hardware support,"
                f"requested:0x537f83fffc configured:0x20003fffc\n{OFF}\n{refusal(i)}"
                for i in (0, 1)
            ),
        ),
        ("port config all rss foo", "Unknown parameter"),
        ("port config all rss 64", "flowtype_id should be greater than 0 and less than 64."),
        (
            "port config 0 rss reta (0,0)",
            f"The reta size of port 0 is 128\n{OFF}\nBad redirection table parameter, return code = -95",
        ),
        (f"port config 0 rss-hash-key ipv4 {KEY}", f"{OFF}\noperation not supported by device"),
        ("show port 0 rss-hash", "RSS disabled"),
        ("show port 0 rss-hash key", "RSS disabled"),
        (
            "show port 0 rss reta 128 (0x3,0x0)",
            "\n".join(f"RSS RETA configuration: hash index={i}, queue=0" for i in (0, 1)),
        ),
        ("show port 9 rss-hash", "Invalid port 9"),
    ],
)
def test_a_null_port_of_one_queue_answers_as_the_original_s(line: str, text: str) -> None:
    assert answer(null_app(), line) == text


# Where it is.


def test_what_is_hashed_is_set_and_shown(app: FakeApp) -> None:
    assert answer(app, "show port 0 rss-hash") == "RSS functions:\n  ipv4"
    assert answer(app, "port config all rss ipv4-tcp") == "rss_hf 0x10"
    assert answer(app, "show port 0 rss-hash key") == f"RSS functions:\n  ipv4-tcp\nRSS key:\n{KEY.upper()}"
    assert app.config.queues.rss_functions == {"ipv4-tcp"}
    assert answer(app, "port config all rss 5") == "rss_hf 0x20"
    assert answer(app, "port config all rss default") == ""
    assert app.ports[0].rss.functions == sum(RSS_TYPES[name] for name in ("ipv4", "ipv4-tcp", "ipv4-udp", "ipv6"))


def test_more_than_the_port_can_is_cut_down_and_said(app: FakeApp) -> None:
    assert answer(app, "port config all rss udp") == (
        "Port 0 modified RSS hash function based on hardware support,requested:0x20820 configured:0x20\nrss_hf 0x20820"
    )


def test_a_line_of_functions_is_64_characters_long(app: FakeApp) -> None:
    app.ports[0].rss = replace(app.ports[0].rss, functions=RSS_TYPES["all"])
    lines = answer(app, "show port 0 rss-hash").splitlines()
    assert lines[0] == "RSS functions:"
    assert lines[1].startswith("  all  ip  udp  tcp  sctp  vlan  ipv4  ipv4-frag")
    assert all(len(line) <= 64 for line in lines)


def test_the_key_is_hexadecimal_of_the_port_s_length(app: FakeApp) -> None:
    assert answer(app, f"port config 0 rss-hash-key ipv4 {'ab' * 40}") == ""
    assert app.ports[0].rss.key == b"\xab" * 40
    assert answer(app, "port config 0 rss-hash-key ipv4 abcd") == (
        "key length: 4 invalid - key must be a string of 80 hexa-decimal numbers"
    )
    assert answer(app, f"port config 0 rss-hash-key ipv4 a{'g' * 79}") == (
        "invalid key: character g at position 1 is not a valid hexa digit"
    )


def test_entries_of_the_table_are_set_and_shown(app: FakeApp) -> None:
    assert answer(app, "port config 0 rss reta (0,1)(127,0)") == "The reta size of port 0 is 128"
    assert answer(app, "show port 0 rss reta 128 (0x1,0x8000000000000000)") == (
        "RSS RETA configuration: hash index=0, queue=1\nRSS RETA configuration: hash index=127, queue=0"
    )


@pytest.mark.parametrize("entries", ["(128,0)", "(0)", "(a,b)", "(0,1", "(0,65536)", "(0,1)(1,2,3)"])
def test_entries_that_cannot_be_change_nothing(app: FakeApp, entries: str) -> None:
    before = app.ports[0].rss
    assert answer(app, f"port config 0 rss reta {entries}").endswith("Invalid RSS Redirection Table config entered")
    assert app.ports[0].rss == before


def test_a_queue_that_is_not_there_is_a_bad_parameter(app: FakeApp) -> None:
    assert answer(app, "port config 0 rss reta (0,2)") == (
        "The reta size of port 0 is 128\nBad redirection table parameter, return code = -22"
    )


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("show port 0 rss reta 0 (0x1)", "Invalid redirection table size: 0 (1-128)"),
        ("show port 0 rss reta 129 (0x1)", "Invalid redirection table size: 129 (1-128)"),
        ("show port 0 rss reta 64 0x1", "Invalid string: 0x1 for reta masks"),
        (
            "show port 0 rss reta 128 (0x1)",
            "The bits of masks do not match the number of reta entries: 2\nInvalid string: (0x1) for reta masks",
        ),
        ("show port 0 rss reta 64 (x)", "Invalid string: (x) for reta masks"),
    ],
)
def test_masks_that_cannot_be(app: FakeApp, line: str, text: str) -> None:
    assert answer(app, line) == text


def test_the_algorithm_is_the_default_one(app: FakeApp) -> None:
    assert answer(app, "port config 0 rss-hash-algo default") == ""
    assert answer(app, "port config 0 rss-hash-algo toeplitz") == (
        "ETHDEV: Ethdev port_id=0 configured RSS hash algorithm (2)is not in the algorithm capability (0x1)\n"
        "failed to set port 0 RSS hash algorithm"
    )
    assert answer(app, "port config 0 rss-hash-algo best") == "Bad arguments"
    app.ports[0].rss = Rss()
    assert answer(app, "port config 0 rss-hash-algo default") == f"{OFF}\nfailed to set port 0 RSS hash algorithm"
    failed = "failed to get port {} RSS configuration"
    assert answer(virtio_app(), "port config 0 rss-hash-algo default") == failed.format(0)
    assert answer(app, "port config 9 rss-hash-algo default") == f"ETHDEV: Invalid port_id=9\n{failed.format(9)}"


@pytest.mark.parametrize(
    ("queues", "functions"),
    [
        (QueueConfig(), 0),
        (QueueConfig(rxq=2), RSS_TYPES["ip"]),
        (QueueConfig(rxq=2, rss=False), 0),
        (QueueConfig(rss=True), RSS_TYPES["ip"]),
        (QueueConfig(rxq=2, rss_functions={"ip", "udp"}), RSS_TYPES["ip"] | RSS_TYPES["udp"]),
    ],
)
def test_packets_are_spread_where_there_are_queues_to_spread_them_over(queues: QueueConfig, functions: int) -> None:
    assert rss_functions_of(queues) == functions
