"""`/train` in containers, from the command to the release: the bot, its trainer image and a real engine."""

from __future__ import annotations

import subprocess
import sys
import uuid

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
repo = pathlib.Path.cwd()
mark = repo.parents[1] / "dvc-cache" / "ran"
program = f"#!/bin/sh\\nenv >>{mark}\\n"
for name in ("pre-push", "pre-commit", "post-checkout", "reference-transaction", "spy"):
    hook = repo / ".git/hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(program)
    hook.chmod(0o755)
with open(".git/config", "a") as config:
    config.write(f"[core]\\n\\tfsmonitor = {repo}/.git/hooks/spy\\n\\thooksPath = {repo}/.git/hooks\\n")
    config.write("[url \\"http://127.0.0.1:9/\\"]\\n\\tpushInsteadOf = http://127.0.0.1\\n\\tinsteadOf = http://127.0.0.1\\n")
for name in ("sitecustomize", "boto3", "dvc", "json"):
    (repo / f"{name}.py").write_text(f"import os; open({str(mark)!r}, 'a').write(str(os.environ))")
(repo / "git").write_text(program)
(repo / "git").chmod(0o755)
"""
"""Three ways to get at what git does later, and what a program that works in this folder might take for another."""


@pytest.fixture(scope="module")
def world(engine, tmp_path_factory):
    home = tmp_path_factory.mktemp("containers")
    config = home / "settings.toml"
    config.write_text(CONFIG.format(instance=MACHINES["alice"]))
    settings = {
        "STATIONMASTER_CONFIG": str(config),
        "STATIONMASTER_IMAGE": engine.trainer_image(),
        "IMAGE_BUILD_ARGS": f"BASE={engine.trainer_image()}",
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
    assert not [secret for secret in CANARIES.values() if secret in seen]
    wanted = [word for secret in CANARIES.values() for word in ("-e", secret)]
    places = ["grep", "-rlsF", "--exclude-dir=proc", "--exclude-dir=sys", *wanted, "/"]
    assert engine.docker("exec", name, *places, check=False).stdout == ""
    (workspace(world) / "go").touch()
    assert "*Released*" in world.until_over("v1.1.0").headline


def test_what_a_training_plants_runs_neither_when_its_result_is_saved_nor_in_the_next_run(world, first):
    run = train(world, "attacks", "v1.2.0", ATTACKS)
    assert "*Released*" in run.headline, run.text
    assert "v1.2.0" in world.tags()
    ran = workspace(world).parents[1] / "dvc-cache" / "ran"
    assert not ran.exists()
    for trap in (["git", "-c", "safe.directory=*", "status"], [sys.executable, "-c", "import boto3"]):
        subprocess.run(trap, cwd=workspace(world), capture_output=True, check=False)
        assert ran.exists(), f"{trap} would have shown that it is one"
        ran.unlink()
    assert world.types("alice", "/train attacks v1.2.1 --force") == ""
    assert "*Released*" in world.until_over("v1.2.1", 120).headline
    assert not ran.exists()


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


def test_a_branch_with_a_dockerfile_of_its_own_trains_in_its_image_which_is_built_once(world, first):
    mark = uuid.uuid4().hex  # what an earlier session of these tests built is still with the engine
    files = {"Dockerfile.train": "ARG BASE\nFROM ${BASE}\nCOPY marker.txt /marker.txt\n", "marker.txt": mark}
    world.project.branch("own-box", script=f"assert open('/marker.txt').read() == '{mark}'")
    world.project.change("own-box", files)
    world.types("alice", "/train own-box v1.5.0")
    run = world.until_over("v1.5.0", 120)
    assert "*Released*" in run.headline, run.text
    assert "Building the image of `own-box`, which is not here yet." in run.text
    assert "It stays at this machine." in run.text
    world.types("alice", "/train own-box v1.5.1 --force")
    again = world.until_over("v1.5.1", 120)
    assert "*Released*" in again.headline, again.text
    assert "Building" not in again.text
    assert "Image" not in again.text


def test_build_image_ends_with_the_image_of_the_branch(world, first):
    world.project.branch("only-image")
    world.project.change("only-image", {"Dockerfile.train": f"ARG BASE\nFROM ${{BASE}}\nENV MARK={uuid.uuid4().hex}\n"})
    assert world.types("alice", "/build-image only-image") == ""

    def built():
        found = next((each for each in world.threads() if "image of only-image" in each.headline), None)
        return found if found and found.terminal else None

    run = until(built, "the image is built", 120)
    assert "*The image of `only-image` is built.*" in run.last_word
    assert "stationmaster/team/tiny:train_only-image-" in run.last_word
