"""``flow ...``: rules, which no port here takes; they are read in full and refused as the original refuses them."""

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytestpmd.cli.flow.actions import ACTIONS
from pytestpmd.cli.flow.reader import END, Phrase, Reader
from pytestpmd.cli.flow.rules import DIRECTIONS, Rule, action, actions, rule
from pytestpmd.cli.params import UINT16, UINT32
from pytestpmd.cli.registry import command
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

TUNNELS = ("vxlan", "gre", "nvgre", "geneve")
METER_REFUSAL = "cause unspecified: Function not implemented (error 1)"


def complaint(code: int = errno.ENOSYS) -> str:
    """What the original says of an error of a driver."""
    why = os.strerror(code)
    return f"port_flow_complain(): Caught PMD error type 1 (cause unspecified): {why}: {why}"


def driver_complaint(app: "TestPmd", port_id: int) -> str:
    """The same where the original does not look whether there is the port."""
    return complaint(errno.ENOSYS if port_id in app.ports else errno.ENODEV)


RULE = Phrase("rule", rule)


@command("flow (validate|create) (port_id) (rule)", "Check a flow rule or make one.", "filters", rule=RULE)
def flow_create(app: "TestPmd", operation: str, port_id: int, rule: Rule) -> None:
    for attribute in ("tunnel_set", "tunnel_match"):
        tunnel = rule.attributes.get(attribute)
        if tunnel is not None and not 1 <= tunnel <= len(app.config.flow.tunnels.get(port_id, ())):
            raise ConfigError(f"failed to locate port flow tunnel #{tunnel}")
    raise ConfigError(driver_complaint(app, port_id))


def _updated(reader: Reader) -> Any:
    reader.one_of(["actions"])
    found = actions(reader)
    reader.one_of([END, "user_id"])
    return found


@command(
    "flow update (port_id) (rule_id) (actions)",
    "Change the actions of a rule: actions ACTION / ... / end [user_id].",
    "filters",
    rule_id=UINT32,
    actions=Phrase("actions", _updated),
)
def flow_update(app: "TestPmd", port_id: int, rule_id: int, actions: Any) -> str:
    app.ports[port_id]
    return f"Failed to find flow {rule_id}"


def _rules(reader: Reader) -> list[int]:
    return list(reader.attributes({"rule": "*u", "user_id": "-"}, END)[0].get("rule", []))


@command(
    "flow destroy (port_id) (rules)",
    "Remove rules: rule RULE_ID ... [user_id].",
    "filters",
    rules=Phrase("rules", _rules),
)
def flow_destroy(app: "TestPmd", port_id: int, rules: list[int]) -> None:
    """There is none, which the original does not say."""
    app.ports[port_id]


@command("flow flush (port_id)", "Remove all rules.", "filters")
def flow_flush(app: "TestPmd", port_id: int) -> None:
    app.ports[port_id]


def _dumped(reader: Reader) -> tuple[int | None, str]:
    word = reader.one_of(["all", "rule", "user_id"])
    if word == "user_id":
        word = reader.one_of(["rule"])
    number = reader.value("u") if word == "rule" else None
    name = str(reader.value("s"))
    reader.one_of([END, "write", "append"])
    return number, name


@command(
    "flow dump (port_id) (what)",
    "Write rules to a file: all FILE, or [user_id] rule RULE_ID FILE, and write or append.",
    "filters",
    what=Phrase("what", _dumped),
)
def flow_dump(app: "TestPmd", port_id: int, what: tuple[int | None, str]) -> None:
    """No file is made: there is nothing to write."""
    app.ports[port_id]
    if what[0] is not None:
        raise ConfigError(f"Failed to dump to flow {what[0]}")
    raise ConfigError(f"{complaint()}\nFailed to dump flow: {os.strerror(errno.ENOSYS)}")


def _queried(reader: Reader) -> str:
    name = reader.one_of(tuple(ACTIONS))
    reader.one_of([END, "user_id"])
    return name


@command(
    "flow query (port_id) (rule_id) (action)",
    "Ask a rule about one of its actions.",
    "filters",
    rule_id=UINT32,
    action=Phrase("action", _queried),
)
def flow_query(app: "TestPmd", port_id: int, rule_id: int, action: str) -> None:
    app.ports[port_id]
    raise ConfigError(f"Flow rule #{rule_id} not found")


GROUPS = Phrase("groups", lambda reader: reader.attributes({"group": "*u"}, END)[0])


@command("flow list (port_id) [(groups)]", "List the rules: [group GROUP_ID ...].", "filters", groups=GROUPS)
def flow_list(app: "TestPmd", port_id: int, groups: Any = None) -> None:
    """There are none, and the original prints no heading without."""
    app.ports[port_id]


@command("flow aged (port_id) [destroy]", "List rules that were idle for long.", "filters")
def flow_aged(app: "TestPmd", port_id: int, destroy: str | None = None) -> None:
    app.ports[port_id]
    raise ConfigError(f"Port {port_id} total aged flows: {-errno.ENOSYS}\n{complaint()}")


BOOLEAN = Phrase("boolean", lambda reader: reader.value("b"))


