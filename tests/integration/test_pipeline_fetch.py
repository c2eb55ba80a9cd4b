"""The public images, fetched from a stand-in for the public repository."""

import subprocess
import sys

import pytest
from PIL import Image

from trainer.pipeline import fetch
from trainer.pipeline.fetch import Fetch
from trainer.pipeline.stage import StageError

CLASSES = ("Apple 1", "Tomato 3")


def git(folder, *words):
    identity = ("-c", "user.name=Alice", "-c", "user.email=alice@example.com")
    subprocess.run(("git", *identity, *words), cwd=folder, check=True, capture_output=True)


@pytest.fixture
def public(tmp_path):
    """As on GitHub: a repository that hands out single files, with more in it than the images."""
    folder = tmp_path / "public"
    for place, (part, count) in enumerate((("Training", 3), ("Test", 2))):
        for label, name in enumerate(CLASSES):
            for number in range(count):
                path = folder / part / name / f"r0_{number}_100.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (100, 100), (90 * label, 40 * number, 90 * place)).save(path)
    (folder / "LICENSE").write_text("CC BY-SA 4.0\n")
    (folder / "papers").mkdir()
    (folder / "papers/paper.pdf").write_text("large")
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name in ("allowFilter", "allowAnySHA1InWant"):
        git(folder, "config", f"uploadpack.{name}", "true")
    commit(folder)
    return folder


def commit(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Images")


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    subprocess.run((sys.executable, "-m", "dvc", "init", "--quiet"), cwd=folder, check=True)
    monkeypatch.chdir(folder)
    return folder


def url(public):
    return f"file://{public}"


def test_the_images_arrive_whole_and_known_to_dvc(public, project, capsys):
    fetch.fetch(url(public))
    target = project / "data/fruits-360"
    for path in [*public.rglob("*.jpg"), public / "LICENSE"]:
        assert (target / path.relative_to(public)).read_bytes() == path.read_bytes()
    assert not (target / "papers").exists()
    assert "nfiles: 11" in (project / "data/fruits-360.dvc").read_text()
    assert not (project / fetch.KEPT).exists()
    assert "2 classes, 6 images to train with and 4 to test with" in capsys.readouterr().out


def test_an_interrupted_call_goes_on_with_what_it_began(public, project):
    first = Fetch(url(public), project / "data/fruits-360")
    first.open()
    missing = first.missing()
    assert len(missing) == 11
    first.bring(missing[:7])

    Image.new("RGB", (100, 100), (1, 2, 3)).save(public / "Test/Apple 1/later.jpg")
    commit(public)
    again = Fetch(url(public), project / "data/fruits-360")
    assert again.begun
    again.open()
    assert again.missing() == missing[7:]
    fetch.fetch(url(public))
    assert "nfiles: 11" in (project / "data/fruits-360.dvc").read_text()
    assert not list(project.rglob("later.jpg"))


def test_what_another_source_began_is_not_mixed_in(public, project):
    other = project / "data/fruits-360"
    first = Fetch(url(public), other)
    first.open()
    first.bring(first.missing())
    copy = public.with_name("copy")
    subprocess.run(("git", "clone", "--quiet", str(public), str(copy)), check=True)
    for name in ("allowFilter", "allowAnySHA1InWant"):
        git(copy, "config", f"uploadpack.{name}", "true")
    again = Fetch(url(copy), other)
    again.open()
    assert len(again.missing()) == 11


def test_without_a_network_the_sentence_says_so_and_the_next_call_works(public, project, tmp_path):
    with pytest.raises(StageError, match=r"could not be fetched .* Check the network, then run this again"):
        fetch.fetch(f"file://{tmp_path / 'nowhere'}")
    fetch.fetch(url(public))
    assert (project / "data/fruits-360.dvc").exists()


def test_images_that_are_there_are_not_touched(public, project):
    (project / "data/fruits-360").mkdir(parents=True)
    with pytest.raises(StageError, match=r"data/fruits-360 is there already\. Move it"):
        fetch.fetch(url(public))


def test_a_repository_of_another_layout_is_refused(public, project):
    git(public, "rm", "-r", "--quiet", "Test/Apple 1")
    commit(public)
    with pytest.raises(StageError, match="has no folder for the class `Apple 1`"):
        fetch.fetch(url(public))
    assert not (project / "data/fruits-360.dvc").exists()


def test_outside_a_dvc_project_nothing_is_fetched(public, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"There is no \.dvc here"):
        fetch.fetch(url(public))
