"""Device strings: drivers' names, DPDK's kvargs, and typed fields."""

from pathlib import Path

import pytest

from pytestpmd.eal.devargs import DevArgs, DevargsError, DeviceString, Mac, arg, choice, integer, mac, parse_kvargs

DRIVERS = ("net_virtio", "net_virtio_user", "virtio_user", "net_null", "eth_null", "net_af_packet")


class Args(DevArgs):
    path: Path
    queues: int = arg(1, convert=integer(1, 256))
    mac: Mac | None = None
    packed_vq: bool = False
    no_rx: bool = arg(False, key="no-rx")
    iface: str = ""
    rx_pcap: tuple[str, ...] = ()
    role: str = arg("client", convert=choice(("server", "client")))
    persist: bool = arg(False, flag=True)


class NoArgs(DevArgs):
    pass


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("net_virtio_user0", "net_virtio_user"),
        ("net_virtio_user", "net_virtio_user"),
        ("net_virtio12", "net_virtio"),
        ("virtio_user0", "virtio_user"),
        ("net_af_packet3", "net_af_packet"),
        ("net_foo0", None),
        ("net_nullish", None),
        ("null0", None),
        ("net_null0x", None),
        ("net_null²", None),
        ("", None),
    ],
)
def test_a_name_is_its_driver_s_followed_by_digits(name: str, driver: str | None) -> None:
    assert DeviceString.parse(f"{name},path=/tmp/s").driver(DRIVERS) == driver


def test_a_device_string_splits_at_its_first_comma() -> None:
    assert DeviceString.parse("net_null0,size=64,copy=1") == DeviceString("net_null0", "size=64,copy=1")
    assert DeviceString.parse("net_null0") == DeviceString("net_null0", "")


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("a=1,b=2", [("a", "1"), ("b", "2")]),
        ("a", [("a", None)]),
        ("a=,b", [("a", ""), ("b", None)]),
        (",,a=1,,", [("a", "1")]),
        ("a=b=c", [("a", "b=c")]),
        ("a=[1,2],b=x[0-1]y[1,3-5]z", [("a", "[1,2]"), ("b", "x[0-1]y[1,3-5]z")]),
        ("a=[1,2", [("a", "[1,2")]),
    ],
)
def test_kvargs_are_pairs_between_commas_that_are_not_in_brackets(
    text: str, pairs: list[tuple[str, str | None]]
) -> None:
    assert parse_kvargs(text) == pairs


def test_there_is_an_end_to_kvargs() -> None:
    assert len(parse_kvargs(",".join(["a=1"] * 32))) == 32
    with pytest.raises(DevargsError, match="more than 32"):
        parse_kvargs(",".join(["a=1"] * 33))


def test_values_become_what_their_fields_say() -> None:
    args = Args.parse("path=/tmp/s,queues=0x4,mac=02:0A:00:00:00:01,packed_vq=1,no-rx=1,iface=tap0,role=server,persist")
    assert args == Args(
        path=Path("/tmp/s"),
        queues=4,
        mac=Mac(bytes.fromhex("020a00000001")),
        packed_vq=True,
        no_rx=True,
        iface="tap0",
        role="server",
        persist=True,
    )


def test_what_is_not_given_keeps_its_default() -> None:
    args = Args.parse("path=s")
    assert (args.queues, args.mac, args.packed_vq, args.rx_pcap) == (1, None, False, ())


def test_a_list_field_takes_its_key_more_than_once_in_order() -> None:
    assert Args.parse("rx_pcap=b,path=s,rx_pcap=a").rx_pcap == ("b", "a")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("path=s,foo=1", "unknown argument 'foo'; known: path, queues, mac, packed_vq, no-rx, iface, rx_pcap, role,"),
        ("path=s,no_rx=1", "unknown argument 'no_rx'"),
        ("path=s,=1", "unknown argument ''"),
        ("queues=1", "arg path is mandatory for virtio_user"),
        ("path=s,path=t", "argument 'path' is given more than once"),
        ("path=", "invalid value '' for argument 'path': expected a path"),
        ("path", "argument 'path' needs a value: path=..."),
        ("path=s,queues=0", "invalid value '0' for argument 'queues': expected an integer from 1 to 256"),
        ("path=s,queues=257", "invalid value '257' for argument 'queues'"),
        ("path=s,queues=1x", "invalid value '1x' for argument 'queues'"),
        ("path=s,queues=" + "9" * 5000, "expected an integer from 1 to 256"),
        ("path=s,packed_vq=2", "invalid value '2' for argument 'packed_vq': expected one of 0, 1"),
        ("path=s,packed_vq=true", "expected one of 0, 1"),
        ("path=s,packed_vq", "argument 'packed_vq' needs a value"),
        ("path=s,mac=02:00:00:00:00", "expected an Ethernet address like 02:00:00:00:00:01"),
        ("path=s,mac=02:00:00:00:00:0g", "expected an Ethernet address"),
        ("path=s,role=boss", "invalid value 'boss' for argument 'role': expected one of server, client"),
    ],
)
def test_a_bad_argument_is_named_with_what_would_do(text: str, line: str) -> None:
    with pytest.raises(DevargsError) as error:
        Args.parse(text, owner="virtio_user")
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_a_driver_without_arguments_refuses_every_one() -> None:
    assert NoArgs.parse("") == NoArgs()
    with pytest.raises(DevargsError, match="unknown argument 'x'; known: none"):
        NoArgs.parse("x=1")


def test_a_driver_s_keys_can_be_asked_for() -> None:
    assert Args.keys()[:5] == ("path", "queues", "mac", "packed_vq", "no-rx")


def test_arguments_cannot_be_changed_once_parsed() -> None:
    with pytest.raises(AttributeError):
        Args.parse("path=s").queues = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("low", "high", "text", "ok"),
    [
        (None, None, "-7", True),
        (None, None, "+7", False),
        (None, None, " 7", False),
        (None, None, "", False),
        (0, None, "-1", False),
        (0, None, "18446744073709551615", True),
        (1, 4, "4", True),
        (1, 4, "0x5", False),
    ],
)
def test_an_integer_knows_its_bounds(low: int | None, high: int | None, text: str, ok: bool) -> None:
    if ok:
        assert integer(low, high)(text) == int(text, 0)
    else:
        with pytest.raises(ValueError, match="an integer"):
            integer(low, high)(text)


def test_a_choice_may_stand_for_something_else() -> None:
    assert choice({"yes": True, "no": False})("yes") is True


def test_an_ethernet_address_is_six_bytes_in_wire_order() -> None:
    assert mac("2:0:0:0:0:ff") == bytes([2, 0, 0, 0, 0, 255])
