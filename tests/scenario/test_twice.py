"""The same command again, however it comes again: one run."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.scenario.waiting import until


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


def test_the_same_command_delivered_three_times_is_one_run(world):
    world.types("alice", "/train main v1.0.0")
    answers = [world.slack.redeliver(), world.slack.redeliver()]
    world.until_over("v1.0.0")
    assert len(world.threads()) == 1
    assert list(world.releases()) == ["v1.0.0"]
    assert world.project.trainings("main") == 1
    assert all("is not" not in answer and "failed" not in answer for answer in answers)


def test_the_same_command_typed_again_shows_the_run_that_is_going_on(world):
    world.project.branch("again", gate=True)
    world.types("alice", "/train again v2.0.0")
    number = world.until_card("v2.0.0").number
    said = world.types("alice", "/train again v2.0.0")
    assert "That is this run already" in said
    assert f"*{number}*" in said
    said = world.types("bob", "/train main v2.0.0")
    assert "Nothing was started, this run makes that tag" in said
    world.project.open_gate("again")
    world.until_over("v2.0.0")
    assert [thread.number for thread in world.threads()] == [1, 2]


def test_once_released_the_same_command_is_refused_with_the_next_version(world):
    world.types("alice", "/train main v1.0.0")
    assert "`/train main v1.0.1`" in world.told("alice", "`v1.0.0` exists already")


def test_twenty_commands_at_once_are_all_answered_and_each_once(world):
    before, heard = len(world.threads()), len(world.private("bob"))
    with ThreadPoolExecutor(20) as hands:
        answers = list(hands.map(lambda n: world.slack.type("bob", f"/train nowhere v5.0.{n}"), range(20)))
    assert answers == [""] * 20
    until(lambda: len(world.private("bob")) - heard >= 20, "twenty refusals were said")
    assert all("no branch `nowhere`" in said for said in world.private("bob")[heard:])
    assert (len(world.threads()), len(world.private("bob"))) == (before, heard + 20)
