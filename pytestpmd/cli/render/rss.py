"""``show port N rss-hash|rss reta``: what a port hashes and where that leads, as testpmd lays it out."""

from collections.abc import Sequence

from pytestpmd.ethdev.rss import Rss, rss_names

WIDTH = 64


def number(bits: int) -> str:
    """As ``%#lx`` has it: 0 has no prefix."""
    return f"{bits:#x}" if bits else "0"


def rss_hash(rss: Rss, what: str | None) -> str:
    """The functions; with ``key`` the key too, with ``algorithm`` that alone."""
    if not rss.functions:
        return "RSS disabled"
    if what == "algorithm":
        return "RSS algorithm:\n  default"
    lines = ["RSS functions:", *_wrapped(rss_names(rss.functions))]
    if what == "key":
        lines += ["RSS key:", rss.key.hex().upper()]
    return "\n".join(lines)


def _wrapped(words: Sequence[str]) -> list[str]:
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) + 2 > WIDTH:
            lines.append("")
        lines[-1] += f"  {word}"
    return lines


def reta(table: Sequence[int], shown: Sequence[int]) -> str:
    """These entries of the redirection table."""
    return "\n".join(f"RSS RETA configuration: hash index={i}, queue={table[i]}" for i in shown)
