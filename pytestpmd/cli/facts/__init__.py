"""What there is to show, as data: plain functions beside those of ``render``, one shape for one port and for all.

Keys are words of DPDK in lower case; counts are packets, ``_bytes`` bytes, ``_mbps`` megabits a second, MAC addresses
text. Nothing here is made by reading text. The whole is described in docs/json.md.
"""
