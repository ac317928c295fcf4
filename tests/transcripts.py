"""Texts of DPDK's testpmd 26.07, command by command, in ``data/transcripts``; and how to compare with them.

A file holds what the original printed after the echo of the command, up to the next prompt.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "data" / "transcripts"


def transcript(name: str) -> str:
    """What the original printed."""
    return (FOLDER / f"{name}.txt").read_text()


def printed(*texts: str) -> str:
    """What the console makes of texts: whole lines."""
    return "".join(text if not text or text.endswith("\n") else f"{text}\n" for text in texts)


def masked(text: str) -> str:
    """The text without what differs from run to run: MAC addresses, counts, cycles."""
    text = re.sub(r"\b[0-9A-F]{2}(:[0-9A-F]{2}){5}\b", "MAC", text)
    text = re.sub(r"(packets|bytes|missed|dropped|total|errors|nombuf|pps|bps|bursts) ?: +\d+ *", r"\1: N ", text)
    return re.sub(r"(packet|packets|cycles)=[\d.]+|\d+ MHz", r"\1=N", text)


def session(name: str) -> str:
    """A session of the original: prompts, what was typed there, and the answers."""
    return (FOLDER / "sessions" / f"{name}.txt").read_text()


def typed(session_text: str) -> list[str]:
    """The lines that were typed in a session."""
    return re.findall("^testpmd> (.*)$", session_text, re.MULTILINE)
