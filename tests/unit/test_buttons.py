"""The buttons below a card and a last message: which there are, who may press them, and what a late press is told."""

import json
import re
from dataclasses import replace

import pytest

from bot.errors import NotFound
from bot.ports import Person
from bot.runs.model import Kind, Note, Phase, Reason
from bot.runs.store import Store
from bot.sandbox.slack.limits import check_message, check_view
from bot.slack.buttons import RETRY, row
from bot.slack.card import card
from bot.slack.ending import terminal
from commands import BUTTONS, log, modal
from commands.desk import Desk, LocationFacts, Press
from tests.doubles.clock import TestClock
from tests.doubles.runs import START, a_run
from tests.doubles.screens import FakeScreens

COMPARED = {
    "compared": {"same_as": None, "against": [{"tag": "v0.9.0", "branch": "main", "metrics": {}, "params": {}}]}
}
STARTED = {Phase.QUEUED: START, Phase.STARTING: START + 1}


def actions(run):
    return [button["action_id"] for block in row(run) for button in block["elements"]]


# which there are


@pytest.mark.parametrize(
    ("run", "there"),
    [
        (a_run(Phase.QUEUED), ["cancel"]),
        (a_run(Phase.TRAINING, holds=True, log_read=9), ["cancel", "log", "hold"]),
        (a_run(Phase.TRAINING, holds=True, cancelled_by="UBOB"), ["hold"]),
        (a_run(Phase.RELEASING, log_read=9), ["log"]),
        (a_run(Phase.RELEASED, log_read=9, progress=COMPARED), ["again", "compare", "log"]),
        (a_run(Phase.RELEASED), ["again"]),
        (a_run(Phase.FAILED, log_read=9, times=STARTED), ["retry", "again", "log", "hold"]),
        (a_run(Phase.FAILED), ["retry", "again"]),
        (a_run(Phase.CANCELLED), ["retry", "again"]),
        (a_run(Phase.BUILT, kind=Kind.BUILD, log_read=9), ["log"]),
        (a_run(Phase.FAILED, kind=Kind.BUILD), ["retry"]),
        (a_run(Phase.TESTED, kind=Kind.SMOKE), ["again"]),
        (a_run(Phase.BUILT, kind=Kind.BUILD), []),
    ],
)
def test_the_row_has_what_makes_sense_in_the_phase(run, there):
    assert actions(run) == there


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("kind", Kind)
def test_the_row_is_the_same_below_card_and_last_message_and_inside_slacks_limits(phase, kind):
    hostile = "`<!channel>`\x1b[31m" + "x" * 100_000
    reason = Reason.CODE if phase in (Phase.FAILED, Phase.CANCELLED) else None
    run = a_run(phase, kind=kind, reason=reason, branch=hostile, tag=hostile, location=hostile, log_read=9, holds=True)
    for message in (card(run, now=START), terminal(run, Note("terminal"))):
        blocks = [dict(block) for block in message.blocks]
        assert check_message(message.text, blocks) == []
        assert [block for block in blocks if block["type"] == "actions"] == row(run)
    assert all(len(block["elements"]) <= 5 for block in row(run))


@pytest.mark.parametrize(
    ("reason", "style"), [(Reason.NETWORK, "primary"), (Reason.CODE, None), (Reason.OUT_OF_MEMORY, None)]
)
def test_retry_is_the_next_thing_to_do_but_where_the_branch_has_to_change_first(reason, style):
    (block,) = row(a_run(Phase.FAILED, reason=reason))
    (retry,) = (each for each in block["elements"] if each["action_id"] == RETRY)
    assert retry.get("style") == style


def test_every_button_has_a_handler_and_says_to_a_screen_reader_what_it_is_about():
    handlers = {button.action for button in BUTTONS}
    assert len(handlers) == len(BUTTONS)
    for phase in Phase:
        run = a_run(phase, holds=True, log_read=9, times=STARTED, progress=COMPARED)
        for block in row(run):
            for button in block["elements"]:
                assert button["action_id"] in handlers
                assert button["value"] == "42"
                assert len(button["accessibility_label"]) <= 75


# who may press them


