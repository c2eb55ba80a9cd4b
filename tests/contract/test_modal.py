"""The modal over the local Slack, which holds every view and every list of choices to Slack's own rules."""

import threading

import pytest

from bot.clock import SystemClock
from bot.engine.scout import Scout
from bot.errands import Errands
from bot.runs.store import Store
from bot.sandbox.slack import SlackSandbox, SlashCommand
from bot.slack.app import SlackFront
from bot.slack.chat import web_client
from bot.slack.screens import SlackScreens
from commands import COMMANDS
from commands.desk import Desk, LocationFacts
from tests.doubles.project import a_project
from tests.doubles.station import Station

TYPED = [SlashCommand(command.name, command.usage, command.description) for command in COMMANDS]
HEAD = "a" * 40
HOSTILE = b"""\
"<!channel> *_~` & <@U0000ALICE>": 1
"\\u202e\\u0007": "<!here>"
train: {rate: 1.0e-4, flips: false, names: [1, 2], empty: "", "none": null}
""" + b"".join(b"p%d: %d\n" % (number, number) for number in range(300))


class Office:
    """Front and errands over a local Slack; GitLab and the ledger's engine are doubles."""

    def __init__(self, folder, slack):
        self.slack = slack
        self.station = Station(folder / "engine")
        self.station.code.contents[HEAD] = a_project(params__yaml=HOSTILE)
        self.store = Store(folder / "ledger.sqlite", SystemClock())
        self.errands = Errands()
        self.scout = Scout(self.station.world)
        client = web_client(slack.bot_token, slack.api_url)
        desk = Desk(
            store=self.store,
            clock=SystemClock(),
            project="team/fruits",
            locations={"rack-1": LocationFacts("rack-1", shared=True)},
            location_for=lambda _email: "rack-1",
            scout=self.scout,
            screens=SlackScreens(client),
            later=self.errands.run,
        )
        tokens = {"bot_token": slack.bot_token, "app_token": slack.app_token}
        self.front = SlackFront(desk, **tokens, api_url=slack.api_url)

    def until(self, condition):
        """What `condition` returned once it was true."""
        pause = threading.Event()
        for _ in range(3_000):
            found = condition()
            if found:
                return found
            pause.wait(0.02)
        raise AssertionError(f"still not so: {self.slack.modal('alice')}")

    def until_answered(self, part):
        def answered():
            view = self.slack.modal("alice")
            said = [block["text"]["text"] for block in view["blocks"] if block["type"] == "section"] if view else []
            return view if any(part in text for text in said) else None

        return self.until(answered)


@pytest.fixture
def office(tmp_path):
    (tmp_path / "engine").mkdir()
    with SlackSandbox(tmp_path / "slack", commands=TYPED) as slack:
        office = Office(tmp_path, slack)
        office.station.world.store.people.remember(office.station.world.chat.person("UALICE"))
        office.scout.meet = lambda _user: None
        office.front.start()
        yield office
        office.front.stop()
        office.errands.stop()
        office.store.close()


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
