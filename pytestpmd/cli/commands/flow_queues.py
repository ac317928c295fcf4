"""``flow configure|pattern_template|...|queue|push|pull``: rules by templates and queues, refused like others.

What the original keeps of a request that the driver refused, the number of queues, is kept too: it decides between
two refusals.
"""

from typing import TYPE_CHECKING, Any

from pytestpmd.cli.commands.flow import CREATED, complaint, indirect
from pytestpmd.cli.flow.reader import END, Phrase, Reader
from pytestpmd.cli.flow.rules import DIRECTIONS, actions, pattern
from pytestpmd.cli.registry import command
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

Said = dict[str, Any]

_ENGINE = ("queues_number", "queues_size", "counters_number", "aging_counters_number", "quotas_number")
ENGINE = dict.fromkeys((*_ENGINE, "meters_number", "conn_tracks_number", "flags", "host_port"), "u")


@command(
    "flow configure (port_id) (engine)",
    "Ask the flow engine of a port for queues, counters, meters: queues_number N queues_size N ...",
    "filters",
    engine=Phrase("engine", lambda reader: reader.attributes(ENGINE, END)[0]),
)
def flow_configure(app: "TestPmd", port_id: int, engine: Said) -> None:
    app.ports[port_id]
    app.config.flow.queues[port_id] = engine.get("queues_number", 0)
    raise ConfigError(complaint())


def _template(kind: str, attributes: dict[str, str]) -> Phrase:
    def read(reader: Reader) -> Said:
        if reader.one_of(["create", "destroy"]) == "destroy":
            return {"destroyed": reader.attributes({f"{kind}_template": "*u"}, END)[0]}
        found, _ = reader.attributes({f"{kind}_template_id": "u", **attributes, **DIRECTIONS}, "template")
        if kind == "pattern":
            pattern(reader)
        else:
            actions(reader)
            reader.one_of(["mask"])
            actions(reader)
        return found

    return Phrase("operation", read)


def _refuse_template(app: "TestPmd", port_id: int, kind: str, given: Said) -> None:
    app.ports[port_id]
    if "destroyed" not in given:
        number = given.get(f"{kind}_template_id", 0)
        raise ConfigError(f"{kind.capitalize()} template #{number} destroyed\n{complaint()}")


@command(
    "flow pattern_template (port_id) (operation)",
    "Templates of patterns: create ... template ITEM / ... / end, destroy pattern_template ID ...",
    "filters",
    operation=_template("pattern", {"relaxed": "b"}),
)
def flow_pattern_template(app: "TestPmd", port_id: int, operation: Said) -> None:
    _refuse_template(app, port_id, "pattern", operation)


@command(
    "flow actions_template (port_id) (operation)",
    "Templates of actions: create ... template ACTION / ... / end mask ACTION / ... / end, destroy ...",
    "filters",
    operation=_template("actions", {}),
)
def flow_actions_template(app: "TestPmd", port_id: int, operation: Said) -> None:
    _refuse_template(app, port_id, "actions", operation)


TABLE = {
    "table_id": "u",
    "group": "u",
    "insertion_type": "pattern|index|index_with_pattern",
    "hash_func": "default|linear|crc32|crc16",
    "priority": "u",
    **DIRECTIONS,
    "wire_orig": "-",
    "vport_orig": "-",
    "resizable": "-",
    "rules_number": "u",
    "pattern_template": "*u",
    "actions_template": "*u",
}


def _table(reader: Reader) -> tuple[str, Said]:
    verb = reader.one_of(["create", "destroy", "resize", "resize_complete"])
    if verb == "create":
        return verb, reader.attributes(TABLE, END)[0]
    if verb == "resize":
        reader.one_of(["table_resize_id"])
        number = reader.value("u")
        reader.one_of(["table_resize_rules_num"])
        return verb, {"table": [number], "rules": reader.value("u")}
    return verb, reader.attributes({"table": "*u"}, END)[0]


@command(
    "flow template_table (port_id) (operation)",
    "Tables of templates: create, destroy, resize, resize_complete.",
    "filters",
    operation=Phrase("operation", _table),
)
def flow_template_table(app: "TestPmd", port_id: int, operation: tuple[str, Said]) -> None:
    """No template is ever made, so the first one that a table names is not there."""
    app.ports[port_id]
    verb, given = operation
    if verb != "create":
        return
    for kind in ("pattern", "actions"):
        for number in given.get(f"{kind}_template", []):
            raise ConfigError(f"{kind.capitalize()} template #{number} is invalid")
    raise ConfigError(f"Template table #{given.get('table_id', 0)} destroyed\n{complaint()}")


def _group(reader: Reader) -> None:
    reader.one_of(["group_id"])
    reader.value("u")
    reader.attributes(DIRECTIONS, "set_miss_actions")
    actions(reader)


