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


class Effect(Enum):
    """What an option does here."""

    HERE = auto()
    #: What it asks for is so in any case.
    GIVEN = auto()
    #: Nothing, which is said when it is given.
    NONE = auto()


@dataclass(frozen=True, slots=True)
class EalOption:
    """One option. ``check`` says whether a value's form will do, ``invalid`` is the line when it does not."""

    long: str
    help: str
    short: str | None = None
    value: Value = Value.NONE
    metavar: str = ""
    many: bool = False
    alias_of: str | None = None
    check: Callable[[str], bool] = bool
    invalid: str = ""
    #: Values that a shell offers.
    words: tuple[str, ...] = ()
    effect: Effect = Effect.HERE
    #: Read together with the log levels, before all others.
    is_for_log: bool = False

    @property
    def name(self) -> str:
        """What an option and its aliases are filed under: the long name without dashes in front."""
        return (self.alias_of or self.long).removeprefix("--")

    @property
    def names(self) -> str:
        """How help shows it: ``-l, --lcores=LIST``."""
        shown = {Value.NONE: "", Value.REQUIRED: f"={self.metavar}", Value.OPTIONAL: f"[={self.metavar}]"}[self.value]
        return f"{self.short}, {self.long}{shown}" if self.short else f"{self.long}{shown}"


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
_is_mask = _matching(r"(0[xX])?0*[1-9a-fA-F][0-9a-fA-F]{0,31}")
_is_core_list = _matching(r"[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?)*")
_is_proc_type = _matching("(?i:primary|secondary|auto)")

