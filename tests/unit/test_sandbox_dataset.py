"""What `--data DIR` must be."""

import pytest

from bot.errors import UserError
from bot.sandbox.dataset import check, copy


def fill(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"picture")
    return folder


@pytest.fixture
def fruits(tmp_path):
    return fill(
        tmp_path / "fruits",
        "Training/Apple/1.jpg",
        "Training/Apple/2.JPG",
        "Training/Pear/1.jpg",
        "Test/Apple/1.jpg",
        "Test/Pear/1.png",
    )


def test_the_images_of_a_right_folder_are_counted(fruits):
    fill(fruits, "Training/Apple/notes.txt", "ATTRIBUTION.md")
    assert check(fruits) == 5


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"There is no folder .*nowhere"):
        check(tmp_path / "nowhere")


def test_another_layout_is_explained(tmp_path):
    fill(tmp_path, "train/Apple/1.jpg")
    with pytest.raises(UserError, match=r"has no folder `Training`.*`Test/<class>/\*\.jpg`"):
        check(tmp_path)


def test_a_class_on_one_side_only_is_named(fruits):
    fill(fruits, "Test/Plum/1.jpg")
    with pytest.raises(UserError, match="the class `Plum` is in `Test` only"):
        check(fruits)


def test_a_class_without_images_is_named(fruits):
    (fruits / "Test" / "Pear" / "1.png").unlink()
    with pytest.raises(UserError, match="no images in `Test/Pear`"):
        check(fruits)


def test_one_class_is_not_enough(tmp_path):
    fill(tmp_path, "Training/Apple/1.jpg", "Test/Apple/1.jpg")
    with pytest.raises(UserError, match="at least 2"):
        check(tmp_path)


def test_a_copy_has_the_images_and_the_licence_and_nothing_else(fruits, tmp_path):
    fill(fruits, "ATTRIBUTION.md", ".DS_Store", "Training/Apple/notes.txt", "Other/x.jpg")
    copy(fruits, tmp_path / "copy")
    copied = sorted(str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*.*"))
    assert copied == [
        "ATTRIBUTION.md",
        "Test/Apple/1.jpg",
        "Test/Pear/1.png",
        "Training/Apple/1.jpg",
        "Training/Apple/2.JPG",
        "Training/Pear/1.jpg",
    ]
