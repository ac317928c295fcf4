"""Numbers, sparklines and bars as a few characters."""

from collections.abc import Sequence

from rich.text import Text

PREFIXES = ("", "k", "M", "G", "T", "P", "E")
STEP = 1000
#: From nothing to all, in a character that any terminal has, and in those of block elements.
ASCII_LEVELS = " .:-=+*#%@"
LEVELS = " ▁▂▃▄▅▆▇█"
LOW, HIGH = 60, 85


def human(count: float, unit: str = "") -> str:
    """A count with three digits that matter: ``0``, ``999``, ``12.3 k``, ``1.49 M``, and a unit after it."""
    power = 0
    while abs(count) >= STEP - 0.5 and power < len(PREFIXES) - 1:
        count, power = count / STEP, power + 1
    digits = 0 if power == 0 or abs(count) >= 99.95 else 1 if abs(count) >= 9.995 else 2
    return f"{count:.{digits}f} {PREFIXES[power]}{unit}".rstrip()


def sparkline(values: Sequence[float], width: int, plain: bool = False) -> str:
    """The last ``width`` values, the newest at the right end, each as high as it is of the highest."""
    levels = ASCII_LEVELS if plain else LEVELS
    shown = list(values)[-width:] if width > 0 else []
    top = max(shown, default=0) or 1
    return "".join(levels[_level(value / top, len(levels) - 1)] for value in shown).rjust(width)


def bar(share: float, width: int, plain: bool = False) -> str:
    """A share from 0 to 1 of ``width`` characters, filled from the left."""
    filled = _level(share, width)
    return ("#" if plain else "█") * filled + ("." if plain else "░") * (width - filled)


def _level(share: float, levels: int) -> int:
    """0 for nothing at all only, ``levels`` for all of it."""
    return 0 if share <= 0 else max(1, min(levels, round(share * levels)))


def loaded(share: float, text: str) -> Text:
    """A text in the colour of how near something is to its end."""
    percent = share * 100
    return Text(text, "red" if percent >= HIGH else "yellow" if percent >= LOW else "green")


def worrying(count: float, text: str) -> Text:
    """A text that stands out unless the count is 0."""
    return Text(text, "bold red" if count else "dim")
