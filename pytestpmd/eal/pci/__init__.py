"""The PCI bus: what sysfs says of it, and the ways to reach a device from user space."""
