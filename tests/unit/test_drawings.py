"""The drawn fruit: the layout of Fruits-360, the same for the same seed, and different from each other."""

import numpy as np
import pytest
from PIL import Image

from bot.sandbox.drawings import SPECIES, draw, draw_fruits


def files_below(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.jpg")}


def test_the_layout_is_that_of_fruits_360(tmp_path):
    draw_fruits(tmp_path, classes=3, training=4, test=2)
    names = [species.name for species in SPECIES[:3]]
    assert sorted(path.name for path in (tmp_path / "Training").iterdir()) == sorted(names)
    assert sorted(path.name for path in (tmp_path / "Test").iterdir()) == sorted(names)
    for name in names:
        assert len(list((tmp_path / "Training" / name).glob("*_100.jpg"))) == 4
        assert len(list((tmp_path / "Test" / name).glob("*_100.jpg"))) == 2


def test_the_images_are_jpegs_of_100_by_100_on_white(tmp_path):
    draw_fruits(tmp_path, classes=2, training=2, test=1)
    for path in tmp_path.rglob("*.jpg"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (100, 100))
            assert min(image.getpixel((1, 1))) > 240


def test_the_same_seed_draws_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        draw_fruits(tmp_path / name, classes=2, training=2, test=1, seed=seed)
    one, two, three = (files_below(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert all(one[path] != three[path] for path in one)


def test_more_images_leave_the_others_as_they_were(tmp_path):
    draw_fruits(tmp_path / "few", classes=2, training=2, test=1)
    draw_fruits(tmp_path / "many", classes=3, training=3, test=2)
    assert files_below(tmp_path / "few").items() <= files_below(tmp_path / "many").items()


def test_no_two_images_are_the_same(tmp_path):
    draw_fruits(tmp_path, classes=2, training=5, test=5)
    images = files_below(tmp_path)
    assert len(set(images.values())) == len(images) == 20


@pytest.mark.parametrize("species", SPECIES, ids=lambda species: species.name)
def test_every_species_fills_a_good_part_of_its_image_and_lies_inside_it(species):
    for number in range(5):
        pixels = np.asarray(draw(species, np.random.default_rng(number)))
        fruit = (pixels < 230).any(axis=-1)
        assert 0.08 < fruit.mean() < 0.85
        border = np.concatenate([fruit[0], fruit[-1], fruit[:, 0], fruit[:, -1]])
        assert border.mean() < 0.05


def test_there_are_at_least_ten_species_with_names_of_their_own():
    assert len({species.name for species in SPECIES}) == len(SPECIES) >= 10


@pytest.mark.parametrize("wrong", [{"classes": 1}, {"classes": 99}, {"training": 0}, {"test": 0}])
def test_numbers_that_make_no_data_set_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"classes to draw|at least one image"):
        draw_fruits(tmp_path, **wrong)
