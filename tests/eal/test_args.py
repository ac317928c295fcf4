"""The EAL part of the command line. The texts and exit codes are those of dpdk-testpmd 26.07."""

import logging

import pytest

from pytestpmd.eal.args import EalArgs, EalError, collate, interpret, parse, set_log_options
from pytestpmd.eal.iova import IovaMode
from pytestpmd.eal.options import OPTIONS, Value
from pytestpmd.log import Level, Registry

TWO = frozenset({0, 1})


def eal(line: str, affinity: frozenset[int] = TWO) -> EalArgs:
    return parse(line.split(), TWO, affinity)


def refusal(line: str) -> EalError:
    with pytest.raises(EalError) as error:
        eal(line)
    return error.value


def test_a_guide_s_command_line_is_understood() -> None:
    args = eal(
        "-l 0-1 -n 4 --file-prefix=vm --no-pci -m 1024 --vdev=net_virtio_user0,path=/tmp/s,queues=2 --vdev net_null0 "
        "-- -i --nb-cores=1"
    )
    assert [lcore.lcore_id for lcore in args.lcores] == [0, 1]
    assert (args.main_lcore, [lcore.lcore_id for lcore in args.worker_lcores]) == (0, [1])
    assert args.vdevs == ("net_virtio_user0,path=/tmp/s,queues=2", "net_null0")
    assert (args.file_prefix, args.no_pci) == ("vm", True)
    assert args.app_argv == ("-i", "--nb-cores=1")


def test_nothing_said_means_every_cpu_that_the_process_may_run_on() -> None:
    args = parse([], TWO, {1})
    assert [(lcore.lcore_id, lcore.cpus) for lcore in args.lcores] == [(1, frozenset({1}))]
    assert args == EalArgs(lcores=args.lcores, main_lcore=1)


def test_the_machine_itself_is_asked_when_the_caller_does_not_say() -> None:
    assert parse([]).lcores


@pytest.mark.parametrize("line", ["-n4", "-n 4", "-n=4", "--memory-channels 4", "--memory-channels=4"])
def test_a_value_may_stand_apart_or_not(line: str) -> None:
    assert collate(line.split()).given == {"memory-channels": ["4"]}


def test_a_short_option_s_value_may_hold_an_equals_sign() -> None:
    assert eal("-a0000:00:04.0,vectorized=1").allow == ("0000:00:04.0,vectorized=1",)


def test_a_value_may_look_like_an_option() -> None:
    assert collate(["--trace-dir", "--", "--", "-i"]).app_argv == ("-i",)


def test_a_value_may_be_empty_where_it_is_optional() -> None:
    assert collate(["--syslog", "--huge-unlink=always"]).given == {"syslog": [None], "huge-unlink": ["always"]}


def test_words_that_are_no_options_are_the_application_s() -> None:
    assert collate(["stray", "--no-pci", "--", "-i", "--no-pci"]).app_argv == ("stray", "-i", "--no-pci")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("--foo-bar", "unknown argument --foo-bar!"),
        ("--foo=1", "unknown argument --foo=1!"),
        ("--vde=net_null0", "unknown argument --vde=net_null0!"),
        ("-z", "unknown argument -z!"),
        ("-", "unknown argument -!"),
        ("--lcore 0", "unknown argument --lcore!"),
        ("-n 4 -n 4", "argument -n should not occur multiple times!"),
        ("-n 4 --memory-channels=4", "argument --memory-channels should not occur multiple times!"),
        ("--socket-mem=1 --numa-mem=1", "argument --numa-mem should not occur multiple times!"),
        ("--no-huge --no-huge", "argument --no-huge should not occur multiple times!"),
        ("--no-pci=1", "argument --no-pci should not take value!"),
        ("-vv", "argument -v should not take value!"),
        ("--vdev", "argument --vdev doesn't have value!"),
        ("-l", "argument -l doesn't have value!"),
    ],
)
def test_a_word_that_is_no_option_ends_the_program_with_234(line: str, text: str) -> None:
    error = refusal(line)
    assert str(error) == f"ARGPARSE: {text}"
    assert error.exit_code == 234


