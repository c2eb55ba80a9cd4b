"""params.yaml is read with its types, and every mistake in it is named with its key."""

import pytest

from trainer.pipeline.params import Export, Prepare, Train
from trainer.pipeline.stage import StageError

GOOD = """\
prepare: {image_size: 100, images_per_class: 0}
train: {seed: 0, epochs: 3, batch_size: 16, learning_rate: 1, filters: 8, dropout: 0, validation_share: 0.2,
  warmup_epochs: 1, patience: 0, augment: true, class_weights: false, mixed_precision: auto}
export: {max_difference: 0.0001}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(GOOD)
    return path


def test_a_section_is_read_with_its_types(file):
    train = Train.read(file)
    assert train == Train(
        seed=0,
        epochs=3,
        batch_size=16,
        learning_rate=1.0,
        filters=8,
        dropout=0.0,
        validation_share=0.2,
        warmup_epochs=1,
        patience=0,
        augment=True,
        class_weights=False,
        mixed_precision="auto",
    )
    assert isinstance(train.learning_rate, float)
    assert Prepare.read(file).image_size == 100
    assert Export.read(file).max_difference == 1e-4


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (" epochs: 3", " epochs: many", "`train.epochs` must be a whole number, not 'many'"),
        (" epochs: 3", " epochs: 2.5", "`train.epochs` must be a whole number, not 2.5"),
        (" epochs: 3", " epochs: true", "`train.epochs` must be a whole number, not True"),
        (" epochs: 3", " epochs: 0", "`train.epochs` must be at least 1, not 0"),
        ("dropout: 0,", "dropout: 1.5,", "`train.dropout` must be from 0 to 0.95, not 1.5"),
        ("learning_rate: 1,", "learning_rate: .nan,", "`train.learning_rate` must be from 1e-09 to 10, not nan"),
        ("learning_rate: 1,", "learning_rate: fast,", "`train.learning_rate` must be a number, not 'fast'"),
        ("warmup_epochs: 1", "warmup_epochs: 3", "`train.warmup_epochs` must be less than `train.epochs` (3), not 3"),
        ("patience: 0", "patience: -1", "`train.patience` must be at least 0, not -1"),
        ("augment: true", "augment: 1", "`train.augment` must be `true` or `false`, not 1"),
        ("class_weights: false", "class_weights: balanced", "must be `true` or `false`, not 'balanced'"),
        ("mixed_precision: auto", "mixed_precision: full", "must be one of auto, off, not 'full'"),
        (" epochs: 3, ", " ", "`train.epochs` is missing"),
        (" epochs: 3", " epoch: 3", "`train.epoch` is no known key. Known are: seed, epochs,"),
        ("train:", "training:", "has no section `train:`"),
        ("{seed", "{{seed", "is no valid YAML"),
    ],
)
def test_a_mistake_is_named_with_its_key(file, before, after, sentence):
    assert before in GOOD
    file.write_text(GOOD.replace(before, after))
    with pytest.raises(StageError) as error:
        Train.read(file)
    assert sentence in str(error.value)


def test_a_missing_file_says_where_to_run_the_stage(tmp_path):
    with pytest.raises(StageError, match="Run the stage from the project's root folder"):
        Train.read(tmp_path / "params.yaml")
