"""The digest of a day: at its hour in its time zone, once, and only when something happened."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.ports import Person
from bot.runs.charges import Charge, Part
from bot.runs.digests import zone_said
from bot.runs.model import Phase, Reason
from bot.runs.store import Store
from bot.sandbox.slack.limits import check_message
from bot.slack.daily import tell_digests
from bot.slack.digest import Day, digest
from tests.doubles.clock import TestClock
from tests.doubles.runs import START, a_run

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
HOUR, DAY = 3600.0, 86_400.0


class Ledger:
    def __init__(self, folder, now=MIDNIGHT):
        self.folder, self.clock, self.woken = folder, TestClock(now), 0
        self.boot()
        self.store.people.remember(Person("UALICE", "alice", "alice@example.com"))

    def boot(self):
        self.store = Store(self.folder / "ledger.sqlite", self.clock)

    def wake(self):
        self.woken += 1

    def end_a_run(self, tag, phase=Phase.RELEASED, **changes):
        self.store.requests.add(delivery=tag, user="UALICE", channel="C1", branch="main", tag=tag)
        self.store.requests.accept(self.store.requests.claim(), project="p", commit="c" * 40, email="", location="r")
        run, lease = self.store.claim()
        assert self.store.apply(run, lease, replace(run, phase=phase, **changes), due_in=0.0)

    def look(self, hours=0.0):
        """Let time pass, look, and return the texts of what was newly told."""
        self.clock.advance(hours * HOUR)
        before = len(self.told())
        tell_digests(self.store, self.wake)
        return [row["text"] for row in self.told()[before:]]

    def told(self):
        return self.store._database.all("SELECT * FROM outbox WHERE kind = 'notice' ORDER BY id")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_it_comes_once_a_day_after_its_hour(ledger):
    ledger.store.digests.choose("C1", "p", 9)
    ledger.end_a_run("v1")
    assert ledger.look(8.9) == []
    assert len(ledger.look(0.2)) == 1
    assert ledger.woken == 1
    assert ledger.look(0.2) == ledger.look(5) == []
    ledger.end_a_run("v2")
    (said,) = ledger.look(20)
    assert "1 run ended: 1 released." in said
    assert ledger.told()[-1]["channel"] == "C1"


def test_it_is_chosen_for_the_next_time_that_the_clock_shows_the_hour(ledger):
    ledger.clock.advance(14 * HOUR)
    ledger.end_a_run("v1")
    ledger.store.digests.choose("C1", "p", 9)
    assert ledger.look() == []
    assert len(ledger.look(19.1)) == 1


def test_a_day_on_which_nothing_happened_is_passed_over_in_silence(ledger):
    ledger.store.digests.choose("C1", "p", 9)
    assert ledger.look(9.1) == []
    ledger.end_a_run("v1")
    assert ledger.look(1) == []
    assert len(ledger.look(23)) == 1


def test_a_bot_that_was_started_again_says_it_no_second_time(ledger):
    ledger.store.digests.choose("C1", "p", 9)
    ledger.end_a_run("v1")
    assert len(ledger.look(9.1)) == 1
    ledger.store.close()
    ledger.boot()
    assert ledger.look() == []


def test_a_bot_that_was_down_at_the_hour_says_it_later_and_of_the_same_day(ledger):
    ledger.store.digests.choose("C1", "p", 9)
    ledger.end_a_run("v1")
    ledger.clock.advance(15 * HOUR)
    ledger.end_a_run("v2")
    (said,) = ledger.look()
    assert "1 run ended" in said
    assert "09:00" in said
    (tomorrow,) = ledger.look(20)
    assert "1 run ended" in tomorrow


def test_every_place_has_its_own_hour_and_time_zone(ledger):
    ledger.store.digests.choose("C1", "p", 9, "Europe/Berlin")
    ledger.store.digests.choose("UALICE", "p", 9, "America/New_York")
    ledger.store.digests.choose("C2", "p", 9, "No/Such_Zone")
    ledger.end_a_run("v1")
    places = []
    for _ in range(24):
        places += [row["channel"] for row in ledger.told()[len(places) :]] if ledger.look(1) else []
    assert places == ["C1", "C2", "UALICE"]


def test_another_projects_runs_are_not_told_of(ledger):
    ledger.store.digests.choose("C1", "other", 9)
    ledger.end_a_run("v1")
    assert ledger.look(10) == []


def test_a_persons_digest_is_of_all_projects(ledger):
    ledger.store.digests.choose("UALICE", "", 9)
    ledger.end_a_run("v1")
    assert len(ledger.look(10)) == 1


def test_it_names_every_run_the_money_and_the_idle_machines():
    runs = [
        (a_run(Phase.RELEASED, id=7, result={"release_url": "https://gitlab.test/r"}, ended_at=START), "alice"),
        (a_run(Phase.FAILED, id=8, reason=Reason.OUT_OF_MEMORY, detail={"stage": "train"}, ended_at=START), ""),
        (a_run(Phase.CANCELLED, id=9, reason=Reason.CANCELLED, ended_at=START), "bob"),
    ]
    bill = [
        Charge("rack-1", Part.TRAINING, START, 3600, 2.0, run=7),
        Charge("rack-1", Part.IDLE, START, 1800, 2.0),
        Charge("bob", Part.IDLE, START, 60, None),
    ]
    text, blocks = digest(Day(datetime(2026, 11, 24, 9, tzinfo=UTC), runs, bill))
    said = str(blocks)
    assert text == "The day until Tuesday 24 November, 09:00: 3 runs ended: 1 released, 1 failed and 1 cancelled."
    assert "*7* `main` → `v1.0.0` · alice · Released. <https://gitlab.test/r|Open the release>" in said
    assert "*8* `main` → `v1.0.0` · alice · Failed in train." in said
    assert "$3.00 for machines, $1.00 of it for idle machines." in said
    assert "Idle: `rack-1` 30 min, `bob` 1 min." in said
    assert check_message(text, blocks) == []


def test_a_day_of_hundreds_of_hostile_runs_is_inside_slacks_limits():
    hostile = "<!channel>`" + "x" * 100_000
    run = a_run(Phase.FAILED, branch=hostile, tag=hostile, reason=Reason.CODE, detail={"stage": hostile})
    bill = [Charge(f"{hostile}{at}", Part.IDLE, START, 60.0 * at, 1.0) for at in range(50)]
    text, blocks = digest(Day(datetime(2026, 11, 24, tzinfo=UTC), [(run, hostile)] * 500, bill))
    assert check_message(text, blocks) == []
    assert "<!channel>" not in str(blocks)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Etc/UTC", "UTC"),
        ("Etc/GMT-3", "UTC+3"),
        ("Etc/GMT+5", "UTC-5"),
        ("Etc/GMT0", "UTC"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("Not/There", "UTC"),
        ("", "UTC"),
    ],
)
def test_a_time_zone_is_said_as_people_say_it(name, said):
    assert zone_said(name) == said
