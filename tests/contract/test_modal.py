"""The modal over the local Slack, which holds every view and every list of choices to Slack's own rules."""

import pytest

from bot.sandbox.slack import SlackSandbox
from tests.contract.office import TYPED, Office
from tests.doubles.project import a_project

HEAD = "a" * 40
HOSTILE = b"""\
"<!channel> *_~` & <@U0000ALICE>": 1
"\\u202e\\u0007": "<!here>"
train: {rate: 1.0e-4, flips: false, names: [1, 2], empty: "", "none": null}
""" + b"".join(b"p%d: %d\n" % (number, number) for number in range(300))


@pytest.fixture
def office(tmp_path):
    (tmp_path / "engine").mkdir()
    with SlackSandbox(tmp_path / "slack", commands=TYPED) as slack, Office(tmp_path, slack) as office:
        office.station.code.contents[HEAD] = a_project(params__yaml=HOSTILE)
        yield office


def test_parameters_of_any_kind_come_in_a_view_that_slack_takes(office):
    assert office.slack.type("alice", "/train main") == ""
    view = office.until_answered("*Branch:* `main`")
    fields = [block for block in view["blocks"] if block["block_id"].startswith("set:")]
    assert len(fields) == 20
    office.slack.fill("alice", "train.rate", "much")
    (sentence,) = office.slack.submit("alice").values()
    assert sentence == "This parameter is a number, such as 0.001."
    office.slack.fill("alice", "train.rate", "0.5")
    assert office.slack.submit("alice") == {}
    request = office.store.requests.claim()
    assert request.options.set == {"train.rate": "0.5"}
    assert (request.channel, request.user) == ("C0TRAINING", "U0000ALICE")


def test_five_thousand_branches_are_offered_a_hundred_at_a_time_and_all_are_found(office):
    office.station.code.heads |= {f"topic/{number:04}-{'x' * (number % 190)}": HEAD for number in range(5_000)}
    office.scout.refresh_all()
    office.slack.type("alice", "/train main")
    office.until_answered("*Branch:* `main`")
    assert len(office.slack.suggest("alice", "Branch")) == 100
    wanted = next(name for name in office.station.code.heads if name.startswith("topic/4300"))
    assert [option["value"] for option in office.slack.suggest("alice", "Branch", "TOPIC/4300")] == [wanted]
    assert office.slack.suggest("alice", "Branch", "<!channel>") == []
    assert office.slack.choose("alice", "Branch", wanted) == ""
    office.until_answered("topic/4300")


def test_a_submission_delivered_twice_is_one_request(office):
    office.slack.type("alice", "/train main")
    office.until_answered("*Branch:* `main`")
    assert office.slack.submit("alice") == {}
    office.slack.redeliver()
    assert office.store.requests.claim() is not None
    assert office.store.requests.claim() is None
