"""Put in front by ``make asan``: the data plane is then the sanitized build that ``PYTESTPMD_DATAPLANE`` names.

On ``PYTHONPATH``, so that the programs that tests start load it as well.
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


if "PYTESTPMD_DATAPLANE" in os.environ:
    sys.meta_path.insert(0, SanitizedDataplane)
