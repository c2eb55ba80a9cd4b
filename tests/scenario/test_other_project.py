"""Bring your own project: scikit-learn, tables and a pickle, from `stationmaster init` over `/train` to the release."""

import re

import pytest

from tests.scenario.wine_project import FILES, PROJECT, WineProject, score


@pytest.fixture(scope="module")
def wine(world):
    return WineProject(world).make()


@pytest.fixture(scope="module")
def brought(wine):
    """What `init` said at first, and what it said once that was committed; each with its exit status."""
    first = wine.init()
    wine.commit("Train it with Stationmaster")
    return first, wine.init("--check")


@pytest.fixture(scope="module", autouse=True)
def bot(world, wine):
    with world.serving(GITLAB_PROJECT=PROJECT) as bot:
        yield bot


@pytest.fixture(scope="module")
def first(world, wine, brought):
    """The thread of v1.0.0."""
    assert world.types("alice", "/train main v1.0.0") == ""
    return world.until_over("v1.0.0")


def test_init_adds_what_is_missing_and_says_what_is_left(brought):
    (status, said), _ = brought
    assert status == 1
    assert "added  Dockerfile.train, for machines that train in containers; it installs requirements.txt.\n" in said
    assert "added  Examples of `smoke:` and `gates:` in params.yaml, as comments.\n" in said
    assert "to do  Not committed: `params.yaml`, `Dockerfile.train`." in said
    assert said.count("\nto do ") == 1, said


def test_init_finds_nothing_more_to_do_once_that_is_committed(brought):
    _, (status, said) = brought
    assert status == 0, said
    assert "ok     DVC understands the pipeline: 3 stages.\n" in said
    assert "ok     All data is on the remote.\n" in said
    assert "ok     A release brings `model.pkl`;" in said
    assert said.endswith("Ready. In Slack: /train <branch> <tag>\n")


def test_init_left_alone_what_the_team_wrote(wine, brought):
    for file in (path for path in FILES.rglob("*") if path.is_file() and path.suffix in (".py", ".txt")):
        assert (wine.folder / file.relative_to(FILES)).read_bytes() == file.read_bytes()
    assert (wine.folder / "params.yaml").read_text().startswith((FILES / "params.yaml").read_text())
    assert (wine.folder / "dvc.yaml").read_text() == (FILES / "dvc.yaml").read_text()


def test_it_is_trained_and_released_like_the_example(wine, first):
    assert "*Released*" in first.headline
    for number, stage in enumerate(("split", "train", "evaluate"), start=1):
        assert f"Stage {number} of 3, `{stage}`, finished" in first.text
    assert {tag.name for tag in wine.hosted.git.tags()} == {"v1.0.0"}
    assert "model.pkl" in wine.show("v1.0.0", "dvc.lock")


def test_its_metrics_are_in_the_thread_and_its_plots_in_the_commit(wine, first):
    metrics = wine.metrics("v1.0.0")
    assert 0.9 < metrics["accuracy"] <= 1
    for name, value in metrics.items():
        assert re.search(rf"{name}\s+{re.escape(f'{value:g}')}", first.last_word), first.last_word
    assert wine.show("v1.0.0", "confusion.csv").startswith("actual,predicted\n")


def test_the_released_model_scores_as_its_metrics_say(world, wine, first, tmp_path):
    wine.pull()
    wine.checkout.dvc(["pull", "--quiet"])
    status, pointer = world.public(f"{wine.hosted.url}/-/releases/v1.0.0/downloads/train.dvc")
    assert status == 200
    (wine.folder / "train.dvc").write_text(pointer)
    (wine.folder / "model.pkl").unlink()
    wine.checkout.dvc(["pull", "--quiet", "train.dvc"])
    (wine.folder / "train.dvc").unlink()
    accuracy = score(wine.folder / "model.pkl", wine.folder / "prepared/test.csv")
    assert accuracy == pytest.approx(wine.metrics("v1.0.0")["accuracy"], abs=1e-4)


def test_a_changed_parameter_trains_only_what_it_touches(world, wine, first):
    wine.pull()
    params = wine.folder / "params.yaml"
    params.write_text(params.read_text().replace("regularisation: 0.0001", "regularisation: 10.0"))
    wine.commit("Regularise more")
    world.types("alice", "/train main v1.1.0")
    second = world.until_over("v1.1.0")
    assert "Stage 1 of 3, `split`, finished" not in second.text
    assert "Stage 2 of 3, `train`, finished" in second.text
    assert wine.metrics("v1.1.0")["log_loss"] > wine.metrics("v1.0.0")["log_loss"]
