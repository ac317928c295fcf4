"""The program's own options."""

from pytestpmd.cli.registry import option
from pytestpmd.programs.kni.settings import MAX_PORTS, Settings, parse_config


@option("--portmask=MASK, -p", "hexadecimal mask of the ports that get an interface; mandatory")
def set_port_mask(settings: Settings, mask: int) -> None:
    settings.port_mask = mask & ((1 << MAX_PORTS) - 1)


@option("--promisc, -P", "have the ports receive every frame")
def set_promiscuous(settings: Settings) -> None:
    settings.promiscuous = True


@option("--monitor-link, -m", "have each interface's carrier follow its port's link")
def set_monitor_link(settings: Settings) -> None:
    settings.monitor_link = True


@option("--interrupt", "lcores sleep while there is nothing to do, where the port has receive interrupts")
def set_interrupt(settings: Settings) -> None:
    settings.interrupt = True


@option(
    "--config=CONFIG",
    "which lcores serve which port: (port,lcore_rx,lcore_tx)[,...]; lcores for kernel threads may follow the two, and "
    "are not needed",
)
def set_config(settings: Settings, text: str) -> None:
    settings.config = parse_config(text)
