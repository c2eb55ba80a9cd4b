"""`score`: a picture in, class and probability out, with what the example pipeline exports and nothing else."""

import ast
import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.doubles.onnx_model import CLASSES, write_colour_model
from trainer.pipeline import config, score
from trainer.pipeline.score import Model, ScoreError

ROOT = Path(__file__).parents[2]
RED, GREEN, GREY = (255, 0, 0), (0, 255, 0), (128, 128, 128)


@pytest.fixture
def folder(tmp_path):
    return write_colour_model(tmp_path / "model")


def picture(path, colour, size=(8, 8), mode="RGB"):
    Image.new("RGB", size, colour).convert(mode).save(path)
    return path


def test_it_says_the_class_and_how_likely_that_is(folder, tmp_path):
    found = Model.load(folder).score(picture(tmp_path / "a.png", GREEN))
    assert found.label == "green"
    assert found.probability == pytest.approx(1, abs=1e-6)
    assert type(found.probability) is float


def test_the_probabilities_are_those_of_all_classes_in_order(folder, tmp_path):
    model = Model.load(folder)
    assert model.classes == CLASSES
    assert model.probabilities(picture(tmp_path / "a.png", GREY)).tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize(("size", "mode"), [((8, 8), "P"), ((30, 50), "RGB"), ((3, 5), "RGBA")])
def test_a_picture_of_another_size_or_mode_is_brought_to_what_the_model_wants(folder, tmp_path, size, mode):
    assert Model.load(folder).score(picture(tmp_path / "a.png", RED, size, mode)).label == "red"


def test_it_scales_down_as_the_training_data_was_scaled(folder, tmp_path):
    path = tmp_path / "a.png"
    Image.effect_noise((40, 24), 80).convert("RGB").save(path)
    with Image.open(path) as image:
        resized = np.asarray(image.resize((8, 8), Image.Resampling.BILINEAR), dtype=np.float32)
    logits = resized.mean(axis=(0, 1)) / 10
    expected = np.exp(logits) / np.exp(logits).sum()
    assert Model.load(folder).probabilities(path) == pytest.approx(expected, abs=1e-6)


def test_an_open_file_does_as_well_as_a_path(folder, tmp_path):
    content = picture(tmp_path / "a.png", RED).read_bytes()
    assert Model.load(folder).score(BytesIO(content)).label == "red"


def test_channels_may_come_first(tmp_path):
    folder = write_colour_model(tmp_path / "model", layout="NCHW")
    assert Model.load(folder).score(picture(tmp_path / "a.png", GREEN, (20, 9))).label == "green"


def test_scaling_that_is_not_inside_the_model_is_done_before_it(tmp_path):
    outside = {"inside_model": False, "multiply": -1.0, "add": 255.0}
    folder = write_colour_model(tmp_path / "model", scaling=outside)
    assert Model.load(folder).score(picture(tmp_path / "a.png", (0, 255, 255))).label == "red"


def test_a_missing_folder_or_model_is_said_with_what_to_fetch(folder, tmp_path):
    with pytest.raises(ScoreError, match=r"nowhere/model\.config is missing\. Fetch .* `dvc pull train\.dvc`"):
        Model.load(tmp_path / "nowhere")
    (folder / "model.onnx").unlink()
    with pytest.raises(ScoreError, match=r"model\.onnx is missing, which model\.config names"):
        Model.load(folder)


def test_a_model_that_was_cut_off_is_told_apart_from_a_missing_one(folder):
    whole = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ScoreError, match=r"model\.onnx is no model that onnxruntime can load"):
        Model.load(folder)


def test_a_newer_format_is_refused_with_where_to_find_its_reader(tmp_path):
    folder = write_colour_model(tmp_path / "model", format=2)
    with pytest.raises(ScoreError, match=r"has format 2, and this program knows formats up to 1\. Take the score\.py"):
        Model.load(folder)


