"""The commands of telemetry: a file for each family, as DPDK's libraries have them, and ``own.py`` for ours alone."""
