"""The front door over the local Slack: what a person sees who types and clicks, also on a bad day."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.clock import SystemClock
from bot.errors import SettingsError
from bot.ports import Message
from bot.runs.store import Store
from bot.sandbox.slack import SlackSandbox, SlashCommand
from bot.slack.app import SlackFront
from bot.slack.blocks import button
from bot.slack.chat import SlackChat, web_client
from bot.slack.listeners import BUSY
from bot.slack.screens import SlackScreens
from bot.slack.thread import Delivery
from commands import COMMANDS
from commands.desk import Desk, LocationFacts
from commands.runs import SHOWN

ALICE, BOB = "U0000ALICE", "U000000BOB"
TYPED = [SlashCommand(command.name, command.usage, command.description) for command in COMMANDS]


class Office:
    """A bot without an engine: front, ledger and deliverer, connected to a local Slack."""

    def __init__(self, folder, slack):
        self.slack, self.folder = slack, folder
        self.clock = SystemClock()
        self.store = Store(folder / "ledger.sqlite", self.clock)
        self.woken = threading.Event()
        self.front = self.make_front()
        chat = SlackChat(web_client(slack.bot_token, slack.api_url))
        self.delivery = Delivery(self.store, chat, self.clock, logs=folder)

    def make_front(self, **changes):
        desk = Desk(
            store=self.store,
            clock=self.clock,
            project="team/fruits",
            locations={"rack-1": LocationFacts("rack-1", "alice@example.com")},
            location_for=lambda _email: "rack-1",
            help_contact="#ml-platform",
            wake=changes.pop("wake", self.woken.set),
            screens=SlackScreens(web_client(self.slack.bot_token, self.slack.api_url)),
        )
        tokens = {"bot_token": self.slack.bot_token, "app_token": self.slack.app_token}
        return SlackFront(desk, **(tokens | changes), api_url=self.slack.api_url)

    def accept(self):
        """What the engine does with a request, and its card."""
        request = self.store.requests.claim()
        run = self.store.requests.accept(
            request, project="team/fruits", commit="c" * 40, email="alice@example.com", location="rack-1"
        )
        self.delivery.deliver()
        return run

    def count(self, table):
        return self.store._database.one(f"SELECT count(*) AS n FROM {table}")["n"]


@pytest.fixture
def slack(tmp_path):
    with SlackSandbox(tmp_path, commands=TYPED) as sandbox:
        yield sandbox


@pytest.fixture
def office(tmp_path, slack):
    office = Office(tmp_path, slack)
    office.front.start()
    yield office
    office.front.stop()
    office.store.close()


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "still not so"
        time.sleep(0.02)


def test_train_is_acknowledged_in_silence_and_noted(office):
    assert office.slack.type("alice", "/train main v1.0.0") == ""
    assert office.count("requests") == 1
    assert office.woken.is_set()


def test_every_command_answers_its_caller_alone(office):
    for command in COMMANDS[1:]:
        assert "failed" not in office.slack.type("alice", command.example)
    assert office.slack.ephemerals("bob") == []
    assert office.slack.messages() == []


def test_the_same_envelope_delivered_three_times_is_one_request(office):
    office.slack.type("alice", "/train main v1.0.0")
    office.slack.redeliver()
    office.accept()
    assert "That is this run already" in office.slack.redeliver()
    assert office.count("requests") == 1


def test_the_cancel_button_works_for_the_owner(office):
    office.slack.type("alice", "/train main v1.0.0")
    run = office.accept()
    assert office.slack.click("alice", office.store.run(run.id).thread, "cancel") == ""
    assert office.store.run(run.id).cancelled_by == ALICE
    office.delivery.deliver()
    assert "Cancelling" in office.slack.messages()[0].text


def test_the_cancel_button_tells_anybody_else_no_and_only_them(office):
    office.slack.type("alice", "/train main v1.0.0")
    run = office.accept()
    assert office.slack.click("bob", office.store.run(run.id).thread, "cancel") == ""
    office.slack.redeliver()
    office.delivery.deliver()
    assert office.store.run(run.id).cancelled_by is None
    (said,) = office.slack.ephemerals("bob")
    assert "only they or an admin can cancel it" in said.text
    assert "cancel" not in "".join(message.text for message in office.slack.ephemerals("alice"))


def test_a_list_is_turned_page_by_page_in_its_own_place(office):
    for number in range(SHOWN + 2):
        office.slack.type("alice", f"/train main v{number}.0.0")
        office.accept()
    office.slack.type("alice", "/runs")
    (first,) = office.slack.ephemerals("alice")
    assert office.slack.click("alice", first.ts, "runs-page:older") == ""
    (second,) = office.slack.ephemerals("alice")
    assert "v0.0.0" in second.text
    assert "v0.0.0" not in first.text
    assert office.slack.click("alice", second.ts, "runs-page:newest") == ""
    (again,) = office.slack.ephemerals("alice")
    assert f"v{SHOWN + 1}.0.0" in again.text
    assert "v0.0.0" not in again.text


def test_a_button_that_nobody_knows_any_more_does_nothing_and_shows_no_warning(office):
    office.slack.type("alice", "/train main v1.0.0")
    run = office.accept()
    run = office.store.run(run.id)
    old = [{"type": "actions", "elements": [button("Old", "from-another-time", "1")]}]
    SlackChat(web_client(office.slack.bot_token, office.slack.api_url)).update(
        run.channel, run.thread, Message("k", "card", old)
    )
    assert office.slack.click("alice", run.thread, "from-another-time") == ""


def test_twenty_commands_at_once_are_all_acknowledged(office):
    with ThreadPoolExecutor(20) as people:
        lines = [f"/train main v1.0.{number}" for number in range(20)]
        assert list(people.map(lambda line: office.slack.type("alice", line), lines)) == [""] * 20
    assert office.count("requests") == 20


def test_a_locked_ledger_is_said_to_be_busy_within_three_seconds_also_to_twenty(office):
    other = sqlite3.connect(office.folder / "ledger.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    with ThreadPoolExecutor(40) as people:
        lines = [f"/train main v1.0.{number}" for number in range(40)]
        assert set(people.map(lambda line: office.slack.type("alice", line), lines)) == {BUSY}
    assert time.monotonic() - started < 3.5
    other.execute("ROLLBACK")
    other.close()
    assert office.count("requests") == 0


def test_a_fault_of_ours_is_said_as_one_and_names_whom_to_tell(office, slack, tmp_path):
    office.front.stop()
    office.front = office.make_front(wake=lambda: 1 / 0)
    office.front.start()
    said = slack.type("alice", "/train main v1.0.0")
    assert "Something inside Stationmaster failed" in said
    assert "#ml-platform" in said


def test_a_ledger_that_cannot_be_written_takes_no_command(office):
    with office.store._database.write() as connection:
        connection.execute("ALTER TABLE requests RENAME TO lost")
    assert "cannot write its records just now, so nothing was started" in office.slack.type("alice", "/train main v1")


def test_a_routine_reconnect_loses_no_command(office, slack):
    for number in range(4):
        slack.disconnect("warning")
        assert slack.type("alice", f"/train main v1.0.{number}") == ""
        until(lambda: office.front.connected)


def test_broken_sockets_are_replaced(office, slack):
    for number in range(2):
        slack.cut_sockets()
        until(lambda: not slack.connected)
        until(lambda: slack.connected)
        assert slack.type("alice", f"/train main v1.0.{number}") == ""


def test_a_refused_token_is_a_wrong_setting(tmp_path, slack):
    front = Office(tmp_path, slack).make_front(bot_token="xoxb-wrong")
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN"):
        front.start()
    front.stop()


def test_a_refused_app_token_is_a_wrong_setting(tmp_path, slack):
    front = Office(tmp_path, slack).make_front(app_token="xapp-wrong")
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN"):
        front.start()
    front.stop()


def test_slack_being_away_at_the_start_is_waited_out(tmp_path, slack):
    slack.fault("auth.test", "503")
    slack.fault("apps.connections.open", "503", times=2)
    office = Office(tmp_path, slack)
    office.front.start()
    assert slack.type("alice", "/train main v1.0.0") == ""
    office.front.stop()


def test_making_a_front_calls_nobody(tmp_path, slack):
    slack.fault("*", "500")
    Office(tmp_path, slack).make_front()
    slack.behave()
    assert not slack.connected
