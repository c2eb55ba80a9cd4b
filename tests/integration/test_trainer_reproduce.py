"""A release made again at the machine: a real git, a real DVC, and what of it is equal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.trainer_world import World, git

STEPS = ("prepare", "repro", "compare")


class Tiny(World):
    """A project whose training can be made to come out otherwise each time."""

    def loosen(self) -> None:
        """From now on the model and its loss depend on something that no dependency names."""
        (self.root / "luck").write_text("0")
        script = (self.hand / "src/train.py").read_text()
        luck = f"luck = int(pathlib.Path({str(self.root / 'luck')!r}).read_text())\n"
        script = script.replace("live = ", f"{luck}live = ", 1).replace("1 / (epoch + 1)", "1 / (epoch + 1) + luck / 4")
        self.change(src__train_py=script.replace('f"{epochs} "', 'f"{epochs} {luck} "'))

    def try_luck(self, luck: int) -> None:
        (self.root / "luck").write_text(str(luck))


@pytest.fixture
def world(tmp_path):
    return Tiny(tmp_path, str(tmp_path / "store")).make()


def released(world, **spec):
    run = world.new_run("v1.0.0", **spec)
    run.all_steps()
    return git(world.origin, "rev-parse", f"{run.tag}^{{commit}}")


def reproduction(world, commit, tag="v1.0.0"):
    run = world.new_run(tag, kind="reproduce", force=True)
    run.commit = commit
    return run


def reproduced(world, commit):
    run = reproduction(world, commit)
    for step in STEPS:
        assert run.step(step) == 0, (step, run.log(), run.failure())
    (told,) = run.events("compared")
    return run, told


def files_of(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_release_is_made_again_and_every_output_is_equal(world):
    commit = released(world)
    run, told = reproduced(world, commit)
    assert set(run.stages().values()) == {"finished"}
    assert (told["outputs"], told["different"], told["metrics_different"]) == (5, 0, 0)
    assert {out["path"] for out in told["outs"]} == {
        "data/ready.txt", "model.txt", "live/metrics.json", "out", "metrics.json"
    }  # fmt: skip
    assert all(out["equal"] for out in told["outs"])


def test_nothing_is_committed_pushed_or_left_for_later_runs(world):
    commit = released(world)
    refs, stored, workspace = git(world.origin, "for-each-ref"), files_of(Path(world.remote)), files_of(world.repo)
    run_cache = files_of(world.places.cache / "runs")
    run, _told = reproduced(world, commit)
    assert git(world.origin, "for-each-ref") == refs
    assert files_of(Path(world.remote)) == stored
    assert files_of(world.repo) == workspace
    assert files_of(world.places.cache / "runs") == run_cache
    assert run.step("publish") == 1
    assert run.failure()["cause"] == "internal"
    later = world.new_run()
    assert later.step("prepare") == 0
    assert not (world.places.home / "reproduce").exists()


def test_what_came_out_otherwise_is_told_first_and_the_metrics_by_their_values(world):
    world.loosen()
    commit = released(world)
    world.try_luck(1)
    _run, told = reproduced(world, commit)
    assert (told["outputs"], told["different"]) == (5, 3)
    assert [out["equal"] for out in told["outs"]] == [False, False, False, True, True]
    assert {out["path"] for out in told["outs"] if not out["equal"]} == {"model.txt", "live/metrics.json", "out"}
    (loss,) = told["metrics"]
    assert loss["name"].endswith("loss")
    assert loss["now"] - loss["before"] == pytest.approx(0.25)


def test_a_machine_that_never_had_the_release_fetches_its_data_and_its_metrics(world):
    world.loosen()
    commit = released(world)
    world.workdir.rename(world.root / "another-machine")
    world.try_luck(1)
    _run, told = reproduced(world, commit)
    assert told["metrics_different"] == 1
    assert told["metrics"][0]["before"] is not None


def test_an_old_release_is_made_again_although_its_branch_went_on(world):
    commit = released(world)
    world.change(params_yaml="train:\n  epochs: 7\n")
    world.new_run("v2.0.0").all_steps()
    _run, told = reproduced(world, commit)
    assert told["different"] == 0


def test_what_an_earlier_reproduction_left_does_not_help_the_next(world):
    commit = released(world)
    reproduced(world, commit)
    stray = world.places.home / "reproduce" / "data" / "stray.txt"
    stray.write_text("left")
    reproduced(world, commit)
    assert not stray.exists()


def test_a_workspace_without_its_lock_is_not_called_equal(world):
    run = reproduction(world, released(world))
    assert (run.step("prepare"), run.step("repro")) == (0, 0)
    (world.places.home / "reproduce" / "dvc.lock").unlink()
    assert run.step("compare") == 1
    assert "dvc.lock" in run.failure()["message"]
    assert run.events("compared") == []


def test_a_step_that_died_after_its_report_says_the_same_again(world):
    run = reproduction(world, released(world))
    assert (run.step("prepare"), run.step("repro")) == (0, 0)
    assert run.step("compare", crash="compare.reported") == 137
    assert run.step("compare") == 0
    first, second = run.events("compared")
    assert first == second


def test_a_machine_without_room_for_the_outputs_says_so_before_anything_runs(world):
    released(world)
    large = re.sub(r"size: \d+", f"size: {10**18}", world.show("v1.0.0:dvc.lock"))
    git(world.hand, "pull", "--quiet", "--rebase", "origin", "main")
    world.write("dvc.lock", large)
    run = reproduction(world, world.commit("Far too large"))
    assert run.step("prepare") == 1
    assert run.failure()["cause"] == "disk-full"
    assert "MB are free" in run.failure()["message"]


def test_training_unchanged_code_again_by_force_gives_the_same_metrics(world):
    first, second = world.new_run(), world.new_run(force=True)
    first.all_steps()
    second.commit = world.head()
    second.all_steps()
    assert set(second.stages().values()) == {"finished"}
    assert second.published()["metrics"] == first.published()["metrics"] != {}
    assert second.published()["changed"] is False
