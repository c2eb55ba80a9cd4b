"""The app's home tab: what it shows, when it is drawn again, and what its buttons do."""

from dataclasses import replace

import pytest

from bot.errors import NotFound, Unavailable
from bot.ports import Person
from bot.runs.model import Phase, Reason
from bot.runs.preferences import Preference
from bot.runs.store import Store
from bot.sandbox.slack.limits import check_view
from bot.slack.home import Home, MachineShown, RunShown, home
from commands import BUTTONS, home_opened
from commands.desk import Desk, LocationFacts, Press
from commands.home import FRESH_SECONDS, RARE_SECONDS, refresh
from tests.doubles.clock import TestClock
from tests.doubles.runs import START, a_run

HOSTILE = "`<!channel>` <https://evil.test|click>\x1b[31m\u202e" + "x" * 100_000


class FakeScreens:
    """What people's home tabs show, and how often they were drawn."""

    def __init__(self):
        self.homes, self.drawn, self.errors = {}, 0, []

    def home(self, user, view):
        if self.errors:
            raise self.errors.pop(0)
        assert check_view(dict(view)) == []
        self.homes[user] = view
        self.drawn += 1


class Office:
    """Alice has a machine and looks at her home tab; Eve has none."""

    def __init__(self, folder):
        self.folder, self.clock, self.screens = folder, TestClock(), FakeScreens()
        self.boot()
        for name in ("alice", "bob", "eve"):
            self.store.people.remember(Person(f"U{name.upper()}", name, f"{name}@example.com", "Europe/Berlin"))

    def boot(self):
        self.store = Store(self.folder / "ledger.sqlite", self.clock)
        self.desk = Desk(
            store=self.store,
            clock=self.clock,
            project="p",
            locations={
                "rack-1": LocationFacts("rack-1", "alice@example.com", power="ec2"),
                "bob": LocationFacts("bob", "bob@example.com", power="always-on", switchable=False),
            },
            location_for={"alice@example.com": "rack-1", "bob@example.com": "bob"}.get,
            help_contact="#ml-platform",
            workspace=lambda: "https://team.slack.test/",
            screens=self.screens,
        )

    def open(self, user="UALICE"):
        home_opened(user, self.desk)
        return self.shown(user)

    def shown(self, user="UALICE"):
        return str(self.screens.homes[user]["blocks"])

    def look(self, seconds=FRESH_SECONDS):
        """Let time pass; how many tabs were drawn in the look after it."""
        self.clock.advance(seconds)
        before = self.screens.drawn
        refresh(self.desk)
        return self.screens.drawn - before

    def run(self, tag="v1.0.0", *, user="UALICE"):
        self.store.requests.add(delivery=tag, user=user, channel="C1", branch="main", tag=tag)
        return self.store.requests.accept(
            self.store.requests.claim(), project="p", commit="c" * 40, email="alice@example.com", location="rack-1"
        )

    def move(self, **changes):
        run, lease = self.store.claim()
        assert self.store.apply(run, lease, replace(run, **changes), due_in=0.0)

    def press(self, action, value, user="UALICE"):
        (button,) = (each for each in BUTTONS if each.action == action)
        return button.press(Press(user, action, value, "t", view={"type": "home"}), self.desk)


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


# what it shows


def test_it_shows_my_machine_my_runs_the_teams_releases_and_the_months_costs(office):
    office.store.machines.saw("rack-1", "running", price=1.0)
    office.clock.advance(3600)
    office.store.machines.saw("rack-1", "running", price=1.0)
    office.run("v1.0.0")
    office.move(phase=Phase.RELEASED, result={"release_url": "https://gitlab.test/r/v1.0.0"})
    office.run("v2.0.0")
    said = office.open()
    assert "*rack-1* · yours · on for 1 h" in said
    assert "'Stop'" in said
    assert "'Hold 20 min'" in said
    assert said.index("`main` → `v2.0.0`") < said.index("`main` → `v1.0.0`")
    assert "<https://gitlab.test/r/v1.0.0|v1.0.0>" in said
    assert "*$0.00* for you, *$1.00* for all" in said
    assert "'Cancel'" in said
    assert "alice on" not in said
    assert "`/runs mine` lists more" not in said
    assert "Europe/Berlin" in said