def test_options_that_exclude_each_other_are_named() -> None:
    error = refusal("-m 512 --socket-mem=512")
    assert str(error).splitlines() == [
        "EAL: Options 'memory-size' and 'numa-mem' can't be used at the same time",
        "EAL: Invalid command line arguments.",
        "EAL: Error - exiting with code: 1",
        "Cannot init EAL: Invalid argument",
    ]
    assert error.exit_code == 1


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("-c 3 -l 0", "'coremask' and 'lcores'"),
        ("--no-huge --socket-mem=1", "'no-huge' and 'numa-mem'"),
        ("--legacy-mem --in-memory", "'legacy-mem' and 'in-memory'"),
        ("--no-huge --single-file-segments", "'no-huge' and 'single-file-segments'"),
        ("--telemetry --no-telemetry", "'no-telemetry' and 'telemetry'"),
        ("--in-memory --huge-unlink", "'in-memory' and 'huge-unlink'"),
        ("-a 0 -b 1", "allow (-a) and block (-b)"),
        ("-A -b 1", "no-auto-probing and block (-b)"),
        ("--pagesz-mem=2M:1G --no-huge", "pagesz-mem and no-huge"),
    ],
)
def test_no_pair_that_excludes_each_other_gets_through(line: str, pair: str) -> None:
    assert str(refusal(line)).splitlines()[0] == f"EAL: Options {pair} can't be used at the same time"


def test_missing_lcores_are_named_as_the_original_names_them() -> None:
    error = refusal("-l 0-3")
    assert str(error).splitlines() == [
        "EAL: lcore 2 unavailable",
        "EAL: lcore 3 unavailable",
        "EAL: invalid coremask or core-list parameter, please check specified cores are part of 0-1",
        "EAL: Error parsing command line arguments.",
        "EAL: Error - exiting with code: 1",
        "Cannot init EAL: Invalid argument",
    ]
    assert error.exit_code == 1


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("-l 0-", "Error parsing lcore list: '0-'"),
        ("-c zz", "invalid characters in coremask: [zz]"),
        ("-l 0@5", "core 5 unavailable"),
        ("--lcores=0@0, -n 4", "invalid lcore mapping list: '0@0,'"),
        ("-l 0@0,1@1 -R", "cannot use '@' or core groupings '()' in lcore list when remapping lcores"),
        ("--main-lcore=1 -l 0", "Error: Main lcore is not enabled for DPDK"),
        ("-n 0", "invalid memory channel parameter"),
        ("-n x", "invalid memory channel parameter"),
        ("-r 17", "invalid memory rank parameter"),
        ("-m x", "invalid memory-size parameter: 'x'"),
        ("--socket-mem=0,0,x", "invalid numa-mem parameter: '0,0,x'"),
        ("--socket-mem=,", "invalid numa-mem parameter: ','"),
        ("--iova-mode=xx", "invalid iova mode parameter 'xx'"),
        ("--proc-type=third", "invalid process type: third"),
        ("--huge-unlink=maybe", "invalid huge-unlink parameter"),
        ("--file-prefix=", "Invalid file prefix parameter"),
        ("--file-prefix=a%d", "Invalid file prefix parameter"),
        ("--file-prefix=..", "Invalid file prefix parameter"),
        ("--file-prefix=../up", "Invalid file prefix parameter"),
        ("--force-max-simd-bitwidth=100", "invalid SIMD bitwidth parameter '100'"),
        ("--force-max-simd-bitwidth=65536", "invalid SIMD bitwidth parameter '65536'"),
        ("--vfio-intr=x", "invalid vfio interrupt parameter: 'x'"),
        ("--vfio-vf-token=1", "invalid vfio vf token parameter: '1'"),
        ("--base-virtaddr=zz", "invalid base virtaddr 'zz'"),
        ("--pagesz-mem=2M", "invalid pagesz-mem parameter: '2M'"),
        ("--pagesz-mem=3M:3M", "invalid pagesz-mem parameter: '3M:3M'"),
        ("--pagesz-mem=2M:3M", "invalid pagesz-mem parameter: '2M:3M'"),
        ("-S 0-", "invalid service core list: '0-'"),
        ("-s 0x0", "invalid service coremask: '0x0'"),
        ("--trace-bufsz=0M", "invalid trace-bufsz parameter: '0M'"),
        ("--huge-worker-stack=x", "invalid huge-worker-stack parameter"),
        ("-R=128", "invalid remap-lcore-ids parameter"),
        ("--vdev=", "invalid vdev parameter: ''"),
    ],
)
def test_a_bad_value_is_named(line: str, text: str) -> None:
    error = refusal(line)
    assert str(error).splitlines()[0] == f"EAL: {text}"
    assert str(error).splitlines()[-3] == "EAL: Error parsing command line arguments."
    assert error.exit_code == 1


