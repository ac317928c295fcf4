"""When two answers are the same: where they differ only in what differs from run to run."""

import re

MASKS = (
    (r"\b[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}\b", "MAC"),
    (r"0x[0-9a-f]{6,}", "ADDRESS"),
    (r"(packets|bytes|missed|dropped|total|errors|nombuf|pps|bps|bursts|good|bad\w*) ?: +\d+ *", r"\1: N "),
    (r"(packet|packets|cycles)=[\d.]+|\d+ MHz", r"\1=N"),
    (r"^((?:rx|tx)_\S+: )\d+$", r"\1N"),
    (r"[ \t]+$", ""),
)


def masked(text: str) -> str:
    """A text without counts, addresses and the blanks at the ends of its lines."""
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text.strip("\n")
