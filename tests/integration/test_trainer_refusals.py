"""What stops a run: said with its cause and what to do, before anything is spent or published."""

from __future__ import annotations

import textwrap

import pytest

from tests.integration.trainer_world import PIPELINE, World, git, md5


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, str(tmp_path / "store")).make()


def test_data_that_is_on_no_remote_is_named_with_what_to_do(world):
    world.drop_object(md5(b"bbb\n"))
    run = world.new_run()
    assert run.step("prepare") == 1
    assert run.failure()["cause"] == "missing-data"
    assert "data/raw/b.txt" in run.failure()["message"]
    assert "dvc push" in run.failure()["message"]


def test_a_damaged_object_on_the_remote_stops_the_run_before_it_trains(world):
    world.spoil_object(md5(b"bbb\n"))
    run = world.new_run()
    assert run.step("prepare") == 1
    assert run.failure()["cause"] == "corrupt-data"
    assert "data/raw/b.txt" in run.failure()["message"]


def test_an_object_that_is_nowhere_leaves_no_tag(world):
    world.new_run().all_steps()
    member = md5((world.repo / "out/model.bin").read_bytes())
    world.drop_object(member)
    cached = world.places.cache / "files/md5" / member[:2] / member[2:]
    run = world.new_run()
    assert run.step("prepare") == 0
    assert run.step("repro") == 0
    cached.unlink()
    assert run.step("publish") == 1
    assert run.failure()["cause"] == "missing-data"
    assert run.tag not in world.tags()


def test_a_failing_stage_is_named_with_its_cause_and_its_last_lines(world):
    script = "import sys\nfor n in range(40):\n    print(f'line {n}')\nsys.exit('\\x1b[31mno such layer\\x1b[0m')\n"
    world.change(src__train_py=script)
    run = world.new_run()
    assert run.step("prepare") == 0
    assert run.step("repro") == 1
    failure = run.failure()
    assert failure["stage"] == "train"
    assert failure["cause"] == "code"
    assert len(failure["lines"]) == 15
    assert failure["lines"][-1] == "no such layer"
    assert failure["lines"][0] == "line 26"
    assert "line 3" in run.log()


def test_a_stage_that_does_not_write_its_output_fails(world):
    world.change(src__train_py="print('done')\n")
    run = world.new_run()
    run.step("prepare")
    assert run.step("repro") == 1
    assert run.failure()["stage"] == "train"
    assert run.failure()["cause"] == "code"
    assert "model.txt" in run.failure()["message"]


def test_a_branch_without_a_pipeline_is_told_what_is_missing(world):
    git(world.hand, "rm", "--quiet", "dvc.yaml")
    world.commit("No pipeline")
    run = world.new_run()
    assert run.step("prepare") == 1
    assert run.failure()["cause"] == "pipeline"
    assert "no dvc.yaml" in run.failure()["message"]


@pytest.mark.parametrize(
    "bad", ["stages: [", "stages:\n  a: 3\n", "stages:\n  a:\n    cmd: x\n    outs: [../../away]\n"]
)
def test_a_pipeline_that_is_wrong_is_refused_before_anything_runs(world, bad):
    world.change(dvc_yaml=bad)
    run = world.new_run()
    assert run.step("prepare") == 1
    assert run.failure()["cause"] == "pipeline"
    assert not world.repo.exists()


def test_a_pipeline_that_dvc_alone_finds_wrong_is_no_crash(world):
    world.change(dvc_yaml="stages:\n  a:\n    cmd: echo x > x\n    outs: [x]\n    nonsense: 1\n")
    run = world.new_run()
    assert run.step("prepare") == 0
    assert run.step("repro") == 1
    assert run.failure()["cause"] == "pipeline"


def test_an_output_through_a_symbolic_link_is_refused(world):
    (world.hand / "link").symlink_to("/tmp")
    world.change(dvc_yaml="stages:\n  a:\n    cmd: echo x > link/x\n    outs: [link/x]\n")
    run = world.new_run()
    assert run.step("prepare") == 1
    assert "symbolic link" in run.failure()["message"]


def test_a_metrics_file_too_large_for_git_is_refused(world):
    world.change(dvc_yaml=textwrap.dedent(PIPELINE).replace("echo '{\"score\":0.5}'", "head -c 17000000 /dev/zero"))
    run = world.new_run()
    run.step("prepare")
    run.step("repro")
    assert run.step("publish") == 1
    assert "too large for git" in run.failure()["message"]
    assert world.tags() == []


def test_the_workspace_cannot_smuggle_other_files_into_the_commit(world):
    run = world.new_run()
    run.step("prepare")
    run.step("repro")
    (world.repo / "metrics.json").unlink()
    (world.repo / "metrics.json").symlink_to("/etc/hostname")
    (world.repo / "src/train.py").write_text("evil")
    (world.repo / ".gitlab-ci.yml").write_text("evil")
    (world.repo / ".gitignore").write_text("/model.txt\n*\n")
    assert run.step("publish") == 0
    changed = git(world.origin, "diff", "--name-only", f"{run.commit}..{world.head()}").split()
    assert "metrics.json" not in changed
    assert "src/train.py" not in changed
    assert ".gitlab-ci.yml" not in changed
    assert ".gitignore" not in changed


def test_a_commit_that_vanished_from_the_server_is_said(world):
    run = world.new_run()
    run.commit = "1" * 40
    assert run.step("prepare") == 1
    assert run.failure()["cause"] == "conflict"
