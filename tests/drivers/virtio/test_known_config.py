"""The configuration space, read as one state of the device, and what of it is not believed."""

import random
from struct import pack

import pytest

from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.known_config import CONFIG_BYTES, MAX_READS, KnownConfig, LinkStatus, has_mtu, read_config
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.errors import DeviceError
from pytestpmd.ethdev.link import SPEED_UNKNOWN

F = Feature
ALL = Feature(sum(Feature))
MAC = bytes.fromhex("021122334455")


class Space:
    """A configuration space; ``changes`` says how many more reads see it change."""

    def __init__(self, data: bytes, changes: int = 0) -> None:
        self.data, self.changes = data, changes
        self.generation = 0
        self.read_at: list[int] = []

    def read(self, offset: int, size: int) -> bytes:
        self.read_at.append(offset)
        if self.changes:
            self.changes -= 1
            self.generation += 1
        return self.data[offset : offset + size]

    def config(self, features: Feature = ALL) -> KnownConfig:
        return read_config(Agreement(features), self.read, lambda: self.generation)


def space(
    *, mac: bytes = MAC, status: int = 1, pairs: int = 4, mtu: int = 1500, speed: int = 25000, duplex: int = 1
) -> bytes:
    return pack("<6sHHHIBBHI", mac, status, pairs, mtu, speed, duplex, 40, 128, 0x3F)


def test_the_space_has_the_specification_s_layout() -> None:
    assert len(space()) == CONFIG_BYTES
    config = Space(space(status=3, duplex=0)).config()
    assert (config.mac, config.status, config.max_pairs) == (MAC, LinkStatus.LINK_UP | LinkStatus.ANNOUNCE, 4)
    assert (config.mtu, config.speed, config.full_duplex) == (1500, 25000, False)
    assert config.rss
    assert (config.rss.max_key_size, config.rss.max_table, config.rss.hash_types) == (40, 128, 0x3F)


def test_a_longer_space_is_as_good() -> None:
    assert Space(space() + bytes(4072)).config() == Space(space()).config()


@pytest.mark.parametrize("length", [0, 5, 6, 7, 9, 11, 15, 16, 17, 19, 23])
def test_a_space_that_is_too_short_is_refused(length: int) -> None:
    with pytest.raises(DeviceError, match=r"^the configuration space ends before byte \d+$"):
        Space(space()[:length]).config()


@pytest.mark.parametrize(
    ("feature", "offsets"),
    [
        (F.VIRTIO_NET_F_MAC, {0}),
        (F.VIRTIO_NET_F_STATUS, {6}),
        (F.VIRTIO_NET_F_MQ, {8}),
        (F.VIRTIO_NET_F_MTU, {10}),
        (F.VIRTIO_NET_F_SPEED_DUPLEX, {12, 16}),
        (F.VIRTIO_NET_F_RSS, {8, 17, 18, 20}),
        (F.VIRTIO_NET_F_HASH_REPORT, {17, 20}),
        (F.VIRTIO_NET_F_MRG_RXBUF, set()),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_only_fields_of_agreed_features_are_read(feature: Feature, offsets: set[int]) -> None:
    """2.5: the driver checks the feature before it reads an optional field."""
    device = Space(space())
    device.config(feature)
    assert set(device.read_at) == offsets


def test_without_features_the_defaults_stand() -> None:
    config = Space(b"").config(F(0))
    assert config == KnownConfig()
    assert (config.is_link_up, config.max_mtu) == (True, 9698)


@pytest.mark.parametrize("changes", [1, 5, MAX_READS - 1])
def test_a_space_that_changes_is_read_again(changes: int) -> None:
    device = Space(space(), changes)
    assert device.config() == Space(space()).config()
    assert len(device.read_at) > 9


def test_a_space_that_never_stands_still_is_refused() -> None:
    with pytest.raises(DeviceError, match="changed during each of 16 reads"):
        Space(space(), 10**6).config()


@pytest.mark.parametrize("pairs", [0, 0x8001, 0xFFFF])
def test_a_number_of_pairs_that_cannot_be_is_refused(pairs: int) -> None:
    with pytest.raises(DeviceError, match=f"^the device says that it has {pairs} queue pairs$"):
        Space(space(pairs=pairs)).config()


@pytest.mark.parametrize(("mtu", "good"), [(0, False), (67, False), (68, True), (1500, True), (65535, True)])
def test_an_mtu_that_no_frame_fits_is_not_worth_having(mtu: int, good: bool) -> None:
    config = Space(space(mtu=mtu)).config()
    assert has_mtu(config) is good
    assert config.max_mtu <= 9698


@pytest.mark.parametrize(("speed", "duplex"), [(0x80000000, 1), (0xFFFFFFFF, 1), (1000, 2), (1000, 0xFF)])
def test_a_speed_or_duplex_that_cannot_be_is_not_known(speed: int, duplex: int) -> None:
    """5.1.4.2."""
    config = Space(space(speed=speed, duplex=duplex)).config()
    assert (config.speed, config.full_duplex) == (SPEED_UNKNOWN, True)


def test_any_bytes_are_a_configuration_or_a_refusal() -> None:
    rng = random.Random(1)
    for _ in range(500):
        try:
            config = Space(rng.randbytes(rng.choice([24, 24, 24, 10, 40]))).config(Feature(rng.getrandbits(64) & ALL))
        except DeviceError:
            continue
        assert 1 <= config.max_pairs <= 0x8000


def test_a_report_has_what_the_device_says() -> None:
    assert KnownConfig().shown() == {"status": 1, "max_virtqueue_pairs": 1}
    assert Space(space()).config().shown() == {
        "status": 1,
        "max_virtqueue_pairs": 4,
        "mac": "02:11:22:33:44:55",
        "mtu": 1500,
        "speed": 25000,
        "duplex": 1,
        "rss_max_key_size": 40,
        "rss_max_indirection_table_length": 128,
        "supported_hash_types": 0x3F,
    }
