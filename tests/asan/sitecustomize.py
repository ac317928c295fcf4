"""Put in front by ``make asan``: the data plane is then the sanitized build that ``PYTESTPMD_DATAPLANE`` names.

On ``PYTHONPATH``, so that the programs that tests start load it as well. The sanitizers' own libraries go before all
else in a process, which only the loader can do: Python starts once more with them preloaded. They are taken out of the
environment again, for a program that is no Python is to run as it always does.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType


class SanitizedDataplane:
    """Finds one module, and that one elsewhere than the package does."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "pytestpmd._dataplane":
            return None
        return spec_from_file_location(name, os.environ["PYTESTPMD_DATAPLANE"])


def preload(libraries: str) -> None:
    """Return in a process that has the libraries; start over in one that has not."""
    if os.environ.pop("LD_PRELOAD", "") != libraries:
        os.execve(sys.executable, sys.orig_argv, {**os.environ, "LD_PRELOAD": libraries})


if "PYTESTPMD_DATAPLANE" in os.environ:
    preload(os.environ["PYTESTPMD_SANITIZERS"])
    sys.meta_path.insert(0, SanitizedDataplane)
