"""A stage that is interrupted goes on in the next run of the same commit, and in no other."""

import textwrap

import pytest

from tests.integration.trainer_world import World
from trainer.stages.checkpoints import FOLDER

TRAIN = """\
    import os
    import pathlib
    import signal

    kept = pathlib.Path(os.environ["STATIONMASTER_CHECKPOINTS"]) / "epochs"
    done = int(kept.read_text()) if kept.exists() else 0
    print(f"going on after {done}", flush=True)
    wanted = int(pathlib.Path("params.yaml").read_text().split("epochs:")[1])
    for epoch in range(done, wanted):
        if epoch == 2 and not done:
            os.kill(os.getpid(), signal.SIGKILL)
        kept.write_text(str(epoch + 1))
    live = pathlib.Path("live")
    live.mkdir(exist_ok=True)
    (live / "metrics.json").write_text("{}")
    pathlib.Path("model.txt").write_text("trained")
    """


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, str(tmp_path / "remote")).make()


def test_a_retry_goes_on_where_the_training_was_killed_and_other_runs_do_not(world):
    world.change(src__train_py=textwrap.dedent(TRAIN))
    first = world.new_run()
    assert first.step("prepare") == 0
    assert first.step("repro") == 1
    assert "going on after 0" in first.log()
    (kept,) = (world.repo / FOLDER).iterdir()

    other = world.new_run(set={"train.epochs": "4"})
    assert other.step("prepare") == 0
    assert other.step("repro") == 1
    assert "going on after 0" in other.log()

    again = world.new_run(commit=first.commit, retries=[first.uid])
    assert again.step("prepare") == 0
    assert again.step("repro") == 0
    assert "going on after 2" in again.log()
    assert not kept.exists()
    assert len(list((world.repo / FOLDER).iterdir())) == 1  # the other run's
