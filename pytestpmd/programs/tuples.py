"""``(0,0,1),(1,0,2)``: how DPDK's examples spell lists of numbers that belong together."""

import re

_ONE = r"\(\s*(?:0[xX])?[0-9a-fA-F]{1,8}\s*(?:,\s*(?:0[xX])?[0-9a-fA-F]{1,8}\s*)*\)"
_LIST = re.compile(rf"\s*{_ONE}(?:\s*,?\s*{_ONE})*\s*")


def parse_tuples(text: str, *lengths: int) -> list[tuple[int, ...]]:
    """The numbers (decimal, hexadecimal after 0x, octal after 0), each group as long as one of ``lengths``.

    Raises :class:`ValueError` for anything else.
    """
    if not _LIST.fullmatch(text):
        raise ValueError(f"{text} is not a list of groups in parentheses")
    groups = [tuple(_number(one) for one in group.split(",")) for group in re.findall(r"\(([^)]*)\)", text)]
    for group in groups:
        if len(group) not in lengths:
            raise ValueError(f"{text} has a group of {len(group)} numbers")
    return groups


def _number(text: str) -> int:
    """As strtoul does with base 0."""
    digits = text.strip().lower()
    return int(digits, 8) if re.fullmatch(r"0[0-7]+", digits) else int(digits, 0)
