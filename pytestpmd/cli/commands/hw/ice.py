"""What only a port of the ice driver does; no file is written."""

from pytestpmd.cli.refusal import any_port, of_driver

COMMANDS = [
    of_driver(
        "ddp dump (port_id) (file)",
        "Dump runtime configuration.",
        "Device doesn't support dump DDP runtime configure.",
        check=any_port,
    ),
    of_driver(
        "ddp dump switch (port_id) (file)",
        "Dump switch configuration.",
        "Device doesn't support dump DDP switch runtime configure.",
        check=any_port,
    ),
    of_driver(
        "txsched dump (port_id) (brief|detail) (file)",
        "Dump Tx scheduler.",
        "Failed to dump Tx scheduring runtime configure.",
        check=any_port,
    ),
]
