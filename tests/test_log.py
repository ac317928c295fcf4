"""Log types, their levels, and what reaches standard error."""

import logging
import sys
import threading

import pytest

from pytestpmd import log as log_module
from pytestpmd.errors import ConfigError
from pytestpmd.log import Level, LogType, RateLimiter, Registry


@pytest.fixture
def registry() -> Registry:
    """Log types of its own: its loggers are not those of the program."""
    return Registry(get_logger=logging.Logger)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("1", Level.EMERGENCY),
        ("8", Level.DEBUG),
        ("9", Level.DEBUG),
        ("debug", Level.DEBUG),
        ("d", Level.DEBUG),
        ("e", Level.EMERGENCY),
        ("er", Level.ERROR),
        ("notice", Level.NOTICE),
        ("warn", Level.WARNING),
        ("i", Level.INFO),
        ("c", Level.CRITICAL),
        ("a", Level.ALERT),
    ],
)
def test_a_level_is_a_number_or_the_start_of_its_name(text: str, level: Level) -> None:
    assert Level.parse(text) is level


@pytest.mark.parametrize("text", ["", "0", "-1", "loud", "debugs", "INFO", "1.0", "٣"])
def test_a_word_that_is_no_level_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        Level.parse(text)
    assert str(error.value) == f"Invalid log level: {text}"


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("pmd.net.null", Level.NOTICE),
        ("bus.vdev", Level.NOTICE),
        ("lib.ethdev", Level.INFO),
        ("testpmd", Level.DEBUG),
    ],
)
def test_a_type_that_does_not_say_has_its_family_s_level(registry: Registry, name: str, level: Level) -> None:
    assert registry.log_type(name, "X").level is level


def test_a_type_is_registered_once(registry: Registry) -> None:
    assert registry.log_type("pmd.net.null", "NULL") is registry.log_type("pmd.net.null", "OTHER")


def test_each_line_has_the_type_s_prefix(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    virtio = registry.log_type("pmd.net.virtio.driver", "VIRTIO_DRIVER")
    virtio.error("%s(): connect error, %s", "vhost_user_setup", "No such file or directory")
    virtio.error("one\ntwo")
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "VIRTIO_DRIVER: vhost_user_setup(): connect error, No such file or directory",
        "VIRTIO_DRIVER: one",
        "VIRTIO_DRIVER: two",
    ]
    assert captured.out == ""


