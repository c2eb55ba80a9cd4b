"""What `/train` refuses: said to the caller alone, and before any machine starts."""

import json

import pytest

from tests.scenario.world import MACHINES


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    """Alice has a machine, Bob has none."""
    with world.serving(TRAIN_INSTANCE_FOR_USER=json.dumps({"alice@example.com": MACHINES["alice"]})) as bot:
        yield bot


@pytest.fixture(autouse=True)
def nothing_starts(world):
    """However it is said: no card, no release, no machine, and the other person hears nothing."""
    before = (len(world.slack.messages()), world.starts("alice"), world.starts("bob"), world.releases().keys())
    yield
    assert (len(world.slack.messages()), world.starts("alice"), world.starts("bob"), world.releases().keys()) == before


@pytest.mark.parametrize("words", [" main v1.0.0 now", " main v1.0.0 --force now"])
def test_a_missing_or_extra_word_is_answered_with_the_usage_and_an_example(world, words):
    heard_by_bob = world.private("bob")
    said = world.types("alice", f"/train{words}")
    assert "`/train <branch> <tag>`" in said
    assert "`/train main v1.0.0`" in said
    assert "Nothing was started" in said
    assert world.private("bob") == heard_by_bob


def test_an_unknown_branch_is_answered_with_the_nearest_names(world):
    world.project.branch("feature/mobilenet")
    assert world.types("alice", "/train feature/mobilnet v1.0.0") == ""
    said = world.told("alice", "no branch `feature/mobilnet`")
    assert "Did you mean `feature/mobilenet`?" in said
    assert "Nothing was started" in said


def test_a_tag_that_exists_is_refused_with_the_next_free_version(world):
    world.project.tag("v3.0.0")
    world.project.tag("v3.0.1")
    world.types("alice", "/train main v3.0.0")
    said = world.told("alice", "`v3.0.0` exists already")
    assert "`/train main v3.0.2`" in said


@pytest.mark.parametrize("tag", ["a/b", "-rf", "v1..0", "v1.lock", "v1.", "HEAD", "$(id)", "a;b", "ümläut", "x" * 64])
def test_a_tag_that_is_not_legal_is_refused_at_once(world, tag):
    said = world.types("alice", f"/train main {tag}")
    assert "cannot be the tag of a release" in said
    assert "Nothing was started" in said


@pytest.mark.parametrize("branch", ["--upload-pack=touch", "a..b", "refs/heads/", "a b"])
def test_a_branch_that_is_not_legal_is_refused_at_once(world, branch):
    assert "Nothing was started" in world.types("alice", f"/train {branch} v1.0.0")


def test_somebody_without_a_machine_is_told_how_to_get_one_and_whom_to_ask(world):
    world.types("bob", "/train main v9.0.0")
    said = world.told("bob", "there is no training machine for `bob@example.com`")
    assert "Ask #ml-platform" in said
    assert "`/locations`" in said


def test_the_second_time_somebody_without_a_machine_is_told_at_once(world):
    world.types("bob", "/train main v9.0.1")
    world.told("bob", "no training machine")
    assert "Ask #ml-platform" in world.types("bob", "/train main v9.0.2")
