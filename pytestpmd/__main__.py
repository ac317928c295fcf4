"""``python -m pytestpmd``."""

import sys

from pytestpmd.cli.main import main

sys.exit(main())
