"""Release anyway and Discard: who may, what they are told, and that one decision holds. And what is said of it."""

import json

import pytest

from bot.ports import Person
from bot.runs.model import Note, Phase, Reason
from bot.runs.store import Store
from bot.slack.card import card
from bot.slack.ending import terminal
from bot.slack.heads_up import outcome
from bot.slack.milestones import milestone
from commands import BUTTONS, COMMANDS, FORMS
from commands.desk import Call, Desk, LocationFacts, Press, Submission
from tests.doubles.clock import TestClock
from tests.doubles.payloads import wrong_with_message, wrong_with_view
from tests.doubles.runs import START, a_run
from tests.doubles.screens import FakeScreens

WORSE = "`accuracy` is 0.8, worse by 0.1 than the 0.9 of `v1`."
HOSTILE = "<!channel> *bold* `code` \x1b[31m" + "x" * 3_000


class Office:
    """Alice's run, which is held back. Cleo may decide, the boss is an admin, Bob is neither."""

    def __init__(self, folder, *, screens=True, approvers=("UCLEO",)):
        self.clock = TestClock()
        self.store = Store(folder / "ledger.sqlite", self.clock)
        for name in ("alice", "bob", "boss", "cleo"):
            self.store.people.remember(Person(f"U{name.upper()}", name, f"{name}@example.com"))
        self.screens = FakeScreens() if screens else None
        self.woken = 0
        self.desk = Desk(
            store=self.store,
            clock=self.clock,
            project="p",
            locations={"rack-1": LocationFacts("rack-1", "alice@example.com")},
            location_for={"alice@example.com": "rack-1"}.get,
            admins=frozenset({"UBOSS"}),
            approvers=frozenset(approvers),
            screens=self.screens,
            wake=self.wake,
        )
        self.store.requests.add(delivery="d", user="UALICE", channel="C1", branch="main", tag="v2")
        self.store.requests.accept(
            self.store.requests.claim(), project="p", commit="c" * 40, email="alice@example.com", location="rack-1"
        )
        self.put("held-back")

    def wake(self):
        self.woken += 1

    def put(self, phase):
        times = {phase: 1.0, "held-back": 1.0} if phase == "held-back" else {phase: 1.0}
        with self.store._database.write() as connection:
            connection.execute(
                "UPDATE runs SET phase = ?, times = ?, progress = ?",
                (phase, json.dumps(times), json.dumps({"gate": [WORSE]})),
            )

    @property
    def run(self):
        return self.store.run(1)

    def type(self, line, user):
        name, _, text = line.partition(" ")
        (command,) = (each for each in COMMANDS if each.name == name)
        reply = command.handle(Call(user, "C1", text, "t1"), self.desk)
        assert wrong_with_message(reply.text, reply.blocks) == []
        return reply.text

    def press(self, action, user):
        """What only this person reads then."""
        (button,) = (each for each in BUTTONS if each.action == action)
        said = button.press(Press(user, action, "1", "t1", channel="C1", thread="1.0"), self.desk)
        shown = self.store._database.all("SELECT text FROM outbox WHERE kind = 'whisper' AND user = ?", (user,))
        return said or "\n".join(row["text"] for row in shown)

    def send(self, user, reason, private="1"):
        (form,) = (each for each in FORMS if each.name == "release-anyway")
        return form.submit(Submission(user, form.name, "t2", private=private, values={"reason": reason}), self.desk)

    def decided(self):
        """What stands in the ledger."""
        run = self.run
        return run.phase.value, run.result.get("approval", {}).get("reason"), run.cancelled_by


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


UNDECIDED = ("held-back", None, None)
RELEASED = ("releasing", "the test set grew", None)


# who may


@pytest.mark.parametrize(
    ("user", "releases", "discards"),
    [("UCLEO", True, True), ("UBOSS", False, True), ("UALICE", False, True), ("UBOB", False, False)],
)
def test_who_may_release_and_who_may_discard(tmp_path, user, releases, discards):
    for name, may in (("release", releases), ("discard", discards)):
        for way in ("typed", "pressed"):
            (tmp_path / f"{name}-{way}").mkdir()
            office = Office(tmp_path / f"{name}-{way}")
            expected = UNDECIDED
            if may:
                expected = RELEASED if name == "release" else ("held-back", None, user)
            if name == "release" and way == "typed":
                office.type("/release 1 the test set grew", user)
            elif name == "release":
                office.send(user, "the test set grew")
            elif way == "typed":
                office.type("/discard v2", user)
            else:
                office.press("discard", user)
            assert office.decided() == expected, (name, way)
            assert office.woken or not may


