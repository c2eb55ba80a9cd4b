"""`prepare`: images in, packed form out, and a sentence for whatever is wrong with the folder."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.pipeline import packed
from trainer.pipeline.data import class_names, decode, list_images, pack
from trainer.pipeline.stage import StageError

ROOT = Path(__file__).parents[2]
COLOURS = {"Apple Red": (200, 20, 20), "Lime": (20, 200, 20)}


@pytest.fixture
def source(tmp_path):
    """Two classes of plain colour, three images to train with and two to test with; each a little brighter."""
    for part, count in (("Training", 3), ("Test", 2)):
        for name, (red, green, blue) in COLOURS.items():
            folder = tmp_path / "fruits" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                image = Image.new("RGB", (20, 20), (red + 10 * number, green, blue))
                image.save(folder / f"{number}_100.png")
    return tmp_path / "fruits"


def packed_training(source, folder, size=20, **options):
    listing = list_images(source / "Training", class_names(source))
    pack(listing, "training", size, folder, **options)
    (folder / "classes.json").write_text('["Apple Red", "Lime"]')
    return packed.load("training", folder)


def test_every_image_comes_out_in_order_with_its_label(source, tmp_path):
    images = packed_training(source, tmp_path / "packed")
    assert images.classes == ("Apple Red", "Lime")
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.pixels.shape == (6, 20, 20, 3)
    assert images.pixels.dtype == np.uint8
    assert images.pixels[:, 5, 5].tolist() == [
        [200, 20, 20], [210, 20, 20], [220, 20, 20], [20, 200, 20], [30, 200, 20], [40, 200, 20],
    ]  # fmt: skip


def test_the_pixels_are_mapped_and_not_read_into_memory(source, tmp_path):
    assert isinstance(packed_training(source, tmp_path / "packed").pixels, np.memmap)


def test_two_runs_write_the_same_bytes(source, tmp_path):
    for name in ("one", "two"):
        packed_training(source, tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_of_each_class_the_first_images_by_name_are_taken_where_few_are_wanted(source):
    classes = class_names(source)
    every = list_images(source / "Training", classes)
    few = list_images(source / "Training", classes, most=1)
    assert set(few.files) < set(every.files)
    assert few.labels == tuple(range(len(classes)))
    assert few.files == tuple(min(path for path in every.files if path.parent.name == name) for name in classes)


def test_many_processes_write_what_one_writes(source, tmp_path):
    folder = source / "Training" / "Lime"
    for number in range(3, 8):
        Image.new("RGB", (20, 20), (number, number, number)).save(folder / f"{number}_100.png")
    alone = packed_training(source, tmp_path / "alone")
    shared = packed_training(source, tmp_path / "shared", chunk=1)
    assert np.array_equal(alone.pixels, shared.pixels)


def test_a_broken_image_is_named_though_another_process_found_it(source, tmp_path):
    folder = source / "Training" / "Lime"
    for number in range(3, 8):
        (folder / f"{number}_100.png").write_bytes(b"no image")
    with pytest.raises(StageError, match=r"Lime/3_100\.png is no readable image"):
        packed_training(source, tmp_path / "packed", chunk=1)


def test_an_image_of_another_size_is_resized(source, tmp_path):
    assert packed_training(source, tmp_path / "packed", size=16).pixels.shape == (6, 16, 16, 3)


def test_grey_and_transparent_images_become_rgb(tmp_path):
    Image.new("L", (20, 20), 7).save(tmp_path / "grey.png")
    Image.new("RGBA", (20, 20), (1, 2, 3, 255)).save(tmp_path / "clear.png")
    assert decode(tmp_path / "grey.png", 20)[0, 0].tolist() == [7, 7, 7]
    assert decode(tmp_path / "clear.png", 20)[0, 0].tolist() == [1, 2, 3]


def test_an_image_that_was_cut_off_is_named(source):
    path = source / "Training" / "Lime" / "cut.jpg"
    Image.new("RGB", (100, 100), (9, 9, 9)).save(path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(StageError, match=r"cut\.jpg is no readable image .* Replace or remove it"):
        decode(path, 100)


def test_other_files_beside_the_images_are_passed_over(source, tmp_path):
    (source / "ATTRIBUTION.md").write_text("from a market")
    (source / "Training" / ".DS_Store").write_text("")
    (source / "Training" / "Lime" / "notes.txt").write_text("")
    assert len(packed_training(source, tmp_path / "packed").pixels) == 6


def test_a_missing_folder_says_how_to_get_the_images(tmp_path):
    with pytest.raises(StageError, match=r"Training is missing\. Get the images with `dvc pull"):
        class_names(tmp_path)


@pytest.mark.parametrize(("part", "other"), [("Training", "Test"), ("Test", "Training")])
def test_a_class_on_one_side_only_is_named(source, part, other):
    (source / part / "Sour Cherry").mkdir()
    with pytest.raises(StageError, match=rf"{other} has no folder for the class `Sour Cherry`"):
        class_names(source)


def test_of_many_missing_classes_a_few_are_named(source):
    for number in range(7):
        (source / "Training" / f"Plum {number}").mkdir()
    with pytest.raises(StageError, match="`Plum 4` and 2 more"):
        class_names(source)


def test_one_class_is_not_enough(tmp_path):
    for part in ("Training", "Test"):
        (tmp_path / part / "Lime").mkdir(parents=True)
    with pytest.raises(StageError, match="has 1 classes; at least 2 are needed"):
        class_names(tmp_path)


def test_a_class_without_images_is_named(source):
    for file in (source / "Test" / "Lime").iterdir():
        file.unlink()
    with pytest.raises(StageError, match=r"Test/Lime has no images"):
        list_images(source / "Test", class_names(source))


def test_without_the_packed_form_the_sentence_says_which_stage_to_run(tmp_path):
    with pytest.raises(StageError, match="Run `dvc repro prepare` first"):
        packed.load("test", tmp_path)


def test_of_each_class_a_share_is_held_out_and_no_row_is_lost(source, tmp_path):
    images = packed_training(source, tmp_path / "packed")
    train, held_out = packed.split(images, 0.3, seed=1)
    assert images.labels[held_out].tolist() == [0, 1]
    assert sorted([*train, *held_out]) == [0, 1, 2, 3, 4, 5]
    again = packed.split(images, 0.3, seed=1)
    assert np.array_equal(train, again[0])
    assert np.array_equal(held_out, again[1])


def test_a_class_that_would_have_no_image_to_train_with_is_named(source, tmp_path):
    images = packed_training(source, tmp_path / "packed")
    with pytest.raises(StageError, match=r"class `Apple Red` has 3 training images, and 3 would be held out"):
        packed.split(images, 0.9, seed=1)


def test_prepare_starts_without_tensorflow_and_ends_with_a_sentence(tmp_path):
    (tmp_path / "params.yaml").write_text("prepare: {image_size: 100, images_per_class: 0}")
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from trainer.pipeline import data, stage\n"
        "assert not {'tensorflow', 'keras', 'dvc'} & set(sys.modules)\n"
        "stage.run(data.main)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: data/fruits-360/Training is missing. Get the images with `dvc pull data/fruits-360.dvc`.\n"
    )
