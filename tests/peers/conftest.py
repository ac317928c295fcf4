"""What tests with real peers need."""

from pathlib import Path

import pytest


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    """Where the two programs meet."""
    return tmp_path / "s"
