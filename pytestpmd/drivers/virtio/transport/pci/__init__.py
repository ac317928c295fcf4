"""The way to a virtio device on the PCI bus (virtio 1.2, 4.1).

``device.py`` is the transport, over registers in the modern layout or the legacy one (``layout.py``) and over
``interrupts.py``; ``capabilities.py`` finds where a modern device has them. How the device was opened, and what its
windows are made of, is ``eal/pci``'s concern.
"""
