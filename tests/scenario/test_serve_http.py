"""`stationmaster serve` in HTTP mode and with a prefix, from a request to a release; and its port in Socket Mode."""

import re

import httpx
import pytest

from bot.slack.signed import EVENTS
from bot.slack.spelling import Spelling
from commands import COMMANDS
from tests.doubles.signed_slack import SECRET, signed
from tests.scenario.waiting import until
from tests.scenario.world import TinyWorld

SPELLING = Spelling("sm-", [command.name for command in COMMANDS])
HTTP = {
    "SLACK_MODE": "http",
    "SLACK_SIGNING_SECRET": SECRET,
    "HTTP_PORT": "0",
    "COMMAND_PREFIX": "sm-",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with TinyWorld(tmp_path_factory.mktemp("world"), spelling=SPELLING) as world:
        yield world


def client(bot):
    found = until(lambda: re.search(r"listening on port (\d+) of 127\.0\.0\.1", bot.said), "it says where it listens")
    return httpx.Client(base_url=f"http://127.0.0.1:{found[1]}", trust_env=False, timeout=30)


def test_a_signed_request_becomes_a_release_and_the_process_stays_small(world, record_property, capsys):
    with world.serving(**HTTP) as bot, client(bot) as http:
        world.slack.use_http(str(http.base_url.join(EVENTS)), SECRET)
        assert world.types("alice", "/sm-train main v1.0.0") == ""
        world.until_over("v1.0.0")
        assert world.thread("v1.0.0").last_word
        assert "`/sm-train main v1.0.1`" in _refusal(world)
        assert http.post(EVENTS, content=b"x", headers=signed(b"x", secret="another")).status_code == 401
        until(lambda: http.get("/healthz").status_code == 200, "it is well")
        numbers = http.get("/metrics").text
        assert 'stationmaster_runs{phase="released"} 1\n' in numbers
        assert "stationmaster_slack_connected 1\n" in numbers
        assert "stationmaster_slack_requests_refused_total 1\n" in numbers
        assert not re.search("alice|main|canary", numbers)
        peak = bot.peak_memory()
        record_property("peak_megabytes", round(peak))
        with capsys.disabled():
            print(f"[serve in HTTP mode had {peak:.0f} MB at most]", end=" ")
        assert peak < 150
        bot.stop()
        assert bot.returncode == 0
        assert "Traceback" not in bot.said
        assert SECRET not in bot.said


def _refusal(world):
    """A tag that exists, refused by the engine in a message of its own."""
    assert world.types("alice", "/sm-train main v1.0.0") == ""
    return world.told("alice", "The next free one is")


def test_in_socket_mode_the_port_says_how_it_is_and_takes_nothing_from_slack(world):
    with world.serving(HTTP_PORT="0", STATIONMASTER_HOME=str(world.home / "socket")) as bot, client(bot) as http:
        until(lambda: http.get("/healthz").status_code == 200, "it is well")
        assert "stationmaster_slack_connected 1\n" in http.get("/metrics").text
        assert http.post(EVENTS, content=b"x", headers=signed(b"x")).status_code == 404
