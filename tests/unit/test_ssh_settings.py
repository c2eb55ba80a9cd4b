"""The `ssh` shell as the settings name it."""

from __future__ import annotations

import pytest

from bot.errors import SettingsError
from bot.location_settings import LocationSettings
from bot.locations.catalog import Powers, machine
from bot.settings import Settings, python_of
from tests.contract.sshd_world import SshdWorld


def settings(tmp_path, **more) -> Settings:
    told = {"slack_bot_token": "xoxb-sandbox", "slack_app_token": "xapp-sandbox", "gitlab_project": "team/fruits"}
    told |= {"gitlab_token": "sandbox-git-token", "public_bucket": "public", "stationmaster_home": tmp_path}
    return Settings(**told, **more)


def test_a_box_in_the_rack_needs_no_cloud_at_all(tmp_path):
    with SshdWorld(tmp_path / "sshd") as world:
        told = settings(tmp_path)
        table = LocationSettings(
            shared=True, power="always-on", shell="ssh", host=world.alias, port=world.port, ssh_config=str(world.config)
        )
        rack = machine("rack-1", table, told, Powers(told))
        assert rack.answers() is True
        assert rack.stoppable is False
        (tmp_path / "log").write_bytes(b"0123456789")
        assert rack.read(str(tmp_path / "log"), 2, 3) == b"234"


def test_a_machine_elsewhere_keeps_its_things_in_a_folder_of_its_own(tmp_path):
    told = settings(tmp_path)
    table = LocationSettings(shared=True, power="always-on", shell="ssh", host="rack-1")
    assert machine("rack-1", table, told, Powers(told)).workdir == "/srv/stationmaster"
    assert python_of(table) == "/srv/stationmaster/venv/bin/python"


def test_ssh_for_everybody_still_needs_each_one_s_host(tmp_path):
    told = settings(tmp_path, stationmaster_shell="ssh")
    with pytest.raises(SettingsError, match="needs a host"):
        machine("rack-1", LocationSettings(shared=True, power="always-on"), told, Powers(told))
