"""``pytestpmd-l3fwd-power``: a router whose lcores poll under load and sleep on their queues' interrupts when idle.

The role, the command line and the default routes are those of DPDK's example l3fwd-power in its interrupt-only mode;
rule files are l3fwd's. What routes is ``fwd/l3fwd.c``, what sleeps ``fwd/loop.c``.
"""
