import random

import pytest

from pytestpmd.drivers.virtio.features import Agreement, describe, negotiate
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.errors import FeatureError

F = Feature
EVERYTHING = Feature(sum(Feature))
#: What the specification says needs what (virtio 1.2, 2.2.1, 5.1.3.1 and 6), of the bits that we know.
PREREQUISITES = [
    (F.VIRTIO_NET_F_GUEST_TSO4, F.VIRTIO_NET_F_GUEST_CSUM),
    (F.VIRTIO_NET_F_GUEST_TSO6, F.VIRTIO_NET_F_GUEST_CSUM),
    (F.VIRTIO_NET_F_HOST_TSO4, F.VIRTIO_NET_F_CSUM),
    (F.VIRTIO_NET_F_HOST_TSO6, F.VIRTIO_NET_F_CSUM),
    (F.VIRTIO_NET_F_CTRL_RX, F.VIRTIO_NET_F_CTRL_VQ),
    (F.VIRTIO_NET_F_CTRL_VLAN, F.VIRTIO_NET_F_CTRL_VQ),
    (F.VIRTIO_NET_F_GUEST_ANNOUNCE, F.VIRTIO_NET_F_CTRL_VQ),
    (F.VIRTIO_NET_F_MQ, F.VIRTIO_NET_F_CTRL_VQ),
    (F.VIRTIO_NET_F_CTRL_MAC_ADDR, F.VIRTIO_NET_F_CTRL_VQ),
    (F.VIRTIO_NET_F_HASH_REPORT, F.VIRTIO_NET_F_CTRL_VQ),
    (F.VIRTIO_NET_F_RSS, F.VIRTIO_NET_F_CTRL_VQ),
    (F.VIRTIO_F_RING_PACKED, F.VIRTIO_F_VERSION_1),
]
RANDOM_OFFERS = [random.Random(seed).getrandbits(64) for seed in range(64)]


@pytest.mark.parametrize(("feature", "needed"), PREREQUISITES, ids=lambda feature: feature.name)
def test_a_feature_is_not_accepted_without_what_it_needs(feature: Feature, needed: Feature) -> None:
    assert feature in negotiate(EVERYTHING, EVERYTHING).features
    assert feature not in negotiate(EVERYTHING & ~needed, EVERYTHING).features
    assert feature not in negotiate(EVERYTHING, EVERYTHING & ~needed).features


@pytest.mark.parametrize("offered", RANDOM_OFFERS, ids=hex)
def test_no_more_is_accepted_than_was_offered_and_wanted_and_what_it_needs_with_it(offered: int) -> None:
    wanted = Feature(random.Random(~offered).getrandbits(64) & int(EVERYTHING))
    agreed = negotiate(offered, wanted).features
    assert not agreed & ~offered
    assert not agreed & ~wanted
    assert all(needed in agreed for feature, needed in PREREQUISITES if feature in agreed)


@pytest.mark.parametrize("offered", RANDOM_OFFERS, ids=hex)
def test_what_both_sides_have_is_accepted_unless_something_that_it_needs_is_missing(offered: int) -> None:
    agreed = negotiate(offered, EVERYTHING).features
    for feature in Feature:
        lacking = any(needed not in agreed for needing, needed in PREREQUISITES if needing is feature)
        assert (feature in agreed) == (bool(offered & feature) and not lacking)


def test_bits_that_nobody_knows_do_no_harm() -> None:
    assert negotiate((1 << 64) - 1, EVERYTHING).features == EVERYTHING


def test_a_required_feature_that_is_not_offered_is_named() -> None:
    with pytest.raises(FeatureError, match=r"^the device does not offer VIRTIO_NET_F_MRG_RXBUF$"):
        negotiate(F.VIRTIO_F_VERSION_1, EVERYTHING, required=F.VIRTIO_NET_F_MRG_RXBUF | F.VIRTIO_F_VERSION_1)


def test_a_required_feature_is_missing_too_when_what_it_needs_is() -> None:
    with pytest.raises(FeatureError, match="VIRTIO_NET_F_MQ"):
        negotiate(F.VIRTIO_NET_F_MQ, EVERYTHING, required=F.VIRTIO_NET_F_MQ)


def test_required_features_that_are_there_are_no_error() -> None:
    wanted = F.VIRTIO_NET_F_MRG_RXBUF | F.VIRTIO_F_VERSION_1
    assert negotiate(EVERYTHING, wanted, required=wanted).features == wanted


@pytest.mark.parametrize(
    ("features", "hdr_size"),
    [
        (F(0), 10),
        (F.VIRTIO_RING_F_EVENT_IDX, 10),
        (F.VIRTIO_NET_F_MRG_RXBUF, 12),
        (F.VIRTIO_F_VERSION_1, 12),
        (F.VIRTIO_F_VERSION_1 | F.VIRTIO_NET_F_MRG_RXBUF, 12),
    ],
)
def test_the_header_has_num_buffers_with_mergeable_buffers_or_version_1(features: Feature, hdr_size: int) -> None:
    assert Agreement(features).hdr_size == hdr_size


@pytest.mark.parametrize(
    ("feature", "consequence"),
    [
        (F.VIRTIO_NET_F_MRG_RXBUF, "mergeable"),
        (F.VIRTIO_RING_F_EVENT_IDX, "event_idx"),
        (F.VIRTIO_RING_F_INDIRECT_DESC, "indirect"),
    ],
)
def test_what_follows_for_the_rings_follows_from_one_feature(feature: Feature, consequence: str) -> None:
    assert getattr(Agreement(feature), consequence)
    assert not getattr(Agreement(EVERYTHING & ~feature), consequence)


@pytest.mark.parametrize(
    ("features", "text"),
    [
        (0, "none"),
        (1 << 15, "VIRTIO_NET_F_MRG_RXBUF"),
        (1 << 32 | 1 << 15, "VIRTIO_NET_F_MRG_RXBUF VIRTIO_F_VERSION_1"),
        (1 << 62, "0x4000000000000000"),
        (1 << 62 | 1, "VIRTIO_NET_F_CSUM 0x4000000000000000"),
    ],
)
def test_features_are_named_lowest_first_and_unknown_ones_numbered(features: int, text: str) -> None:
    assert describe(features) == text
