"""``bpf-load``: a file that is not there is told, one that is there is refused."""

from pathlib import Path

from fakes.app import FakeApp
from fakes.console import answer


def test_a_file_that_cannot_be_opened_is_told() -> None:
    assert answer(FakeApp(), "bpf-load rx 0 0 - /nonexistent.o") == (
        'BPF: __rte_bpf_load_elf_file(): error 2 opening "/nonexistent.o": No such file or directory\n'
        "BPF: rte_bpf_load_ex(): failed, error code: 2\n"
        "-2:No such file or directory"
    )


def test_a_program_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "filter.o"
    program.write_bytes(b"\x7fELF")
    assert answer(FakeApp(), f"bpf-load tx 0 0 JMx {program}") == (
        "unknown flag: 'X'BPF: __rte_bpf_load_elf_file(): not supported, eBPF is not run here\n"
        "BPF: rte_bpf_load_ex(): failed, error code: 95\n"
        "-95:Operation not supported"
    )


def test_a_line_is_read_in_full() -> None:
    app = FakeApp()
    assert answer(app, "bpf-unload rx 0 0") == ""
    assert answer(app, "bpf-unload rx 256 0") == "Bad arguments"
    assert answer(app, "bpf-load both 0 0 - /dev/null") == "Bad arguments"
