"""The EAL part of the command line, ``[EAL options] -- [application options]``, to a frozen :class:`EalArgs`.

Three steps, as in the original, because what it prints between them ("Detected CPU lcores") belongs there:
:func:`collate` sorts words into options and knows nothing of this machine; :func:`set_log_options` applies
``--log-level`` and its like; :func:`interpret` reads the other values. :func:`parse` is the first and the last.
"""

import os
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from errno import EINVAL
from itertools import takewhile

from pytestpmd.eal import lcores
from pytestpmd.eal.iova import IovaMode
from pytestpmd.eal.lcores import LcoreConfig
from pytestpmd.eal.options import OPTIONS, POOL_OPS, EalOption, Effect, Given, Value, conflict, find, to_simd_bitwidth
from pytestpmd.errors import ConfigError
from pytestpmd.log import REGISTRY, Registry

__all__ = ["EalArgs", "EalError", "Words", "collate", "interpret", "parse", "set_log_options"]

DEFAULT_FILE_PREFIX = "rte"
#: ``--base-virtaddr`` is rounded up to it, as in the original.
BASE_ALIGN = 16 << 20
DEFAULT_SIMD_BITWIDTH = 256 if os.uname().machine in ("x86_64", "i686") else 128


class EalError(ConfigError):
    """The EAL part cannot be: the lines that the original prints, joined, and its exit status."""

    @classmethod
    def parsing(cls, line: str) -> "EalError":
        """A word that is no option, or an option without its value: the program ends before anything has begun."""
        error = cls(f"ARGPARSE: {line}")
        error.exit_code = -EINVAL & 0xFF
        return error

    @classmethod
    def starting(cls, lines: str, stage: str, error: str = "Invalid argument") -> "EalError":
        """Options that cannot go together, or a value that makes no sense; ``stage`` is what could not be done."""
        causes = [f"EAL: {line}" for line in [*lines.splitlines(), stage]]
        return cls("\n".join([*causes, "EAL: Error - exiting with code: 1", f"Cannot init EAL: {error}"]))


@dataclass(frozen=True, slots=True)
class Words:
    """A command line sorted: options by name, and the words that are the application's."""

    given: Given
    app_argv: tuple[str, ...]
    eal_argv: tuple[str, ...] = ()

    @property
    def wants_help(self) -> bool:
        """``-h`` or ``--help``: print what there is to say, end with status 0."""
        return "help" in self.given

    @property
    def wants_log_help(self) -> bool:
        """``--log-level=help``: print the log types and levels, end with status 0."""
        return "help" in self.given.get("log-level", ())

    @property
    def wants_version_alone(self) -> bool:
        """``-v`` or ``--version`` and no other word: print it, end with status 0. Among others it is one line of many,
        as in the original."""
        return list(self.given) == ["version"] and not self.app_argv

    @property
    def log_levels(self) -> tuple[str, ...]:
        """Values of ``--log-level`` in the order given; to be applied before anything else is logged."""
        return tuple(value for value in self.given.get("log-level", ()) if value)


@dataclass(frozen=True, slots=True)
class EalArgs:
    """What the EAL options ask for, checked. Sizes in megabytes, lcores by id."""

    lcores: tuple[LcoreConfig, ...]
    main_lcore: int
    app_argv: tuple[str, ...] = ()
    eal_argv: tuple[str, ...] = ()
    """What stood before ``--``, word by word."""
    vdevs: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    block: tuple[str, ...] = ()
    auto_probing: bool = True
    no_pci: bool = False
    log_levels: tuple[str, ...] = ()
    file_prefix: str = DEFAULT_FILE_PREFIX
    in_memory: bool = False
    no_huge: bool = False
    iova_mode: IovaMode | None = None
    vfio_intr: str = "msix"
    #: Where packet memory is to begin.
    base_virtaddr: int | None = None
    #: Most memory for packets.
    limit_mb: int | None = None
    pool_ops: str = POOL_OPS[0]
    #: Lcores that do not forward.
    service_lcores: frozenset[int] = frozenset()
    no_shconf: bool = False
    proc_type: str = "primary"
    no_telemetry: bool = False
    max_simd_bitwidth: int = DEFAULT_SIMD_BITWIDTH
    version: bool = False
    unused: tuple[str, ...] = field(default=())
    """Long names of options given that have no effect here."""
    warnings: tuple[str, ...] = field(default=())
    """Lines to log as ``EAL`` warnings."""

    @property
    def worker_lcores(self) -> tuple[LcoreConfig, ...]:
        """Every lcore but the main one and those for services, by id: those that may forward."""
        kept = {self.main_lcore, *self.service_lcores}
        return tuple(lcore for lcore in self.lcores if lcore.lcore_id not in kept)

    @property
    def asks_for_ports(self) -> bool:
        """Whether the user said anything about which devices to use, so that none is made up."""
        return bool(self.vdevs or self.allow or self.no_pci) or not self.auto_probing


