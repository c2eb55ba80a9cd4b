"""The cloud takes a machine back in the middle of a training; Retry brings it to its release."""

import pytest

from tests.doubles.metadata import Metadata
from tests.scenario.waiting import until
from tests.scenario.world import MACHINES

EPOCHS = """
    import os

    kept = pathlib.Path(os.environ["STATIONMASTER_CHECKPOINTS"]) / "epoch"
    done = int(kept.read_text()) if kept.exists() else 0
    for epoch in range(done + 1, 6):
        with open(f"{train['diary']}.epochs", "a") as epochs:
            epochs.write(f"{epoch}\\n")
        print(f"Epoch {epoch}/5", flush=True)
        (live / "metrics.json").write_text(json.dumps({"loss": 1 / epoch}))
        while epoch == 3 and not done and time.time() < began + 300:
            time.sleep(0.02)
        kept.write_text(str(epoch))
    """


@pytest.fixture(scope="module")
def metadata():
    with Metadata() as metadata:
        yield metadata


@pytest.fixture(scope="module", autouse=True)
def bot(world, metadata):
    with world.serving(AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata.address) as bot:
        yield bot


@pytest.fixture(scope="module")
def interrupted(world, metadata):
    world.project.branch("spot", script=EPOCHS, epochs=0)
    world.types("alice", "/train spot v1.0.0")
    world.until_card("v1.0.0", "epoch 3 of 5")
    metadata.notify("stop")
    return world.until_over("v1.0.0")


def test_the_thread_says_what_happened_when_how_far_it_got_and_what_to_do(world, interrupted):
    said = interrupted.last_word
    assert "failed in the stage `train`" in said
    assert "The cloud took the machine back in the middle of the run. Nothing was released." in said
    assert "stopped at 2026-01-02 03:04:05 UTC. It had got to epoch 3 of 5." in said
    assert f"`/retry {interrupted.number}` goes on after the last epoch that was kept" in said
    buttons = [each for block in interrupted.terminal[0].blocks for each in block.get("elements", [])]
    assert next(each["action_id"] for each in buttons if "action_id" in each) == "retry"
    assert "A notice of the cloud" in world.until_log("v1.0.0").decode()
    assert world.releases() == {}
    assert world.tags() == set()


def test_the_machine_is_stopped_before_anybody_else_gets_it(world, interrupted):
    until(
        lambda: world.power() == "stopped", "the machine is off", context=lambda: world.aws.history(MACHINES["alice"])
    )


def test_a_retry_is_released_and_one_epoch_was_done_twice(world, metadata, interrupted):
    metadata.instance_action = None
    world.types("alice", f"/retry {interrupted.number}")
    until(lambda: "v1.0.0" in world.releases(), "the release is there", seconds=120)
    diary = world.project.diary.with_name(world.project.diary.name + ".epochs")
    assert diary.read_text().split() == ["1", "2", "3", "3", "4", "5"]
    assert world.starts() == 2