def test_options_that_mean_nothing_here_are_accepted_and_known_as_such() -> None:
    args = eal(
        "-n 4 -d /usr/lib/librte_net_virtio.so -d /usr/lib --socket-mem=1024,0 --huge-dir /dev/hugepages "
        "--proc-type auto --legacy-mem --huge-worker-stack --trace=.* --vfio-intr=msix --no-hpet"
    )
    assert list(args.unused) == ["--driver-path", "--huge-dir", "--huge-worker-stack", "--trace", "--no-hpet"]
    assert args.vfio_intr == "msix"


def test_a_lcore_for_services_does_not_forward() -> None:
    assert [lcore.lcore_id for lcore in eal("-l 0-1 -S 1").worker_lcores] == []
    args = eal("-l 0-1 -s 4")
    assert [lcore.lcore_id for lcore in args.worker_lcores] == [1]
    assert args.warnings[0].startswith("Not all service cores were in the coremask.")


def test_memory_can_be_limited_and_placed() -> None:
    args = eal("--socket-limit=256,0 --base-virtaddr=0x200000001")
    assert (args.limit_mb, args.base_virtaddr) == (256, 0x201000000)
    assert (eal("").limit_mb, eal("").base_virtaddr) == (None, None)


def test_the_version_alone_is_all_that_is_wanted() -> None:
    assert collate(["--version"]).wants_version_alone
    assert not any(collate(line.split()).wants_version_alone for line in ("-v --no-pci", "-v -- -i", "-v stray", ""))


@pytest.mark.parametrize(
    ("line", "mode"), [("", None), ("--iova-mode=pa", IovaMode.PA), ("--iova-mode va", IovaMode.VA)]
)
def test_the_mode_of_addresses_is_what_the_devices_need_unless_it_is_given(line: str, mode: IovaMode | None) -> None:
    assert eal(line).iova_mode is mode


@pytest.mark.parametrize(
    ("text", "bits"), [("0", 0), ("64", 64), ("512", 512), ("0x200", 512), ("0064", 64), ("32768", 32768)]
)
def test_a_simd_width_is_a_power_of_two_or_none(text: str, bits: int) -> None:
    assert eal(f"--force-max-simd-bitwidth={text}").max_simd_bitwidth == bits


def test_in_memory_means_no_shared_configuration_either() -> None:
    assert eal("--in-memory").no_shconf
    assert not eal("").no_shconf


def test_an_allow_list_turns_probing_off() -> None:
    assert eal("").auto_probing
    assert not eal("-a 0000:00:04.0").auto_probing
    assert not eal("-A").auto_probing
    assert eal("-b 0000:00:04.0").auto_probing


