"""`/train <branch> <tag>`, from the command to a release that others can use."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.scenario.tiny_project import PIPELINE
from tests.scenario.waiting import until
from tests.scenario.world import MACHINES


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


@pytest.fixture(scope="module")
def first(world, bot):
    """The thread of the first release, v1.0.0 of main."""
    assert world.types("alice", "/train main v1.0.0") == ""
    return world.until_over("v1.0.0")


def dvc(folder, world, *words):
    """DVC as a colleague runs it, with the remote's credentials and nothing of ours."""
    settings = {f"DVC_{name}_DIR": str(folder / "dvc") for name in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE")}
    cloud = {name: value for name, value in world.environment().items() if name.startswith("AWS_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "DVC_NO_ANALYTICS": "1", **settings, **cloud},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def git(folder, *words):
    plain = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
    return subprocess.run(
        ["git", *words], cwd=folder, env=plain, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_release_exists_and_the_thread_links_to_it(world, first):
    release = world.releases()["v1.0.0"]
    assert "*Released*" in first.headline
    assert f"{release['_links']['self']}|Open the release" in first.last_word
    assert "<@U0000ALICE>" in first.last_word
    assert not first.has_button()


def test_the_thread_tells_every_step_once_and_in_order(first):
    told = re.findall(
        r"Starting the machine|machine answers|Code and data are ready|Stage \d of 3|result is saved|is released",
        first.text,
    )
    assert told == [
        "Starting the machine",
        "machine answers",
        "Code and data are ready",
        "Stage 1 of 3",
        "Stage 2 of 3",
        "Stage 3 of 3",
        "result is saved",
        "is released",
    ]


def test_only_the_last_message_mentions_somebody(first):
    assert [reply.pings for reply in first.replies[:-1]] == [()] * (len(first.replies) - 1)
    assert first.card.pings == ()
    assert first.replies[-1].pings == ("U0000ALICE",)


def test_the_commit_carries_the_lock_the_metrics_and_who_asked(world, first):
    commit = world.commit_of("v1.0.0")
    assert commit.sha == world.commit_of("main").sha
    assert world.log("main") == ["Train v1.0.0", "The project"]
    assert {("Run", "1"), ("Triggered-by", "alice@example.com")} <= set(commit.trailers)
    assert "out/model.onnx" in world.show("v1.0.0", "dvc.lock")
    assert '"seed": 1' in world.show("v1.0.0", "metrics.json")


def test_the_public_file_can_be_read_by_anybody(world, first):
    link = world.public_link("v1.0.0")
    assert link in first.last_word
    status, text = world.public(link)
    assert status == 200
    assert {"model.onnx", "model.config"} <= set(re.findall(r"path: \"?([\w.]+)", text))


def test_the_release_page_leads_to_the_same_file(world, first):
    assert world.public(f"{world.page}/-/releases/v1.0.0/downloads/train.dvc") == world.public(
        world.public_link("v1.0.0")
    )


def test_every_object_of_the_result_is_on_the_remote(world, first):
    lock = world.show("v1.0.0", "dvc.lock")
    _, pointer = world.public(world.public_link("v1.0.0"))
    objects = set(re.findall(r"md5: \"?([0-9a-f]{32}(?:\.dir)?)", lock + pointer)) - _of_the_sources(lock)
    assert len(objects) == 4  # the list of data/raw, what both ready.txt and model.config are, the model, the metrics
    assert all(world.object(oid) for oid in objects)


def _of_the_sources(lock):
    """Checksums of files that are in git."""
    return set(re.findall(r"path: src/[\w.]+\s+hash: md5\s+md5: (\w+)", lock))


def test_a_new_repository_with_the_same_remote_can_pull_the_model(world, first, tmp_path):
    git(tmp_path, "init", "--quiet")
    dvc(tmp_path, world, "init", "--quiet")
    dvc(tmp_path, world, "remote", "add", "--default", "store", f"s3://{world.aws.data_bucket}")
    (tmp_path / "train.dvc").write_text(world.public(world.public_link("v1.0.0"))[1])
    dvc(tmp_path, world, "pull", "train.dvc")
    assert (tmp_path / "model.onnx").read_text() == "1 aaa\nbbb\n"
    assert (tmp_path / "model.config").read_text() == "aaa\nbbb\n"


def test_checking_out_the_tag_leaves_nothing_to_reproduce(world, first, tmp_path):
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--branch", "v1.0.0", str(world.bare), str(folder))
    dvc(folder, world, "pull", "--quiet")
    said = dvc(folder, world, "repro")
    assert "Running stage" not in said
    assert said.count("didn't change, skipping") >= 3
    assert world.project.trainings("main") == 1


def test_an_unchanged_project_starts_no_machine_and_names_the_release_that_has_its_model(world, first):
    starts, threads = world.starts(), len(world.threads())
    assert world.types("alice", "/train main v1.1.0") == ""
    said = world.told("alice", "Nothing changed since `v1.0.0`")
    assert world.releases()["v1.0.0"]["_links"]["self"] in said
    assert "`/train main v1.1.0 --force`" in said
    assert (world.starts(), len(world.threads())) == (starts, threads)
    assert "v1.1.0" not in world.tags()


def test_where_only_the_machine_can_tell_an_unchanged_project_is_released_without_a_stage(world, first):
    templated = textwrap.dedent(PIPELINE).replace("python src/train.py", "${python} src/train.py")
    world.project.change("main", {"dvc.yaml": f"vars:\n  - python: python\n{templated}"})
    trained = world.project.diary.read_text()
    world.types("alice", "/train main v1.1.0")
    again = world.until_over("v1.1.0")
    assert "Nothing changed since the last training, so no stage had to run." in again.text
    assert "the model is the same as in `v1.0.0`" in again.last_word
    assert "v1.0.0" in world.releases()["v1.1.0"]["description"]
    assert world.project.diary.read_text() == trained
    assert world.public(world.public_link("v1.1.0"))[0] == 200


def test_a_second_training_shows_how_the_metrics_moved(world, first):
    world.project.retrain("main")
    world.types("alice", "/train main v2.0.0")
    thread = world.until_over("v2.0.0")
    assert "Stage 2 of 3, `train`, finished" in thread.text
    assert "Stage 1 of 3, `ready`, finished" not in thread.text
    assert re.search(r"seed\s+\d+\s+\+\d", thread.last_word)
    assert "the same as" not in thread.last_word


def test_two_people_train_at_the_same_time_on_machines_of_their_own(world, first):
    for name in ("both/alice", "both/bob"):
        world.project.branch(name, gate=True)
    world.types("alice", "/train both/alice a1")
    world.types("bob", "/train both/bob b1")
    world.until_training("both/alice")
    world.until_training("both/bob")
    assert (world.power("alice"), world.power("bob")) == ("running", "running")
    world.project.open_gate("both/alice")
    world.project.open_gate("both/bob")
    assert world.until_over("a1").terminal[0].pings == ("U0000ALICE",)
    assert world.until_over("b1").terminal[0].pings == ("U000000BOB",)


def test_the_card_shows_the_training_while_it_goes_on(world, first):
    world.project.branch("show", gate=True, epochs=3)
    world.types("alice", "/train show show-1")
    card = world.until_card("show-1", "Training", "stage 2 of 3", "epoch 3 of 3", "*training*")
    assert card.has_button()
    world.project.open_gate("show")
    world.until_over("show-1")


def test_a_machine_that_nobody_uses_any_more_is_stopped(world, first, bot):
    bot.stop()
    assert world.power("alice") == "running"
    with world.serving(IDLE_MINUTES="0.01"):
        until(lambda: world.power("alice") == "stopped", "the machine is off", 40)
    changes = [state for _, state in world.aws.history(MACHINES["alice"])]
    assert changes == ["stopped", "pending", "running", "stopping", "stopped"]
