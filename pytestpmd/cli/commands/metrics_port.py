"""``--metrics-port``: the program's figures for Prometheus."""

from typing import TYPE_CHECKING

from pytestpmd.cli.registry import option
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "run"
MAX_PORT = 65535


@option("--metrics-port=PORT", "serve figures for Prometheus at this port of 127.0.0.1 and ::1; 0 for any", ours=True)
def metrics_port(app: "TestPmd", text: str) -> None:
    if not (text.isascii() and text.isdecimal() and int(text) <= MAX_PORT):
        raise ConfigError(f"metrics-port {text} invalid - must be >= 0 && <= {MAX_PORT}")
    app.config.run.metrics_port = int(text)
