"""The parts of the stages `train` and `export`, each by itself, with the real Keras."""

import os
import signal

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.integration.packed_images import CLASSES, SIZE, pack
from trainer.pipeline import packed
from trainer.pipeline.params import Train
from trainer.pipeline.stage import StageError

# ruff: noqa: PLC0415 - TensorFlow takes seconds to import; collecting the tests need not wait for it
pytestmark = pytest.mark.training

PARAMS = {"seed": 5, "epochs": 4, "batch_size": 10, "learning_rate": 0.01, "filters": 4, "dropout": 0.5}
OTHERS = {"validation_share": 0.2, "warmup_epochs": 0, "patience": 0, "class_weights": False, "mixed_precision": "off"}


def params(**changes) -> Train:
    return Train(**{**PARAMS, **OTHERS, "augment": False, **changes})


@pytest.fixture
def images(tmp_path):
    pack(tmp_path / "packed")
    return packed.load("training", tmp_path / "packed")


def a_progress(images, patience=0, **changes):
    from trainer.pipeline import fit
    from trainer.pipeline.checkpoint import Progress
    from trainer.pipeline.stopping import Stopping

    policy = changes.pop("policy", "float32")
    wanted = params(**changes)
    return Progress(fit.compiled(fit.built(images, wanted, policy), wanted, 3), Stopping(patience))


def a_graph(folded: dict[str, float]) -> onnx.GraphProto:
    """image * weight + the first + the second of `folded`; the constants lie in the order of their names."""
    one, other = folded
    values = {"weight": 1.0, **folded}
    constants = [numpy_helper.from_array(np.array([values[name]], np.float32), name) for name in sorted(values)]
    nodes = [
        helper.make_node("Mul", ["image", "weight"], ["a"]),
        helper.make_node("Add", ["a", one], ["b"]),
        helper.make_node("Add", ["b", other], ["c"]),
    ]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("image", "c")]
    return helper.make_graph(nodes, "sums", ends[:1], ends[1:], constants)


def order_of(dataset) -> list[list[int]]:
    return [labels.numpy().tolist() for _, labels in dataset]


def test_rows_are_read_from_the_file_as_the_mapping_shows_them(images):
    rows = np.array([5, 0, 71, 5])
    assert np.array_equal(packed.read(images.pixels, rows), images.pixels[rows])


def test_a_file_that_was_cut_off_is_named(images):
    os.truncate(images.pixels.filename, 4000)
    with pytest.raises(StageError, match=r"training_images\.npy was cut off. Run `dvc repro --force prepare`"):
        packed.read(images.pixels, np.array([71]))


def test_each_epoch_has_every_image_once_in_an_order_of_its_own(images):
    from trainer.pipeline import feed

    named = packed.Images(images.classes, images.pixels, np.arange(72, dtype=np.int32))
    rows = np.arange(10, 40)
    batches = order_of(feed.shuffled(named, rows, 8, 1, range(3)))
    assert [len(batch) for batch in batches] == [8, 8, 8, 6] * 3
    epochs = [[row for batch in batches[start : start + 4] for row in batch] for start in (0, 4, 8)]
    assert [sorted(epoch) for epoch in epochs] == [list(rows)] * 3
    assert epochs[0] != epochs[1] != epochs[2] != list(rows)
    assert order_of(feed.shuffled(named, rows, 8, 2, range(1))) != batches[:4]


def test_a_feed_that_begins_in_the_middle_gives_what_would_have_come(images):
    from trainer.pipeline import feed

    named = packed.Images(images.classes, images.pixels, np.arange(72, dtype=np.int32))
    rows = np.arange(72)
    whole = order_of(feed.shuffled(named, rows, 8, 1, range(4)))
    assert order_of(feed.shuffled(named, rows, 8, 1, range(2, 4))) == whole[len(whole) // 2 :]


def test_the_pixels_stay_bytes_and_belong_to_their_labels(images):
    from trainer.pipeline import feed

    (pixels, labels), *_ = feed.in_order(images, np.array([4, 70]))
    assert pixels.dtype.name == "uint8"
    assert np.array_equal(pixels.numpy(), images.pixels[[4, 70]])
    assert labels.numpy().tolist() == images.labels[[4, 70]].tolist()


def test_augmented_images_differ_while_training_and_are_left_alone_otherwise(images):
    from trainer.pipeline import augment
    from trainer.pipeline.backend import keras

    shown = keras.Input((SIZE, SIZE, 3))
    pixels = images.pixels[:6].astype(np.float32)
    models = [augment.augmented(keras.Model(shown, shown), seed=3) for _ in range(2)]
    first, again = (np.asarray(model(pixels, training=True)) for model in models)
    assert np.array_equal(np.asarray(models[0](pixels, training=False)), pixels)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, np.asarray(models[0](pixels, training=True)))
    assert not np.array_equal(first, pixels)
    assert first.min() >= 0
    assert first.max() <= 255


