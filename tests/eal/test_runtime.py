"""The runtime directory and the lock of a prefix. Where they are is what DPDK's own tools assume."""

import fcntl
import os
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from fakes.log import Logged

from pytestpmd.eal.args import EalArgs, EalError, parse
from pytestpmd.eal.runtime import PrefixTaken, claim, give_lock_back, make_runtime_dir, runtime_dir, take_lock
from pytestpmd.errors import ConfigError

TWO = frozenset({0, 1})


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that holds all of them, in this test."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    return tmp_path / "dpdk"


def args(line: str) -> EalArgs:
    return parse(line.split(), TWO, TWO)


def refusal(line: str) -> str:
    with pytest.raises(EalError) as error, claim(args(line)):
        pass
    assert error.value.exit_code == 1
    return str(error.value)


@pytest.mark.parametrize(
    ("user", "environment", "expected"),
    [
        (0, {}, "/var/run/dpdk/vm"),
        (0, {"XDG_RUNTIME_DIR": "/run/user/0"}, "/var/run/dpdk/vm"),
        (7, {"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7/dpdk/vm"),
        (7, {"XDG_RUNTIME_DIR": ""}, "/tmp/dpdk/vm"),
        (7, {}, "/tmp/dpdk/vm"),
        (0, {"RUNTIME_DIRECTORY": "/run/service"}, "/run/service/dpdk/vm"),
    ],
)
def test_the_directory_is_where_dpdk_s_tools_look(
    user: int, environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: user)
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert runtime_dir("vm") == Path(expected)


def test_the_directory_is_its_owner_s_alone(run: Path) -> None:
    made = make_runtime_dir("vm")
    assert made == run / "vm"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (run, made)] == [0o700, 0o700]
    assert make_runtime_dir("vm") == made


def test_nothing_is_made_before_it_is_needed(run: Path) -> None:
    runtime_dir("vm")
    assert not run.exists()


def _link(path: Path) -> None:
    path.symlink_to(path.parents[1])


def _writable_for_all(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


@pytest.mark.parametrize("make", [_link, _writable_for_all, Path.touch], ids=["link", "writable", "file"])
@pytest.mark.parametrize("which", ["", "vm"], ids=["common", "own"])
def test_what_others_could_have_put_there_is_not_used(which: str, make: Callable[[Path], None], run: Path) -> None:
    if which:
        run.mkdir()
    make(run / which)
    with pytest.raises(ConfigError, match=f"^Error creating '{run / which}': .*; set XDG_RUNTIME_DIR"):
        make_runtime_dir("vm")


def test_a_lock_file_that_is_a_link_is_not_followed(run: Path) -> None:
    (make_runtime_dir("vm") / "config").symlink_to(run / "elsewhere")
    assert "Cannot open" in refusal("--file-prefix=vm")
    assert not (run / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_another_user_s_directory_is_not_used(run: Path) -> None:
    run.mkdir()
    os.chown(run, 65534, 65534)
    with pytest.raises(ConfigError, match="others own it"):
        make_runtime_dir("vm")


def test_a_path_too_long_for_a_socket_is_refused() -> None:
    assert "EAL: Runtime directory string too long\nEAL: Cannot create runtime directory" in refusal(
        f"--file-prefix={'x' * 120}"
    )


def test_the_second_primary_gets_the_original_s_complaint_and_the_first_goes_on(run: Path) -> None:
    with claim(args("--file-prefix=vm")):
        assert refusal("--file-prefix=vm").splitlines() == [
            f"EAL: Cannot create lock on '{run}/vm/config'. Is another primary process running?",
            "EAL: Cannot init config",
            "EAL: Error - exiting with code: 1",
            "Cannot init EAL: Resource temporarily unavailable",
        ]
        assert (run / "vm/config").exists()
        with claim(args("--file-prefix=other")):
            pass
        assert "Cannot create lock" in refusal("--file-prefix=vm")
    with claim(args("--file-prefix=vm")):
        pass


@pytest.mark.parametrize("option", ["--in-memory", "--no-shconf"])
def test_who_shares_nothing_takes_no_lock(option: str, run: Path) -> None:
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(claim(args(option)))
        assert not run.exists()


def test_nothing_stays_behind_that_is_not_somebody_else_s(run: Path) -> None:
    with claim(args("--file-prefix=vm")):
        assert (run / "vm/config").exists()
    assert list(run.iterdir()) == []
    with claim(args("--file-prefix=vm")):
        (run / "vm/a socket").touch()
    assert list((run / "vm").iterdir()) == [run / "vm/a socket"]


def test_what_dpdk_left_there_stays(run: Path) -> None:
    (make_runtime_dir("vm") / "config").write_bytes(b"DPDK's own")
    with claim(args("--file-prefix=vm")):
        pass
    assert (run / "vm/config").read_bytes() == b"DPDK's own"


def test_dpdk_s_own_lock_is_met() -> None:
    """It is a record lock on a part of the file."""
    path = make_runtime_dir("vm") / "config"
    script = (
        "import fcntl, sys; file = open(sys.argv[1], 'w+b'); file.truncate(25344);"
        "fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 512, 4096); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as primary:
        assert primary.stdout
        primary.stdout.readline()
        assert "Cannot create lock" in refusal("--file-prefix=vm")
    with claim(args("--file-prefix=vm")), path.open("r+b") as file, pytest.raises(BlockingIOError):
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 512, 4096)


def test_a_file_that_goes_before_it_is_locked_is_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_runtime_dir("vm") / "config"
    path.with_name("stays").touch()
    first, really_open = [take_lock("vm")], os.open

    def leave_in_between(name: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        fd = really_open(name, flags, mode, dir_fd=dir_fd)
        if name == path.name and first:
            give_lock_back("vm", first.pop())
        return fd

    monkeypatch.setattr(os, "open", leave_in_between)
    second = take_lock("vm")
    assert os.path.samestat(os.fstat(second), path.stat())
    give_lock_back("vm", second)


def test_a_process_that_was_killed_leaves_the_prefix_free() -> None:
    script = "import os, signal; from pytestpmd.eal.runtime import take_lock; take_lock('vm'); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with claim(args("--file-prefix=vm")), pytest.raises(PrefixTaken):
        take_lock("vm")


def test_there_are_no_secondary_processes() -> None:
    path = runtime_dir("vm") / "config"
    line = f"EAL: Cannot open '{path}' for rte_mem_config\nEAL: Cannot init config\n"
    assert refusal("--file-prefix=vm --proc-type=secondary").startswith(line)
    with claim(args("--file-prefix=vm")):
        for kind in ("secondary", "auto"):
            assert "EAL: There are no secondary processes here: " in refusal(f"--file-prefix=vm --proc-type={kind}")


def test_the_type_of_a_process_is_told_when_it_was_found_out(logged: Logged) -> None:
    with claim(args("--proc-type=auto")):
        pass
    assert logged.lines == ["EAL: Auto-detected process type: PRIMARY"]


def test_a_lock_is_of_the_whole_file() -> None:
    """The structure that the kernel reads, whatever Python pads."""
    from pytestpmd.eal.runtime import _WHOLE_FILE

    assert len(_WHOLE_FILE) == 32
    assert struct.unpack("hh4xqqi4x", _WHOLE_FILE) == (fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
