"""What recycle_mbufs says of streams whose ports cannot do it, which is all of them."""

from pytestpmd.fwd.setup import Setup
from pytestpmd.fwd.streams import Streams
from pytestpmd.log import TESTPMD


class RecycleMbufs(Setup, engine="recycle_mbufs"):
    """Nothing but the original's warning."""

    def begin(self, made: Streams) -> list[str]:
        for _ in made.streams:
            TESTPMD.warning("Failed to get rx queue mbufs recycle info")
        return []
