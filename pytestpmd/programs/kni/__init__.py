"""pytestpmd-kni: a network interface of the kernel's for each port (the role of DPDK's KNI and its example).

One lcore of a port moves what it receives to its interface ``vEth<port>``, another what the kernel sends there to the
port. What the interface's user does to it (up and down, MTU, address, modes) is done to the port.
"""