class Office:
    """Alice's run on her machine, in the phase that a test wants. Bob has a machine of his own, the boss none."""

    def __init__(self, folder):
        self.clock = TestClock()
        self.store = Store(folder / "ledger.sqlite", self.clock)
        for name in ("alice", "bob", "boss"):
            self.store.people.remember(Person(f"U{name.upper()}", name, f"{name}@example.com"))
        self.desk = Desk(
            store=self.store,
            clock=self.clock,
            project="p",
            locations={
                "rack-1": LocationFacts("rack-1", "alice@example.com", power="ec2"),
                "bob": LocationFacts("bob", "bob@example.com"),
            },
            location_for={"alice@example.com": "rack-1", "bob@example.com": "bob"}.get,
            admins=frozenset({"UBOSS"}),
            help_contact="#ml-platform",
            log_tail=lambda _uid, _lines: ["Epoch 1/2 <!channel>", "```loss: 0.5"],
        )

    def accept(self, tag):
        self.store.requests.add(delivery=tag, user="UALICE", channel="C1", branch="main", tag=tag)
        return self.store.requests.accept(
            self.store.requests.claim(), project="p", commit="c" * 40, email="alice@example.com", location="rack-1"
        )

    def run(self, phase):
        run = self.accept("v1.0.0")
        with self.store._database.write() as connection:
            connection.execute(
                "UPDATE runs SET phase = ?, ended_at = ?, reason = ?, progress = ?, log_read = 9 WHERE id = ?",
                (phase.value, START if phase.ended else None, "code", json.dumps(COMPARED), run.id),
            )
        return self.store.run(run.id)

    def press(self, action, user, value="1", *, trigger="t1"):
        """What only this person reads then: the sentence, or the message with blocks."""
        (button,) = (each for each in BUTTONS if each.action == action)
        press = Press(user, action, value, trigger, channel="C1", message="5.000001", thread="1.000001")
        before = {each["id"] for each in self.whispers()}
        said = button.press(press, self.desk)
        shown = [each for each in self.whispers() if each["id"] not in before]
        for each in shown:
            assert (each["channel"], each["user"]) == ("C1", user)
            assert check_message(each["text"], json.loads(each["data"]).get("blocks", [])) == []
        return said or "\n".join(each["text"] + each["data"] for each in shown)

    def whispers(self):
        return self.store._database.all("SELECT * FROM outbox WHERE kind = 'whisper'")


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


MAY, MAY_NOT = None, "only they or an admin"
PERMISSIONS = [
    # action, phase, stranger, owner, admin
    ("cancel", Phase.TRAINING, MAY_NOT, MAY, MAY),
    ("retry", Phase.FAILED, MAY_NOT, MAY, MAY),
    ("hold", Phase.FAILED, MAY_NOT, MAY, MAY),
    ("log", Phase.TRAINING, MAY, MAY, MAY),
    ("log", Phase.FAILED, MAY, MAY, MAY),
    ("compare", Phase.RELEASED, MAY, MAY, MAY),
    ("again", Phase.RELEASED, MAY, MAY, MAY),
]


@pytest.mark.parametrize(
    ("action", "phase", "user", "refused"),
    [
        (action, phase, user, refused)
        for action, phase, *each in PERMISSIONS
        for user, refused in zip(("UBOB", "UALICE", "UBOSS"), each, strict=True)
    ],
)
def test_each_button_checks_who_pressed_it(office, action, phase, user, refused):
    office.run(phase)
    said = office.press(action, user)
    assert (MAY_NOT in said) is (refused is MAY_NOT)


def test_whoever_may_not_changes_nothing(office):
    office.run(Phase.TRAINING)
    office.press("cancel", "UBOB")
    office.press("hold", "UBOB", trigger="t2")
    assert office.store.run(1).cancelled_by is None
    assert office.store.machines.get("rack-1").held_by is None


@pytest.mark.parametrize("action", ["cancel", "retry", "log", "hold", "compare", "again"])
@pytest.mark.parametrize("value", ["42", "", "x", "9" * 30])
def test_a_button_of_a_run_that_is_gone_says_so(office, action, value):
    assert "not known any more" in office.press(action, "UALICE", value)


def test_a_cancel_of_what_has_ended_is_answered_in_words(office):
    office.run(Phase.RELEASED)
    assert "has ended already" in office.press("cancel", "UALICE")


# what they do


def test_the_log_button_shows_the_last_lines_to_whoever_asks_and_pings_nobody(office):
    office.run(Phase.TRAINING)
    said = office.press("log", "UBOB")
    assert "Epoch 1/2 &lt;!channel&gt;" in said
    assert "<!channel>" not in said
    assert '"thread": "1.000001"' in said


def test_a_press_that_is_delivered_again_shows_its_answer_once(office):
    office.run(Phase.TRAINING)
    office.press("log", "UBOB")
    office.press("log", "UBOB")
    assert len(office.whispers()) == 1
    office.press("log", "UBOB", trigger="t2")
    assert len(office.whispers()) == 2


def test_where_windows_can_be_opened_the_log_is_one_with_its_newest_line_at_the_end(office):
    office.run(Phase.TRAINING)
    screens = FakeScreens()
    lines = [f"line {number:03} <!channel> ``` " + "x" * 300 for number in range(log.LINES)]
    office.desk = replace(office.desk, screens=screens, log_tail=lambda _uid, wanted: lines[-wanted:])
    assert office.press("log", "UBOB") == ""
    (view,) = screens.modals.values()
    assert check_view(view) == []
    text = "\n".join(str(block) for block in view["blocks"])
    assert re.findall(r"line (\d+)", text) == [f"{number:03}" for number in range(log.LINES)]
    assert "<!channel>" not in text
    assert "When the run ends, its thread gets the whole log" in text


