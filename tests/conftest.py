"""In CI nothing that was planned is skipped silently: a skipped test fails the run there."""

import os

import pytest

from tests.contract.engine_world import an_engine

ENGINE = os.environ.get("STATIONMASTER_ENGINE_TESTS") == "1"
"""The tests with a real container engine are not part of `make test` yet: CI does not set up an engine so far."""
collect_ignore = (
    []
    if ENGINE
    else [
        "integration/test_docker.py",
        "integration/test_docker_walls.py",
        "integration/test_image_builds.py",
        "integration/test_images.py",
    ]
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and in CI that is a failure: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def engine():
    """A real container engine behind the `docker` client."""
    with an_engine() as running:
        yield running
