"""The EAL options: their names, what they take, and what the help says of them.

Names and rules are those of DPDK 26.07 (its EAL options guide): exact names, an option that is no list at most once,
pairs that exclude each other. What has a meaning here becomes a field of :class:`pytestpmd.eal.args.EalArgs`; of the
rest the value's form is checked and the option is accepted, so that command lines written for the original run.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from uuid import UUID

Given = Mapping[str, Sequence[str | None]]
"""What a command line gave, by :attr:`EalOption.name`; None stands for an optional value left out."""


class Value(Enum):
    """Whether an option takes a value."""

    NONE = auto()
    REQUIRED = auto()
    OPTIONAL = auto()


@dataclass(frozen=True, slots=True)
class EalOption:
    """One option. ``check`` says whether a value's form will do, ``invalid`` is the line when it does not.

    ``used`` is False for what is accepted and changes nothing here.
    """

    long: str
    help: str
    short: str | None = None
    value: Value = Value.NONE
    many: bool = False
    alias_of: str | None = None
    check: Callable[[str], bool] = bool
    invalid: str = ""
    used: bool = True

    @property
    def name(self) -> str:
        """What an option and its aliases are filed under: the long name without dashes in front."""
        return (self.alias_of or self.long).removeprefix("--")


def _matching(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _number(low: int, high: int) -> Callable[[str], bool]:
    return lambda text: _matching(r"[0-9]{1,9}")(text) and low <= int(text) <= high


def to_simd_bitwidth(text: str) -> int:
    """The value of ``--force-max-simd-bitwidth``, whose form was checked."""
    return int(text, 16 if "x" in text.lower() else 10)


def _is_simd_width(text: str) -> bool:
    # 64 is DPDK's word for "no vectors"; 0 asks for no limit, its RTE_VECT_SIMD_MAX.
    if not re.fullmatch(r"[0-9]{1,5}|0[xX][0-9a-fA-F]{1,4}", text):
        return False
    width = to_simd_bitwidth(text)
    return width == 0 or (64 <= width <= 32768 and width.bit_count() == 1)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


_MOST = 999_999_999
_COUNT = _number(1, _MOST)
_MEGABYTES = _matching(r"[0-9]{1,9}(,[0-9]{1,9})*")
_SIZE = r"[0-9]{1,12}[kKmMgG]?B?"
_is_file_prefix = _matching(r"(?!\.\.?$)[^%/\0]+")
_is_mask = _matching(r"(0[xX])?[0-9a-fA-F]+")
_is_proc_type = _matching("(?i:primary|secondary|auto)")


def _flag(long: str, help_text: str, short: str | None = None) -> EalOption:
    return EalOption(long, help_text, short)


def _value(
    long: str,
    help_text: str,
    check: Callable[[str], bool] = bool,
    invalid: str = "invalid {name} parameter: '{value}'",
    short: str | None = None,
) -> EalOption:
    return EalOption(long, help_text, short, Value.REQUIRED, check=check, invalid=invalid)


def _optional(long: str, help_text: str, check: Callable[[str], bool], short: str | None = None) -> EalOption:
    return EalOption(long, help_text, short, Value.OPTIONAL, check=check, invalid="invalid {name} parameter")


def _list(long: str, help_text: str, check: Callable[[str], bool] = bool, short: str | None = None) -> EalOption:
    return replace(_value(long, help_text, check, short=short), many=True)


def _alias(long: str, option: EalOption) -> EalOption:
    return replace(option, long=long, help=f"Same as {option.long}", alias_of=option.long)


def _unused(option: EalOption) -> EalOption:
    return replace(option, help=f"Accepted: {option.help}", used=False)


_NUMA_MEM = _value("--numa-mem", "Memory to have at the start on each NUMA node, in megabytes", _MEGABYTES)
_NUMA_LIMIT = _unused(_value("--numa-limit", "memory limit of each NUMA node, in megabytes", _MEGABYTES))

OPTIONS: tuple[EalOption, ...] = (
    _flag("--auto-probing", "Probe every device found, unless -a or -b is given"),
    _list("--allow", "Probe only the devices listed", short="-a"),
    _unused(_value("--base-virtaddr", "the kernel places memory", _matching(r"(0[xX])?[0-9a-fA-F]{1,16}"))),
    _list("--block", "Never probe this device", short="-b"),
    _value("--coremask", "[Deprecated] CPUs to use, as a hexadecimal mask", short="-c"),
    _unused(_list("--driver-path", "every driver is built in", short="-d")),
    _value(
        "--force-max-simd-bitwidth",
        "Widest SIMD register that vector paths may use, in bits; 0 means no limit",
        _is_simd_width,
        "invalid SIMD bitwidth parameter '{value}'",
    ),
    _unused(_optional("--huge-unlink", "no hugepage file is ever left", _matching("existing|always|never"))),
    _flag("--in-memory", "Keep nothing in the file system that others could find"),
    _value(
        "--iova-mode",
        "Addresses that devices are told: pa, physical, or va, virtual; left out, what they need",
        _matching("pa|va"),
        "invalid iova mode parameter '{value}'",
    ),
    _value("--lcores", "CPUs to use, or a map of lcores to CPUs", lambda _: True, short="-l"),
    _unused(_flag("--legacy-mem", "memory is reserved at the start")),
    _unused(_optional("--log-color", "the log has no colours", _matching("auto|always|never"))),
    _list("--log-level", "Level of all log types or of some; --log-level=help lists types and levels"),
    _unused(_optional("--log-timestamp", "log lines carry no time", bool)),
    _value("--main-lcore", "The lcore that runs the console"),
    _unused(_value("--mbuf-pool-ops-name", "there is one kind of mbuf pool")),
    _unused(_value("--memory-channels", "channels per socket", _COUNT, "invalid memory channel parameter", "-n")),
    _unused(_value("--memory-ranks", "ranks per channel", _number(1, 16), "invalid memory rank parameter", "-r")),
    _value("--memory-size", "Memory to have at the start, in megabytes", _number(0, _MOST), short="-m"),
    _flag("--no-auto-probing", "Probe no device unless -a lists it", "-A"),
    _unused(_flag("--no-hpet", "the HPET timer is not used")),
    _flag("--no-huge", "Use no hugepages"),
    _flag("--no-pci", "Leave the PCI bus alone"),
    _flag("--no-shconf", "Write no configuration for secondary processes"),
    _flag("--no-telemetry", "Open no telemetry socket"),
    _unused(_list("--pagesz-mem", "memory limit for a page size, SIZE:LIMIT", _matching(f"{_SIZE}:{_SIZE}"))),
    _unused(_value("--proc-type", "primary, secondary or auto", _is_proc_type, "invalid process type: {value}")),
    _optional("--remap-lcore-ids", "Number the lcores from 0, or from the value given", _number(0, 127), "-R"),
    _unused(_value("--service-corelist", "there are no service lcores", _matching(r"[0-9,-]+"), short="-S")),
    _unused(_value("--service-coremask", "[Deprecated] there are no service lcores", _is_mask, short="-s")),
    _flag("--single-file-segments", "Share memory as few large regions"),
    _flag("--telemetry", "Open the telemetry socket"),
    _list("--vdev", "Create a virtual device: <driver><id>[,key=value,...]"),
    _unused(_flag("--vmware-tsc-map", "no effect")),
    _flag("--version", "Show the version", "-v"),
    _unused(_optional("--syslog", "the log goes to standard error", bool)),
    _unused(_list("--trace", "there are no trace points")),
    _unused(_value("--trace-bufsz", "there are no trace points", _matching(_SIZE))),
    _unused(_value("--trace-dir", "there are no trace points")),
    _unused(_value("--trace-mode", "there are no trace points", _matching("overwrite|discard"))),
    _unused(_flag("--create-uio-dev", "no effect")),
    _value("--file-prefix", "Prefix of files this process names", _is_file_prefix, "Invalid file prefix parameter"),
    _unused(_value("--huge-dir", "hugepages need no mount")),
    _unused(_optional("--huge-worker-stack", "lcores have ordinary stacks", _COUNT)),
    _unused(_flag("--match-allocations", "no effect")),
    _NUMA_MEM,
    _NUMA_LIMIT,
    _alias("--socket-mem", _NUMA_MEM),
    _alias("--socket-limit", _NUMA_LIMIT),
    _unused(_value("--vfio-intr", "legacy, msi or msix", _matching("legacy|msi|msix"))),
    _unused(_value("--vfio-vf-token", "a UUID", _is_uuid)),
)

CONFLICTS: tuple[tuple[str, str], ...] = (
    ("coremask", "lcores"),
    ("service-coremask", "service-corelist"),
    ("no-auto-probing", "auto-probing"),
    ("no-telemetry", "telemetry"),
    ("memory-size", "numa-mem"),
    ("no-huge", "numa-mem"),
    ("no-huge", "huge-worker-stack"),
    ("numa-limit", "legacy-mem"),
    ("legacy-mem", "in-memory"),
    ("legacy-mem", "match-allocations"),
    ("no-huge", "match-allocations"),
    ("no-huge", "huge-unlink"),
    ("single-file-segments", "huge-unlink"),
    ("no-huge", "single-file-segments"),
    ("in-memory", "huge-unlink"),
)

BLOCK_CONFLICTS: tuple[tuple[str, str, str], ...] = (
    ("allow", "block", "Options allow (-a) and block (-b) can't be used at the same time"),
    ("no-auto-probing", "block", "Options no-auto-probing and block (-b) can't be used at the same time"),
    ("pagesz-mem", "no-huge", "Options pagesz-mem and no-huge can't be used at the same time"),
    ("pagesz-mem", "legacy-mem", "Options pagesz-mem and legacy-mem can't be used at the same time"),
)


def find(word: str) -> EalOption | None:
    """The option of exactly this name, long or short."""
    return next((option for option in OPTIONS if word in (option.long, option.short)), None)


def conflict(given: Given) -> str | None:
    """The line about the first pair of options that exclude each other, or None."""
    for one, other, line in BLOCK_CONFLICTS:
        if one in given and other in given:
            return line
    for one, other in CONFLICTS:
        if one in given and other in given:
            return f"Options '{one}' and '{other}' can't be used at the same time"
    return None


def help_text(program: str) -> str:
    """What ``--help`` prints before the application's own usage."""
    rows = [("-h, --help", "show this help and exit")]
    rows += [(f"{option.short}, {option.long}" if option.short else option.long, option.help) for option in OPTIONS]
    width = max(len(names) for names, _ in rows) + 2
    lines = [f" {names:{width}}{text}" for names, text in rows]
    return "\n".join([f"usage: {program} <EAL options> -- <App options>", "", "options:", *lines])