def parse(
    argv: Sequence[str], detected: AbstractSet[int] | None = None, affinity: AbstractSet[int] | None = None
) -> EalArgs:
    """Arguments after the program's name to :class:`EalArgs`, or :class:`EalError`.

    Who wants to know about ``--help`` and ``--log-level=help`` takes the steps apart.
    """
    return interpret(collate(argv), detected, affinity)


def collate(argv: Sequence[str]) -> Words:
    """Sort ``argv`` (without the program's name) up to ``--``; words that are no options go to the application."""
    given: dict[str, list[str | None]] = {}
    words = list(argv)
    strays: list[str] = []
    while words and (word := words.pop(0)) != "--":
        if not word.startswith("-"):
            strays.append(word)
        elif word in ("-h", "--help"):
            given["help"] = [None]
        else:
            _take(word, words, given)
    line = None if "help" in given else conflict(given)
    if line is not None:
        raise EalError.starting(line, "Invalid command line arguments.")
    return Words(given, (*strays, *words), tuple(takewhile(lambda word: word != "--", argv)))


def set_log_options(words: Words, registry: Registry = REGISTRY) -> None:
    """Apply every ``--log-level`` and the log's other options, so that what is logged from here on follows them."""
    given = words.given
    for spec in words.log_levels:
        try:
            registry.apply(spec)
        except ConfigError as error:
            raise EalError.starting(f"{error}\ninvalid log-level parameter", "invalid log arguments.") from None
    try:
        _check_values(given, is_for_log=True)
    except ConfigError as error:
        raise EalError.starting(str(error), "invalid log arguments.") from None
    for name, use in (
        ("log-color", registry.style.color),
        ("log-timestamp", registry.style.stamp),
        ("syslog", registry.copy_to_syslog),
    ):
        if name in given:
            use(_last(given, name))


def interpret(
    words: Words,
    detected: AbstractSet[int] | None = None,
    affinity: AbstractSet[int] | None = None,
    file_prefix: str = DEFAULT_FILE_PREFIX,
) -> EalArgs:
    """Read the values. ``detected`` are the machine's CPUs, ``affinity`` those the process may run on (default),
    ``file_prefix`` is the program's where none is given."""
    detected = lcores.detected_cpus() if detected is None else detected
    affinity = os.sched_getaffinity(0) if affinity is None else affinity
    given = words.given
    try:
        _check_values(given)
        found = _lcores(given, detected, affinity)
        main_lcore = lcores.find_main(_last(given, "main-lcore"), found)
    except ConfigError as error:
        raise EalError.starting(str(error), "Error parsing command line arguments.") from None
    return EalArgs(
        lcores=found,
        main_lcore=main_lcore,
        app_argv=words.app_argv,
        eal_argv=words.eal_argv,
        vdevs=_all(given, "vdev"),
        allow=_all(given, "allow"),
        block=_all(given, "block"),
        auto_probing="no-auto-probing" not in given and "allow" not in given,
        no_pci="no-pci" in given,
        log_levels=words.log_levels,
        file_prefix=_last(given, "file-prefix") or file_prefix,
        in_memory="in-memory" in given,
        no_huge="no-huge" in given,
        iova_mode=_iova_mode(given),
        vfio_intr=_last(given, "vfio-intr") or "msix",
        base_virtaddr=_base_virtaddr(given),
        limit_mb=sum(int(size) for size in (_last(given, "numa-limit") or "").split(",") if size) or None,
        pool_ops=_last(given, "mbuf-pool-ops-name") or POOL_OPS[0],
        service_lcores=_service_lcores(given),
        no_shconf="no-shconf" in given or "in-memory" in given,
        proc_type=(_last(given, "proc-type") or "primary").lower(),
        no_telemetry="no-telemetry" in given,
        max_simd_bitwidth=_simd_bitwidth(given),
        version="version" in given,
        unused=tuple(option.long for option in OPTIONS if option.name in given and option.effect is Effect.NONE),
        warnings=_warnings(given, found),
    )


