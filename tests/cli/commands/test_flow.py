"""``flow``: a right rule is refused as a virtio port refuses it, a wrong word is told."""

import re

import pytest
from fakes.app import FakeApp
from fakes.console import answer
from hypothesis import given, settings
from hypothesis import strategies as st

from pytestpmd.cli.flow.actions import ACTIONS
from pytestpmd.cli.flow.items import ITEMS
from pytestpmd.cli.grammar import candidates
from pytestpmd.cli.registry import discover
from pytestpmd.errors import CommandError

REGISTRY = discover()
NOT_THERE = "Function not implemented"
REFUSAL = f"port_flow_complain(): Caught PMD error type 1 (cause unspecified): {NOT_THERE}: {NOT_THERE}"


@pytest.mark.parametrize(
    "line",
    [
        "flow create 0 ingress pattern eth / ipv4 src is 198.18.0.1 / udp dst spec 53 dst mask 0xffff / end "
        "actions queue index 1 / end",
        "flow validate 0 group 1 priority 2 transfer pattern ipv6 src prefix 64 / tcp flags last 3 / end "
        "actions jump group 2 / mark id 0x20 / end",
        "flow create 0 ingress pattern end actions rss types ipv4 tcp end queues 0 1 2 end / end",
        "flow create 0 pattern void / end actions set_mac_src mac_addr 02:00:00:00:00:01 / "
        "set_ipv4_dst ipv4_addr 1.2.3.4 / end",
        "flow create 0 pattern raw relative is yes offset is -4 pattern is abc / end actions drop / end",
        "flow create 0 pattern eth / end actions modify_field op set dst_type tag dst_tag_index 1 src_type value "
        "src_value 0a0b width 16 / end",
        "flow create 0 pattern l2tpv2 type data_l_s tunnel_id is 5 / end actions indirect 3 / end",
        "flow isolate 0 on",
        "flow info 0",
        "flow configure 0 queues_number 1 queues_size 16",
        "flow group 0 group_id 1 ingress set_miss_actions drop / end",
    ],
)
def test_a_right_rule_is_refused_by_the_driver(line: str) -> None:
    assert answer(FakeApp(), line) == REFUSAL


@pytest.mark.parametrize(
    "line",
    [
        "flow",
        "flow foo",
        "flow create 0 ingress pattern eth actions drop",
        "flow create 0 pattern eth / end actions",
        "flow create 0 pattern eth / end actions drop /",
        "flow create 0 pattern eth / end actions drop / end more",
        "flow create 0 pattern eth vid is 5 / end actions drop / end",
        "flow create 0 pattern ipv4 src is 300.0.0.1 / end actions drop / end",
        "flow create 0 pattern ipv4 tos is 256 / end actions drop / end",
        "flow create 0 pattern eth src was 02:00:00:00:00:01 / end actions drop / end",
        "flow create 0 pattern eth / end actions queue number 1 / end",
        "flow create 0 pattern eth / end actions rss queues 0 1 / end",
        "flow create x pattern eth / end actions drop / end",
        "flow dump 0 all",
        "flow destroy 0 rule",
        "flow query 0 0",
        "flow isolate 0 maybe",
        "set raw_encap 8 eth / end_set",
        "set raw_encap 0 eth / end",
        "set sample_actions 0 drop / end",
    ],
)
def test_a_wrong_word_is_told(line: str) -> None:
    assert answer(FakeApp(), line) == "Bad arguments"


