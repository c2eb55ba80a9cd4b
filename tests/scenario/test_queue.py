"""One machine for two people: who comes second waits, knows for what, and starts by itself."""

import pytest

from tests.scenario.world import MACHINES

SHARED = f"""
[locations.rack]
shared = true
instance = "{MACHINES["alice"]}"
"""


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    config = world.home / "stationmaster.toml"
    config.write_text(SHARED)
    with world.serving(STATIONMASTER_CONFIG=str(config), TRAIN_INSTANCE_FOR_USER="{}") as bot:
        world.types("alice", "/train main v1.0.0")  # so that it is known how long a run usually takes there
        world.until_over("v1.0.0")
        yield bot


def test_who_comes_second_waits_knows_for_whom_and_starts_by_itself(world):
    world.project.branch("first", gate=True)
    world.project.branch("second")
    world.project.branch("third")
    world.types("alice", "/train first q1")
    world.until_training("first")
    number = world.thread("q1").number
    world.types("bob", "/train second q2")
    waiting = world.until_card("q2", "Next in line", "`rack`")
    assert "alice has it" in waiting.headline.replace("Alice Archer", "alice")
    assert f"run {number} (`q1`)" in waiting.headline
    assert "Your turn should come in" in waiting.headline or "longer than usual" in waiting.headline
    assert waiting.has_button()
    world.types("alice", "/train third q3")
    world.until_card("q3", "Number 2 in line")
    assert world.project.trainings("second") == 0
    world.project.open_gate("first")
    world.until_over("q1")
    second = world.until_over("q2")
    third = world.until_over("q3")
    assert "Your turn: `rack` is free" in second.text
    assert [thread.terminal[0].pings for thread in (second, third)] == [("U000000BOB",), ("U0000ALICE",)]
    assert world.project.diary.read_text().split()[-3:] == ["2", "3", "4"]
    assert set(world.releases()) == {"v1.0.0", "q1", "q2", "q3"}


def test_who_waits_can_cancel_and_the_line_moves_up(world):
    world.project.branch("holds", gate=True)
    world.project.branch("waits")
    world.types("alice", "/train holds h1")
    world.until_training("holds")
    world.types("bob", "/train waits h2")
    world.until_card("h2", "Next in line")
    world.types("alice", "/train waits h3")
    world.until_card("h3", "Number 2 in line")
    assert "Cancelling run" in world.types("bob", "/cancel h2")
    assert "was cancelled" in world.until_over("h2", 15).last_word
    world.until_card("h3", "Next in line")
    assert world.thread("h1").terminal == []
    world.project.open_gate("holds")
    world.until_over("h1")
    world.until_over("h3")
    assert "h2" not in world.tags()


def test_the_machine_is_started_once_for_all_who_wait_for_it(world):
    assert world.starts("alice") == 1
