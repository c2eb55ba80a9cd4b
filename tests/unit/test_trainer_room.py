"""How much room is left, and when that is worth a word."""

import shutil

from trainer import room


def test_the_free_bytes_are_those_of_the_folders_file_system(tmp_path):
    assert 0 < room.free(tmp_path) <= shutil.disk_usage(tmp_path).total


def test_very_little_room_is_warned_of_and_enough_is_not():
    assert room.warning(room.LITTLE) is None
    assert room.warning(350_000_000) == (
        "Only 350 MB are free at this location. Free space there before the disk is full."
    )
