"""A local GitLab for all who ask for a `world` of it; whoever needs another sandbox has a fixture of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.gitlab_world import fresh_world, running_gitlab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.gitlab import GitLabProject
    from bot.sandbox.gitlab import GitLabSandbox
    from tests.contract.gitlab_world import Copy, World


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitLabSandbox]:
    with running_gitlab(tmp_path_factory.mktemp("gitlab")) as running:
        yield running


@pytest.fixture
def world(sandbox: GitLabSandbox, tmp_path: Path) -> World:
    return fresh_world(sandbox, tmp_path)


@pytest.fixture
def host(world: World) -> Iterator[GitLabProject]:
    door = world.door()
    yield door
    door.close()


@pytest.fixture
def tagged(world: World) -> str:
    """A world whose v1.0.0 is tagged and pushed; the commit."""
    copy = world.first_commit()
    copy.git("tag", "--annotate", "v1.0.0", "--message", "Release v1.0.0")
    copy.push("v1.0.0")
    return copy.head()


@pytest.fixture
def copy(world: World) -> Copy:
    """`main` with one commit and `topic/one` with one more, pushed."""
    work = world.first_commit()
    work.git("checkout", "--quiet", "-b", "topic/one")
    work.commit("Second", more__txt="more\n")
    work.push("topic/one")
    return work
