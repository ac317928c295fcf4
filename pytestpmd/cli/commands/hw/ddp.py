"""Profiles that make an i40e NIC parse other protocols."""

from pathlib import Path
from typing import Any

from pytestpmd.cli.refusal import Refused, all_stopped, any_port, of_driver


def _unreadable(name: str) -> str:
    """Why a file cannot be read, "" if it can."""
    try:
        with Path(name).open("rb"):
            return ""
    except OSError:
        return f"open_file: Failed to open {name}"


def add_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """The file is read before the driver is asked."""
    return _unreadable(given[1].split(",")[0]) or "Failed to load profile."


def del_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """The same of the file that was kept."""
    return _unreadable(given[1]) or "Failed to delete profile."


def info_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """Profiles are not read here."""
    return _unreadable(given[0]) or "Failed to get the number of devices"


COMMANDS = [
    of_driver("ddp add (port_id) (profile:text)", "Load DDP profile.", add_answer, check=all_stopped),
    of_driver("ddp del (port_id) (backup:text)", "Remove DDP profile.", del_answer, check=all_stopped),
    of_driver("ddp get list (port_id)", "List DDP profiles.", "Failed to get ddp list", check=any_port),
    of_driver("ddp get info (profile:text)", "DDP profile information.", info_answer, check=any_port),
]