@pytest.mark.parametrize("content", ["{", "[]", '{"classes": ["a"]}'])
def test_what_is_no_description_is_not_taken_for_one(folder, content):
    (folder / "model.config").write_text(content)
    with pytest.raises(ScoreError, match=r"model\.config .* Fetch it again"):
        Model.load(folder)


@pytest.mark.parametrize(("key", "value"), [("layout", "NWHC"), ("colours", "CMYK"), ("resize", "magic")])
def test_what_the_input_cannot_be_is_refused_when_the_model_is_loaded(folder, key, value):
    described = json.loads((folder / "model.config").read_text())
    described["input"][key] = value
    (folder / "model.config").write_text(json.dumps(described))
    with pytest.raises(ScoreError, match=r"is not complete .* Fetch it again"):
        Model.load(folder)


def test_a_picture_that_is_none_or_is_cut_off_is_refused_in_a_sentence(folder, tmp_path):
    model = Model.load(folder)
    noise = tmp_path / "noise.png"
    Image.effect_noise((64, 64), 80).save(noise)
    noise.write_bytes(noise.read_bytes()[:500])
    text = tmp_path / "text.jpg"
    text.write_text("not a picture")
    for path in (noise, text):
        with pytest.raises(ScoreError, match=f"{path.name} is no picture that can be read"):
            model.score(path)
    with pytest.raises(ScoreError, match=r"absent\.jpg is not there"):
        model.score(tmp_path / "absent.jpg")


def test_a_small_file_with_a_huge_picture_is_refused_before_it_is_decoded(folder, tmp_path):
    Image.new("1", (10_000, 5_001)).save(tmp_path / "huge.png")
    with pytest.raises(ScoreError, match=r"more than 50 million pixels"):
        Model.load(folder).score(tmp_path / "huge.png")


def test_the_command_line_prints_a_line_a_picture_and_goes_on_after_a_broken_one(folder, tmp_path, capsys):
    red, green = picture(tmp_path / "red.png", RED), picture(tmp_path / "green.png", GREEN)
    broken = tmp_path / "broken.png"
    broken.touch()
    assert score.main(["--model", str(folder), str(red), str(broken), str(green)]) == 1
    said = capsys.readouterr()
    assert said.out == f"{red}\tred\t1.0000\n{green}\tgreen\t1.0000\n"
    assert said.err.startswith("error: ")
    assert "broken.png is no picture" in said.err


def test_the_command_line_needs_a_model(tmp_path, capsys):
    assert score.main(["--model", str(tmp_path), "a.png"]) == 1
    assert "model.config is missing" in capsys.readouterr().err


def test_it_knows_the_format_that_the_pipeline_writes():
    assert score.FORMAT == config.FORMAT


def test_it_may_be_copied_into_an_application(folder, tmp_path):
    """It imports nothing of this repository, and neither TensorFlow nor what exports the model."""
    tree = ast.parse(Path(score.__file__).read_text())
    froms = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "trainer" not in froms
    (tmp_path / "app").mkdir()
    copied = tmp_path / "app" / "score.py"
    copied.write_bytes(Path(score.__file__).read_bytes())
    code = (
        "import sys, score; status = score.main(sys.argv[1:]); "
        "bad = {'tensorflow', 'keras', 'onnx', 'tf2onnx', 'trainer'} & set(sys.modules); "
        "sys.exit(f'loaded: {bad}' if bad else status)"
    )
    argv = [sys.executable, "-c", code, "--model", str(folder), str(picture(tmp_path / "a.png", RED))]
    done = subprocess.run(argv, cwd=tmp_path / "app", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split("\t")[1]) == (0, "red"), done.stderr


def test_the_module_runs_without_tensorflow(folder, tmp_path):
    """As `python -m trainer.pipeline.score` does, in a place where TensorFlow cannot be imported."""
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('TensorFlow was imported')\n")
    argv = [
        sys.executable,
        "-m",
        "trainer.pipeline.score",
        "--model",
        str(folder),
        str(picture(tmp_path / "a.png", RED)),
    ]
    environment = {"PATH": "", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split("\t")[1:]) == (0, ["red", "1.0000\n"]), done.stderr