def _take(word: str, words: list[str], given: dict[str, list[str | None]]) -> None:
    """File one option and its value; a value that stands apart is taken off ``words``."""
    name, value = _split(word)
    option = find(name)
    if option is None:
        raise EalError.parsing(f"unknown argument {word}!")
    if option.name in given and not option.many:
        raise EalError.parsing(f"argument {name} should not occur multiple times!")
    if option.value is Value.NONE and value is not None:
        raise EalError.parsing(f"argument {name} should not take value!")
    if option.value is Value.REQUIRED and value is None:
        if not words:
            raise EalError.parsing(f"argument {name} doesn't have value!")
        value = words.pop(0)
    given.setdefault(option.name, []).append(value)


def _split(word: str) -> tuple[str, str | None]:
    """``--opt=v`` or ``-nv`` or ``-n=v`` to name and value."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    return word[:2], word[2:].removeprefix("=") if len(word) > 2 else None


def _check_values(given: Given, *, is_for_log: bool = False) -> None:
    for option in OPTIONS:
        if option.alias_of is None and option.is_for_log is is_for_log:
            for value in given.get(option.name, ()):
                _check(option, value)


def _check(option: EalOption, value: str | None) -> None:
    if value is not None and not option.check(value):
        raise ConfigError(option.invalid.format(name=option.name, value=value))


def _lcores(given: Given, detected: AbstractSet[int], affinity: Iterable[int]) -> tuple[LcoreConfig, ...]:
    listed, mask = _last(given, "lcores"), _last(given, "coremask")
    first_id = int(_last(given, "remap-lcore-ids") or 0) if "remap-lcore-ids" in given else None
    if listed is not None and lcores.is_mapping(listed):
        if first_id is not None:
            raise ConfigError("cannot use '@' or core groupings '()' in lcore list when remapping lcores")
        return lcores.parse_mapping(listed, detected)
    if listed is not None:
        return lcores.from_cpus(lcores.parse_list(listed), detected, first_id)
    if mask is not None:
        return lcores.from_cpus(lcores.parse_mask(mask), detected, first_id)
    allowed = sorted(cpu for cpu in affinity if cpu < lcores.MAX_LCORES or first_id is not None)
    return lcores.from_cpus(allowed[: lcores.MAX_LCORES], set(allowed), first_id)


def _simd_bitwidth(given: Given) -> int:
    text = _last(given, "force-max-simd-bitwidth")
    return DEFAULT_SIMD_BITWIDTH if text is None else to_simd_bitwidth(text)


def _iova_mode(given: Given) -> IovaMode | None:
    text = _last(given, "iova-mode")
    return IovaMode[text.upper()] if text else None


def _base_virtaddr(given: Given) -> int | None:
    text = _last(given, "base-virtaddr")
    return -(-int(text, 16) // BASE_ALIGN) * BASE_ALIGN if text else None


def _service_lcores(given: Given) -> frozenset[int]:
    listed, mask = _last(given, "service-corelist"), _last(given, "service-coremask")
    return frozenset(lcores.parse_list(listed) if listed else lcores.parse_mask(mask) if mask else ())


def _warnings(given: Given, found: Iterable[LcoreConfig]) -> tuple[str, ...]:
    lines = []
    if "coremask" in given:
        lines.append("-c and --coremask are deprecated, use -l or --lcores")
    if not _service_lcores(given) <= {lcore.lcore_id for lcore in found}:
        lines.append("Not all service cores were in the coremask. Please ensure -c or -l includes service cores")
    return tuple(lines)


def _last(given: Given, name: str) -> str | None:
    values = given.get(name, ())
    return values[-1] if values else None


def _all(given: Given, name: str) -> tuple[str, ...]:
    return tuple(value for value in given.get(name, ()) if value is not None)
