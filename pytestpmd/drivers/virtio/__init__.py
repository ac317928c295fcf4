"""The virtio poll-mode driver.

``port.py`` is a port and follows the specification's list of steps; ``transport/`` is the way to the device. What was
agreed (``features.py``) decides where a ring's parts lie (``vring.py``) and which C functions move its packets
(``paths.py``); those are ``rxtx_split.c`` over ``virtqueue.h`` and ``split.c``, and their like over packed rings. What
a port's offloads ask of the device stands in ``offloads.py``, and what C does for them in ``offload.c``, out of the
bursts' way. Two kinds of device are driven: net_virtio_user (``user_port.py``), whose back-end is another process on a
vhost-user socket, or the kernel by way of vhost-net and vhost-vdpa, and net_virtio (``pci_port.py``), which is on the
PCI bus of the machine.
"""

from pytestpmd.drivers.virtio.pci_port import VirtioPciPort
from pytestpmd.drivers.virtio.user_port import VirtioUserPort

__all__ = ["VirtioPciPort", "VirtioUserPort"]
