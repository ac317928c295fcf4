"""``python -m pytestpmd.programs.l3fwd_power``."""

import sys

from pytestpmd.programs.l3fwd_power.main import main

if __name__ == "__main__":
    sys.exit(main())
