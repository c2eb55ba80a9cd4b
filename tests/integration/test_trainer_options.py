"""Parameters, smoke tests, force and retries at the machine: a real git, a real DVC, and a count of what ran."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.integration.trainer_world import PIPELINE, World, dvc, git

PARAMS = """\
    train:
      epochs: 3   # all images each time
      images: 9
    smoke:
      train:
        epochs: 1
        images: 2
    """
TRAIN = """\
    import json
    import pathlib

    from ruamel.yaml import YAML

    train = YAML(typ="safe").load(pathlib.Path("params.yaml").read_text())["train"]
    live = pathlib.Path("live")
    live.mkdir(exist_ok=True)
    (live / "metrics.json").write_text(json.dumps({"loss": 1 / train["epochs"]}))
    with open(DIARY, "a") as diary:
        diary.write(f"{train['epochs']} {train['images']}\\n")
    text = pathlib.Path("data/ready.txt").read_text()
    pathlib.Path("model.txt").write_text(f"{train} {text}")
    """


class Tiny(World):
    """A project whose training writes into a diary outside; `train.images` is a parameter that dvc.yaml forgot."""

    @property
    def diary(self) -> Path:
        return self.root / "diary.txt"

    def trained(self) -> list[str]:
        """Epochs and images of each execution of the training."""
        return self.diary.read_text().splitlines() if self.diary.exists() else []

    def again(self, run, **spec):
        """A run that tries that one again, as the bot asks for it."""
        retries = [run.uid, *run.spec_extras.get("retries", [])]
        made = self.new_run(run.tag, **{**run.spec_extras, "retries": retries, **spec})
        made.commit = run.commit
        return made


@pytest.fixture
def world(tmp_path):
    world = Tiny(tmp_path, str(tmp_path / "store")).make(PIPELINE)
    script = textwrap.dedent(TRAIN).replace("DIARY", repr(str(world.diary)))
    world.change(params_yaml=textwrap.dedent(PARAMS), src__train_py=script)
    return world


def dry_run(world, revision, folder):
    """What `dvc repro` says in a fresh checkout of a revision."""
    git(world.root, "clone", "--quiet", str(world.origin), str(folder))
    git(folder, "checkout", "--quiet", revision)
    return dvc(folder, "repro", "--dry", "--allow-missing")


def files_of(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_parameter_that_was_set_is_trained_with_and_released_with_the_result(world, tmp_path):
    run = world.new_run(set={"train.epochs": "5", "train.images": "7"})
    run.all_steps()
    assert world.trained() == ["5 7"]
    assert run.published()["params"] == {"train": {"epochs": 5}}
    assert "epochs: 5   # all images each time" in world.show(f"{run.tag}:params.yaml")
    assert "images: 7" in world.show("main:params.yaml")
    said = dry_run(world, run.tag, tmp_path / "fresh")
    assert "Stage 'train' didn't change" in said
    assert "Running" not in said


def test_the_same_parameters_again_train_nothing(world):
    world.new_run(set={"train.epochs": "5"}).all_steps()
    second = world.new_run(set={"train.epochs": "5"})
    second.all_steps()
    assert set(second.stages().values()) == {"skipped"}
    assert len(world.trained()) == 1
    assert second.published()["changed"] is False


def test_a_parameter_that_is_not_there_ends_the_first_step(world):
    run = world.new_run(set={"train.epoch": "5"})
    assert run.step("prepare") == 1
    assert run.failure()["cause"] == "pipeline"
    assert "Did you mean `train.epochs`?" in run.failure()["message"]


@pytest.mark.parametrize(
    ("files", "diverged"), [({"README_md": "# Tiny\n"}, False), ({"params_yaml": "train:\n  epochs: 4\n"}, True)]
)
def test_a_branch_that_moved_takes_the_parameters_only_where_nobody_changed_them(world, files, diverged):
    run = world.new_run(set={"train.epochs": "5"})
    assert (run.step("prepare"), run.step("repro")) == (0, 0)
    world.change(**files)
    assert run.step("publish") == 0
    assert run.published()["diverged"] is diverged
    assert "epochs: 5" in world.show(f"{run.published()['branch']}:params.yaml")


def test_force_runs_every_stage_although_nothing_changed(world):
    world.new_run().all_steps()
    forced = world.new_run(force=True)
    forced.all_steps()
    assert set(forced.stages().values()) == {"finished"}
    assert len(world.trained()) == 2


def test_force_brings_the_data_that_only_a_stage_which_runs_needs(world):
    world.new_run().all_steps()
    world.workdir.rename(world.root / "another-machine")
    forced = world.new_run(force=True)
    forced.all_steps()
    assert set(forced.stages().values()) == {"finished"}


def test_a_smoke_test_runs_on_small_values_and_commits_and_pushes_nothing(world):
    world.new_run().all_steps()
    refs, stored, workspace = git(world.origin, "for-each-ref"), files_of(Path(world.remote)), files_of(world.repo)
    smoke = world.new_run("smoke-of-main", kind="smoke")
    assert (smoke.step("prepare"), smoke.step("repro")) == (0, 0)
    assert smoke.stages()["train"] == "finished"
    assert world.trained() == ["3 9", "1 2"]
    assert git(world.origin, "for-each-ref") == refs
    assert files_of(Path(world.remote)) == stored
    assert files_of(world.repo) == workspace
    assert smoke.step("publish") == 1


def test_a_smoke_test_always_runs_and_no_real_training_takes_anything_from_it(world):
    """Also where a parameter of it is not in dvc.yaml, so that DVC would take the one for the other."""
    world.change(params_yaml=textwrap.dedent(PARAMS).replace("    epochs: 1\n", "", 1))
    for _ in range(2):
        smoke = world.new_run("smoke-of-main", kind="smoke")
        assert (smoke.step("prepare"), smoke.step("repro")) == (0, 0)
        assert smoke.stages()["train"] == "finished"
    run = world.new_run()
    run.all_steps()
    assert run.stages()["train"] == "finished"
    assert world.trained() == ["3 2", "3 2", "3 9"]


@pytest.mark.parametrize("force", [False, True])
def test_a_publish_that_failed_is_tried_again_without_training(world, force):
    failed = world.new_run(set={"train.epochs": "5"}, force=force)
    assert (failed.step("prepare"), failed.step("repro")) == (0, 0)
    assert failed.step("publish", crash="publish.proven") == 137
    run = world.again(failed, force=False)
    run.all_steps()
    assert run.events("restored") == [{"kind": "restored", "uid": failed.uid}]
    assert len(world.trained()) == 1
    assert set(run.stages().values()) == {"skipped"}
    assert world.show(f"{run.tag}:params.yaml") == world.show("main:params.yaml")
    assert run.published()["params"] == {"train": {"epochs": 5}}
    assert git(world.places.mirror, "for-each-ref", "refs/results") == ""


def test_a_publish_that_failed_before_it_kept_anything_is_tried_again_from_the_run_cache(world):
    failed = world.new_run()
    assert (failed.step("prepare"), failed.step("repro")) == (0, 0)
    assert failed.step("publish", crash="publish.before") == 137
    world.new_run(set={"train.epochs": "4"}).all_steps()  # somebody else uses the workspace meanwhile
    run = world.again(failed)
    run.all_steps()
    assert run.stages()["train"] == "cached"
    assert world.trained() == ["3 9", "4 9"]
    assert run.published()["diverged"] is True


def test_what_is_not_all_in_the_cache_any_more_is_made_again(world):
    failed = world.new_run()
    assert (failed.step("prepare"), failed.step("repro")) == (0, 0)
    assert failed.step("publish", crash="publish.proven") == 137
    world.places.cache.rename(world.root / "lost")
    run = world.again(failed)
    run.all_steps()
    assert run.events("restored") == []
    assert len(world.trained()) == 2


@pytest.mark.parametrize("moved", [False, True])
def test_a_tag_that_the_retried_run_pushed_is_its_own(world, moved):
    failed = world.new_run()
    assert (failed.step("prepare"), failed.step("repro")) == (0, 0)
    if moved:
        world.change(params_yaml="train:\n  epochs: 7\n")
    assert failed.step("publish", crash="publish.pushed") == 137
    refs = git(world.origin, "for-each-ref")
    run = world.again(world.again(failed))  # of a retry that came to nothing itself
    run.all_steps()
    published = run.published()
    assert git(world.origin, "for-each-ref") == refs
    assert published["commit"] == git(world.origin, "rev-parse", f"{failed.tag}^{{commit}}")
    assert published["diverged"] is moved
    assert published["branch"] == (f"train/run-{failed.number}" if moved else "main")
    assert published["metrics"]["loss"] == pytest.approx(1 / 3)
    assert (run.run_dir / "train.dvc").exists()
    assert len(world.trained()) == 1


def test_what_the_retried_run_pushed_is_reported_also_where_another_machine_made_it_again(world):
    failed = world.new_run()
    assert (failed.step("prepare"), failed.step("repro")) == (0, 0)
    assert failed.step("publish", crash="publish.pushed") == 137
    world.workdir.rename(world.root / "lost-machine")
    run = world.again(failed, set={"train.epochs": "8"})  # stands for a training that never comes out twice the same
    run.all_steps()
    assert run.published()["metrics"]["loss"] == pytest.approx(1 / 3)
    assert run.published()["params"] == {"train": {"epochs": 3}}
