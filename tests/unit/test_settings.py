"""Settings: from the environment and a file, with sentences for what is wrong."""

import json

import pytest

from bot.errors import SettingsError
from bot.settings import all_locations, line_of, load, max_cost_of

NEEDED = {
    "SLACK_BOT_TOKEN": "xoxb-canary",
    "SLACK_APP_TOKEN": "xapp-canary",
    "GITLAB_PROJECT": "team/fruits",
    "GITLAB_TOKEN": "canary",
    "PUBLIC_BUCKET": "public",
}


@pytest.fixture
def environment(monkeypatch):
    for name in ("STATIONMASTER_CONFIG", "TRAIN_INSTANCE_FOR_USER", "SLACK_SIGNING_SECRET", "COMMAND_PREFIX"):
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


def test_a_person_who_is_called_like_a_pool_has_a_machine_with_another_name(environment, tmp_path):
    path = tmp_path / "station.toml"
    path.write_text('[locations.rack]\nshared = true\npower = "always-on"\npool = "alice"\n')
    environment.setenv("STATIONMASTER_CONFIG", str(path))
    environment.setenv("TRAIN_INSTANCE_FOR_USER", '{"alice@example.com": "i-0a9ec87b6ae9cf87b"}')
    found = all_locations(load())
    assert {name: line_of(name, location) for name, location in found.items()} == {
        "rack": "alice",
        "alice@example.com": "alice@example.com",
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[locations.a]\nowner = "a@b.c"\n', "needs an instance"),
        ('[locations.a]\ninstance = "i-0a9ec87b6ae9cf87b"\n', "needs an owner"),
        ('[locations.a]\nowner = "a@b.c"\npower = "always-on"\ncolour = "red"\n', "colour"),
        ('[locations.a]\nowner = "a@b.c"\npower = "always-on"\nshell = "ssh"\n', "needs a host"),
        ('[locations.a]\nowner = "a@b.c"\npower = "always-on"\nshell = "ssm"\n', "needs an instance"),
        ('[locations.a]\nowner = "a@b.c"\npower = "always-on"\nhost = "-oProxyCommand=id"\n', "locations.a.host"),
        (
            '[locations.a]\nowner = "a@b.c"\npower = "always-on"\npool = "gpus"\n',
            "add shared = true, or leave out pool",
        ),
        ('[locations.a]\nshared = true\npower = "always-on"\npool = "a"\n', '"a" is a location and a pool'),
        ('[locations.a]\nshared = true\npower = "always-on"\npool = "my gpus"\n', "locations.a.pool"),
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


def test_build_arguments_are_words_and_each_has_a_name(environment):
    environment.setenv("IMAGE_BUILD_ARGS", "BASE=nvidia/cuda:12.6 MORE=tensorflow[and-cuda]")
    assert load().image_build_args == ("BASE=nvidia/cuda:12.6", "MORE=tensorflow[and-cuda]")
    environment.setenv("IMAGE_BUILD_ARGS", "BASE")
    with pytest.raises(SettingsError, match=r'IMAGE_BUILD_ARGS: "BASE" is no build argument like BASE='):
        load()


@pytest.mark.parametrize("registry", ["registry.example.com", "localhost:5000/group", "docker.io/team"])
def test_a_registry_is_a_host_and_may_have_a_group(environment, registry):
    environment.setenv("IMAGE_REGISTRY", registry)
    assert load().image_registry == registry


@pytest.mark.parametrize("registry", ["team", "https://registry.example.com", "registry.example.com/", "-x.y"])
def test_what_is_no_registry_is_refused(environment, registry):
    environment.setenv("IMAGE_REGISTRY", registry)
    with pytest.raises(SettingsError, match="IMAGE_REGISTRY"):
        load()


def test_a_registry_s_account_has_both_halves_and_never_prints_its_password(environment):
    environment.setenv("REGISTRY_USER", "bot")
    with pytest.raises(SettingsError, match="REGISTRY_USER and REGISTRY_PASSWORD belong together"):
        load()
    environment.setenv("REGISTRY_PASSWORD", "sandbox-canary")
    assert "sandbox-canary" not in repr(load())


def test_the_machines_own_timer_must_leave_the_idle_stop_its_time(environment, tmp_path):
    assert load().deadman_minutes == 20
    environment.setenv("IDLE_MINUTES", "20")
    assert load().deadman_minutes == 35
    environment.setenv("DEADMAN_MINUTES", "20")
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


HTTP_SECRET = {"SLACK_SIGNING_SECRET": "canary"}


@pytest.mark.parametrize(
    ("given", "without", "mode", "port"),
    [
        ({}, [], "socket", None),
        ({"HTTP_PORT": "9100"}, [], "socket", 9100),
        (HTTP_SECRET, ["SLACK_APP_TOKEN"], "http", 8080),
        (HTTP_SECRET | {"HTTP_PORT": "80"}, ["SLACK_APP_TOKEN"], "http", 80),
        (HTTP_SECRET, [], "socket", None),
        (HTTP_SECRET | {"SLACK_MODE": "http"}, [], "http", 8080),
    ],
)
def test_slack_reaches_the_bot_as_the_tokens_say_unless_the_mode_does(environment, given, without, mode, port):
    for name in without:
        environment.delenv(name)
    for name, value in given.items():
        environment.setenv(name, value)
    settings = load()
    assert (settings.mode, settings.port, settings.http_host) == (mode, port, "127.0.0.1")


@pytest.mark.parametrize(("mode", "missing"), [("http", "SLACK_SIGNING_SECRET"), ("socket", "SLACK_APP_TOKEN")])
def test_each_mode_says_which_secret_it_lacks(environment, mode, missing):
    environment.delenv("SLACK_APP_TOKEN")
    environment.setenv("SLACK_MODE", mode)
    with pytest.raises(SettingsError, match=f"{missing} is not set"):
        load()


@pytest.mark.parametrize("prefix", ["/sm", "SM-", "sm ", "-sm", "a" * 17])
def test_a_prefix_that_slack_would_not_take_is_a_wrong_setting(environment, prefix):
    environment.setenv("COMMAND_PREFIX", prefix)
    with pytest.raises(SettingsError, match="COMMAND_PREFIX"):
        load()


def test_those_who_may_release_are_words_as_the_admins_are(environment):
    environment.setenv("RELEASE_APPROVERS", "U0CLEO, U0DAN")
    assert load().release_approvers == ("U0CLEO", "U0DAN")


def test_without_limits_a_person_and_a_run_may_use_what_they_like(environment):
    settings = load()
    assert (settings.runs_per_day, settings.runs_at_once, settings.max_run_cost) == (None, None, None)


def test_a_location_may_allow_a_run_to_cost_more_or_less_than_elsewhere(environment, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(
        '[locations.rack-1]\nshared = true\npower = "always-on"\nmax_cost = 40\n'
        '[locations.rack-2]\nshared = true\npower = "always-on"\n'
    )
    environment.setenv("STATIONMASTER_CONFIG", str(file))
    assert [max_cost_of(each, load()) for each in load().locations.values()] == [40.0, None]
    environment.setenv("MAX_RUN_COST", "12.5")
    assert [max_cost_of(each, load()) for each in load().locations.values()] == [40.0, 12.5]


@pytest.mark.parametrize("name", ["RUNS_PER_DAY", "RUNS_AT_ONCE", "MAX_RUN_COST"])
def test_a_limit_of_nothing_is_a_mistake(environment, name):
    environment.setenv(name, "0")
    with pytest.raises(SettingsError, match=f"{name}: Input should be greater than"):
        load()
