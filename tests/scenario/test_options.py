"""A command with flags, and a run that is tried again: from what is typed to what the channel and GitLab show."""

import textwrap

import pytest

from tests.scenario.tiny_project import PIPELINE, TRAIN
from tests.scenario.waiting import PATIENCE, until

PARAMS = """\
    # What the training is made with
    train:
      seed: {seed}
      epochs: 2   # of all there is
      gate: ""
      diary: {diary}
    smoke:
      train:
        epochs: 1
    """


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


@pytest.fixture(scope="module", autouse=True)
def project(world):
    """The tiny project, with its parameters in params.yaml."""
    reading = (
        "from ruamel.yaml import YAML\ntrain = YAML(typ='safe').load(pathlib.Path('params.yaml').read_text())['train']"
    )
    old = 'train = json.loads(pathlib.Path("params.json").read_text())["train"]'
    params = "          - params.json:\n              - train\n"
    assert old in TRAIN
    assert params in PIPELINE
    files = {
        "src/train.py": textwrap.dedent(TRAIN).replace(old, reading),
        "dvc.yaml": textwrap.dedent(PIPELINE.replace(params, "          - train\n")),
    }
    world.project.change("main", {**files, **with_seed(world, 100)})
    return world.project


def with_seed(world, seed):
    return {"params.yaml": textwrap.dedent(PARAMS).format(seed=seed, diary=world.project.diary)}


def trained(world, seed):
    """How often the training ran with that seed."""
    return world.project.diary.read_text().split().count(str(seed))


def until_passed(world):
    """The smoke test, once its last word was said."""

    def passed():
        found = [each for each in world.threads() if "smoke test of main" in each.headline]
        return found[-1] if found and found[-1].terminal and "*Smoke test passed*" in found[-1].headline else None

    return until(passed, "the smoke test passed", 2 * PATIENCE)


@pytest.fixture(scope="module")
def tested(world):
    before = world.tags(), world.log("main"), world.object_sizes()
    world.types("alice", "/train main \u2014smoke")
    return until_passed(world), before


def test_a_smoke_test_says_that_the_real_one_should_come_through_and_how_to_start_it(tested):
    thread, _ = tested
    assert "A real training should come through" in thread.last_word
    assert "`/train main &lt;tag&gt;`" in thread.last_word


def test_a_smoke_test_commits_and_pushes_nothing(world, tested):
    assert (world.tags(), world.log("main"), world.object_sizes()) == tested[1]
    assert trained(world, 100) == 1


@pytest.fixture(scope="module")
def released(world, tested):
    world.types("alice", "/train main v1.0.0 --set train.epochs=3 --set train.seed=101")
    return world.until_over("v1.0.0")


def test_parameters_that_were_set_are_trained_with_committed_and_told_of(world, released):
    assert "is released" in released.last_word
    assert "with `train.epochs = 3` and `train.seed = 101`" in released.headline
    assert "epochs: 3   # of all there is" in world.show("v1.0.0", "params.yaml")
    assert world.show("main", "params.yaml") == world.show("v1.0.0", "params.yaml")
    assert "| train.seed | 101 |" in world.releases()["v1.0.0"]["description"]
    assert trained(world, 101) == 1


def test_a_parameter_that_is_not_there_is_refused_before_anything_starts(world, released):
    threads = len(world.threads())
    world.types("alice", "/train main v9.0.0 --set train.epoch=3")
    assert "Did you mean `train.epochs`?" in world.told("alice", "train.epoch`")
    assert len(world.threads()) == threads


def test_the_same_again_trains_nothing_and_force_does(world, released):
    world.types("alice", "/train main v1.0.1")
    assert "Nothing changed" in world.until_over("v1.0.1").last_word
    assert trained(world, 101) == 1
    world.types("alice", "/train main v1.0.2 --force")
    assert "is released" in world.until_over("v1.0.2").last_word
    assert trained(world, 101) == 2


def test_a_failed_publish_is_tried_again_without_training(world, released):
    world.project.change("main", with_seed(world, 102))
    world.gitlab.fault("*", r"\.git/.*receive-pack", "401", times=50)
    world.types("alice", "/train main v2.0.0")
    failed = world.until_over("v2.0.0")
    world.gitlab.clear_faults()
    assert "A login was refused" in failed.last_word
    assert f"`/retry {failed.number}`" in failed.last_word
    world.types("alice", f"/retry {failed.number}")
    again = world.until_card("v2.0.0", f"Retry of run {failed.number}")
    thread = world.until_over("v2.0.0")
    assert thread.number == again.number == failed.number + 1
    assert "is released" in thread.last_word
    assert "nothing is trained again" in thread.text
    assert trained(world, 102) == 1


def test_a_failed_release_is_made_by_a_retry_without_any_machine(world, released):
    world.project.change("main", with_seed(world, 103))
    with world.closed_to_the_public():
        world.types("alice", "/train main v3.0.0")
        failed = world.until_over("v3.0.0")
    assert "The result itself is safe" in failed.last_word
    commit = world.commit_of("v3.0.0").sha
    assert "belongs to" in world.types("bob", f"/retry {failed.number}")
    world.types("alice", f"/retry {failed.number}")
    world.until_card("v3.0.0", f"Retry of run {failed.number}")
    thread = world.until_over("v3.0.0")
    assert "is released" in thread.last_word
    assert "Starting the machine" not in thread.text
    assert world.public(world.public_link("v3.0.0"))[0] == 200
    assert world.commit_of("v3.0.0").sha == commit
    assert trained(world, 103) == 1
    assert "there is nothing to try again" in world.types("alice", f"/retry {thread.number}")