@pytest.mark.parametrize(("retried", "actions"), [(False, ["retry", "again", "log"]), (True, ["again", "log"])])
def test_a_run_has_no_button_for_its_machine_nor_for_what_was_tried_again_already(retried, actions):
    run = a_run(Phase.FAILED, log_read=9, times={Phase.STARTING: START})
    blocks = home(Home(recent=[RunShown(run, "a run", retried=retried)]))["blocks"]
    shown = [each["action_id"] for block in blocks for each in block.get("elements", ()) if each["type"] == "button"]
    assert shown == actions


def test_more_runs_than_are_shown_are_said_to_be_there():
    recent = [RunShown(a_run(Phase.FAILED), f"run {number}") for number in range(6)]
    assert "`/runs mine` lists more of them" in str(home(Home(recent=recent)))
    assert "lists more of them" not in str(home(Home(recent=recent[:5])))


def test_somebody_without_anything_sees_what_to_do(office):
    said = office.open("UEVE")
    assert "None of the machines is yours. Ask #ml-platform" in said
    assert "`/train <branch> <tag>` starts one" in said
    assert "nothing was spent" in said


def test_a_stranger_is_looked_up_and_sees_the_page_once_they_are_known(office):
    assert "We have not met yet" in office.open("UNEW")
    assert office.store.people.strangers() == ["UNEW"]
    office.store.people.remember(Person("UNEW", "new", "new@example.com"))
    assert office.look() == 1
    assert "We have not met yet" not in office.shown("UNEW")


def test_a_box_that_is_always_on_has_no_switch(office):
    said = office.open("UBOB")
    assert "'Start'" not in said
    assert "'Stop'" not in said
    assert "'Hold 20 min'" in said


def test_the_longest_page_with_hostile_text_is_inside_slacks_limits():
    runs = [
        RunShown(
            a_run(Phase.FAILED, id=at, holds=True, log_read=9, reason=Reason.CODE, branch=HOSTILE, location=HOSTILE),
            HOSTILE,
        )
        for at in range(30)
    ]
    page = home(
        Home(
            answer=HOSTILE,
            machines=[MachineShown(f"rack-{at}", HOSTILE, on=True, held=True) for at in range(20)],
            active=runs[:15],
            recent=runs[15:],
            releases=[HOSTILE] * 30,
            costs=HOSTILE,
            preference=Preference(also_channel=True, direct_message=True),
            digest=23,
            tz=HOSTILE,
        )
    )
    assert check_view(dict(page)) == []
    assert len(page["blocks"]) <= 60


# when it is drawn


def test_it_is_drawn_when_it_is_opened_and_again_when_something_of_mine_changed(office):
    office.open()
    assert office.look() == 0
    office.run()
    assert office.look() == 1
    assert "`main` → `v1.0.0`" in office.shown()
    assert office.look() == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda office: office.store.machines.saw("rack-1", "running"),
        lambda office: office.store.wishes.start("rack-1", user="UALICE", channel="C1"),
        lambda office: office.store.holds.take(
            "rack-1", user="UBOB", until=START + 10_000_000, reason="", channel="C1"
        ),
        lambda office: office.store.preferences.choose("UALICE", Preference(also_channel=True)),
        lambda office: office.store.digests.choose("UALICE", "", 9),
    ],
)
def test_whatever_it_shows_makes_it_drawn_again(office, change):
    office.open()
    change(office)
    assert office.look() == 1


def test_a_run_that_changes_all_the_time_draws_it_at_a_bounded_rate(office):
    office.open()
    office.run()
    drawn = 0
    for epoch in range(60):
        office.move(progress={"metric": {"step": epoch, "of": 60}})
        drawn += office.look(1.0)
    assert 1 <= drawn <= 60 / FRESH_SECONDS + 1


