"""What only a port of the iavf driver does."""

from pytestpmd.cli.refusal import no

COMMANDS = [
    no(
        "set tx lldp (on|off)",
        "LLDP transmit.",
        "rte_pmd_iavf_tx_lldp_dynfield_offset: there is no iavf driver here",
        section="drivers",
    ),
    no(
        "port reinit (port_id)",
        "Ask PF to reset VF.",
        "Request to reinit VF failed for port {port}: {why}",
        section="drivers",
    ),
]
