"""What is measured on the test images, computed by hand beside it."""

import json
import math

import numpy as np
import pytest

from trainer.pipeline.config import describe
from trainer.pipeline.measures import accept, compare, measure, write_confusion
from trainer.pipeline.stage import StageError, run

CLASSES = ("Apple, green", "Lime")
PROBABILITIES = np.array([[0.9, 0.1], [0.25, 0.75], [0.5, 0.5], [0.0, 1.0]], dtype=np.float32)
LABELS = np.array([0, 0, 0, 1], dtype=np.int32)


def test_accuracy_and_loss_are_those_worked_out_by_hand():
    metrics = measure(PROBABILITIES, LABELS, CLASSES)
    assert metrics["accuracy"] == 0.75
    assert metrics["loss"] == pytest.approx(-(math.log(0.9) + math.log(0.25) + math.log(0.5)) / 4, abs=1e-6)
    assert metrics["per_class"] == {"Apple, green": 0.666667, "Lime": 1.0}


def test_a_probability_of_nothing_gives_a_large_loss_and_no_infinity():
    metrics = measure(PROBABILITIES[3:], np.array([0], dtype=np.int32), CLASSES[:1])
    assert metrics["loss"] == pytest.approx(-math.log(1e-7), abs=1e-6)


def test_the_confusion_file_has_a_row_for_each_image(tmp_path):
    write_confusion(tmp_path / "confusion.csv", PROBABILITIES, LABELS, CLASSES)
    assert (tmp_path / "confusion.csv").read_text().splitlines() == [
        "actual,predicted",
        '"Apple, green","Apple, green"',
        '"Apple, green",Lime',
        '"Apple, green","Apple, green"',
        "Lime,Lime",
    ]


def test_two_models_that_agree_are_accepted():
    agreement = compare(PROBABILITIES, PROBABILITIES + np.float32(5e-5))
    assert agreement["images"] == 4
    assert agreement["label_agreement"] == 1.0
    assert agreement["max_abs_difference"] == pytest.approx(5e-5, rel=1e-2)
    accept(agreement, 1e-4)


def test_a_difference_above_the_limit_is_refused_in_a_sentence():
    agreement = compare(PROBABILITIES, PROBABILITIES[:, ::-1])
    assert agreement["label_agreement"] == 0.25
    with pytest.raises(StageError, match=r"differs by up to 1\.0e\+00, and export\.max_difference .* allows 1\.0e-04"):
        accept(agreement, 1e-4)


def test_a_model_that_answers_no_number_is_refused():
    broken = PROBABILITIES.copy()
    broken[2, 1] = np.nan
    with pytest.raises(StageError, match="does not score as the Keras model does"):
        accept(compare(PROBABILITIES, broken), 1e-4)


def test_the_description_survives_json_and_keeps_the_order_of_the_classes():
    described = json.loads(json.dumps(describe(CLASSES, 100, 90, 3, scale=1 / 255)))
    assert described["classes"] == list(CLASSES)
    assert (described["input"]["height"], described["input"]["width"], described["input"]["channels"]) == (100, 90, 3)
    assert described["scaling"]["inside_model"] is True
    assert described["scaling"]["multiply"] == 1 / 255


def test_a_stage_that_cannot_go_on_ends_with_its_sentence_and_status_1():
    def broken():
        raise StageError("The oven is cold. Light it.")

    with pytest.raises(SystemExit) as end:
        run(broken)
    assert end.value.code == "error: The oven is cold. Light it."