def test_who_may_not_is_told_who_may(office):
    assert office.type("/release 1 please", "UALICE") == "You may not release `v2` all the same: cleo may."
    assert "they may discard it, or cleo" in office.type("/discard 1", "UBOB")
    assert "cleo may" in office.press("release-anyway", "UALICE")
    assert office.screens.modals == {}


def test_somebody_who_may_decide_and_was_never_seen_is_mentioned_where_only_the_asker_reads_it(tmp_path):
    office = Office(tmp_path, approvers=("U0STRANGER",))
    assert "<@U0STRANGER> may" in office.type("/release 1 please", "UALICE")


def test_where_nobody_is_named_the_setting_is(tmp_path):
    office = Office(tmp_path, approvers=())
    assert "RELEASE_APPROVERS" in office.type("/release 1 please", "UBOSS")
    assert office.decided() == UNDECIDED


# the reason


@pytest.mark.parametrize("line", ["/release 1", "/release run 1", "/release v2", "/release #1 \u200b"])
def test_without_a_reason_nothing_is_released(office, line):
    assert "Say why: `/release 1 <reason>`" in office.type(line, "UCLEO")
    assert office.decided() == UNDECIDED


@pytest.mark.parametrize("which", ["1", "#1", "v2", "run 1", "`v2`"])
def test_the_run_is_named_as_everywhere_and_the_rest_is_the_reason(office, which):
    assert office.type(f"/release {which} the test set &gt; grew", "UCLEO").startswith("Releasing `v2`.")
    assert office.run.result["approval"] == {
        "by": "UCLEO",
        "who": "cleo@example.com",
        "reason": "the test set > grew",
    }


def test_a_reason_that_is_too_long_is_not_cut_but_refused(office):
    assert "501 characters, and 500 fit" in office.type(f"/release 1 {'x' * 501}", "UCLEO")
    assert office.decided() == UNDECIDED


def test_the_button_opens_a_form_that_says_what_is_worse(office):
    assert office.press("release-anyway", "UCLEO") == ""
    (view,) = office.screens.modals.values()
    assert wrong_with_view(view) == []
    assert WORSE in json.dumps(view, ensure_ascii=False)
    assert view["private_metadata"] == "1"
    assert office.send("UCLEO", "the test set grew") is None
    assert office.decided() == RELEASED


def test_the_form_says_below_its_field_what_is_wrong(office):
    assert office.send("UCLEO", "  ")["reason"].startswith("Say why")
    assert office.send("UBOB", "because")["reason"] == "You may not release v2 all the same: cleo may."
    assert office.send("UCLEO", "because", private="x")["reason"] == "That run is not known any more."
    assert office.decided() == UNDECIDED


def test_where_no_form_can_be_opened_the_command_is_named(tmp_path):
    office = Office(tmp_path, screens=False)
    assert "`/release 1 <reason>`" in office.press("release-anyway", "UCLEO")


# one decision


WAYS = {
    "release": lambda office: office.type("/release 1 the test set grew", "UCLEO"),
    "discard": lambda office: office.type("/discard 1", "UALICE"),
    "send": lambda office: str(office.send("UCLEO", "the test set grew")),
    "press": lambda office: office.press("discard", "UBOSS"),
}


@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("second", WAYS)
def test_whoever_is_second_hears_what_was_decided(office, first, second):
    WAYS[first](office)
    decided = office.decided()
    assert "has been decided on already" in WAYS[second](office)
    assert office.decided() == decided
    deeds = [row["deed"] for row in office.store.journal.of_run(1)]
    assert len([deed for deed in deeds if deed in ("release-anyway", "discard")]) == 1


@pytest.mark.parametrize("phase", ["training", "releasing", "released"])
def test_a_run_that_is_not_held_back_cannot_be_decided_on(office, phase):
    office.put(phase)
    for way in WAYS.values():
        assert "is not held back" in way(office)
    assert office.decided() == (phase, None, None)