def test_the_weights_of_the_classes_make_them_count_the_same(images):
    from trainer.pipeline import fit

    labels = np.array([0] * 6 + [1] * 3 + [2] * 3, dtype=np.int32)
    weights = fit.weights(labels, len(CLASSES))
    assert weights == {0: 12 / 18, 1: 12 / 9, 2: 12 / 9}
    assert np.mean([weights[label] for label in labels]) == pytest.approx(1)


def test_the_learning_rate_rises_and_then_falls_to_nothing(images):
    model = a_progress(images, warmup_epochs=1).model
    rate = [float(model.optimizer._learning_rate(step)) for step in range(13)]  # 4 epochs of 3 batches
    assert rate[0] == 0
    assert rate[3] == max(rate) == pytest.approx(0.01)
    assert rate[3:] == sorted(rate[3:], reverse=True)
    assert rate[12] == pytest.approx(0, abs=1e-9)


def test_a_training_that_gets_no_better_ends_with_its_best_weights(images, capsys):
    progress = a_progress(images, patience=2)
    stopping, model = progress.stopping, progress.model
    stopping.set_model(model)
    best = None
    for epoch, loss in enumerate([1.0, 0.5, 0.7, 0.6, 0.1]):
        model.set_weights([weight + 1 for weight in model.get_weights()])
        stopping.on_epoch_end(epoch, {"val_loss": loss})
        best = model.get_weights() if loss == 0.5 else best
        if stopping.over:
            break
    assert epoch == 3
    assert model.stop_training is True
    stopping.take_best(model)
    assert all(np.array_equal(*pair) for pair in zip(model.get_weights(), best, strict=True))
    assert "The best epoch was 2" in capsys.readouterr().out


def test_without_patience_nothing_is_watched(images):
    stopping = a_progress(images).stopping
    stopping.on_epoch_end(0, {})
    assert not stopping.over


@pytest.mark.parametrize(
    ("wanted", "gpus", "policy"),
    [
        ("auto", [], "float32"),
        ("auto", [(7, 0)], "mixed_float16"),
        ("auto", [(9, 0), (6, 1)], "float32"),
        ("auto", [None], "float32"),
        ("off", [(9, 0)], "float32"),
    ],
)
def test_half_floats_are_for_gpus_that_are_made_for_them(wanted, gpus, policy):
    from trainer.pipeline import precision

    assert precision.policy(wanted, gpus) == policy


@pytest.mark.parametrize("augment", [True, False])
def test_the_loss_is_scaled_where_gradients_are_half_floats(images, augment):
    from trainer.pipeline.backend import keras

    scaled = a_progress(images, augment=augment, policy="mixed_float16").model.optimizer
    assert isinstance(scaled, keras.optimizers.LossScaleOptimizer)
    assert not isinstance(a_progress(images, augment=augment).model.optimizer, keras.optimizers.LossScaleOptimizer)


