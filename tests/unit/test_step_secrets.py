"""What each step may log in with."""

import pytest

from bot.errors import SettingsError
from bot.settings import load
from bot.step_secrets import step_secrets
from tests.unit.test_settings import NEEDED

BOT = {"AWS_ACCESS_KEY_ID": "bot", "AWS_SECRET_ACCESS_KEY": "bot-canary", "AWS_SESSION_TOKEN": "session-canary"}
WHERE = {"AWS_REGION": "eu-west-1"}
STEPS = {
    "AWS_READ_ACCESS_KEY_ID": "reader",
    "AWS_READ_SECRET_ACCESS_KEY": "read-canary",
    "AWS_WRITE_ACCESS_KEY_ID": "writer",
    "AWS_WRITE_SECRET_ACCESS_KEY": "write-canary",
}


@pytest.fixture
def given(monkeypatch, tmp_path):
    """Step and location -> its secrets, with more settings."""
    path = tmp_path / "station.toml"
    path.write_text(
        '[locations.rack]\nowner = "bob@example.com"\npower = "always-on"\nshell = "ssh"\nhost = "rack"\n'
        '[locations.cloud]\nowner = "alice@example.com"\ninstance = "i-0a9ec87b6ae9cf87b"\nshell = "ssm"\n'
    )

    def of(step, location, **settings):
        for name, value in {**NEEDED, "STATIONMASTER_CONFIG": str(path), **settings}.items():
            monkeypatch.setenv(name, value)
        return step_secrets(load(), {**BOT, **WHERE, **settings})(step, location)

    return of


def test_each_step_logs_in_with_the_keys_that_are_for_it(given):
    for location in ("rack", "cloud"):
        assert given("prepare", location, **STEPS)["env"] == {
            **WHERE,
            "AWS_ACCESS_KEY_ID": "reader",
            "AWS_SECRET_ACCESS_KEY": "read-canary",
        }
        assert given("publish", location, **STEPS)["env"] == {
            **WHERE,
            "AWS_ACCESS_KEY_ID": "writer",
            "AWS_SECRET_ACCESS_KEY": "write-canary",
        }


def test_the_teams_code_and_a_build_get_nothing(given):
    assert given("repro", "rack", **STEPS) == {}
    assert given("build", "rack", **STEPS) == {}


def test_an_instance_behind_ssm_is_left_its_own_role(given):
    assert given("publish", "cloud")["env"] == WHERE


def test_a_box_without_a_role_gets_the_bots_keys_where_the_steps_have_none(given):
    assert given("publish", "rack")["env"] == {**WHERE, **BOT}


def test_half_a_pair_of_keys_is_refused(given):
    with pytest.raises(SettingsError, match="AWS_READ_ACCESS_KEY_ID and AWS_READ_SECRET_ACCESS_KEY belong together"):
        given("prepare", "rack", AWS_READ_ACCESS_KEY_ID="reader")
