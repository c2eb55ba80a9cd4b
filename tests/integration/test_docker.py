"""`/train` in containers, from the command to the release: the bot, its trainer image and a real engine."""

from __future__ import annotations

import textwrap
import uuid

import pytest

from tests.scenario.waiting import until
from tests.scenario.world import CANARIES, MACHINES, TinyWorld

pytestmark = pytest.mark.timeout(900)  # the image may have to be built first
TRAIN = """
import json, os, pathlib, socket
train = json.loads(pathlib.Path("params.json").read_text())["train"]
live = pathlib.Path("live")
live.mkdir(exist_ok=True)
print("Epoch 1/1", flush=True)
(live / "metrics.json").write_text(json.dumps({"loss": 0.5, "seed": train["seed"]}))
# HERE
pathlib.Path("model.txt").write_text(f"{train['seed']} " + pathlib.Path("ready.txt").read_text())
"""
CONFIG = """
[locations.alice]
owner = "alice@example.com"
instance = "{instance}"
runtime = "docker"
memory = "400m"
pids = 200
"""
ATTACKS = """
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
        "STATIONMASTER_IMAGE": engine.training_image(),
        "IMAGE_BUILD_ARGS": f"BASE={engine.training_image()}",
        **engine.environment,
    }
    with TinyWorld(home / "world") as world:
        world.change = lambda branch, script="": world.project.change(
            branch, {"src/train.py": textwrap.dedent(TRAIN).replace("# HERE", script)}
        )
        with world.serving(**settings):
            yield world


def train(world, branch, tag, script=""):
    """The run of a branch with that line in its training, when it is over."""
    world.project.branch(branch)
    world.change(branch, script)
    assert world.types("alice", f"/train {branch} {tag}") == ""
    return world.until_over(tag, 120)


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


def test_no_container_is_left_when_a_run_is_over(engine, first):
    assert not [name for name in engine.running() if name.startswith("run-")]


def test_workspace_and_cache_are_warm_for_the_next_run(world, first):
    assert (workspace(world) / "model.txt").exists()
    assert list((world.bot_home / "locations" / "alice" / "dvc-cache").rglob("*"))


def test_a_token_shows_neither_at_the_engine_nor_in_what_the_training_can_read(world, engine, first):
    world.project.branch("waits")
    world.change("waits", "import time\nwhile not os.path.exists('go'): time.sleep(0.05)")
    assert world.types("alice", "/train waits v1.1.0") == ""

    def training():
        return next((name for name in engine.running() if "-repro-" in name and not name.endswith("-net")), None)

    name = until(training, "the training runs", 60)
    until(
        lambda: "train.py" in engine.docker("exec", name, "sh", "-c", "cat /proc/*/cmdline", check=False).stdout,
        "it trains",
    )
    seen = engine.docker("inspect", *engine.running()).stdout
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
    world.project.branch("endless")
    world.change("endless", "import time; print('begun', flush=True); time.sleep(9999)")
    world.types("alice", "/train endless v1.4.0")
    until(lambda: any("-repro-" in name for name in engine.running()), "it trains", 60)
    world.types("alice", f"/cancel {world.thread('v1.4.0').number}")
    assert "*Cancelled" in world.until_over("v1.4.0").headline
    until(lambda: not any(name.startswith("run-") for name in engine.running()), "the container is gone")


def test_a_branch_with_a_dockerfile_of_its_own_trains_in_its_image_which_is_built_once(world, first):
    mark = uuid.uuid4().hex  # what an earlier session of these tests built is still with the engine
    files = {"Dockerfile.train": "ARG BASE\nFROM ${BASE}\nCOPY marker.txt /marker.txt\n", "marker.txt": mark}
    world.project.branch("own-box")
    world.project.change("own-box", files)
    world.change("own-box", f"assert open('/marker.txt').read() == '{mark}'")
    world.types("alice", "/train own-box v1.5.0")
    run = world.until_over("v1.5.0", 120)
    assert "*Released*" in run.headline, run.text
    assert "Building the image of `own-box`, which is not here yet." in run.text
    assert "It stays at this machine." in run.text
    world.types("alice", "/train own-box v1.5.1")
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
    assert "sha256:" in run.last_word
