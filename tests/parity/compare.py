"""When two answers are the same: where they differ only in what differs from run to run."""

import re

SEGMENT = "socket_id:0, hugepage_sz:4096, nchannel:0, nrank:0"
ZONE = r"Zone \d+: name:<[^>]+>, len:(?:0x[0-9a-f]+|ADDRESS), virt:ADDRESS, socket_id:0, flags:0"
MASKS = (
    (r"^.*\n\[\.\.\. cut here.*\n", ""),  # within a list whose lines are all alike
    (r"\b[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}\b", "MAC"),
    (r"0x[0-9a-f]{6,}", "ADDRESS"),
    # what another program's memory and log are made of: lists, of which each line is as these
    (r"(?:^id \d+: \S+, level is \w+(?:\n|$))+", "TYPES\n"),
    (rf"(?:^Segment \d+-\d+: IOVA:ADDRESS, len:\d+, virt:ADDRESS, {SEGMENT} fd:-?\d+(?:\n|$))+", "SEGMENTS\n"),
    (
        rf"(?:^{ZONE}\nphysical segments used:\n(?:  addr: ADDRESS iova: ADDRESS len: \S+ pagesz: 0x1000\n)+)+",
        "ZONES\n",
    ),
    (r"\b(total|alloc|free): +[\d.]+(?:\([\d.]+%\))? *|(Memory \w+ size) = \d+M", r"\1\2: N "),
    (r"\bcpuset \d+", "cpuset N"),
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
