"""What guests need, and what is told of one whose test failed."""

import os
import shutil
from collections.abc import Generator

import pytest
from guest.kernel import Kernel, NoKernelError, prepare
from guest.machine import QEMU, Machine

NEEDED = (QEMU, "busybox")


def _unavailable(reason: str) -> None:
    """No guest can be had: its tests are skipped; with PYTESTPMD_REQUIRE_PEERS=1 they fail."""
    if os.environ.get("PYTESTPMD_REQUIRE_PEERS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def kernel() -> Kernel:
    """The guests' kernel, made now if there is none yet."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        _unavailable(f"no {' and no '.join(missing)} on PATH (make guest-tools installs what guests need)")
    try:
        return prepare()
    except NoKernelError as error:
        _unavailable(f"no kernel for guests: {error}")
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what each guest among the test's fixtures has said."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Machine):
                report.sections.append((f"the guest {name} said", value.said[-8000:]))
    return report
