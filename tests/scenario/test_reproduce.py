"""`/reproduce <tag>`: from what is typed to what the channel shows, with nothing of it on GitLab or the remote."""

import pytest

from tests.scenario.waiting import PATIENCE, until


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


@pytest.fixture(scope="module")
def released(world):
    world.types("alice", "/train main v1.0.0")
    return world.until_over("v1.0.0")


@pytest.fixture(scope="module")
def reproduced(world, released):
    before = world.tags(), world.log("main"), world.object_sizes()
    world.types("bob", "/reproduce v1.0.0")

    def over():
        found = [each for each in world.threads() if "reproduction of v1.0.0" in each.headline]
        return found[-1] if found and found[-1].terminal else None

    return until(over, "the release was made again", 2 * PATIENCE), before


def test_every_output_is_equal_at_another_machine_than_the_releases(reproduced):
    thread, _before = reproduced
    assert "Reproduced: all 6 outputs are equal." in thread.last_word
    assert "model.onnx" in thread.last_word
    assert "differs" not in thread.last_word


def test_nothing_is_committed_pushed_or_released(world, reproduced):
    assert (world.tags(), world.log("main"), world.object_sizes()) == reproduced[1]
    assert list(world.releases()) == ["v1.0.0"]


def test_an_unknown_tag_is_refused_with_the_nearest_release(world, released):
    world.types("alice", "/reproduce v1.0.1")
    assert "Did you mean `v1.0.0`?" in world.told("alice", "has no tag `v1.0.1`")
