"""What only a port of the ice driver does; no file is written."""

from pytestpmd.cli.refusal import any_port, no

COMMANDS = [
    no(
        "ddp dump (port_id) (file)",
        "Dump runtime configuration.",
        "Device doesn't support dump DDP runtime configure.",
        section="drivers",
        check=any_port,
    ),
    no(
        "ddp dump switch (port_id) (file)",
        "Dump switch configuration.",
        "Device doesn't support dump DDP switch runtime configure.",
        section="drivers",
        check=any_port,
    ),
    no(
        "txsched dump (port_id) (brief|detail) (file)",
        "Dump Tx scheduler.",
        "Failed to dump Tx scheduring runtime configure.",
        section="drivers",
        check=any_port,
    ),
]
