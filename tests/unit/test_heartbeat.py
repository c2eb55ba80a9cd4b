"""`stationmaster health`: told by the age of a file, since in Socket Mode there is no port to ask."""

import os

import pytest

from bot.__main__ import main
from bot.heartbeat import beat, verdict


def test_a_bot_that_beat_just_now_is_at_work(tmp_path):
    beat(tmp_path, lambda: True)
    assert verdict(tmp_path, (tmp_path / "alive").stat().st_mtime + 59)[0]


def test_a_bot_that_fell_silent_is_not(tmp_path):
    beat(tmp_path, lambda: True)
    well, sentence = verdict(tmp_path, (tmp_path / "alive").stat().st_mtime + 61)
    assert not well
    assert "not been heard of for 61 s" in sentence


def test_a_bot_whose_thread_has_ended_does_not_say_that_it_is_well(tmp_path):
    beat(tmp_path, lambda: False)
    assert verdict(tmp_path, 0.0) == (False, f"No Stationmaster has worked in {tmp_path} yet.")


@pytest.mark.parametrize(("age", "status"), [(0, 0), (3600, 1)])
def test_the_command_line_answers_with_its_exit_status(tmp_path, age, status, capsys):
    beat(tmp_path, lambda: True)
    at = (tmp_path / "alive").stat().st_mtime - age
    os.utime(tmp_path / "alive", (at, at))
    with pytest.raises(SystemExit) as ended:
        main(["health", "--home", str(tmp_path)])
    assert ended.value.code == status
    assert capsys.readouterr().out.endswith(".\n")
