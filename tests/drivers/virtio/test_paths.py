import itertools
from typing import Any

import pytest

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.paths import (
    PACKED_OFFLOADS,
    PACKED_SIMD_WIDTH,
    RX_PATHS,
    SPLIT_OFFLOADS,
    TX_PATHS,
    Facts,
    Path,
    choose,
    explain,
)
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.ethdev.offloads import RxOffload, TxOffload

F = Feature
PACKED, MERGEABLE, IN_ORDER = F.VIRTIO_F_RING_PACKED, F.VIRTIO_NET_F_MRG_RXBUF, F.VIRTIO_F_IN_ORDER
#: Features that play no part in the choice.
OTHERS = [F.VIRTIO_RING_F_EVENT_IDX, F.VIRTIO_RING_F_INDIRECT_DESC, F.VIRTIO_NET_F_MTU]
PLAIN: dict[str, Any] = {}
TX_OFFLOAD = {"tx_offloads": int(TxOffload.MULTI_SEGS)}

MODERN = F.VIRTIO_F_VERSION_1
ASKED = {"vectorized": True, "simd_width": PACKED_SIMD_WIDTH}
NARROW = {"vectorized": True, "simd_width": PACKED_SIMD_WIDTH - 1}


def facts(*features: Feature, **more: Any) -> Facts:
    return Facts(Agreement(Feature(sum(features))), **more)