def test_of_a_log_of_long_hostile_lines_the_newest_are_kept_inside_slacks_limits():
    lines = [f"line {number:03} " + "\x1b[31m\u00fc`<&>" * 10_000 for number in range(log.LINES)]
    view = log.window(a_run(Phase.TRAINING), lines)
    assert check_view(view) == []
    found = re.findall(r"line (\d+)", str(view["blocks"]))
    assert found == [f"{number:03}" for number in range(log.LINES)][-len(found) :]


def test_a_log_that_cannot_be_opened_as_a_window_comes_as_a_message(office):
    class Late(FakeScreens):
        def open(self, _trigger, _view):
            raise NotFound("Slack refused views.open: expired_trigger_id")

    office.run(Phase.TRAINING)
    office.desk = replace(office.desk, screens=Late())
    assert "Epoch 1/2" in office.press("log", "UBOB")


def test_the_card_of_a_run_that_is_tried_again_names_that_run_and_has_no_retry_button(office):
    office.run(Phase.FAILED)
    with office.store._database.write() as connection:
        connection.execute("UPDATE runs SET thread = '1.000001', shown_version = version, holds = 0")
    assert office.press("retry", "UALICE") == ""
    assert office.store.stale_cards() == []
    run = office.store.run(1)
    request = office.store.requests.claim()
    again = office.store.requests.accept(request, project="p", commit=run.commit, email=run.email, location="rack-1")
    assert [stale.id for stale, _version in office.store.stale_cards()] == [1]
    shown = card(run, now=START, retried=again)
    assert f"Run {again.id} tries it again." in str(shown.blocks)
    assert "retry" not in [
        button["action_id"] for block in shown.blocks for button in block.get("elements", ()) if "action_id" in button
    ]
    assert "again" in str(shown.blocks)


def test_a_log_without_a_line_is_said_to_be_empty(office):
    office.run(Phase.TRAINING)
    office.desk = replace(office.desk, log_tail=lambda _uid, _lines: [])
    assert "has written nothing yet" in office.press("log", "UALICE")


def test_the_hold_button_keeps_the_runs_machine_for_twenty_minutes_and_again_for_as_long(office):
    office.run(Phase.FAILED)
    now = office.clock.now()
    assert "`rack-1` is yours for 20 minutes" in office.press("hold", "UALICE")
    assert office.store.machines.get("rack-1").held_until == now + 1200
    office.clock.advance(600)
    assert "yours for 20 minutes from now" in office.press("hold", "UALICE", trigger="t2")
    assert office.store.machines.get("rack-1").held_until == now + 1800


def test_the_hold_button_never_makes_a_longer_hold_shorter(office):
    office.run(Phase.FAILED)
    until = office.clock.now() + 3600
    office.store.holds.take("rack-1", user="UALICE", until=until, reason="debugging", channel="C1")
    assert "for another 1 h already" in office.press("hold", "UALICE")
    assert office.store.machines.get("rack-1").held_until == until


def test_the_retry_button_tries_a_failed_run_again_once_whoever_presses_it(office):
    office.run(Phase.FAILED)
    assert office.press("retry", "UBOB") != ""
    assert office.store.requests.claim() is None
    assert office.press("retry", "UALICE", trigger="t2") == ""
    assert "being tried again" in office.press("retry", "UBOSS", trigger="t3")
    request = office.store.requests.claim()
    assert (request.retry_of, request.user, request.channel) == (1, "UALICE", "C1")
    assert office.store.requests.claim() is None


def test_the_retry_button_of_what_is_released_says_that_there_is_nothing_to_retry(office):
    office.run(Phase.RELEASED)
    assert "nothing to try again" in office.press("retry", "UALICE")


def test_the_compare_button_has_the_engine_compare_with_the_release_before_it_once(office):
    office.run(Phase.RELEASED)
    assert "no release before `v1.0.0`" in office.press("compare", "UBOB")
    office.accept("v0.9.0")
    assert office.press("compare", "UBOB") == ""
    assert "has that comparison already" in office.press("compare", "UALICE", trigger="t2")
    (errand,) = office.store.errands.due()
    assert (errand.channel, errand.data["runs"], errand.data["tables"]) == ("C1", [2, 1], True)


def test_train_again_opens_the_form_filled_in_for_whoever_has_a_machine(office, monkeypatch):
    opened = []
    monkeypatch.setattr(modal, "open_modal", lambda *given, **more: opened.append((given[1:], more)) or True)
    run = office.run(Phase.FAILED)
    assert office.press("again", "UBOB") == ""
    assert opened == [(("t1", "C1", "UBOB"), {"branch": "main", "options": run.options})]


def test_train_again_tells_somebody_without_a_machine_whom_to_ask(office):
    office.run(Phase.FAILED)
    assert "there is no training machine for `boss@example.com`" in office.press("again", "UBOSS")


def test_train_again_without_forms_says_what_to_type(office):
    office.run(Phase.FAILED)
    assert "`/train main &lt;tag&gt;` trains it again" in office.press("again", "UBOB")