@command("flow isolate (port_id) (boolean)", "Receive only what rules ask for.", "filters", boolean=BOOLEAN)
def flow_isolate(app: "TestPmd", port_id: int, boolean: int) -> None:
    raise ConfigError(driver_complaint(app, port_id))


@command("flow info (port_id)", "Show what the flow engine of a port has.", "filters")
def flow_info(app: "TestPmd", port_id: int) -> None:
    app.ports[port_id]
    raise ConfigError(complaint())


def indirect(reader: Reader, attributes: dict[str, str], *, lists: tuple[str, ...]) -> dict[str, Any]:
    """The attributes of an indirect action, and the action, or a list of them."""
    found, word = reader.attributes(attributes, "action", *lists)
    if word == "action":
        action(reader, more=())
        reader.one_of(["end"])
    else:
        reader.one_of(["actions"])
        actions(reader)
    return found


CREATED = {"action_id": "u", **DIRECTIONS}


def _indirect(reader: Reader) -> tuple[str, dict[str, Any]]:
    verb = reader.one_of(["create", "update", "destroy", "query", "query_update"])
    if verb == "create":
        return verb, indirect(reader, CREATED, lists=("list", "flow_conf"))
    if verb == "destroy":
        return verb, reader.attributes({"action_id": "*u"}, END)[0]
    found = {"action_id": reader.value("u")}
    if verb != "query":
        attributes = {"mode": "query_first|update_first"} if verb == "query_update" else {}
        indirect(reader, attributes, lists=())
    return verb, found


@command(
    "flow indirect_action (port_id) (operation)",
    "Actions that rules share: create, update, destroy, query, query_update.",
    "filters",
    operation=Phrase("operation", _indirect),
)
def flow_indirect(app: "TestPmd", port_id: int, operation: tuple[str, dict[str, Any]]) -> None:
    app.ports[port_id]
    verb, given = operation
    if verb == "create":
        raise ConfigError(f"Indirect action #{given.get('action_id', 0)} destroyed\n{complaint()}")
    if verb != "destroy":
        raise ConfigError(f"Failed to find indirect action #{given['action_id']} on port {port_id}")


@command("flow tunnel create (port_id) type (type)", "Note a kind of tunnel for rules.", "filters")
def flow_tunnel_create(app: "TestPmd", port_id: int, kind: str) -> str:
    app.ports[port_id]
    if kind not in TUNNELS:
        raise ConfigError(f'cannot offload "{kind}" tunnel type')
    tunnels = app.config.flow.tunnels[port_id]
    if kind not in tunnels:
        tunnels.append(kind)
    return f"port {port_id}: flow tunnel #{tunnels.index(kind) + 1} type {kind}"


@command("flow tunnel destroy (port_id) id (num)", "Forget a kind of tunnel.", "filters", num=UINT32)
def flow_tunnel_destroy(app: "TestPmd", port_id: int, tunnel: int) -> str:
    """The number stays with its place, so that those of the others do."""
    app.ports[port_id]
    tunnels = app.config.flow.tunnels[port_id]
    if not 1 <= tunnel <= len(tunnels) or not tunnels[tunnel - 1]:
        return ""
    tunnels[tunnel - 1] = ""
    return f"port {port_id}: flow tunnel #{tunnel} destroyed"


@command("flow tunnel list (port_id)", "List the kinds of tunnels, the last first.", "filters")
def flow_tunnel_list(app: "TestPmd", port_id: int) -> str:
    app.ports[port_id]
    numbered = list(enumerate(app.config.flow.tunnels.get(port_id, ()), 1))
    return "\n".join(f"port {port_id} tunnel #{number} type={kind}" for number, kind in reversed(numbered) if kind)


MAX_FLEX_ITEMS = 16


@command("flow flex_item create (port_id) (token) (file)", "Make an item of a JSON file.", "filters", token=UINT16)
def flow_flex_create(app: "TestPmd", port_id: int, token: int, name: str) -> str:
    if port_id not in app.ports or token >= MAX_FLEX_ITEMS:
        return f"Bad parameters: port_id={port_id} flex_id={token}"
    try:
        Path(name).read_bytes()
    except OSError as error:
        return f'Bad JSON file "{name}": unable to open {name}: {error.strerror}'
    return f"port-{port_id}: flex item #{token} creation failed: {os.strerror(errno.ENOSYS)}"


@command("flow flex_item destroy (port_id) (token)", "Forget a flex item.", "filters", token=UINT16)
def flow_flex_destroy(app: "TestPmd", port_id: int, token: int) -> str:
    if port_id not in app.ports or token >= MAX_FLEX_ITEMS:
        return f"Bad parameters: port_id={port_id} flex_id={token}"
    return ""


def _policy(reader: Reader) -> None:
    for colour in "gyr":
        reader.one_of([f"{colour}_actions"])
        actions(reader)


@command(
    "add port meter policy (port_id) (policy_id) (actions)",
    "Add a meter policy: g_actions ACTION / ... / end y_actions ... / end r_actions ... / end.",
    "filters",
    policy_id=UINT32,
    actions=Phrase("actions", _policy),
)
def add_meter_policy(app: "TestPmd", port_id: int, policy_id: int, actions: None) -> None:
    raise ConfigError(METER_REFUSAL)
