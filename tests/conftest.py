"""In CI nothing that was planned is skipped silently: a skipped test fails the run there.

One thing CI may lack, since no package brings it: a kernel and an engine that let systemd boot in a container.
"""

import os

import pytest

from tests.contract.booted_world import NO_SYSTEMD
from tests.contract.engine_world import an_engine


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and NO_SYSTEMD not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and in CI that is a failure: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def engine():
    """A real container engine behind the `docker` client."""
    with an_engine() as running:
        yield running
