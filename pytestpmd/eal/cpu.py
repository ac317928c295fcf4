"""How wide this machine's vectors are, and how wide they may be (``--force-max-simd-bitwidth``)."""

from pytestpmd._dataplane import lib

_limit = 0


def limit_simd_width(bits: int) -> None:
    """Let no function use wider vectors than this; 0 is no limit."""
    global _limit
    _limit = bits


def simd_width() -> int:
    """The widest vectors that may be used, in bits: 64 for none, 128, 256 or 512."""
    widest = int(lib.lcore_simd_width())
    return min(widest, _limit) if _limit else widest
