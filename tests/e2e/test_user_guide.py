"""The documents for users, done as they stand."""

import re
from pathlib import Path

import pytest
from e2e.document import Reader, blocks, missing

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = ("user-guide.md", "differences.md")
#: What sections need that is not ours.
PEERS = {"The sockets of DPDK": ["dpdk-telemetry.py"], "QEMU": ["qemu-system-x86_64"]}


def sections() -> dict[str, str]:
    """The documents' headings, and the text below each."""
    texts = [f"\n{(DOCS / name).read_text(encoding='utf-8')}" for name in DOCUMENTS]
    return {
        section.partition("\n")[0]: section.partition("\n")[2] for text in texts for section in text.split("\n## ")[1:]
    }


@pytest.mark.parametrize(
    "title",
    [pytest.param(title, marks=[pytest.mark.peer(name) for name in PEERS.get(title, [])]) for title in sections()],
)
def test_every_example_does_what_the_document_says(title: str, tmp_path: Path) -> None:
    if title == "Prometheus":
        pytest.importorskip("prometheus_client", reason="pip install pytestpmd[metrics]")
    with Reader(tmp_path) as reader:
        reader.do(iter(blocks(f"{sections()[title]}\n")))


def test_no_two_sections_have_one_title() -> None:
    titles = [line for name in DOCUMENTS for line in (DOCS / name).read_text().splitlines() if line.startswith("## ")]
    assert len(titles) == len(sections())


def test_a_line_that_is_not_said_is_missed() -> None:
    assert missing(["RX-packets: 5", "[...]", "Done"], "a\nRX-packets: 77\nb\nDone\n") == []
    assert missing(["Done", "RX-packets: 5"], "RX-packets: 77\nDone\n") == ["RX-packets: 5"]
    assert missing(["MAC 02:00:00:00:00:01"], "MAC 56:48:4F:53:54:00") == []
    assert missing(["ports=2"], "ports=two") == ["ports=2"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_is_there(document: str) -> None:
    for path in re.findall(r"\]\(([\w./-]+)\)", (DOCS / document).read_text()):
        assert (DOCS / path).exists(), path
