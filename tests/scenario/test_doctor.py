"""`stationmaster doctor`: each door asked once, and a sentence for what is wrong."""

import subprocess
import sys

import pytest

from bot.sandbox.inherited import inherited
from tests.scenario.world import MACHINES


@pytest.fixture
def doctor(world, tmp_path):
    """Its exit status and its lines, name -> sentence, with these settings changed."""

    def examine(**settings):
        environment = {**inherited(), **world.environment(**settings)}
        argv = [sys.executable, "-P", "-m", "bot", "doctor"]
        done = subprocess.run(
            argv, check=False, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.stderr == ""
        return done.returncode, dict(line[6:].split(": ", 1) for line in done.stdout.splitlines() if line[5:6] == " ")

    return examine


def test_a_bot_that_can_start_is_well_and_no_machine_is_turned_on_for_it(world, doctor):
    status, said = doctor()
    assert status == 0
    assert said["Location alice"] == "its power is stopped, so whether it answers will show when it is on"
    assert {name: world.aws.state(machine) for name, machine in MACHINES.items()} == {
        "alice": "stopped",
        "bob": "stopped",
    }


def test_each_thing_that_is_wrong_is_named_and_the_rest_is_looked_at_all_the_same(doctor):
    status, said = doctor(
        GITLAB_TOKEN="wrong",
        PUBLIC_BUCKET="no-such-bucket",
        TRAIN_INSTANCE_FOR_USER='{"eve@example.com": "i-0123456789"}',
    )
    assert status == 1
    assert "401" in said["GitLab token"]
    assert "no-such-bucket" in said["Public bucket"]
    assert "the cloud does not know it" in said["Location eve"]
    assert said["Slack"].startswith("stationmaster in ")


def test_a_limit_of_what_a_run_may_cost_is_wrong_where_nobody_knows_the_price(doctor, tmp_path):
    config = tmp_path / "settings.toml"
    config.write_text(
        '[locations.rack-1]\nshared = true\npower = "always-on"\n'
        '[locations.rack-2]\nshared = true\npower = "always-on"\nprice_per_hour = 2\nmax_cost = 25\n'
    )
    status, said = doctor(MAX_RUN_COST="10", STATIONMASTER_CONFIG=str(config))
    assert status == 1
    assert said["Cost limit of rack-1"] == (
        "a run may cost $10.00 there, and that cannot hold: nobody has said what an hour of it costs. "
        "Set price_per_hour in its table."
    )
    assert said["Cost limit of rack-2"] == "a run is ended when it has cost $25.00, at $2 an hour"
    assert said["Cost limit of alice"].startswith("a run is ended when it has cost $10.00, at $")
