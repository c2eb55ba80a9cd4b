"""What an interrupted stage leaves for its next try: for that one alone, and not for ever."""

import os
from pathlib import Path

import pytest

from trainer.stages import checkpoints
from trainer.stages.checkpoints import FOLDER, VARIABLE, Checkpoints

IDENTITY = ("team/fruits", "c" * 40)
STAGE = ("train", "python fit.py", {"data": "d1"})


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def repo(tmp_path):
    (tmp_path / "params.yaml").write_text("train: {epochs: 3}\n")
    return tmp_path


def interrupt(repo, identity=IDENTITY, stage=STAGE):
    """A stage that keeps something, and is ended; returns what it found there before."""

    def work():
        with Checkpoints(repo, identity).of(*stage):
            state = Path(os.environ[VARIABLE]) / "state"
            found.append(state.read_text() if state.exists() else None)
            state.write_text("epoch 3")
            raise KeyboardInterrupt

    found = []
    with pytest.raises(KeyboardInterrupt):
        work()
    return found[0]


def test_the_same_stage_finds_what_it_kept_when_it_was_interrupted(repo):
    assert interrupt(repo) is None
    assert interrupt(repo) == "epoch 3"


def test_nothing_else_finds_it(repo):
    interrupt(repo)
    assert interrupt(repo, identity=("team/other", IDENTITY[1])) is None
    assert interrupt(repo, identity=(IDENTITY[0], "d" * 40)) is None
    assert interrupt(repo, stage=("tune", *STAGE[1:])) is None
    assert interrupt(repo, stage=("train", "python other.py", STAGE[2])) is None
    assert interrupt(repo, stage=(*STAGE[:2], {"data": "d2"})) is None
    (repo / "params.yaml").write_text("train: {epochs: 4}\n")
    assert interrupt(repo) is None


def test_a_stage_that_succeeded_leaves_nothing(repo):
    interrupt(repo)
    with Checkpoints(repo, IDENTITY).of(*STAGE):
        assert names(Path(os.environ[VARIABLE])) == ["state"]
    assert names(repo / FOLDER) == []
    assert VARIABLE not in os.environ


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def kept(repo, name, *, age, size=1):
    folder = repo / FOLDER / name
    folder.mkdir(parents=True)
    (folder / "state").write_bytes(b"x" * size)
    for path in (folder / "state", folder):
        os.utime(path, (10_000_000 - age, 10_000_000 - age))


def left(repo):
    Checkpoints(repo, IDENTITY).tidy(now=10_000_000)
    return names(repo / FOLDER)


def test_old_ones_go(repo):
    kept(repo, "old", age=checkpoints.MAX_AGE + 1)
    kept(repo, "young", age=checkpoints.MAX_AGE - 1)
    assert left(repo) == ["young"]


def test_of_many_the_latest_stay(repo):
    for age in range(checkpoints.MAX_COUNT + 3):
        kept(repo, f"{age:02}", age=age)
    assert left(repo) == [f"{age:02}" for age in range(checkpoints.MAX_COUNT)]


def test_of_large_ones_the_latest_stay(repo, monkeypatch):
    monkeypatch.setattr(checkpoints, "MAX_BYTES", 250)
    for age in range(4):
        kept(repo, str(age), age=age, size=100)
    assert left(repo) == ["0", "1"]


def test_an_empty_one_goes(repo):
    (repo / FOLDER / "empty").mkdir(parents=True)
    assert left(repo) == []


def test_a_link_in_their_place_is_not_followed(repo, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "precious").mkdir()
    (repo / FOLDER).parent.mkdir(parents=True)
    (repo / FOLDER).symlink_to(elsewhere)
    Checkpoints(repo, IDENTITY).tidy()
    assert (elsewhere / "precious").is_dir()
    assert not (repo / FOLDER).exists()