#: The whole table: layout, mergeable, in order, what was asked for; then receive and transmit function.
TABLE = [
    ([MERGEABLE, IN_ORDER], PLAIN, "virtio_recv_mergeable_pkts_inorder", "virtio_xmit_pkts_inorder"),
    ([MERGEABLE, IN_ORDER], TX_OFFLOAD, "virtio_recv_mergeable_pkts_inorder", "virtio_xmit_pkts_inorder"),
    ([MERGEABLE], PLAIN, "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    ([MERGEABLE], TX_OFFLOAD, "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    ([IN_ORDER], PLAIN, "virtio_recv_pkts_vec", "virtio_xmit_pkts_inorder"),
    ([IN_ORDER], TX_OFFLOAD, "virtio_recv_pkts", "virtio_xmit_pkts_inorder"),
    ([], PLAIN, "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple"),
    ([], TX_OFFLOAD, "virtio_recv_pkts", "virtio_xmit_pkts"),
    ([PACKED, MERGEABLE], PLAIN, "virtio_recv_mergeable_pkts_packed", "virtio_xmit_pkts_packed"),
    ([PACKED, MERGEABLE, IN_ORDER], PLAIN, "virtio_recv_mergeable_pkts_packed", "virtio_xmit_pkts_packed"),
    ([PACKED], PLAIN, "virtio_recv_pkts_packed", "virtio_xmit_pkts_packed"),
    ([PACKED, IN_ORDER], TX_OFFLOAD, "virtio_recv_pkts_packed", "virtio_xmit_pkts_packed"),
    # packed vectors: never unless asked for
    ([PACKED, IN_ORDER], PLAIN, "virtio_recv_pkts_packed", "virtio_xmit_pkts_packed"),
    ([PACKED, IN_ORDER, MODERN], PLAIN, "virtio_recv_pkts_packed", "virtio_xmit_pkts_packed"),
    ([PACKED, IN_ORDER, MODERN], ASKED, "virtio_recv_pkts_packed_vec", "virtio_xmit_pkts_packed_vec"),
    (
        [PACKED, IN_ORDER, MODERN, MERGEABLE],
        ASKED,
        "virtio_recv_mergeable_pkts_packed",
        "virtio_xmit_pkts_packed_vec",
    ),
    ([PACKED, MODERN], ASKED, "virtio_recv_pkts_packed", "virtio_xmit_pkts_packed"),
    ([PACKED, IN_ORDER, MODERN], NARROW, "virtio_recv_pkts_packed", "virtio_xmit_pkts_packed"),
    ([PACKED, IN_ORDER, MODERN], ASKED | TX_OFFLOAD, "virtio_recv_pkts_packed_vec", "virtio_xmit_pkts_packed_vec"),
    # the devarg and the width
    ([], {"vectorized": False}, "virtio_recv_pkts", "virtio_xmit_pkts"),
    ([], {"vectorized": True}, "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple"),
    ([], {"vectorized": True, **TX_OFFLOAD}, "virtio_recv_pkts_vec", "virtio_xmit_pkts"),
    ([MERGEABLE], {"vectorized": True}, "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    ([], {"simd_width": 64}, "virtio_recv_pkts", "virtio_xmit_pkts"),
    # receive offloads
    ([], {"rx_offloads": int(RxOffload.UDP_CKSUM)}, "virtio_recv_pkts", "virtio_xmit_pkts_simple"),
    ([], {"rx_offloads": int(RxOffload.SCATTER)}, "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple"),
    ([], {"rx_offloads": int(RxOffload.TCP_LRO), "vectorized": True}, "virtio_recv_pkts", "virtio_xmit_pkts_simple"),
]


@pytest.mark.parametrize("others", [[], OTHERS], ids=["bare", "with-others"])
@pytest.mark.parametrize(("features", "more", "rx", "tx"), TABLE)
def test_the_choice_is_the_table_s(
    features: list[Feature], more: dict[str, Any], rx: str, tx: str, others: list[Feature]
) -> None:
    chosen = choose(facts(*features, *others, **more))
    assert (chosen.rx.name, chosen.tx.name) == (rx, tx)


ALL_FACTS = [
    facts(*(bit for bit, is_set in zip((PACKED, MERGEABLE, IN_ORDER, MODERN), bits, strict=True) if is_set), **more)
    for bits in itertools.product((False, True), repeat=4)
    for more in (PLAIN, TX_OFFLOAD, {"vectorized": False}, {"vectorized": True}, {"simd_width": 64}, ASKED)
]


@pytest.mark.parametrize("paths", [RX_PATHS, TX_PATHS], ids=["rx", "tx"])
@pytest.mark.parametrize("case", ALL_FACTS)
def test_exactly_one_path_serves_whatever_is_the_case(paths: tuple[Path, ...], case: Facts) -> None:
    serving = [path.callback for path in paths if path.serves(case)]
    assert len(serving) == 1


@pytest.mark.parametrize("offload", list(RxOffload))
def test_only_offloads_that_need_the_header_forbid_receive_vectors(offload: RxOffload) -> None:
    split = choose(facts(rx_offloads=int(offload))).rx.name
    packed = choose(facts(PACKED, IN_ORDER, MODERN, **ASKED, rx_offloads=int(offload))).rx.name
    assert (split == "virtio_recv_pkts_vec") == (not offload & SPLIT_OFFLOADS)
    assert (packed == "virtio_recv_pkts_packed_vec") == (not offload & PACKED_OFFLOADS)


@pytest.mark.parametrize("width", [64, 128, 256, 512])
@pytest.mark.parametrize("path", [*RX_PATHS, *TX_PATHS], ids=lambda path: path.callback)
def test_every_path_is_a_burst_function_of_the_data_plane_at_every_width(path: Path, width: int) -> None:
    callback = getattr(lib, path.function(facts(simd_width=width)))
    assert ffi.typeof(callback).cname == "uint16_t(*)(void *, struct mbuf * *, uint16_t)"


def test_the_widest_vectors_that_may_be_used_are() -> None:
    vec = next(path for path in RX_PATHS if path.callback == "virtio_recv_pkts_vec_inorder")
    names = [vec.function(facts(simd_width=width)) for width in (128, 256, 512)]
    assert names == [
        "virtio_recv_pkts_vec_inorder",
        "virtio_recv_pkts_vec_256_inorder",
        "virtio_recv_pkts_vec_512_inorder",
    ]


@pytest.mark.parametrize("case", ALL_FACTS)
def test_the_explanation_names_every_other_function_and_what_it_would_take(case: Facts) -> None:
    for way, paths in (("Rx", RX_PATHS), ("Tx", TX_PATHS)):
        told = explain(way, paths, case)
        assert told.because
        assert {told.callback} | {name for name, _ in told.others} == {path.name for path in paths}
        assert all(needs for _, needs in told.others)


def test_what_the_vectors_of_the_other_layout_would_take_is_told_as_well() -> None:
    told = dict(explain("Rx", RX_PATHS, facts(IN_ORDER, MODERN, simd_width=PACKED_SIMD_WIDTH)).others)
    assert told["virtio_recv_pkts_packed_vec"] == (
        "packed rings agreed (packed_vq=1)",
        "vectors asked for (vectorized=1)",
    )


def test_the_explanation_says_which_devarg_or_option_would_bring_another() -> None:
    told = dict(explain("Rx", RX_PATHS, facts(MERGEABLE, **TX_OFFLOAD)).others)
    assert told["virtio_recv_mergeable_pkts_packed"] == ("packed rings agreed (packed_vq=1)",)
    assert told["virtio_recv_mergeable_pkts_inorder"] == ("in-order use agreed (in_order=1)",)
    assert told["virtio_recv_pkts_vec"] == (
        "mergeable receive buffers not agreed (mrg_rxbuf=0)",
        "no Tx offload (--tx-offloads=0x0)",
    )


@pytest.mark.parametrize(
    ("features", "more", "rx", "tx"),
    [
        ([MERGEABLE], PLAIN, "mergeable buffer Rx", "standard Tx"),
        ([MERGEABLE, IN_ORDER], PLAIN, "inorder Rx", "inorder Tx"),
        ([], PLAIN, "vectorized Rx", "simple Tx"),
        ([], TX_OFFLOAD, "standard Rx", "standard Tx"),
        ([PACKED, MERGEABLE], PLAIN, "packed ring mergeable buffer Rx", "packed ring standard Tx"),
        ([PACKED], PLAIN, "packed ring standard Rx", "packed ring standard Tx"),
        ([PACKED, IN_ORDER, MODERN], ASKED, "packed ring vectorized Rx", "packed ring vectorized Tx"),
    ],
)
def test_the_choice_is_logged_in_dpdk_s_words_transmit_first(
    features: list[Feature], more: dict[str, Any], rx: str, tx: str
) -> None:
    assert choose(facts(*features, **more)).log_lines(3) == (
        f"set_rxtx_funcs(): virtio: using {tx} path on port 3",
        f"set_rxtx_funcs(): virtio: using {rx} path on port 3",
    )