def test_what_was_expected_is_known_with_its_place() -> None:
    line = "flow create 0 pattern eth vid is 5 / end actions drop / end"
    with pytest.raises(CommandError) as caught:
        REGISTRY.parse(line)
    assert caught.value.position == line.index("vid")
    assert caught.value.expected == ("dst", "src", "type", "has_vlan", "/")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("flow create 9 pattern eth / end actions drop / end", REFUSAL.replace(NOT_THERE, "No such device")),
        ("flow list 9", "Invalid port 9"),
        ("flow list 0", ""),
        ("flow list 0 group 1 group 2", ""),
        ("flow flush 0", ""),
        ("flow destroy 0 rule 0 rule 1", ""),
        ("flow query 0 7 count", "Flow rule #7 not found"),
        ("flow update 0 7 actions drop / end", "Failed to find flow 7"),
        ("flow dump 0 all /nonexistent/file", f"{REFUSAL}\nFailed to dump flow: {NOT_THERE}"),
        ("flow dump 0 rule 5 /nonexistent/file", "Failed to dump to flow 5"),
        ("flow aged 0 destroy", f"Port 0 total aged flows: -38\n{REFUSAL}"),
        ("flow indirect_action 0 create action drop / end", f"Indirect action #0 destroyed\n{REFUSAL}"),
        ("flow indirect_action 0 query 4", "Failed to find indirect action #4 on port 0"),
        ("flow pattern_template 0 create template eth / end", f"Pattern template #0 destroyed\n{REFUSAL}"),
        ("flow template_table 0 create actions_template 3", "Actions template #3 is invalid"),
        ("flow queue 0 destroy 0 postpone no rule 1", "Queue #0 is invalid"),
        ("flow queue 0 aged 0", "Error: queue #0 is invalid"),
        ("flow push 0 queue 0", "Queue #0 is invalid"),
        ("flow create 0 tunnel_set 1 pattern eth / end actions drop / end", "failed to locate port flow tunnel #1"),
        ("flow tunnel create 0 type ipip", 'cannot offload "ipip" tunnel type'),
        ("flow flex_item create 0 16 /dev/null", "Bad parameters: port_id=0 flex_id=16"),
    ],
)
def test_other_commands_find_nothing(line: str, said: str) -> None:
    assert answer(FakeApp(), line) == said


def test_queues_that_were_asked_for_decide_what_is_refused() -> None:
    app = FakeApp()
    answer(app, "flow configure 0 queues_number 1")
    assert answer(app, "flow push 0 queue 0") == "Failed to push operations in the queue"
    assert answer(app, "flow pull 0 queue 1") == "Queue #1 is invalid"
    assert answer(app, "flow queue 0 update 0 rule 3 actions_template 0 postpone no actions drop / end") == (
        "Flow rule #3 is invalid"
    )


def test_tunnels_are_noted_and_forgotten() -> None:
    app = FakeApp()
    assert answer(app, "flow tunnel create 0 type vxlan") == "port 0: flow tunnel #1 type vxlan"
    assert answer(app, "flow tunnel create 0 type gre") == "port 0: flow tunnel #2 type gre"
    assert answer(app, "flow tunnel create 0 type vxlan") == "port 0: flow tunnel #1 type vxlan"
    assert answer(app, "flow tunnel list 0") == "port 0 tunnel #2 type=gre\nport 0 tunnel #1 type=vxlan"
    assert answer(app, "flow tunnel destroy 0 id 1") == "port 0: flow tunnel #1 destroyed"
    assert answer(app, "flow tunnel list 0") == "port 0 tunnel #2 type=gre"


def test_a_port_that_goes_takes_its_tunnels_along() -> None:
    app = FakeApp()
    answer(app, "flow tunnel create 0 type vxlan")
    answer(app, "flow configure 0 queues_number 1")
    app.config.flow.forget(0)
    assert answer(app, "flow tunnel list 0") == ""
    assert answer(app, "flow push 0 queue 0") == "Queue #0 is invalid"


def follows(line: str) -> set[str]:
    return {one.label for one in candidates(REGISTRY.commands, line, FakeApp())}


def test_every_word_of_a_rule_is_completed() -> None:
    assert {"ingress", "pattern", "group"} <= follows("flow create 0 ")
    assert follows("flow create 0 group ") == {"[unsigned]"}
    assert set(ITEMS) | {"end"} == follows("flow create 0 ingress pattern ")
    assert follows("flow create 0 pattern eth / ipv4 s") == {"src"}
    assert follows("flow create 0 pattern ipv4 src ") == {"is", "spec", "last", "mask", "prefix"}
    assert follows("flow create 0 pattern ipv4 src is ") == {"[IPv4 address]"}
    assert set(ACTIONS) | {"end"} == follows("flow create 0 pattern eth / end actions ")
    assert follows("flow destroy 0 rule 1 ") == {"rule", "user_id", "[RETURN]"}
    assert follows("flow create 0 pattern nosuch ") == set()


WORDS = st.sampled_from(
    [*ITEMS, *ACTIONS, "/", "end", "is", "src", "dst", "pattern", "actions", "ingress", "0", "-1", "é"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=12))
def test_any_words_are_a_rule_or_none(words: list[str]) -> None:
    said = answer(FakeApp(), " ".join(["flow create 0", *words]))
    assert said == REFUSAL or re.fullmatch("Bad arguments", said)