def test_cancel_says_what_ends_a_run_that_waits(office):
    assert "`/discard 1` ends it" in office.type("/cancel 1", "UALICE")
    assert office.decided() == UNDECIDED


# what is said


def held(**changes):
    times = {Phase.QUEUED: START, Phase.STARTING: START, Phase.RELEASING: START + 9, Phase.HELD_BACK: START + 10}
    return a_run(Phase.HELD_BACK, times=times, progress={"gate": [WORSE]}, **changes)


def text(message):
    assert wrong_with_message(message.text, message.blocks) == []
    return json.dumps([dict(block) for block in message.blocks], ensure_ascii=False)


def buttons(message):
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [each["action_id"] for row in rows for each in row]


def asks(run, approvers=("UCLEO", "UDAN", "no id")):
    return milestone(run, Note("milestone", data={"what": "held-back", "approvers": list(approvers)}))


def test_one_message_mentions_the_person_and_those_who_may_decide_and_has_the_buttons():
    message = asks(held())
    assert message.text.startswith("<@UALICE> *v1.0.0 is held back.*")
    assert WORSE in message.text
    assert "<@UCLEO> and <@UDAN> may decide: `/release 42 <reason>` or `/discard 42`" in text(message).replace(
        "&lt;", "<"
    ).replace("&gt;", ">")
    assert buttons(message) == ["release-anyway", "discard"]


def test_without_anybody_who_may_it_says_whom_to_ask():
    assert "RELEASE_APPROVERS" in asks(held(), ()).text


def test_a_message_that_is_delivered_after_the_decision_has_no_buttons():
    assert buttons(asks(held(cancelled_by="UCLEO"))) == []


def test_the_card_says_what_it_waits_for_and_does_not_change_with_time():
    first, later = (card(held(), now=START + seconds) for seconds in (60, 600_000))
    assert "Held back" in text(first)
    assert WORSE in text(first)
    assert "*decision* · release" in text(first)
    assert "release ✓" not in text(first)
    assert buttons(first) == ["release-anyway", "discard"]
    assert first == later


def test_what_was_released_all_the_same_says_so_and_why():
    run = held(log_read=0)
    times = {**run.times, Phase.RELEASED: START + 500}
    approval = {"by": "UCLEO", "who": "cleo@example.com", "reason": "the test set grew"}
    run = a_run(
        Phase.RELEASED,
        times=times,
        progress=run.progress,
        result={"approval": approval, "metrics": {"accuracy": 0.8}},
        phase_at=START + 500,
        ended_at=START + 500,
    )
    said = text(terminal(run, Note("terminal")))
    assert "cleo@example.com released it all the same: the test set grew" in said
    assert WORSE in said
    assert "decision 8 min 10 s" in said


def test_what_was_discarded_says_who_did_and_where_it_is_found():
    run = held(cancelled_by="UCLEO", reason=Reason.DISCARDED)
    run = a_run(Phase.CANCELLED, reason=run.reason, progress=run.progress, cancelled_by="UCLEO", times=run.times)
    said = text(terminal(run, Note("terminal"), names={"UCLEO": "cleo"}))
    assert "*Run 42 was discarded by cleo.*" in said
    assert "found by the tag `v1.0.0`" in said
    assert "`/retry 42` brings the question back" in said
    assert "is still free" not in said
    for each in (outcome(run), text(card(run, now=START))):
        assert "Discarded" in each


@pytest.mark.parametrize("number", [1, 20])
def test_hostile_names_stay_inside_slacks_limits_and_ping_nobody(number):
    sentences = [f"`{HOSTILE}` is 1"] * number
    run = held()
    approval = {"by": "UCLEO", "who": HOSTILE, "reason": HOSTILE}
    for each in (
        a_run(Phase.HELD_BACK, times=run.times, progress={"gate": sentences}),
        a_run(Phase.RELEASED, times=run.times, progress={"gate": sentences}, result={"approval": approval}),
        a_run(Phase.CANCELLED, reason=Reason.DISCARDED, times=run.times, progress={"gate": sentences}),
    ):
        for message in (card(each, now=START), asks(each), terminal(each, Note("terminal"))):
            assert "<!channel>" not in text(message)
            assert "<!channel>" not in message.text
