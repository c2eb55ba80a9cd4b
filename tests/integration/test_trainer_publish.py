"""Publishing is one resumable transaction: killed anywhere and run again, it ends with one commit and one tag."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.trainer_world import Run, World, ask, git
from trainer import crashpoints
from trainer.job import decision, fence


@dataclass
class Reproduced:
    """A world whose workspace is reproduced and not yet published; `run` brings it back to there for each test."""

    world: World
    base: str
    store: Path

    def run(self, **spec) -> Run:
        world = self.world
        git(world.origin, "update-ref", "refs/heads/main", self.base)
        for ref in git(world.origin, "for-each-ref", "--format=%(refname)").split():
            if ref != "refs/heads/main":
                git(world.origin, "update-ref", "-d", ref)
        git(world.hand, "fetch", "--quiet", "--prune", "--prune-tags", "origin")
        git(world.hand, "reset", "--quiet", "--hard", self.base)
        shutil.rmtree(world.remote)
        shutil.copytree(self.store, world.remote)
        run = world.new_run(**spec)
        run.run_dir.mkdir(parents=True)
        return run


@pytest.fixture(scope="module")
def module_world(tmp_path_factory):
    root = tmp_path_factory.mktemp("publish")
    world = World(root, str(root / "store")).make()
    run = world.new_run()
    assert run.step("prepare") == 0
    assert run.step("repro") == 0
    shutil.copytree(world.remote, root / "store-before")
    return Reproduced(world, run.commit, root / "store-before")


@pytest.fixture
def reproduced(module_world):
    yield module_world
    module_world.world.places.fence.write_text("1\n")


def commits(world, since, until="main"):
    return git(world.origin, "rev-list", f"{since}..{until}").split()


@pytest.mark.parametrize("point", [name for name in crashpoints.POINTS if name.startswith("publish.")])
def test_a_publish_that_was_killed_is_finished_by_the_next_one(reproduced, point):
    world, run = reproduced.world, reproduced.run()
    assert run.step("publish", crash=point) == 137
    assert (run.tag in world.tags()) == (point in ("publish.pushed", "publish.pointer", "publish.reported"))
    assert run.step("publish") == 0
    published = run.published()
    assert commits(world, reproduced.base) == [published["commit"]]
    assert world.tags() == [run.tag]
    assert git(world.origin, "rev-parse", f"{run.tag}^{{commit}}") == published["commit"]
    assert published["changed"] is True
    assert (run.run_dir / "train.dvc").exists()
    assert not world.places.scratch.exists()


def test_a_second_publish_of_the_same_run_changes_nothing(reproduced):
    world, run = reproduced.world, reproduced.run()
    assert run.step("publish") == 0
    refs = git(world.origin, "for-each-ref")
    assert run.step("publish") == 0
    assert git(world.origin, "for-each-ref") == refs
    first, second = run.events("published")
    assert first == second


def test_a_branch_that_moved_elsewhere_gets_the_result_on_top(reproduced):
    world, run = reproduced.world, reproduced.run()
    theirs = world.change(README_md="# Tiny\n")
    assert run.step("publish") == 0
    published = run.published()
    assert published["diverged"] is False
    assert published["branch"] == "main"
    assert commits(world, theirs) == [published["commit"]]
    assert world.show("main:README.md") == "# Tiny"
    assert "Run: " in git(world.origin, "log", "-1", "--format=%B", "main")


def test_a_branch_that_moved_and_was_killed_after_its_push_is_recognised(reproduced):
    world, run = reproduced.world, reproduced.run()
    theirs = world.change(README_md="# Tiny\n")
    assert run.step("publish", crash="publish.pushed") == 137
    after = world.change(NOTES_md="more\n")
    assert run.step("publish") == 0
    published = run.published()
    assert published["diverged"] is False
    assert commits(world, theirs, published["commit"]) == [published["commit"]]
    assert world.head() == after
    assert world.tags() == [run.tag]


def test_a_branch_on_which_the_result_is_not_valid_is_left_alone(reproduced):
    world, run = reproduced.world, reproduced.run()
    theirs = world.change(params_yaml="train:\n  epochs: 7\n")
    assert run.step("publish") == 0
    published = run.published()
    assert published["diverged"] is True
    assert published["branch"] == f"train/run-{run.number}"
    assert world.head() == theirs
    assert world.head(published["branch"]) == published["commit"]
    assert git(world.origin, "rev-parse", f"{run.tag}^{{commit}}") == published["commit"]
    assert commits(world, reproduced.base, published["branch"]) == [published["commit"]]


def test_a_diverged_result_that_was_killed_after_its_push_is_recognised(reproduced):
    world, run = reproduced.world, reproduced.run()
    world.change(params_yaml="train:\n  epochs: 7\n")
    assert run.step("publish", crash="publish.pushed") == 137
    assert run.step("publish") == 0
    assert run.published()["diverged"] is True
    assert run.published()["branch"] == f"train/run-{run.number}"
    assert world.head(f"train/run-{run.number}") == run.published()["commit"]


def test_a_branch_that_was_deleted_is_not_brought_back(reproduced):
    world, run = reproduced.world, reproduced.run()
    git(world.origin, "update-ref", "refs/heads/other", reproduced.base)
    git(world.origin, "update-ref", "-d", "refs/heads/main")
    assert run.step("publish") == 0
    assert run.published()["diverged"] is True
    assert "refs/heads/main" not in git(world.origin, "for-each-ref", "--format=%(refname)").split()


def test_a_protected_branch_gets_the_result_on_a_branch_of_its_own(reproduced):
    world, run = reproduced.world, reproduced.run()
    hook = world.origin / "hooks/update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntest $1 != refs/heads/main || { echo 'GitLab: main is protected' >&2; exit 1; }\n")
    hook.chmod(0o755)
    try:
        assert run.step("publish") == 0
    finally:
        hook.unlink()
    assert run.published()["branch"] == f"train/run-{run.number}"
    assert "main is protected" in run.events("warning")[0]["text"]
    assert world.head() == reproduced.base


def test_a_server_that_takes_nothing_is_quoted(reproduced):
    world, run = reproduced.world, reproduced.run()
    hook = world.origin / "hooks/update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'GitLab: tags are protected' >&2; exit 1\n")
    hook.chmod(0o755)
    try:
        assert run.step("publish") == 1
    finally:
        hook.unlink()
    assert run.failure()["cause"] == "conflict"
    assert "tags are protected" in run.failure()["message"]
    assert world.tags() == []


def test_a_tag_of_somebody_else_is_a_conflict_and_nothing_is_pushed(reproduced):
    world, run = reproduced.world, reproduced.run()
    git(world.origin, "tag", run.tag, reproduced.base)
    assert run.step("publish") == 1
    assert run.failure()["cause"] == "conflict"
    assert run.tag in run.failure()["message"]
    assert world.head() == reproduced.base
    assert git(world.origin, "rev-parse", run.tag) == reproduced.base


def test_a_run_that_was_cancelled_first_pushes_nothing(reproduced):
    world, run = reproduced.world, reproduced.run()
    assert decision.take(run.run_dir, "cancel") == "cancel"
    assert run.step("publish") == 4
    assert world.head() == reproduced.base
    assert world.tags() == []
    assert run.events("failed") == []


def test_a_run_that_is_published_can_no_longer_be_cancelled(reproduced):
    run = reproduced.run()
    assert run.step("publish", crash="publish.decided") == 137
    assert decision.take(run.run_dir, "cancel") == "push"


def test_of_many_that_decide_at_once_one_wins_and_all_hear_of_it(tmp_path):
    answers = []
    start = threading.Barrier(8)

    def ask(choice):
        start.wait()
        answers.append(decision.take(tmp_path, choice))

    threads = [threading.Thread(target=ask, args=(choice,)) for choice in ("push", "cancel") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1


@pytest.mark.parametrize("step", ["prepare", "repro", "publish"])
def test_an_older_reservation_changes_nothing(reproduced, step):
    world, run = reproduced.world, reproduced.run()
    order = run.order(step, fence=1)
    folder = run.run_dir / "jobs" / order["name"]
    folder.mkdir(parents=True)
    with fence.raised(world.places.fence, 2):
        pass
    answer = ask("launch", stdin=json.dumps(order))
    assert answer["ok"] is False
    assert answer["fenced"] is True
    assert world.tags() == []


def test_a_reservation_that_is_overtaken_while_it_publishes_does_not_push(reproduced):
    world, run = reproduced.world, reproduced.run()
    world.places.fence.write_text("1\n")
    assert run.step("publish", crash="publish.proven") == 137
    world.places.fence.write_text("9\n")
    order = run.order("publish", fence=1)
    folder = run.run_dir / "jobs" / order["name"]
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps(order))
    command = [sys.executable, "-P", "-m", "trainer", "publish", "--run-dir", str(run.run_dir), "--job", order["name"]]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 3
    assert world.tags() == []


def planted(repo: Path, proof: Path) -> None:
    """What a hostile training leaves in its workspace's .git."""
    script = f'#!/bin/sh\necho "$0 $@" >> {proof}\n'
    for name in ("pre-push", "pre-commit", "post-checkout", "post-commit", "reference-transaction", "fsmonitor"):
        hook = repo / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(script)
        hook.chmod(hook.stat().st_mode | stat.S_IEXEC)
    config = repo / ".git/config"
    away = repo.parent / "away.git"
    git(repo.parent, "init", "--quiet", "--bare", str(away))
    config.write_text(
        config.read_text()
        + f"\tfsmonitor = {repo}/.git/hooks/fsmonitor\n"
        + f"\thooksPath = {repo}/.git/hooks\n"
        + f"\tsshCommand = {repo}/.git/hooks/fsmonitor\n"
        + f'[url "{away}"]\n\tinsteadOf = {repo.parent.parent.parent}/origin.git\n'
        + f"\tpushInsteadOf = {repo.parent.parent.parent}/origin.git\n"
        + f'[filter "evil"]\n\tclean = {repo}/.git/hooks/fsmonitor\n\tsmudge = {repo}/.git/hooks/fsmonitor\n'
        + f"[credential]\n\thelper = !{repo}/.git/hooks/fsmonitor\n"
    )
    (repo / ".gitattributes").write_text("* filter=evil\n")
    (repo / "nested").mkdir(exist_ok=True)
    shutil.copytree(repo / ".git", repo / "nested/.git", dirs_exist_ok=True)


def test_what_was_planted_in_the_mirror_does_nothing_either(reproduced, tmp_path):
    world, run = reproduced.world, reproduced.run()
    proof = tmp_path / "it-ran"
    hook = world.places.mirror / "hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {proof}\n")
    hook.chmod(0o755)
    with (world.places.mirror / "config").open("a") as config:
        config.write(f'[url "{tmp_path}/away"]\n\tinsteadOf = {world.origin}\n')
    assert run.step("publish") == 0
    assert not proof.exists()
    assert world.tags() == [run.tag]


@pytest.mark.parametrize("step", ["publish", "prepare"])
def test_hooks_monitors_and_rewritten_addresses_in_the_workspace_do_nothing(reproduced, tmp_path, step):
    """The last test of the module: prepare brings the workspace back to the commit."""
    world, run = reproduced.world, reproduced.run()
    proof = tmp_path / "it-ran"
    planted(world.repo, proof)
    git(world.repo, "status")
    assert proof.exists(), "the trap is not even sprung by a git that walks into it"
    proof.unlink()
    assert run.step(step) == 0
    assert not proof.exists()
    assert git(world.places.home / "away.git", "for-each-ref") == ""
    assert step == "prepare" or world.tags() == [run.tag]
