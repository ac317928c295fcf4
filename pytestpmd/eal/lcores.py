"""Lcore lists and masks: ``0-3``, ``0@0,1@1``, ``(0,2)@1``, ``0xf`` to lcores and the CPUs they may run on.

The grammar is DPDK's ``--lcores``: a comma separates items; an item is lcores, or ``lcores@cpus``; lcores and cpus are
a number, a range, or several of these in parentheses. Without ``@`` a number or a range runs each lcore on the CPU of
the same number, while a parenthesised group floats: each of its lcores may run on every CPU of the group.
"""

import os
import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from pytestpmd.errors import ConfigError

MAX_LCORES = 128
"""Lcore ids are below this; DPDK's ``RTE_MAX_LCORE`` on x86."""

MAX_CPUS = 1024
"""A mask has no more bits than this; Linux's ``CPU_SETSIZE``."""

MAX_LINES = 16
"""No more lines than this about lcores that are not there."""

_NUMBER = r"[0-9]{1,5}"
_RANGE = rf"{_NUMBER}(?:[ \t]*-[ \t]*{_NUMBER})?"
_SET = rf"{_RANGE}|\([ \t]*{_RANGE}(?:[ \t]*,[ \t]*{_RANGE})*[ \t]*\)"
_ITEM = re.compile(rf"[ \t]*(?P<lcores>{_SET})[ \t]*(?:@[ \t]*(?P<cpus>{_SET})[ \t]*)?(?:,(?!$)|$)")


@dataclass(frozen=True, slots=True)
class LcoreConfig:
    """One lcore: its id and the CPUs that its thread may run on."""

    lcore_id: int
    cpus: frozenset[int]


def is_mapping(text: str) -> bool:
    """Whether a list says where its lcores run, which forbids to renumber them."""
    return "@" in text or "(" in text


def parse_list(text: str) -> set[int]:
    """CPU numbers of a plain list, ``0,2-4``; a range may run down. ConfigError, in ``--lcores``' words, otherwise."""
    if not re.fullmatch(rf"[ \t]*{_NUMBER}(-{_NUMBER})?(,[ \t]*{_NUMBER}(-{_NUMBER})?)*", text):
        raise ConfigError(f"Error parsing lcore list: '{text}'")
    return _numbers(text)


def parse_mask(text: str) -> set[int]:
    """CPU numbers of a hexadecimal mask, with or without ``0x``."""
    digits = re.sub(r"^0[xX]", "", text.strip(" \t"))
    if not digits or (set(digits) == {"0"}):
        raise ConfigError(f"No lcores in coremask: [{text}]\ninvalid coremask syntax")
    if not re.fullmatch(rf"[0-9a-fA-F]{{1,{MAX_CPUS // 4}}}", digits):
        raise ConfigError(f"invalid characters in coremask: [{text}]\ninvalid coremask syntax")
    mask = int(digits, 16)
    return {cpu for cpu in range(mask.bit_length()) if mask >> cpu & 1}


def parse_mapping(text: str, detected: AbstractSet[int]) -> tuple[LcoreConfig, ...]:
    """Lcores of a list with ``@`` or groups, by id. An lcore named twice takes what was said last."""
    placed: dict[int, frozenset[int]] = {}
    position = 0
    while position < len(text) or not placed:
        item = _ITEM.match(text, position)
        if item is None:
            raise ConfigError(f"invalid lcore mapping list: '{text}'")
        _place(item["lcores"], item["cpus"], placed)
        position = item.end()
    _check_mapping(text, placed, detected)
    return tuple(LcoreConfig(lcore_id, placed[lcore_id]) for lcore_id in sorted(placed))


def from_cpus(cpus: Iterable[int], detected: AbstractSet[int], first_id: int | None = None) -> tuple[LcoreConfig, ...]:
    """An lcore for each CPU, of the CPU's number, or numbered from ``first_id``."""
    wanted = sorted(cpus)
    errors = _unavailable([cpu for cpu in wanted if cpu not in detected])
    present = [cpu for cpu in wanted if cpu in detected]
    ids = present if first_id is None else list(range(first_id, first_id + len(present)))
    errors += [f"lcore {i} >= RTE_MAX_LCORE ({MAX_LCORES}), cannot use." for i in ids if i >= MAX_LCORES]
    if not present:
        errors.append("No valid lcores in core list")
    if errors:
        hint = f"please check specified cores are part of {to_text(detected)}"
        raise ConfigError("\n".join([*errors, f"invalid coremask or core-list parameter, {hint}"]))
    return tuple(LcoreConfig(lcore_id, frozenset({cpu})) for lcore_id, cpu in zip(ids, present, strict=True))


def find_main(text: str | None, lcores: tuple[LcoreConfig, ...]) -> int:
    """The id of the main lcore: the one asked for, which must be there, or the first."""
    if text is None:
        return lcores[0].lcore_id
    if not re.fullmatch(_NUMBER, text) or int(text) >= MAX_LCORES:
        raise ConfigError(f"invalid main lcore: '{text}'")
    if int(text) not in {lcore.lcore_id for lcore in lcores}:
        raise ConfigError("Error: Main lcore is not enabled for DPDK")
    return int(text)


def to_text(cpus: Iterable[int]) -> str:
    """Numbers as the list that :func:`parse_list` reads: ``0-1,4``."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and cpu == runs[-1][-1] + 1:
            runs[-1].append(cpu)
        else:
            runs.append([cpu])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def detected_cpus() -> frozenset[int]:
    """The CPUs that this machine has switched on, whether or not the process may run on them now."""
    try:
        return frozenset(parse_list(Path("/sys/devices/system/cpu/online").read_text().strip()))
    except (OSError, ConfigError):
        return frozenset(os.sched_getaffinity(0))


def _unavailable(cpus: list[int]) -> list[str]:
    lines = [f"lcore {cpu} unavailable" for cpu in cpus[:MAX_LINES]]
    if len(cpus) > MAX_LINES:
        lines.append(f"{len(cpus) - MAX_LINES} more lcores unavailable")
    return lines


def _numbers(text: str) -> set[int]:
    numbers: set[int] = set()
    for first, last in re.findall(rf"({_NUMBER})(?:[ \t]*-[ \t]*({_NUMBER}))?", text):
        low, high = sorted((int(first), int(last or first)))
        numbers.update(range(low, high + 1))
    return numbers


def _place(lcores: str, cpus: str | None, placed: dict[int, frozenset[int]]) -> None:
    ids = _numbers(lcores)
    floating = frozenset(_numbers(cpus or lcores))
    each_on_its_own = cpus is None and not lcores.startswith("(")
    for lcore_id in ids:
        placed[lcore_id] = frozenset({lcore_id}) if each_on_its_own else floating


def _check_mapping(text: str, placed: dict[int, frozenset[int]], detected: AbstractSet[int]) -> None:
    missing = sorted(frozenset().union(*placed.values()) - detected)
    errors = [f"core {cpu} unavailable" for cpu in missing[:1]]
    if errors or max(placed) >= MAX_LCORES:
        raise ConfigError("\n".join([*errors, f"invalid lcore mapping list: '{text}'"]))