@command(
    "flow group (port_id) (operation)",
    "What becomes of what no rule of a group takes: group_id ID [DIRECTION] set_miss_actions ACTION / ... / end.",
    "filters",
    operation=Phrase("operation", _group),
)
def flow_group(app: "TestPmd", port_id: int, operation: None) -> None:
    app.ports[port_id]
    raise ConfigError(complaint())


def _named(reader: Reader, word: str, kind: str = "u") -> Any:
    reader.one_of([word])
    return reader.value(kind)


def _queue_create(reader: Reader) -> Said:
    said = {"queue": reader.value("u"), "table": _named(reader, "template_table")}
    if reader.one_of(["pattern_template", "rule_index"]) == "rule_index":
        reader.value("u")
        word = reader.one_of(["pattern_template", "actions_template"])
    else:
        word = "pattern_template"
    reader.value("u")
    if word == "pattern_template":
        _named(reader, "actions_template")
    _named(reader, "postpone", "b")
    if word == "pattern_template":
        reader.one_of(["pattern"])
        pattern(reader)
    reader.one_of(["actions"])
    actions(reader)
    return said


def _queue_destroy(reader: Reader) -> Said:
    said = {"queue": reader.value("u")}
    _named(reader, "postpone", "b")
    reader.attributes({"rule": "*u"}, END)
    return said


def _queue_update(reader: Reader) -> Said:
    said = {"queue": reader.value("u"), "rule": _named(reader, "rule")}
    _named(reader, "actions_template")
    _named(reader, "postpone", "b")
    reader.one_of(["actions"])
    actions(reader)
    return said


def _queue_update_resized(reader: Reader) -> Said:
    return {"queue": reader.value("u"), "resized": _named(reader, "rule")}


def _queue_aged(reader: Reader) -> Said:
    said = {"queue": reader.value("u"), "aged": True}
    reader.one_of([END, "destroy"])
    return said


def _queue_indirect(reader: Reader) -> Said:
    said: Said = {"queue": reader.value("u")}
    verb, postpone = reader.one_of(["create", "update", "destroy", "query", "query_update"]), {"postpone": "b"}
    if verb == "create":
        indirect(reader, {**CREATED, **postpone}, lists=("list",))
    elif verb == "destroy":
        reader.attributes({"action_id": "*u", **postpone}, END)
    else:
        said["action"] = reader.value("u")
        if verb == "query":
            reader.attributes(postpone, END)
        else:
            mode = {"mode": "query_first|update_first"} if verb == "query_update" else {}
            indirect(reader, {**mode, **postpone}, lists=())
    return said


QUEUED = {
    "create": _queue_create,
    "destroy": _queue_destroy,
    "update": _queue_update,
    "update_resized": _queue_update_resized,
    "aged": _queue_aged,
    "indirect_action": _queue_indirect,
}


@command(
    "flow queue (port_id) (operation)",
    "Queue what is to be done with rules: create, destroy, update, update_resized, aged, indirect_action.",
    "filters",
    operation=Phrase("operation", lambda reader: QUEUED[reader.one_of(tuple(QUEUED))](reader)),
)
def flow_queue(app: "TestPmd", port_id: int, operation: Said) -> None:
    """No queue works: each kind of request finds first what it looks at first."""
    app.ports[port_id]
    if "action" in operation:
        raise ConfigError(f"Failed to find indirect action #{operation['action']} on port {port_id}")
    queue = operation["queue"]
    if queue >= app.config.flow.queues.get(port_id, 0):
        raise ConfigError(f"{'Error: queue' if 'aged' in operation else 'Queue'} #{queue} is invalid")
    if "table" in operation:
        raise ConfigError(f"Table #{operation['table']} is invalid")
    if "rule" in operation:
        raise ConfigError(f"Flow rule #{operation['rule']} is invalid")
    raise ConfigError(complaint())


@command(
    "flow (push|pull) (port_id) queue (queue_id)", "Carry out what was queued, or see what became of it.", "filters"
)
def flow_push(app: "TestPmd", verb: str, port_id: int, queue_id: int) -> str:
    """Where the original of DPDK 22.11 crashed on virtio."""
    app.ports[port_id]
    if queue_id >= app.config.flow.queues.get(port_id, 0):
        return f"Queue #{queue_id} is invalid"
    return "Failed to push operations in the queue" if verb == "push" else "Failed to pull a operation results"


def _hashed(reader: Reader) -> Said:
    said: Said = {}
    if reader.one_of(["template_table", "encap"]) == "template_table":
        said["table"] = reader.value("u")
        _named(reader, "pattern_template")
    else:
        reader.one_of(["hash_field_sport", "hash_field_flow_id"])
    reader.one_of(["pattern"])
    pattern(reader)
    return said


@command(
    "flow hash (port_id) (what)",
    "Compute the hash of a pattern, in a table or for an encapsulation.",
    "filters",
    what=Phrase("what", _hashed),
)
def flow_hash(app: "TestPmd", port_id: int, what: Said) -> str:
    app.ports[port_id]
    return f"Table #{what['table']} is invalid" if "table" in what else "Failed to calculate encap hash"
