import itertools

import pytest

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.paths import RX_PATHS, TX_PATHS, Path, choose
from pytestpmd.drivers.virtio_net import Feature

F = Feature
#: What may be agreed for a split ring, and plays a part in the choice or must play none.
BITS = [F.VIRTIO_F_VERSION_1, F.VIRTIO_RING_F_EVENT_IDX, F.VIRTIO_RING_F_INDIRECT_DESC, F.VIRTIO_NET_F_MTU]
AGREEMENTS = [
    Agreement(Feature(sum(bits))) for count in range(len(BITS) + 1) for bits in itertools.combinations(BITS, count)
]


@pytest.mark.parametrize("agreed", AGREEMENTS, ids=lambda agreed: hex(agreed.features))
def test_mergeable_buffers_decide_the_receive_function_and_nothing_else_does(agreed: Agreement) -> None:
    mergeable = Agreement(agreed.features | F.VIRTIO_NET_F_MRG_RXBUF)
    assert choose(mergeable).rx.callback == "virtio_recv_mergeable_pkts"
    assert choose(agreed).rx.callback == "virtio_recv_pkts"


@pytest.mark.parametrize("agreed", AGREEMENTS, ids=lambda agreed: hex(agreed.features))
def test_one_transmit_function_serves_every_split_ring(agreed: Agreement) -> None:
    assert choose(agreed).tx.callback == "virtio_xmit_pkts"


@pytest.mark.parametrize("path", [*RX_PATHS, *TX_PATHS], ids=lambda path: path.callback)
def test_every_path_is_a_burst_function_of_the_data_plane(path: Path) -> None:
    callback = getattr(lib, path.callback)
    assert ffi.typeof(callback).cname == "uint16_t(*)(void *, struct mbuf * *, uint16_t)"


@pytest.mark.parametrize("paths", [RX_PATHS, TX_PATHS], ids=["rx", "tx"])
def test_the_last_path_serves_where_no_other_may(paths: tuple[Path, ...]) -> None:
    assert paths[-1].serves(Agreement(Feature(0)))


def test_every_path_can_say_why_it_was_taken() -> None:
    assert all(path.because for path in (*RX_PATHS, *TX_PATHS))


def test_the_choice_is_logged_in_dpdk_s_words_transmit_first() -> None:
    assert choose(Agreement(F.VIRTIO_NET_F_MRG_RXBUF)).log_lines(3) == (
        "set_rxtx_funcs(): virtio: using standard Tx path on port 3",
        "set_rxtx_funcs(): virtio: using mergeable buffer Rx path on port 3",
    )
    assert choose(Agreement(Feature(0))).log_lines(0)[1] == (
        "set_rxtx_funcs(): virtio: using standard Rx path on port 0"
    )