@pytest.mark.parametrize(("line", "asks"), [("", False), ("--no-pci", True), ("-a x", True), ("--vdev=a", True)])
def test_it_is_known_whether_ports_were_asked_for(line: str, asks: bool) -> None:
    assert eal(line).asks_for_ports is asks


def test_a_mask_works_and_is_deprecated() -> None:
    args = eal("-c 0x3")
    assert [lcore.lcore_id for lcore in args.lcores] == [0, 1]
    assert args.warnings == ("-c and --coremask are deprecated, use -l or --lcores",)


def test_lcores_can_be_renumbered() -> None:
    assert [lcore.lcore_id for lcore in eal("-l 1 -R").lcores] == [0]
    assert [lcore.lcore_id for lcore in eal("-l 0-1 -R=5").lcores] == [5, 6]
    assert [lcore.lcore_id for lcore in eal("-R6").lcores] == [6, 7]


def test_a_map_may_give_one_cpu_several_lcores() -> None:
    args = eal("--lcores=(0-3)@1 --main-lcore 2")
    assert [(lcore.lcore_id, lcore.cpus) for lcore in args.lcores] == [(i, frozenset({1})) for i in range(4)]
    assert [lcore.lcore_id for lcore in args.worker_lcores] == [0, 1, 3]


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_seen_before_values_and_conflicts_but_after_unknown_words(word: str) -> None:
    assert collate([word, "-m", "x", "--socket-mem=1", "--", "-i"]).wants_help
    with pytest.raises(EalError):
        collate([word, "--foo"])


def test_no_value_of_any_option_is_more_than_refused() -> None:
    values = ["", "0", "-1", "٣", "9" * 30, "0x", "1,,2", "(", "0@(", "\0", "a\nb", "%", "é", "[", "0" * 5, "1-", "-"]
    taking = [option for option in OPTIONS if option.value is not Value.NONE]
    outcomes: set[type[object]] = set()
    for option in taking:
        for value in values:
            try:
                outcomes.add(type(parse([f"{option.long}={value}"], TWO, TWO)))
            except EalError as error:
                outcomes.add(type(error))
    assert outcomes == {EalArgs, EalError}


def test_no_name_is_taken_twice() -> None:
    names = [name for option in OPTIONS for name in (option.long, option.short) if name]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("long", [option.long for option in OPTIONS if option.value is Value.NONE])
def test_every_flag_alone_is_accepted(long: str) -> None:
    assert interpret(collate([long]), TWO, TWO).main_lcore == 0


def registry() -> Registry:
    return Registry(get_logger=logging.Logger)


def test_log_levels_are_applied_in_order() -> None:
    types = registry()
    words = collate(["--log-level=pmd.net.*:debug", "--log-level", "info"])
    set_log_options(words, types)
    assert types.log_type("pmd.net.null", "NULL").level is Level.DEBUG
    assert types.global_level is Level.INFO


def test_a_bad_log_level_ends_the_program() -> None:
    with pytest.raises(EalError) as error:
        set_log_options(collate(["--log-level=pmd:loud"]), registry())
    assert str(error.value).splitlines() == [
        "EAL: Invalid log level: loud",
        "EAL: invalid log-level parameter",
        "EAL: invalid log arguments.",
        "EAL: Error - exiting with code: 1",
        "Cannot init EAL: Invalid argument",
    ]


def test_help_on_log_levels_is_known_before_anything_else() -> None:
    assert collate(["--log-level=help", "-n", "x"]).wants_log_help
    assert not collate(["--log-level=8"]).wants_log_help


@pytest.mark.parametrize("word", ["--log-color=red", "--log-timestamp=now", "--syslog=foo"])
def test_a_bad_log_option_ends_the_program(word: str) -> None:
    with pytest.raises(EalError) as error:
        set_log_options(collate([word]), registry())
    name = word[2:].partition("=")[0]
    assert str(error.value).splitlines()[:2] == [f"EAL: invalid {name} parameter", "EAL: invalid log arguments."]