def test_a_percent_sign_in_a_line_without_arguments_is_itself(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.log_type("pmd.net.null", "NULL").error("100%s of it")
    assert capsys.readouterr().err == "NULL: 100%s of it\n"


def speak(log: LogType) -> None:
    for name in ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"):
        getattr(log, name)(name)


@pytest.mark.parametrize("level", list(Level))
def test_a_type_s_level_lets_through_what_matters_as_much(
    registry: Registry, capsys: pytest.CaptureFixture[str], level: Level
) -> None:
    log = registry.log_type("lib.x", "X", level)
    speak(log)
    assert len(capsys.readouterr().err.splitlines()) == level


@pytest.mark.parametrize("level", list(Level))
def test_the_global_level_must_allow_it_too(
    registry: Registry, capsys: pytest.CaptureFixture[str], level: Level
) -> None:
    log = registry.log_type("lib.x", "X", Level.DEBUG)
    registry.global_level = level
    speak(log)
    assert len(capsys.readouterr().err.splitlines()) == level


@pytest.mark.parametrize(
    ("spec", "changed"),
    [
        ("pmd.net.virtio.init:info", {"pmd.net.virtio.init"}),
        ("pmd.net.virtio.*:7", {"pmd.net.virtio.init", "pmd.net.virtio.driver"}),
        ("pmd.net.virtio:7", set()),
        ("pmd.net.[!v]*:7", {"pmd.net.null"}),
        ("virtio,7", {"pmd.net.virtio.init", "pmd.net.virtio.driver"}),
        ("^pmd.*(init|null)$,info", {"pmd.net.virtio.init", "pmd.net.null"}),
        ("nosuch:8", set()),
        ("7", set()),
    ],
)
def test_a_pattern_is_a_glob_before_a_colon_and_an_expression_before_a_comma(
    registry: Registry, spec: str, changed: set[str]
) -> None:
    names = ("pmd.net.virtio.init", "pmd.net.virtio.driver", "pmd.net.null")
    types = [registry.log_type(name, "X") for name in names]
    registry.apply(spec)
    assert {log.name for log in types if log.level is Level.INFO} == changed
    assert {log.name for log in types if log.level is Level.NOTICE} == set(names) - changed


def test_a_level_alone_is_the_global_one(registry: Registry) -> None:
    registry.apply("error")
    assert registry.global_level is Level.ERROR


def test_a_type_registered_later_follows_what_was_said(registry: Registry) -> None:
    registry.apply("pmd.net.*:debug")
    registry.apply("pmd.net.null:error")
    assert registry.log_type("pmd.net.null", "NULL").level is Level.ERROR
    assert registry.log_type("pmd.net.ring", "RING").level is Level.DEBUG


@pytest.mark.parametrize("spec", ["loud", "", "pmd:", "pmd:loud", "pmd,loud", "pmd:0", "(,8"])
def test_a_bad_log_level_is_one_clear_line(registry: Registry, spec: str) -> None:
    with pytest.raises(ConfigError) as error:
        registry.apply(spec)
    assert str(error.value).startswith(("Invalid log level: ", "Unable to set log level: '(' "))
    assert "\n" not in str(error.value)


def test_levels_change_at_run_time(registry: Registry) -> None:
    null = registry.log_type("pmd.net.null", "NULL")
    registry.set_level("global", 3)
    registry.set_level("pmd.net.null", 7)
    registry.set_level("nosuch", 3)
    assert (registry.global_level, null.level) == (Level.CRITICAL, Level.INFO)


@pytest.mark.parametrize(("pattern", "number"), [("global", 0), ("global", 9), ("pmd", 9), ("(", 8)])
def test_a_level_that_is_none_cannot_be_set(registry: Registry, pattern: str, number: int) -> None:
    with pytest.raises(ConfigError, match="Unable to set log level"):
        registry.set_level(pattern, number)


def test_the_dump_names_ids_and_levels_as_the_original(registry: Registry) -> None:
    registry.log_type("pmd.net.null", "NULL")
    registry.log_type("testpmd", "testpmd")
    lines = registry.dump().splitlines()
    assert lines[:3] == ["global log level is debug", "id 0: lib.eal, level is info", "id 24: user1, level is info"]
    assert lines[-3:] == [
        "id 31: user8, level is info",
        "id 32: pmd.net.null, level is notice",
        "id 33: testpmd, level is debug",
    ]


def test_the_help_lists_types_by_name_and_levels_by_number(registry: Registry) -> None:
    registry.log_type("pmd.net.null", "NULL")
    lines = registry.usage().splitlines()
    assert lines[1:4] == ["\tlib.eal", "\tpmd.net.null", "\tuser1"]
    assert lines[-8:] == [
        "\t1   emergency",
        "\t2   alert",
        "\t3   critical",
        "\t4   error",
        "\t5   warning",
        "\t6   notice",
        "\t7   info",
        "\t8   debug",
    ]


def test_a_limiter_lets_one_through_in_its_interval_and_counts_the_others() -> None:
    clock = Clock()
    limiter = RateLimiter(1.0, clock=clock)
    assert [limiter.ask("a") for _ in range(3)] == [0, None, None]
    assert limiter.ask("b") == 0
    clock.now += 0.9
    assert limiter.ask("a") is None
    clock.now += 0.1
    assert limiter.ask("a") == 3
    clock.now += 5
    assert limiter.ask("a") == 0


def test_a_limiter_remembers_only_so_many_keys() -> None:
    limiter = RateLimiter(1.0, max_keys=4, clock=Clock())
    assert [limiter.ask(key) for key in range(100)] == [0] * 100
    assert len(limiter._seen) == 4
    assert limiter.ask(99) is None


def test_what_a_peer_can_cause_is_said_once_and_then_counted(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    registry._limiter = RateLimiter(1.0, clock=clock)
    vhost = registry.log_type("lib.vhost.data", "VHOST_DATA", Level.WARNING)
    for _ in range(1000):
        vhost.limited((0, "bad index"), Level.ERROR, "port %d: bad index", 0)
    vhost.limited((1, "bad index"), Level.ERROR, "port %d: bad index", 1)
    clock.now += 1
    vhost.limited((0, "bad index"), Level.ERROR, "port %d: bad index", 0)
    assert capsys.readouterr().err.splitlines() == [
        "VHOST_DATA: port 0: bad index",
        "VHOST_DATA: port 1: bad index",
        "VHOST_DATA: port 0: bad index (and 999 more)",
    ]


def test_the_last_of_what_was_left_out_is_said_when_the_second_is_over(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    registry._limiter = RateLimiter(1.0, clock=clock)
    vhost = registry.log_type("lib.vhost.data", "VHOST_DATA", Level.WARNING)
    for reason in ("first", "second"):
        vhost.limited("gone", Level.ERROR, "gone: %s", reason)
    for reason in ("third", "fourth", "fifth"):
        vhost.limited("refused", Level.ERROR, "refused: %s", reason)
    registry.tell_left_out()
    assert capsys.readouterr().err.splitlines() == ["VHOST_DATA: gone: first", "VHOST_DATA: refused: third"]
    clock.now += 1
    registry.tell_left_out()
    registry.tell_left_out()
    expected = ["VHOST_DATA: gone: second", "VHOST_DATA: refused: fifth (and 1 more)"]
    assert capsys.readouterr().err.splitlines() == expected
    vhost.limited("gone", Level.ERROR, "gone: %s", "sixth")
    assert capsys.readouterr().err == "", "that was a line of this second"
    registry.tell_left_out(at_once=True)
    assert capsys.readouterr().err == "VHOST_DATA: gone: sixth\n"


def test_a_key_that_is_forgotten_says_what_it_left_out() -> None:
    said: list[int] = []
    limiter = RateLimiter(1.0, max_keys=1, clock=Clock())
    for _ in range(4):
        limiter.ask("a", said.append)
    limiter.ask("b", said.append)
    assert said == [2]


def test_a_limited_line_below_the_level_costs_no_key(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    null = registry.log_type("pmd.net.null", "NULL")
    null.limited("key", Level.DEBUG, "quiet")
    null.limited("key", Level.ERROR, "loud")
    assert capsys.readouterr().err == "NULL: loud\n"


def test_lines_of_several_threads_do_not_mix(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    log = registry.log_type("lib.x", "X")
    threads = [threading.Thread(target=lambda: [log.error("y" * 50) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capsys.readouterr().err.splitlines() == ["X: " + "y" * 50] * 200


class GoneAway:
    def write(self, _text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def test_a_reader_that_went_away_is_no_error(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", GoneAway())
    registry.log_type("lib.x", "X").error("nobody hears this")


def test_the_program_s_types_are_stdlib_loggers_of_the_same_name(capsys: pytest.CaptureFixture[str]) -> None:
    log_module.log_type("lib.test", "TEST")
    logging.getLogger("lib.test").warning("from outside")
    assert capsys.readouterr().err == "TEST: from outside\n"
