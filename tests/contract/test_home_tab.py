"""The home tab and the buttons over the local Slack: what a person sees who opens, presses and chooses."""

import json

import pytest

from bot.clock import SystemClock
from bot.errands import Errands
from bot.ports import Message, Person
from bot.runs.preferences import Preference
from bot.runs.store import Store
from bot.sandbox.slack import SlackSandbox, SlashCommand
from bot.slack.app import SlackFront
from bot.slack.chat import SlackChat, web_client
from bot.slack.screens import SlackScreens
from bot.slack.thread import Delivery
from commands import COMMANDS
from commands.desk import Desk, LocationFacts
from tests.contract.test_front import until

ALICE, BOB = "U0000ALICE", "U000000BOB"


class Office:
    """A bot without an engine: front, ledger, deliverer and errands, connected to a local Slack. Alice has a run."""

    def __init__(self, folder, slack):
        self.slack, self.clock, self.errands = slack, SystemClock(), Errands()
        self.store = Store(folder / "ledger.sqlite", self.clock)
        for user, name in ((ALICE, "alice"), (BOB, "bob")):
            self.store.people.remember(Person(user, name, f"{name}@example.com"))
        chat = SlackChat(web_client(slack.bot_token, slack.api_url))
        self.delivery = Delivery(self.store, chat, self.clock, logs=folder)
        self.front = SlackFront(
            Desk(
                store=self.store,
                clock=self.clock,
                project="team/fruits",
                locations={"rack-1": LocationFacts("rack-1", "alice@example.com")},
                location_for={"alice@example.com": "rack-1"}.get,
                help_contact="#ml-platform",
                log_tail=lambda _uid, _lines: ["Epoch 1/2"],
                workspace=chat.workspace,
                screens=SlackScreens(web_client(slack.bot_token, slack.api_url)),
                later=self.errands.run,
            ),
            bot_token=slack.bot_token,
            app_token=slack.app_token,
            api_url=slack.api_url,
        )

    def train(self):
        self.slack.type("alice", "/train main v1.0.0")
        run = self.store.requests.accept(
            self.store.requests.claim(), project="team/fruits", commit="c" * 40, email="", location="rack-1"
        )
        with self.store._database.write() as connection:
            connection.execute("UPDATE runs SET log_read = 9 WHERE id = ?", (run.id,))
        self.delivery.deliver()
        return self.store.run(run.id)

    def home(self, user, *parts):
        """The person's tab as text, once it says all of that."""

        def shown():
            return json.dumps(self.slack.home_tab(user) or {}, ensure_ascii=False)

        until(lambda: all(part in shown() for part in parts))
        return shown()

    def seen_by(self, user):
        self.delivery.deliver()
        return self.slack.ephemerals(user)


@pytest.fixture
def slack(tmp_path):
    typed = [SlashCommand(command.name, command.usage, command.description) for command in COMMANDS]
    with SlackSandbox(tmp_path, commands=typed) as sandbox:
        yield sandbox


@pytest.fixture
def office(tmp_path, slack):
    office = Office(tmp_path, slack)
    office.front.start()
    yield office
    office.front.stop()
    office.errands.stop()
    office.store.close()


def test_opening_home_draws_it_with_my_run_and_a_link_to_its_thread(office):
    run = office.train()
    office.slack.open_home("alice")
    said = office.home("alice", "Your machine", "`main` → `v1.0.0`")
    assert f"/archives/{run.channel}/p{run.thread.replace('.', '')}|thread>" in said


def test_a_press_in_home_is_answered_in_home_and_nowhere_else(office):
    office.slack.open_home("alice")
    office.home("alice", "Hold 20 min")
    assert office.slack.press("alice", "machine-hold", on="home") == ""
    office.home("alice", "`rack-1` is yours for 20 minutes")
    assert office.seen_by("alice") == []
    assert office.store.machines.get("rack-1").held_by == ALICE


def test_what_is_chosen_in_home_is_kept(office):
    office.slack.open_home("alice")
    office.home("alice", "What I tell you")
    assert office.slack.choose("alice", "notify-me", "also-channel", on="home") == ""
    assert office.store.preferences.of(ALICE) == Preference(also_channel=True)
    assert office.slack.choose("alice", "digest-hour", "9", on="home") == ""
    assert office.store.digests.of(ALICE, "").hour == 9
    assert office.slack.choose("alice", "notify-me", on="home") == ""
    assert office.store.preferences.of(ALICE) == Preference()


def test_the_log_button_of_a_card_opens_a_window_for_whoever_pressed_and_for_nobody_else(office):
    run = office.train()
    assert office.slack.press("bob", "log", on=run.thread) == ""
    until(lambda: office.slack.modal("bob"))
    assert "Epoch 1/2" in json.dumps(office.slack.modal("bob"))
    assert office.slack.modal("alice") is None
    assert office.seen_by("bob") == []


def test_a_button_in_a_thread_is_answered_in_the_thread(office):
    run = office.train()
    chat = SlackChat(web_client(office.slack.bot_token, office.slack.api_url))
    buttons = [block for block in office.slack.messages()[0].blocks if block["type"] == "actions"]
    last = chat.post(run.channel, Message("last", "the end", buttons), thread=run.thread)
    assert office.slack.press("bob", "cancel", on=last) == ""
    (said,) = office.seen_by("bob")
    assert "only they or an admin" in said.text
    assert said.thread_ts == run.thread


def test_what_a_runs_button_in_home_has_to_say_comes_as_a_direct_message(office):
    office.train()
    office.slack.open_home("alice")
    office.home("alice", "`main` → `v1.0.0`")
    for _ in range(2):
        assert office.slack.press("alice", "cancel", on="home") == ""
    office.delivery.deliver()
    assert any("is being cancelled already" in each.text for each in office.slack.messages("D0000ALICE"))


def test_a_stranger_who_opens_home_is_noted_to_be_looked_up(office):
    office.store.people._database._connection().execute("DELETE FROM people WHERE id = ?", (BOB,))
    office.slack.open_home("bob")
    office.home("bob", "We have not met yet")
    assert office.store.people.strangers() == [BOB]
