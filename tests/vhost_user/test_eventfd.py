"""An fd is an eventfd because the kernel says so."""

import os
import socket
from pathlib import Path

from vhost_user.samples import MakeFd

from pytestpmd.vhost_user.eventfd import is_eventfd


def test_an_eventfd_is_one(make_eventfd: MakeFd) -> None:
    assert is_eventfd(make_eventfd())


def test_pipes_sockets_files_memfds_and_epolls_are_none(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    left, right = socket.socketpair()
    memfd = os.memfd_create("eventfd-count: 0")
    file = os.open(tmp_path / "eventfd-count", os.O_CREAT | os.O_RDWR)
    others = [reader, writer, left.detach(), right.detach(), memfd, file]
    assert [fd for fd in others if is_eventfd(fd)] == []
    for fd in others:
        os.close(fd)


def test_an_fd_that_is_not_open_is_none(make_eventfd: MakeFd) -> None:
    fd = os.dup(make_eventfd())
    os.close(fd)
    assert not is_eventfd(fd)
    assert not is_eventfd(-1)