def test_a_network_trained_with_half_floats_is_kept_in_full(images):
    from trainer.pipeline import fit

    wanted = params()
    mixed = fit.built(images, wanted, "mixed_float16")
    assert mixed.layers[2].compute_dtype == "float16"
    assert mixed.output.dtype == "float32"  # the softmax
    kept = fit.in_full(mixed, images, wanted)
    assert {layer.compute_dtype for layer in kept.layers} == {"float32"}
    assert all(np.array_equal(*pair) for pair in zip(kept.get_weights(), mixed.get_weights(), strict=True))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_checkpoint_brings_every_variable_back(images, tmp_path, policy):
    from trainer.pipeline import feed
    from trainer.pipeline.checkpoint import Checkpoint, Keep

    progress = a_progress(images, patience=3, augment=True, policy=policy)
    checkpoint = Checkpoint(tmp_path / "kept", "key")
    rows = np.arange(len(images.labels))
    progress.model.fit(
        feed.shuffled(images, rows, 24, 1, range(1)),
        validation_data=feed.in_order(images),
        steps_per_epoch=3,
        callbacks=[progress.stopping, Keep(checkpoint, progress)],
        shuffle=False,
        verbose=0,
    )
    fresh = a_progress(images, patience=3, augment=True, policy=policy)
    checkpoint.restore(fresh)
    assert fresh.history == progress.history
    assert len(fresh.history) == 1
    assert (fresh.stopping.best, fresh.stopping.best_epoch) == (progress.stopping.best, 1)
    for found, made in zip(fresh.stopping.weights, progress.stopping.weights, strict=True):
        assert np.array_equal(found, made)
    for found, made in zip(fresh.variables, progress.variables, strict=True):
        assert np.array_equal(found.numpy(), made.numpy())


def test_a_checkpoint_of_another_training_is_left_alone(images, tmp_path):
    from trainer.pipeline.checkpoint import Checkpoint

    progress = a_progress(images)
    progress.history.append({"loss": 1.0})
    Checkpoint(tmp_path, "one").save(progress)
    fresh = a_progress(images)
    Checkpoint(tmp_path, "another").restore(fresh)
    assert fresh.history == []
    Checkpoint(tmp_path, "one").restore(fresh)
    assert fresh.history == [{"loss": 1.0}]


def test_a_damaged_checkpoint_is_as_good_as_none(images, tmp_path):
    from trainer.pipeline.checkpoint import FILE, Checkpoint

    progress = a_progress(images)
    progress.history.append({"loss": 1.0})
    checkpoint = Checkpoint(tmp_path, "key")
    checkpoint.save(progress)
    os.truncate(tmp_path / FILE, 2000)
    fresh = a_progress(images)
    checkpoint.restore(fresh)
    assert fresh.history == []


def test_a_full_disk_does_not_end_the_training(images, tmp_path, capsys):
    from trainer.pipeline.checkpoint import Checkpoint

    (tmp_path / "file").touch()  # in whose place no folder can be made: an OSError like that of a full disk
    Checkpoint(tmp_path / "file", "key").save(a_progress(images))
    assert "could not be kept" in capsys.readouterr().out


def test_without_a_folder_nothing_is_kept(images, monkeypatch):
    from trainer.pipeline.checkpoint import VARIABLE, Checkpoint

    monkeypatch.delenv(VARIABLE, raising=False)
    checkpoint = Checkpoint.named("key")
    checkpoint.save(a_progress(images))
    fresh = a_progress(images)
    checkpoint.restore(fresh)
    assert fresh.history == []


def test_a_model_is_written_the_same_in_whatever_order_its_constants_were_computed():
    from trainer.pipeline import export

    first, second = (
        a_graph({"const_fold_opt__7": 2.0, "const_fold_opt__9": 3.0}),
        a_graph({"const_fold_opt__9": 2.0, "const_fold_opt__7": 3.0}),
    )
    assert first.SerializeToString() != second.SerializeToString()
    export.settle(first)
    export.settle(second)
    assert first.SerializeToString() == second.SerializeToString()
    assert [(one.name, numpy_helper.to_array(one).tolist()) for one in first.initializer] == [
        ("weight", [1.0]),
        ("const_fold_opt__3", [2.0]),
        ("const_fold_opt__5", [3.0]),
    ]
    assert [list(node.input) for node in first.node] == [
        ["image", "weight"],
        ["a", "const_fold_opt__3"],
        ["b", "const_fold_opt__5"],
    ]


def test_a_request_to_end_waits_until_the_file_is_whole():
    from trainer.pipeline.checkpoint import _undisturbed

    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    try:
        with _undisturbed():
            signal.raise_signal(signal.SIGTERM)
            assert heard == []
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
