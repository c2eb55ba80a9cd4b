"""A real job whose machine is taken back: the stage keeps what it has, and the next run goes on there."""

import json
import textwrap
import time

import pytest

from tests.doubles.metadata import Metadata
from tests.integration.trainer_world import World, ask
from trainer.stages.checkpoints import FOLDER

# Each epoch waits until it may go on: a real one takes its time. On SIGTERM the epoch that runs is kept, and more is
# printed than a pipe without a reader holds.
TRAIN = """\
    import os
    import pathlib
    import signal
    import sys
    import time

    kept = pathlib.Path(os.environ["STATIONMASTER_CHECKPOINTS"]) / "epochs"
    done = int(kept.read_text()) if kept.exists() else 0

    def keep(*_):
        for _ in range(2000):
            print("keeping what is there, which takes many words to say", flush=True)
        kept.write_text(str(epoch))
        pathlib.Path("model.txt").write_text("half a model")
        print("kept it", flush=True)
        sys.exit(END)

    signal.signal(signal.SIGTERM, keep)
    for epoch in range(done + 1, 6):
        with open("DIARY", "a") as diary:
            diary.write(f"{epoch}\\n")
        print(f"Epoch {epoch}/5", flush=True)
        until = time.monotonic() + 120
        while epoch == 3 and not done and time.monotonic() < until:
            time.sleep(0.01)
    live = pathlib.Path("live")
    live.mkdir(exist_ok=True)
    (live / "metrics.json").write_text("{}")
    pathlib.Path("model.txt").write_text("trained")
    """


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, str(tmp_path / "remote")).make()


@pytest.fixture
def metadata():
    with Metadata() as metadata:
        yield metadata


def interrupted(world, metadata, diary, end):
    """A run that was in epoch 3 of 5 when the notice came."""
    script = textwrap.dedent(TRAIN).replace("DIARY", str(diary)).replace("END", end)
    world.change(src__train_py=script)
    run = world.new_run(notices=metadata.address, notice_seconds=0.05)
    assert run.step("prepare") == 0
    order = run.order("repro")
    assert ask("launch", stdin=json.dumps(order))["ok"] is True
    deadline = time.monotonic() + 60
    while "Epoch 3/5" not in run.log() and time.monotonic() < deadline:
        time.sleep(0.02)
    metadata.notify("stop")
    assert run.wait(order["name"], limit=120) == 143, run.log()[-2000:]
    return run


@pytest.mark.parametrize("end", ["1", "143", "0"])
def test_the_epoch_is_kept_and_a_retry_goes_on_after_it_however_the_stage_says_to_have_ended(
    world, metadata, tmp_path, end
):
    diary = tmp_path / "diary.txt"
    first = interrupted(world, metadata, diary, end)
    assert first.failure()["cause"] == "interrupted"
    assert first.failure()["action"] == "stop"
    assert "A notice of the cloud: this machine is to be stopped at 2026-01-02T03:04:05Z." in first.log()
    assert first.log().count("keeping what is there") == 2000
    assert "kept it" in first.log()
    assert first.stages()["train"] == "started"

    again = world.new_run(commit=first.commit, retries=[first.uid])
    for step in ("prepare", "repro", "publish"):
        assert again.step(step) == 0, again.log()
    assert again.stages()["train"] == "finished"
    assert diary.read_text().split() == ["1", "2", "3", "4", "5"]
    assert (world.repo / "model.txt").read_text() == "trained"
    assert not list((world.repo / FOLDER).iterdir())


def test_a_job_without_a_notice_ends_as_it_would(world, metadata):
    run = world.new_run(notices=metadata.address, notice_seconds=0.05)
    run.all_steps()
    assert run.failure() == {}
    assert {status for method, _, status in metadata.asked if method == "GET"} == {404}
