"""The front door over the local Slack, in both modes: what a person sees who types and clicks, also on a bad day."""

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
from bot.slack.signed import EVENTS
from bot.slack.spelling import Spelling
from bot.slack.thread import Delivery
from bot.web.server import WebServer
from bot.web.site import site
from commands import COMMANDS
from commands.desk import Desk, LocationFacts
from commands.runs import SHOWN
from tests.doubles.signed_slack import SECRET

ALICE, BOB = "U0000ALICE", "U000000BOB"
PREFIXED = Spelling("sm-", [command.name for command in COMMANDS])
TYPED = [
    SlashCommand(name, command.usage, command.description)
    for command in COMMANDS
    for name in (command.name, PREFIXED.name(command.name))
]


class Office:
    """A bot without an engine: front, ledger and deliverer, connected to a local Slack."""

    def __init__(self, folder, slack, mode="socket"):
        self.slack, self.folder, self.mode = slack, folder, mode
        self.clock = SystemClock()
        self.store = Store(folder / "ledger.sqlite", self.clock)
        self.woken = threading.Event()
        self.front, self.web = self.make_front(), None
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
            project_of=changes.pop("project_of", None),
            screens=SlackScreens(web_client(self.slack.bot_token, self.slack.api_url)),
        )
        line = {"app_token": self.slack.app_token} if self.mode == "socket" else {"signing_secret": SECRET}
        return SlackFront(desk, **({"bot_token": self.slack.bot_token} | line | changes), api_url=self.slack.api_url)

    def open(self):
        self.front.start()
        if self.mode == "http":
            health, metrics = (lambda: (True, "At work.")), (lambda: "")
            app = site(health=health, metrics=metrics, receive=self.front.requests.receive)
            self.web = WebServer(app, host="127.0.0.1", port=0)
            self.web.start()
            self.slack.use_http(f"http://127.0.0.1:{self.web.port}{EVENTS}", SECRET)

    def close(self):
        if self.web is not None:
            self.web.stop()
        self.front.stop()
        self.store.close()

    def instead(self, **changes):
        """Another front in the place of the first."""
        if self.web is not None:
            self.web.stop()
        self.front.stop()
        self.front = self.make_front(**changes)
        self.open()

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


@pytest.fixture(params=["socket", "http"])
def office(request, tmp_path, slack):
    office = Office(tmp_path, slack, request.param)
    office.open()
    yield office
    office.close()


@pytest.fixture
def on_a_socket(tmp_path, slack):
    office = Office(tmp_path, slack)
    office.open()
    yield office
    office.close()


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
        said = office.slack.type("alice", command.example)
        assert "failed with the error" not in said
        assert "Something inside Stationmaster failed" not in said
    assert office.slack.ephemerals("bob") == []
    assert office.slack.messages() == []


def test_the_same_envelope_delivered_three_times_is_one_request(office):
    office.slack.type("alice", "/train main v1.0.0")
    office.slack.redeliver()
    office.accept()
    assert "That is this run already" in office.slack.redeliver()
    assert office.count("requests") == 1


def test_a_prefix_is_part_of_each_command_and_of_every_sentence_that_names_one(office):
    office.instead(spelling=PREFIXED)
    assert office.slack.type("alice", "/sm-train main v1.0.0") == ""
    assert office.count("requests") == 1
    said = office.slack.type("alice", "/sm-train")
    assert "for example `/sm-train main v1.0.0`" in said
    assert "`/train" not in said
    help_text = office.slack.type("alice", "/sm-train-help")
    assert all(f"`{PREFIXED.name(command.example)}`" in help_text for command in COMMANDS)
    assert "failed" in office.slack.type("alice", "/train main v2.0.0")
    assert office.count("requests") == 1


def test_a_command_is_about_the_project_of_its_channel(office):
    office.instead(project_of=lambda channel: f"team/of-{channel}")
    assert office.slack.type("alice", "/train main v1.0.0") == ""
    assert office.store.requests.claim().project == "team/of-C0TRAINING"


def test_it_knows_when_slack_was_last_heard(office):
    before = office.front.heard_at
    assert before <= office.clock.now()
    office.slack.type("alice", "/runs")
    assert before <= office.front.heard_at <= office.clock.now()


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


def test_a_locked_ledger_is_said_to_be_busy_within_three_seconds_also_to_twenty(on_a_socket):
    other = sqlite3.connect(on_a_socket.folder / "ledger.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    with ThreadPoolExecutor(40) as people:
        lines = [f"/train main v1.0.{number}" for number in range(40)]
        assert set(people.map(lambda line: on_a_socket.slack.type("alice", line), lines)) == {BUSY}
    assert time.monotonic() - started < 3.5
    other.execute("ROLLBACK")
    other.close()
    assert on_a_socket.count("requests") == 0


def test_a_fault_of_ours_is_said_as_one_and_names_whom_to_tell(office, slack, tmp_path):
    office.instead(wake=lambda: 1 / 0)
    said = slack.type("alice", "/train main v1.0.0")
    assert "Something inside Stationmaster failed" in said
    assert "#ml-platform" in said


def test_a_ledger_that_cannot_be_written_takes_no_command(office):
    with office.store._database.write() as connection:
        connection.execute("ALTER TABLE requests RENAME TO lost")
    assert "cannot write its records just now, so nothing was started" in office.slack.type("alice", "/train main v1")


def test_a_routine_reconnect_loses_no_command(on_a_socket, slack):
    for number in range(4):
        slack.disconnect("warning")
        assert slack.type("alice", f"/train main v1.0.{number}") == ""
        until(lambda: on_a_socket.front.connected)


def test_broken_sockets_are_replaced(on_a_socket, slack):
    for number in range(2):
        slack.cut_sockets()
        until(lambda: not slack.connected)
        until(lambda: slack.connected)
        assert slack.type("alice", f"/train main v1.0.{number}") == ""


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_a_refused_token_is_a_wrong_setting(tmp_path, slack, mode):
    front = Office(tmp_path, slack, mode).make_front(bot_token="xoxb-wrong")
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
    office.open()
    assert slack.type("alice", "/train main v1.0.0") == ""
    office.close()


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_making_a_front_calls_nobody(tmp_path, slack, mode):
    slack.fault("*", "500")
    Office(tmp_path, slack, mode).make_front()
    slack.behave()
    assert not slack.connected
