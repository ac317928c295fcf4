"""What DPDK's driver calls the burst functions (``show rxq|txq info``, "Burst mode")."""

import platform

from pytestpmd.drivers.virtio.paths import Facts, Path

_SCALAR = {
    "virtio_recv_pkts": "Scalar",
    "virtio_recv_pkts_inorder": "Scalar",
    "virtio_recv_mergeable_pkts": "Scalar mergeable",
    "virtio_recv_mergeable_pkts_inorder": "Scalar",
    "virtio_recv_pkts_packed": "Scalar standard packed ring",
    "virtio_recv_mergeable_pkts_packed": "Scalar mergeable packed ring",
    "virtio_xmit_pkts": "Scalar",
    "virtio_xmit_pkts_inorder": "Scalar in order",
    "virtio_xmit_pkts_packed": "Scalar packed ring",
}
_WIDE = {512: "AVX512", 256: "AVX2"}
_IS_X86 = platform.machine() in ("x86_64", "i686")


def burst_mode(path: Path, facts: Facts) -> str:
    """Of the vectors that this machine has those in use are named."""
    if not path.by_width:
        return _SCALAR.get(path.name, _SCALAR.get(path.callback.removesuffix("_inorder"), ""))
    width = next((name for bits, name in _WIDE.items() if facts.simd_width >= bits), "SSE" if _IS_X86 else "NEON")
    return f"Vector {width}{' packed ring' if path.needs['packed'] else ''}"
