"""docs/ON-PREMISES.md is true: its settings are read, and what they describe needs no AWS."""

import re
from pathlib import Path

import pytest

from bot import settings
from bot.location_settings import LocationSettings
from bot.locations.catalog import Powers, machine
from bot.locations.docker import DockerRuntime
from bot.locations.ssh import SshShell
from bot.settings import all_locations

GUIDE = Path(__file__).parents[2] / "docs" / "ON-PREMISES.md"
SECRETS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "GITLAB_TOKEN")


def toml_of_the_guide():
    (found,) = re.findall(r"^```toml\n(.*?)^```", GUIDE.read_text(), flags=re.DOTALL | re.MULTILINE)
    return found


@pytest.fixture
def read(tmp_path, monkeypatch):
    """The settings, as `serve` reads them with what the guide puts into the environment."""
    for name in (*settings.Settings.model_fields, *LocationSettings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
    for name in (*SECRETS, "GITLAB_PROJECT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert f"{name}=" in GUIDE.read_text()
        monkeypatch.setenv(name, "sandbox/value")
    (tmp_path / "rack.toml").write_text(toml_of_the_guide())
    monkeypatch.setenv("STATIONMASTER_CONFIG", str(tmp_path / "rack.toml"))
    monkeypatch.setenv("STATIONMASTER_HOME", str(tmp_path))
    return settings.load()


def test_the_settings_of_the_guide_are_ten_lines():
    assert len(toml_of_the_guide().splitlines()) == 10


def test_they_describe_a_machine_that_ssh_reaches_and_nobody_switches_off(read):
    (location,) = all_locations(read).items()
    powers = Powers(read)
    made = machine(*location, read, powers)
    assert made.name == "rack-1"
    assert not made.stoppable
    assert isinstance(made.shell, SshShell)
    assert isinstance(made.runtime, DockerRuntime)
    assert powers._client is None  # nobody has asked for EC2
    assert made.workdir == "/srv/stationmaster"


def test_the_public_bucket_is_in_the_store_of_the_house(read):
    assert (read.public_bucket, read.aws_endpoint_url) == ("team-models", "https://minio.example.com")
