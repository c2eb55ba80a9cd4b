"""The stand-ins are started once for a module; each module says with which settings its bot runs."""

import pytest

from tests.scenario.world import TinyWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with TinyWorld(tmp_path_factory.mktemp("world")) as world:
        yield world