def test_a_tab_that_was_not_opened_for_long_is_drawn_rarely(office):
    office.open()
    office.clock.advance(3600)
    drawn = 0
    for at in range(60):
        office.run(f"v{at}")
        drawn += office.look(RARE_SECONDS / 20)
    assert 1 <= drawn <= 60 / 20 + 1


def test_nobody_who_never_opened_theirs_gets_one(office):
    office.run(user="UBOB")
    assert office.look() == 0
    assert office.screens.homes == {}


def test_after_a_restart_it_is_still_kept_fresh(office):
    office.open()
    office.run()
    office.store.close()
    office.boot()
    assert office.look() == 1
    assert office.look() == 0


def test_while_slack_is_away_it_waits_and_then_catches_up(office):
    office.open()
    office.run()
    office.clock.advance(FRESH_SECONDS)
    office.screens.errors.append(Unavailable("429", retry_after=42.0))
    assert refresh(office.desk) == 42.0
    assert office.look(42.0) == 1


def test_somebody_whose_tab_cannot_be_drawn_holds_up_no_other(office):
    office.open("UBOB")
    office.open("UALICE")
    office.store.machines.saw("rack-1", "running")
    office.screens.errors.append(NotFound("user_not_found"))
    assert office.look() == 1


def test_with_a_hundred_people_one_look_draws_a_few(office):
    for number in range(30):
        office.open(f"UX{number}")
    office.store.machines.saw("rack-1", "running")
    assert [office.look() for _ in range(4)] == [10, 10, 10, 0]


# what its buttons do


def test_a_press_is_answered_in_the_tab_for_a_minute(office):
    office.open()
    assert office.press("machine-hold", "rack-1") is None
    assert "`rack-1` is yours for 20 minutes" in office.shown()
    assert "'Release'" in office.shown()
    assert office.look(61.0) == 1
    assert "is yours for 20 minutes" not in office.shown()


def test_the_machine_is_switched_held_and_released(office):
    office.open()
    office.press("machine-start", "rack-1")
    assert "Starting `rack-1`. I tell you when it answers" in office.shown()
    assert office.store.machines.get("rack-1").wanted == "on"
    office.press("machine-hold", "rack-1")
    office.press("machine-release", "rack-1")
    assert "Your hold on `rack-1` has ended" in office.shown()
    office.store.machines.saw("rack-1", "running")
    office.press("machine-stop", "rack-1")
    assert office.store.machines.get("rack-1").wanted == "off"


@pytest.mark.parametrize("action", ["machine-start", "machine-stop", "machine-hold"])
def test_nobody_switches_or_holds_somebody_elses_machine(office, action):
    office.open("UBOB")
    office.press(action, "rack-1", "UBOB")
    assert "only they or an admin can do that" in office.shown("UBOB")
    row = office.store.machines.get("rack-1")
    assert (row.wanted, row.held_by) == (None, None)


def test_the_boxes_are_what_was_chosen(office):
    office.open()
    office.press("notify-me", "also-channel,direct-message")
    assert office.store.preferences.of("UALICE") == Preference(also_channel=True, direct_message=True)
    assert office.look() == 1
    assert "initial_options" in office.shown()
    office.press("notify-me", "")
    assert office.store.preferences.of("UALICE") == Preference()


@pytest.mark.parametrize(("chosen", "hour"), [("9", 9), ("0", 0), ("off", None), ("24", None), ("x", None)])
def test_the_hour_of_the_digest_is_in_the_persons_time_zone(office, chosen, hour):
    office.open()
    office.press("digest-hour", "7")
    office.press("digest-hour", chosen)
    digest = office.store.digests.of("UALICE", "")
    assert (digest and (digest.hour, digest.tz)) == (None if hour is None else (hour, "Europe/Berlin"))
