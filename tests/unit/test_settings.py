"""Settings: from the environment and a file, with sentences for what is wrong."""

import json

import pytest

from bot.errors import SettingsError
from bot.settings import all_locations, load

NEEDED = {
    "SLACK_BOT_TOKEN": "xoxb-canary",
    "SLACK_APP_TOKEN": "xapp-canary",
    "GITLAB_PROJECT": "team/fruits",
    "GITLAB_TOKEN": "canary",
    "PUBLIC_BUCKET": "public",
}


@pytest.fixture
def environment(monkeypatch):
    for name in ("STATIONMASTER_CONFIG", "TRAIN_INSTANCE_FOR_USER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_instances_come_as_text_or_as_a_file(environment, tmp_path):
    instances = {"alice@example.com": "i-0a9ec87b6ae9cf87b", "bob@example.com": "i-0b07acec0ef7a8fbc"}
    environment.setenv("TRAIN_INSTANCE_FOR_USER", json.dumps(instances))
    assert load().train_instance_for_user == instances
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(instances))
    environment.setenv("TRAIN_INSTANCE_FOR_USER", str(path))
    settings = load()
    assert settings.train_instance_for_user == instances
    assert {name: place.instance for name, place in all_locations(settings).items()} == {
        "alice": "i-0a9ec87b6ae9cf87b",
        "bob": "i-0b07acec0ef7a8fbc",
    }


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("{", "it is no JSON"),
        ('{"alice": "i-0a9ec87b6ae9cf87b"}', '"alice" is no e-mail address'),
        ('{"alice@example.com": "my-box"}', "is no instance id like"),
        ("/no/such/file", "no readable file /no/such/file"),
    ],
)
def test_a_wrong_instance_map_is_named_with_a_right_one(environment, value, sentence):
    environment.setenv("TRAIN_INSTANCE_FOR_USER", value)
    with pytest.raises(SettingsError, match=r"TRAIN_INSTANCE_FOR_USER") as error:
        load()
    assert sentence in str(error.value)


def test_everything_that_is_missing_is_said_at_once(environment):
    for name in NEEDED:
        environment.delenv(name)
    with pytest.raises(SettingsError) as error:
        load()
    assert all(f"{name} is not set" in str(error.value) for name in NEEDED)


def test_secrets_never_print(environment):
    assert "canary" not in repr(load())
    environment.setenv("IDLE_MINUTES", "-1")
    with pytest.raises(SettingsError) as error:
        load()
    assert "canary" not in str(error.value)


def test_the_file_adds_locations_and_the_environment_wins(environment, tmp_path):
    path = tmp_path / "station.toml"
    path.write_text(
        'gitlab_project = "other/project"\nidle_minutes = 7\n'
        '[locations.rack]\nowner = "bob@example.com"\npower = "always-on"\nworkdir = "/srv"\n'
        '[locations.pool]\nshared = true\ninstance = "i-0a9ec87b6ae9cf87b"\n'
    )
    environment.setenv("STATIONMASTER_CONFIG", str(path))
    environment.setenv("TRAIN_INSTANCE_FOR_USER", '{"bob@example.com": "i-0b07acec0ef7a8fbc"}')
    settings = load()
    assert (settings.gitlab_project, settings.idle_minutes) == ("team/fruits", 7)
    assert sorted(all_locations(settings)) == ["pool", "rack"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[locations.a]\nowner = "a@b.c"\n', "needs an instance"),
        ('[locations.a]\ninstance = "i-0a9ec87b6ae9cf87b"\n', "needs an owner"),
        ('[locations.a]\nowner = "a@b.c"\npower = "always-on"\ncolour = "red"\n', "colour"),
        ('[locations.a]\nowner = "a@b.c"\npower = "always-on"\nshell = "ssh"\n', "needs a host"),
        ('[locations.a]\nowner = "a@b.c"\npower = "always-on"\nshell = "ssm"\n', "needs an instance"),
        ('[locations.a]\nowner = "a@b.c"\npower = "always-on"\nhost = "-oProxyCommand=id"\n', "locations.a.host"),
        ("slack = [", "station.toml"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(environment, tmp_path, text, sentence):
    path = tmp_path / "station.toml"
    path.write_text(text)
    environment.setenv("STATIONMASTER_CONFIG", str(path))
    with pytest.raises(SettingsError, match=r"locations|station") as error:
        load()
    assert sentence in str(error.value)


def test_a_file_that_is_not_there_is_named(environment):
    environment.setenv("STATIONMASTER_CONFIG", "/no/such.toml")
    with pytest.raises(SettingsError, match="no such file"):
        load()


def test_the_machines_own_timer_must_leave_the_idle_stop_its_time(environment, tmp_path):
    assert load().deadman_minutes == 20
    environment.setenv("IDLE_MINUTES", "20")
    with pytest.raises(
        SettingsError, match=r"DEADMAN_MINUTES: it must be more than IDLE_MINUTES, here 20.* 35 would do"
    ):
        load()
    environment.setenv("DEADMAN_MINUTES", "0")
    load()
    environment.setenv("IDLE_MINUTES", "5")
    environment.setenv("DEADMAN_MINUTES", "30")
    path = tmp_path / "station.toml"
    path.write_text('[locations.rack]\nowner = "a@b.c"\npower = "always-on"\nidle_minutes = 40\n')
    environment.setenv("STATIONMASTER_CONFIG", str(path))
    with pytest.raises(SettingsError, match="here 40"):
        load()
