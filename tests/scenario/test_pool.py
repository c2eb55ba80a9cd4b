"""Two machines for everybody: one line for both, and people who switch and hold them by hand."""

import pytest

from tests.scenario.waiting import until
from tests.scenario.world import MACHINES

POOL = "".join(
    f'[locations.{name}]\nshared = true\npool = "gpus"\ninstance = "{MACHINES[owner]}"\n'
    for name, owner in (("gpu-1", "alice"), ("gpu-2", "bob"))
)


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    config = world.home / "stationmaster.toml"
    config.write_text(POOL)
    with world.serving(STATIONMASTER_CONFIG=str(config), TRAIN_INSTANCE_FOR_USER="{}") as bot:
        yield bot


def test_a_machine_is_switched_on_and_off_by_hand_and_the_person_hears_of_it(world):
    assert "`gpus` is a pool" in world.types("alice", "/locations start gpus")
    assert "Starting `gpu-1`" in world.types("alice", "/locations start gpu-1")
    world.told("alice", "`gpu-1` is on and answers")
    assert world.power("alice") == "running"
    assert "Stopping `gpu-1`" in world.types("alice", "/locations stop gpu-1")
    world.told("alice", "`gpu-1` is off")
    assert world.power("alice") == "stopped"


def test_two_train_at_once_and_the_third_gets_the_machine_that_is_free_first(world):
    for branch in ("first", "second"):
        world.project.branch(branch, gate=True)
    world.project.branch("third")
    world.types("alice", "/train first p1")
    world.types("bob", "/train second p2")
    world.until_training("first")
    world.until_training("second")
    world.types("alice", "/train third p3")
    waiting = world.until_card("p3", "Next in line", "the pool `gpus` (2 of 2 machines in use)")
    assert waiting.has_button()
    assert "waiting: " in world.types("bob", "/locations")
    second = _machine_of(world, "p2")
    world.project.open_gate("second")
    world.until_over("p2")
    assert f"Your turn: `{second}` is free" in world.until_over("p3").text
    assert world.thread("p1").terminal == []
    world.project.open_gate("first")
    world.until_over("p1")


def test_a_machine_that_cannot_be_turned_on_is_left_for_the_next_one(world):
    world.types("alice", "/locations stop gpu-1")
    world.types("alice", "/locations stop gpu-2")
    for who in ("alice", "bob"):
        until(lambda who=who: world.power(who) == "stopped", f"{who}'s machine is off")
    world.aws.fault("StartInstances", "VcpuLimitExceeded", times=1)
    world.project.branch("moves")
    world.types("alice", "/train moves m1")
    thread = world.until_over("m1")
    assert "is released" in thread.last_word
    moved = [line for line in thread.lines if "; trying `gpu-" in line]
    assert len(moved) == 1
    assert "may have no more of its kind" in moved[0]
    assert f"trying `{_machine_of(world, 'm1')}`" in moved[0]


def test_a_held_machine_is_left_to_its_holder_until_they_release_it(world):
    world.project.branch("held")
    for name in ("gpu-1", "gpu-2"):
        assert "is yours for 30 minutes" in world.types("alice", f"/locations hold {name} 30 looking around")
    world.types("bob", "/train held h1")
    waiting = world.until_card("h1", "Next in line", "holds it for another")
    assert "looking around" in waiting.headline
    assert "Only they or an admin" in world.types("bob", "/locations release gpu-2")
    assert "has ended" in world.types("alice", "/locations release gpu-2")
    world.until_over("h1")
    assert _machine_of(world, "h1") == "gpu-2"
    assert "alice holds it" in world.types("bob", "/locations").replace("Alice Archer", "alice")


def _machine_of(world, tag):
    return next(name for name in ("gpu-1", "gpu-2") if f"`{name}`" in str(world.thread(tag).card.blocks))
