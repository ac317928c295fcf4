"""``python -m pytestpmd.programs.kni``."""

import sys

from pytestpmd.programs.kni.main import main

if __name__ == "__main__":
    sys.exit(main())
