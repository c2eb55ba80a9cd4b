"""`/train` in containers, from the command to the release: the bot, its trainer image and a real engine."""

from __future__ import annotations

import pytest

from tests.scenario.waiting import until
from tests.scenario.world import CANARIES, MACHINES, TinyWorld

pytestmark = pytest.mark.timeout(900)  # the image may have to be built first
CONFIG = """
[locations.alice]
owner = "alice@example.com"
instance = "{instance}"
runtime = "docker"
memory = "400m"
pids = 200
"""
ATTACKS = """
import os
for name in ("pre-push", "pre-commit", "post-checkout", "reference-transaction"):
    hook = pathlib.Path(".git/hooks") / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\\ntouch {os.getcwd()}/hooked\\nenv >{os.getcwd()}/hooked\\n")
    hook.chmod(0o755)
spy = pathlib.Path(".git/spy")
spy.write_text(f"#!/bin/sh\\ntouch {os.getcwd()}/spied\\n")
spy.chmod(0o755)
with open(".git/config", "a") as config:
    config.write(f"[core]\\n\\tfsmonitor = {os.getcwd()}/.git/spy\\n\\thooksPath = {os.getcwd()}/.git/hooks\\n")
    config.write("[url \\"http://127.0.0.1:9/\\"]\\n\\tpushInsteadOf = http://127.0.0.1\\n\\tinsteadOf = http://127.0.0.1\\n")
"""


@pytest.fixture(scope="module")
def world(engine, tmp_path_factory):
    home = tmp_path_factory.mktemp("containers")
    config = home / "settings.toml"
    config.write_text(CONFIG.format(instance=MACHINES["alice"]))
    settings = {
        "STATIONMASTER_CONFIG": str(config),
        "STATIONMASTER_IMAGE": engine.trainer_image(),
        **engine.environment,
    }
    with TinyWorld(home / "world", inside=True) as world, world.serving(**settings):
        yield world


def train(world, branch, tag, script=""):
    """The run of a branch with that line in its training, when it is over."""
    world.project.branch(branch, script=script)
    assert world.types("alice", f"/train {branch} {tag}") == ""
    return world.until_over(tag, 120)


def containers(world, engine, tag):
    """Those of one run; other tests may use the engine at the same time."""
    uid = world.run_folder(world.thread(tag).number).name
    return {name for name in engine.running() if uid in name}


def training(world, engine, tag):
    """The container of a run's training, once it is there."""

    def found():
        return next(
            (name for name in containers(world, engine, tag) if "-repro-" in name and name[-4:] != "-net"), None
        )

    return until(found, f"{tag} trains", 60)


@pytest.fixture(scope="module")
def first(world):
    return train(world, "in-a-box", "v1.0.0")


def workspace(world):
    (found,) = (world.bot_home / "locations" / "alice").glob("team-tiny-*/repo")
    return found


def test_a_run_in_containers_ends_in_the_same_release_as_any_other(world, first):
    assert "*Released*" in first.headline, first.text
    assert "v1.0.0" in world.releases()
    assert "model.txt" in world.show("v1.0.0", "dvc.lock")
    assert world.log("in-a-box")[0].startswith("Train v1.0.0")


def test_no_container_is_left_when_a_run_is_over(world, engine, first):
    assert containers(world, engine, "v1.0.0") == set()


def test_workspace_and_cache_are_warm_for_the_next_run(world, first):
    assert (workspace(world) / "model.txt").exists()
    assert list((world.bot_home / "locations" / "alice" / "dvc-cache").rglob("*"))


def test_a_token_shows_neither_at_the_engine_nor_in_what_the_training_can_read(world, engine, first):
    world.project.branch("waits", script="while not pathlib.Path('go').exists(): time.sleep(0.05)")
    assert world.types("alice", "/train waits v1.1.0") == ""
    world.until_card("v1.1.0", "Training")
    name = training(world, engine, "v1.1.0")
    until(
        lambda: "train.py" in engine.docker("exec", name, "sh", "-c", "cat /proc/*/cmdline", check=False).stdout,
        "it trains",
    )
    seen = engine.docker("inspect", *containers(world, engine, "v1.1.0")).stdout
    seen += engine.docker("exec", name, "sh", "-c", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline", check=False).stdout
    places = ["grep", "-rIhs", "--exclude-dir=proc", "--exclude-dir=sys", "canary-", "/"]
    seen += engine.docker("exec", name, *places, check=False).stdout
    assert not [secret for secret in CANARIES.values() if secret in seen]
    (workspace(world) / "go").touch()
    assert "*Released*" in world.until_over("v1.1.0").headline


def test_the_three_attacks_on_git_that_a_training_can_plant_do_nothing(world, first):
    run = train(world, "attacks", "v1.2.0", ATTACKS)
    assert "*Released*" in run.headline, run.text
    assert "v1.2.0" in world.tags()
    assert (workspace(world) / ".git/hooks/pre-push").exists()
    assert not (workspace(world) / "hooked").exists()
    assert not (workspace(world) / "spied").exists()


def test_a_training_that_wants_too_much_memory_is_told_so(world, first):
    run = train(world, "greedy", "v1.3.0", "x = bytearray(900 << 20)")
    assert "memory" in run.last_word
    assert "v1.3.0" not in world.tags()


def test_a_training_that_never_ends_is_cancelled_with_its_container(world, engine, first):
    world.project.branch("endless", script="time.sleep(9999)")
    world.types("alice", "/train endless v1.4.0")
    world.until_card("v1.4.0", "Training")
    training(world, engine, "v1.4.0")
    world.types("alice", f"/cancel {world.thread('v1.4.0').number}")
    assert "*Cancelled" in world.until_over("v1.4.0").headline
    until(lambda: not containers(world, engine, "v1.4.0"), "the container is gone")