COLORS = ("auto", "always", "never")
TIMESTAMPS = ("reltime", "delta", "ctime", "iso", "notime")
FACILITIES = (
    *("auth", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp"),
    *(f"local{number}" for number in range(8)),
)
#: Names of DPDK's kinds of pools that may be asked for; ours is one that any lcore may take from and give to.
POOL_OPS = ("ring_mp_mc", "ring_sp_sc", "ring_mp_sc", "ring_sp_mc", "ring_mt_rts", "ring_mt_hts", "stack", "lf_stack")


def _is_pagesz_mem(text: str) -> bool:
    """A page's size, a power of two, and a limit that is a multiple of it."""
    match = re.fullmatch(f"({_SIZE}):({_SIZE})", text)
    if match is None:
        return False
    page, limit = _bytes(match[1]), _bytes(match[2])
    return page.bit_count() == 1 and limit % page == 0


def _bytes(text: str) -> int:
    digits, unit = re.fullmatch(r"([0-9]+)([kKmMgG]?)B?", text).groups()  # type: ignore[union-attr]
    return int(digits) << {"": 0, "k": 10, "m": 20, "g": 30}[unit.lower()]


#: What a value must be: one of some words, or what a function says of it.
Check = Sequence[str] | Callable[[str], bool]


def _flag(long: str, help_text: str, short: str | None = None) -> EalOption:
    return EalOption(long, help_text, short)


def _value(
    syntax: str,
    help_text: str,
    check: Check = bool,
    invalid: str = "invalid {name} parameter: '{value}'",
    short: str | None = None,
) -> EalOption:
    long, _, metavar = syntax.partition("=")
    words, fits = ((), check) if callable(check) else (tuple(check), check.__contains__)
    return EalOption(long, help_text, short, Value.REQUIRED, metavar, check=fits, invalid=invalid, words=words)


def _optional(syntax: str, help_text: str, check: Check, short: str | None = None) -> EalOption:
    invalid = "invalid {name} parameter"
    return replace(_value(syntax, help_text, check, invalid, short), value=Value.OPTIONAL)


def _offering(option: EalOption, words: Sequence[str]) -> EalOption:
    """An option that may have other values as well."""
    return replace(option, words=tuple(words))


def _log(syntax: str, help_text: str, words: Sequence[str]) -> EalOption:
    return replace(_optional(syntax, help_text, words), is_for_log=True)


def _list(syntax: str, help_text: str, check: Check = bool, short: str | None = None) -> EalOption:
    return replace(_value(syntax, help_text, check, short=short), many=True)


def _alias(syntax: str, option: EalOption) -> EalOption:
    long, _, metavar = syntax.partition("=")
    return replace(option, long=long, metavar=metavar, help=f"same as {option.long}", alias_of=option.long)


def _unused(option: EalOption) -> EalOption:
    return replace(option, effect=Effect.NONE)


def _hint(option: EalOption) -> EalOption:
    return replace(option, effect=Effect.GIVEN)


_HINT = "memory is taken when it is needed"
_NUMA_MEM = _hint(_value("--numa-mem=MB[,MB...]", f"memory of each NUMA node; {_HINT}", _MEGABYTES))
_NUMA_LIMIT = _value("--numa-limit=MB[,MB...]", "most memory for packets, in sum of all nodes", _MEGABYTES)

GROUPS: dict[str, tuple[EalOption, ...]] = {
    "Lcores": (
        _value("--lcores=LIST", "CPUs to use: 0-3, or a map of lcores to CPUs: 0@2,1@3", lambda _: True, short="-l"),
        _value("--coremask=MASK", "CPUs to use, as a hexadecimal mask; deprecated", short="-c"),
        _value("--main-lcore=ID", "the lcore that runs the console; the first, unless given"),
        _optional("--remap-lcore-ids=BASE", "number the lcores from 0, or from BASE on", _number(0, 127), "-R"),
        _value(
            "--service-corelist=LIST",
            "lcores that are kept from forwarding",
            _is_core_list,
            "invalid service core list: '{value}'",
            "-S",
        ),
        _value(
            "--service-coremask=MASK",
            "the same as a hexadecimal mask; deprecated",
            _is_mask,
            "invalid service coremask: '{value}'",
            "-s",
        ),
    ),
    "Devices": (
        _list("--vdev=NAME[,KEY=VALUE...]", "make a virtual device: <driver><id> and its arguments"),
        _list("--allow=DEVICE[,KEY=VALUE...]", "use only the devices listed", short="-a"),
        _list("--block=DEVICE", "do not use this device", short="-b"),
        _flag("--auto-probing", "use every device found, unless -a or -b is given; the default"),
        _flag("--no-auto-probing", "use no device that -a does not list", "-A"),
        _flag("--no-pci", "leave the PCI bus alone"),
        _value(
            "--iova-mode=MODE",
            "addresses that devices are told: pa, physical, or va, virtual; left out, what they need",
            ("pa", "va"),
            "invalid iova mode parameter '{value}'",
        ),
        _value(
            "--vfio-intr=MODE",
            "how devices on vfio-pci interrupt: msix, or legacy, by their line, which msi means as well",
            ("legacy", "msi", "msix"),
            "invalid vfio interrupt parameter: '{value}'",
        ),
        _offering(
            _value(
                "--force-max-simd-bitwidth=BITS",
                "widest SIMD register that vector paths may use; 0 is no limit",
                _is_simd_width,
                "invalid SIMD bitwidth parameter '{value}'",
            ),
            ("0", "64", "128", "256", "512"),
        ),
    ),
    "Memory": (
        _flag("--no-huge", "use no hugepages"),
        _flag("--in-memory", "keep nothing in the file system that others could find"),
        _NUMA_LIMIT,
        _alias("--socket-limit=MB[,MB...]", _NUMA_LIMIT),
        _value(
            "--base-virtaddr=ADDRESS",
            "where packet memory is to begin, if that place is free",
            _matching(r"(0[xX])?[0-9a-fA-F]{1,12}"),
            "invalid base virtaddr '{value}'",
        ),
        _offering(
            _value(
                "--mbuf-pool-ops-name=NAME", f"name of mbuf pools, of which there is one kind: {', '.join(POOL_OPS)}"
            ),
            POOL_OPS,
        ),
        _hint(_value("--memory-size=MB", f"memory to begin with; {_HINT}", _number(0, _MOST), short="-m")),
        _NUMA_MEM,
        _alias("--socket-mem=MB[,MB...]", _NUMA_MEM),
        _hint(_flag("--legacy-mem", f"reserve memory at the start; {_HINT}")),
        _hint(_flag("--single-file-segments", "share memory in few files; a pool has one")),
        _hint(_optional("--huge-unlink=WHEN", "when files go: none is ever left", ("existing", "always", "never"))),
        _hint(_flag("--match-allocations", "free hugepages as they were allocated; they are")),
        _hint(
            _value(
                "--memory-channels=N", "memory channels of a socket", _COUNT, "invalid memory channel parameter", "-n"
            )
        ),
        _hint(_value("--memory-ranks=N", "memory ranks", _number(1, 16), "invalid memory rank parameter", "-r")),
    ),
    "Log": (
        _list("--log-level=[TYPE:]LEVEL", "level of all log types or of some; help lists types and levels"),
        _log("--log-color=WHEN", "colour the log: auto, always or never; always, if nothing is said", COLORS),
        _log(
            "--log-timestamp=FORMAT",
            "put the time before each line: since the start, or as reltime, delta, ctime, iso or notime",
            TIMESTAMPS,
        ),
        _log("--syslog=FACILITY", "send the log to syslog as well, as daemon or another facility", FACILITIES),
    ),
    "Program": (
        _value(
            "--file-prefix=NAME",
            "name of the runtime directory; a second program needs another",
            _is_file_prefix,
            "Invalid file prefix parameter",
        ),
        _offering(
            _value(
                "--proc-type=TYPE",
                "primary or auto; there are no secondary processes",
                _is_proc_type,
                "invalid process type: {value}",
            ),
            ("primary", "auto"),
        ),
        _flag("--no-shconf", "take no lock in the runtime directory"),
        _flag("--no-telemetry", "open no telemetry socket"),
        _flag("--telemetry", "open the telemetry socket; the default"),
        _flag("--version", "show the version; alone, that is all", "-v"),
    ),
    "Accepted, and without effect here": (
        _unused(_list("--driver-path=PATH", "every driver is built in", short="-d")),
        _unused(_value("--huge-dir=DIR", "hugepages need no mount")),
        _unused(_list("--pagesz-mem=SIZE:LIMIT", "there is one size of hugepages", _is_pagesz_mem)),
        _unused(_optional("--huge-worker-stack=KB", "lcores have ordinary stacks", _COUNT)),
        _unused(_list("--trace=REGEX", "there are no trace points")),
        _unused(_value("--trace-bufsz=SIZE", "there are no trace points", _matching(rf"(?!0+\D*$){_SIZE}"))),
        _unused(_value("--trace-dir=DIR", "there are no trace points")),
        _unused(_value("--trace-mode=MODE", "there are no trace points", ("overwrite", "discard"))),
        _unused(
            _value(
                "--vfio-vf-token=UUID",
                "virtual functions are opened without a token",
                _is_uuid,
                "invalid vfio vf token parameter: '{value}'",
            )
        ),
        _unused(_flag("--no-hpet", "time is the kernel's monotonic clock")),
        _unused(_flag("--vmware-tsc-map", "time is the kernel's monotonic clock")),
        _unused(_flag("--create-uio-dev", "udev makes the files of UIO devices")),
    ),
}
"""The options in the groups of help."""

OPTIONS: tuple[EalOption, ...] = tuple(option for group in GROUPS.values() for option in group)

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
