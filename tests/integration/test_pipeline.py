"""The example pipeline, run for real by DVC in a repository of its own: one `dvc repro` shared by all tests here."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from ruamel.yaml import YAML

from bot.sandbox.drawings import draw_fruits
from tests.integration.model_server import serving
from trainer.pipeline.score import Model

ROOT = Path(__file__).parents[2]
REAL_IMAGES = ROOT.parent / "shared/data/fruits-360"
EPOCHS = 6

pytestmark = [pytest.mark.training, pytest.mark.timeout(300)]


class Project:
    """A git and DVC repository that holds the pipeline and its images, as the demo's does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = ""
        """What the first `dvc repro` printed."""

    def make(self) -> None:
        for name in ("dvc.yaml", "params.yaml", "trainer/__init__.py"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        clean = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "trainer/pipeline", self.folder / "trainer/pipeline", ignore=clean)
        shutil.copy(ROOT / "trainer/pipeline/gitignore", self.folder / ".gitignore")
        self._add_images()
        self.set("train", "epochs", EPOCHS)
        self.run("git", "init", "--quiet", "--initial-branch=main")
        self.dvc("init", "--quiet")
        self.dvc("add", "--quiet", "data/fruits-360")
        self.run("git", "add", "--all")
        author = ("-c", "user.name=Alice", "-c", "user.email=alice@example.com")
        self.run("git", *author, "commit", "--quiet", "--message", "The project")

    def _add_images(self) -> None:
        images = self.folder / "data/fruits-360"
        if not REAL_IMAGES.is_dir():
            draw_fruits(images)
            return
        for path in REAL_IMAGES.rglob("*.jpg"):
            target = images / path.relative_to(REAL_IMAGES)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())

    def set(self, section: str, key: str, value: object) -> None:
        yaml = YAML()
        params = yaml.load(self.folder / "params.yaml")
        params[section][key] = value
        yaml.dump(params, self.folder / "params.yaml")

    def dvc(self, *words: str, status: int = 0) -> str:
        return self.run(sys.executable, "-m", "dvc", *words, status=status)

    def run(self, *words: str, status: int = 0) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {"PATH": path, "HOME": str(self.folder.parent), "DVC_NO_ANALYTICS": "1"}
        done = subprocess.run(
            words, cwd=self.folder, env=env, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def json(self, name: str) -> dict:
        return json.loads((self.folder / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Project:
    project = Project(tmp_path_factory.mktemp("pipeline") / "fruits")
    project.folder.mkdir()
    project.make()
    project.output = project.dvc("repro")
    return project


def test_the_progress_can_be_read_from_the_output(trained):
    for epoch in range(1, EPOCHS + 1):
        assert f"\nEpoch {epoch}/{EPOCHS}\n" in trained.output
    assert "val_accuracy: " in trained.output


def test_the_output_has_nothing_that_tensorflow_says_about_itself(trained):
    for noise in ("absl::InitializeLog", "oneDNN", "cuda", "Warning"):
        assert noise not in trained.output


def test_the_metrics_say_how_good_the_model_is(trained):
    metrics = trained.json("metrics.json")
    classes = sorted(path.name for path in (trained.folder / "data/fruits-360/Test").iterdir())
    assert metrics["accuracy"] > 0.8
    assert 0 < metrics["loss"] < 1
    assert sorted(metrics["per_class"]) == classes
    assert np.mean(list(metrics["per_class"].values())) == pytest.approx(metrics["accuracy"], abs=1e-5)


def test_every_epoch_is_logged(trained):
    last = trained.json("dvclive/metrics.json")
    assert last["step"] == EPOCHS - 1
    for part in ("train", "validation"):
        for metric in ("accuracy", "loss"):
            with (trained.folder / f"dvclive/plots/metrics/{part}/{metric}.tsv").open() as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
            assert [int(row["step"]) for row in rows] == list(range(EPOCHS))
            assert float(rows[-1][metric]) == last[part][metric]


def test_the_confusion_matrix_counts_what_the_metrics_count(trained):
    with (trained.folder / "confusion.csv").open(newline="", encoding="utf-8") as file:
        pairs = Counter((row["actual"], row["predicted"]) for row in csv.DictReader(file))
    right = sum(count for (actual, predicted), count in pairs.items() if actual == predicted)
    assert right / pairs.total() == pytest.approx(trained.json("metrics.json")["accuracy"], abs=1e-6)


def test_dvc_shows_the_metrics_and_the_plots(trained):
    shown = json.loads(trained.dvc("metrics", "show", "--json"))
    assert set(shown[""]["data"]) == {"metrics.json", "dvclive/metrics.json", "onnx.json"}
    plots = json.loads(trained.dvc("plots", "show", "--json"))
    assert set(plots["data"]) == {"Learning curve", "Loss", "confusion.csv"}
    assert "errors" not in plots


def test_the_exported_model_agrees_with_keras_on_all_test_images(trained):
    agreement = trained.json("onnx.json")
    assert agreement["images"] == len(list((trained.folder / "data/fruits-360/Test").glob("*/*.jpg")))
    assert 0 <= agreement["max_abs_difference"] <= 1e-4
    assert agreement["label_agreement"] == 1.0


def test_an_application_scores_the_test_images_with_the_two_files_alone(trained, tmp_path):
    """As an application would: nothing but model.config, model.onnx and an image file; one image at a time."""
    for name in ("model.onnx", "model.config"):
        shutil.copy(trained.folder / name, tmp_path)
    config = json.loads((tmp_path / "model.config").read_text("utf-8"))
    session = onnxruntime.InferenceSession(tmp_path / config["model"], providers=["CPUExecutionProvider"])
    size = (config["input"]["width"], config["input"]["height"])
    right = []
    for path in sorted((trained.folder / "data/fruits-360/Test").glob("*/*.jpg")):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR), dtype=np.float32)
        (scores,) = session.run([config["output"]["name"]], {config["input"]["name"]: pixels[np.newaxis]})
        assert scores.sum() == pytest.approx(1, abs=1e-5)
        right.append(config["classes"][int(scores[0].argmax())] == path.parent.name)
    assert np.mean(right) == pytest.approx(trained.json("metrics.json")["accuracy"], abs=1e-6)


def test_score_finds_in_the_test_images_what_the_metrics_say(trained):
    model = Model.load(trained.folder)
    images = sorted((trained.folder / "data/fruits-360/Test").glob("*/*.jpg"))
    right = [model.score(path).label == path.parent.name for path in images]
    assert np.mean(right) == pytest.approx(trained.json("metrics.json")["accuracy"], abs=1e-6)


def test_the_prediction_server_answers_over_http_what_score_says(trained, tmp_path):
    model = Model.load(trained.folder)
    with serving(trained.folder, tmp_path / "log") as server:
        assert server.ask("GET", "/healthz") == (200, {"status": "ok", "classes": len(model.classes)})
        for path in sorted((trained.folder / "data/fruits-360/Test").glob("*/*.jpg"))[::20]:
            expected = model.score(path)
            for status, answer in (server.ask("POST", "/predict", path.read_bytes()), server.form(path.read_bytes())):
                assert (status, answer["class"]) == (200, expected.label)
                assert answer["probability"] == pytest.approx(expected.probability, abs=1e-5)


def test_git_sees_the_lock_file_and_nothing_else(trained):
    assert trained.run("git", "status", "--porcelain") == "?? dvc.lock\n"


def test_a_second_repro_runs_nothing(trained):
    output = trained.dvc("repro")
    assert "Running stage" not in output
    assert output.count("didn't change, skipping") == 5


def test_training_again_gives_the_same_bytes_on_any_number_of_processors(trained):
    before = (trained.folder / "dvc.lock").read_bytes()
    one = min(os.sched_getaffinity(0))
    words = (sys.executable, "-m", "dvc", "repro", "--force", "train", "--downstream")
    output = trained.run("taskset", "--cpu-list", str(one), *words)
    assert output.count("Running stage") == 3
    assert (trained.folder / "dvc.lock").read_bytes() == before


def test_a_model_that_differs_too_much_fails_the_export_with_a_sentence(trained):
    trained.set("export", "max_difference", 0)
    output = trained.dvc("repro", status=255)
    assert "error: model.onnx does not score as the Keras model does" in output
    assert "Traceback" not in output
    trained.set("export", "max_difference", 0.0001)
    assert "Running stage" not in trained.dvc("repro")  # the files are as they were
