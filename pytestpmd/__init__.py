"""pytestpmd: a forwarding appliance in the shape of DPDK's testpmd, with its own virtio poll-mode driver."""

__version__ = "0.1.0"
