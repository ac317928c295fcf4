"""What only a port of the iavf driver does."""

from pytestpmd.cli.refusal import of_driver

COMMANDS = [
    of_driver(
        "set tx lldp (on|off)",
        "LLDP transmit.",
        "rte_pmd_iavf_tx_lldp_dynfield_offset: there is no iavf driver here",
    ),
    of_driver(
        "port reinit (port_id)",
        "Ask PF to reset VF.",
        "Request to reinit VF failed for port {port}: {why}",
    ),
]
