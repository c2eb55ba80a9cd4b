"""The commands over a real ledger: what is answered, and what is written."""

import pytest

from bot.ports import Person
from bot.runs.model import Kind, Reason
from bot.runs.store import Store
from commands import COMMANDS
from commands.desk import Call, Desk, LocationFacts
from tests.doubles.clock import TestClock
from tests.doubles.payloads import wrong_with_message

ALICE = Person("UALICE", "alice", "alice@example.com")
BOB = Person("UBOB", "bob", "bob@example.com")
EVE = Person("UEVE", "eve", "eve@example.com")
OWNERS = {"alice@example.com": "rack-1", "bob@example.com": "bob"}


class Office:
    """A desk, and somebody who types."""

    def __init__(self, folder):
        self.clock = TestClock()
        self.store = Store(folder / "ledger.sqlite", self.clock)
        self.woken = 0
        self.deliveries = 0
        for person in (ALICE, BOB, EVE):
            self.store.people.remember(person)
        self.desk = Desk(
            store=self.store,
            clock=self.clock,
            project="team/fruits",
            locations={
                "rack-1": LocationFacts("rack-1", "alice@example.com", power="ec2", price_per_hour=0.526),
                "bob": LocationFacts("bob", "bob@example.com", power="always-on"),
                "pool": LocationFacts("pool", shared=True),
            },
            location_for=OWNERS.get,
            admins=frozenset({"UBOSS"}),
            help_contact="#ml-platform",
            wake=self.wake,
        )

    def wake(self):
        self.woken += 1

    def type(self, line, user="UALICE", *, delivery=None):
        self.deliveries += 1
        name, _, text = line.partition(" ")
        (command,) = (each for each in COMMANDS if each.name == name)
        call = Call(user, "C1", text, delivery or f"trigger-{self.deliveries}", workspace="https://team.slack.test/")
        reply = command.handle(call, self.desk)
        if reply is None:
            return None
        assert wrong_with_message(reply.text, reply.blocks) == []
        return "\n".join([reply.text, *(str(block) for block in reply.blocks)])

    def accept(self):
        """What the engine does with a request."""
        request = self.store.requests.claim()
        location = OWNERS[self.store.people.get(request.user).email]
        email = self.store.people.get(request.user).email
        return self.store.requests.accept(
            request, project="team/fruits", commit="c" * 40, email=email, location=location
        )

    def start(self, line="/train main v1.0.0", user="UALICE"):
        assert self.type(line, user) is None
        run = self.accept()
        (card,) = (row for row in self.store.outbox.due() if row.run_id == run.id)
        self.store.outbox.sent(card, f"{run.id}.000001", shown_version=1)
        return run

    def put(self, run_id, **changes):
        """Bring a run where the test wants it, as the ledger would hold it."""
        names = ", ".join(f"{name} = ?" for name in changes)
        with self.store._database.write() as connection:
            connection.execute(f"UPDATE runs SET {names} WHERE id = ?", (*changes.values(), run_id))


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


# /train


def test_train_is_acknowledged_in_silence_and_wakes_the_engine(office):
    assert office.type("/train main v1.0.0") is None
    assert office.woken == 1
    request = office.store.requests.claim()
    assert (request.user, request.channel, request.branch, request.tag) == ("UALICE", "C1", "main", "v1.0.0")


@pytest.mark.parametrize("line", ["/train", "/train main", "/train a b c"])
def test_train_with_a_missing_or_extra_word_shows_the_usage_and_starts_nothing(office, line):
    assert "`/train <branch> <tag>`, for example `/train main v1.0.0`" in office.type(line)
    assert office.store.requests.claim() is None
    assert office.woken == 0


def test_an_illegal_tag_is_said_at_once(office):
    assert "cannot be the tag of a release" in office.type("/train main a/b")
    assert office.store.requests.claim() is None


def test_somebody_without_a_location_hears_whom_to_ask(office):
    text = office.type("/train main v1.0.0", "UEVE")
    assert "no training machine for `eve@example.com`" in text
    assert "#ml-platform" in text
    assert office.store.requests.claim() is None


def test_somebody_never_seen_before_is_looked_up_by_the_engine(office):
    assert office.type("/train main v1.0.0", "UNEW") is None
    assert office.store.requests.claim() is not None


def test_the_same_command_delivered_three_times_is_one_run(office):
    assert office.type("/train main v1.0.0", delivery="t1") is None
    assert "I have that already" in office.type("/train main v1.0.0", delivery="t1")
    office.accept()
    assert "That is this run already" in office.type("/train main v1.0.0", delivery="t1")
    assert office.store.requests.claim() is None
    assert len(office.store.runs()) == 1


def test_a_command_delivered_again_after_its_run_ended_starts_no_second_one(office):
    assert office.type("/train main v1.0.0", delivery="t1") is None
    office.accept()
    office.put(1, phase="failed", reason="code", ended_at=office.clock.now())
    assert "*1* Failed" in office.type("/train main v1.0.0", delivery="t1")
    assert office.store.requests.claim() is None


def test_a_command_typed_again_shows_the_run_with_its_thread(office):
    office.start()
    text = office.type("/train main v1.0.0")
    assert "That is this run already, and one is enough:\n*1* Waiting for its turn" in text
    assert "<https://team.slack.test/archives/C1/p1000001|thread>" in text
    assert len(office.store.runs()) == 1


def test_a_tag_that_somebody_else_is_making_is_refused(office):
    office.start()
    assert "Nothing was started, this run makes that tag:\n*1*" in office.type("/train main v1.0.0", "UBOB")


def test_after_a_failure_the_same_command_may_be_typed_again(office):
    office.start()
    office.put(1, phase="failed", reason="code", ended_at=office.clock.now())
    assert office.type("/train main v1.0.0") is None
    assert office.accept().id == 2


# /runs


def test_runs_without_a_word_are_those_that_go_on(office):
    office.start()
    office.start("/train main v2.0.0", "UBOB")
    office.put(1, phase="failed", reason="code", ended_at=office.clock.now())
    text = office.type("/runs")
    assert "*2* Waiting for its turn · `main` → `v2.0.0` · bob · waiting" in text
    assert "v1.0.0" not in text
    assert "v1.0.0" in office.type("/runs all")
    assert "*1* Failed" in office.type("/runs mine")
    assert "v2.0.0" not in office.type("/runs mine")


def test_no_runs_is_said_with_how_to_start_one(office):
    assert "Runs that are going on: none." in office.type("/runs")
    assert "`/train main v1.0.0`" in office.type("/runs mine")


@pytest.mark.parametrize("meant", ["1", "#1", "run 1", "v1.0.0"])
def test_one_run_is_shown_by_number_or_tag_with_everything_about_it(office, meant):
    office.start()
    office.clock.advance(240)
    now = office.clock.now()
    office.put(
        1,
        phase="released",
        ended_at=now,
        result='{"metrics": {"accuracy": 0.93}, "commit": "dddddddddd", "release_url": "https://gitlab.test/r"}',
        times=f'{{"queued": {now - 240}, "starting": {now - 200}, "preparing": {now - 160}, "released": {now}}}',
    )
    text = office.type(f"/runs {meant}")
    assert "*Released*" in text
    assert "<https://gitlab.test/r|release>" in text
    assert "accuracy  0.93" in text
    assert "saved as `dddddddd`" in text
    assert "4 min in all · waiting 40 s · machine 40 s · data 2 min 40 s" in text


def test_one_run_is_shown_with_what_it_cost_where_that_is_known(office):
    office.start()
    run, lease = office.store.claim()
    office.store.reserve(run, lease)
    assert "an hour" not in office.type("/runs 1")
    office.store.machines.saw("rack-1", "running", price=0.526)
    office.clock.advance(3_600)
    office.store.machines.saw("rack-1", "running", price=0.526)
    assert "$0.53 at $0.53 an hour" in office.type("/runs 1")


def test_a_failed_run_is_shown_with_its_cause(office):
    office.start()
    office.put(1, phase="failed", reason=Reason.DISK_FULL.value, detail='{"stage": "train"}')
    assert "Failed in train" in office.type("/runs 1")
    assert "The machine's disk is full." in office.type("/runs 1")


@pytest.mark.parametrize("meant", ["7", "v9.9.9", "<!channel>"])
def test_a_run_that_is_not_there_is_said_so(office, meant):
    text = office.type(f"/runs {meant}")
    assert "There is no run" in text
    assert "<!" not in text


def test_a_number_that_no_ledger_can_hold_is_no_error(office):
    assert "There is no run" in office.type("/runs " + "9" * 40)


def test_a_long_list_stays_inside_slacks_limits(office):
    for number in range(30):
        office.start(f"/train {'b' * 150}-{number} v{number}.{'9' * 50}")
    assert office.type("/runs all").count("→") > 5


# /cancel


def test_the_owner_cancels_by_number_or_tag(office):
    office.start()
    assert "Cancelling run 1 (`v1.0.0`)." in office.type("/cancel v1.0.0")
    assert office.store.run(1).cancelled_by == "UALICE"
    assert office.woken == 2
    assert "is being cancelled already" in office.type("/cancel 1")


def test_nobody_else_cancels_but_an_admin_may(office):
    office.start()
    assert "belongs to alice: only they or an admin" in office.type("/cancel 1", "UBOB")
    assert office.store.run(1).cancelled_by is None
    assert "Cancelling run 1" in office.type("/cancel 1", "UBOSS")
    assert office.store.run(1).cancelled_by == "UBOSS"


def test_an_ended_run_is_not_cancelled(office):
    office.start()
    office.put(1, phase="released", ended_at=office.clock.now())
    assert "has ended already: released" in office.type("/cancel 1")


def test_a_release_on_its_way_is_not_cancelled(office):
    office.start()
    office.put(1, phase="releasing")
    assert "cannot be cancelled any more" in office.type("/cancel 1")
    assert office.store.run(1).cancelled_by is None


def test_cancel_without_a_run_asks_which(office):
    assert "Which run?" in office.type("/cancel")
    assert "There is no run 3" in office.type("/cancel 3")


# /build-image


def test_build_image_notes_a_request_and_shows_as_a_run_without_a_release(office):
    run = office.start("/build-image feature/mobilenet")
    assert (run.kind, run.branch, run.tag) == (Kind.BUILD, "feature/mobilenet", "train_feature-mobilenet-b7f6cca2")
    assert "image of `feature/mobilenet` · alice on `rack-1`" in office.type("/runs")
    assert "image from `cccccccc` of `feature/mobilenet`" in office.type("/runs 1")


def test_build_image_again_while_it_is_built_shows_that_run(office):
    office.start("/build-image main")
    assert "being built already:\n*1*" in office.type("/build-image main", "UBOB")


def test_build_image_twice_at_once_is_one_request(office):
    assert office.type("/build-image main") is None
    assert "being looked at" in office.type("/build-image main")
    assert office.woken == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/build-image", "It needs one branch: `/build-image <branch>`"),
        ("/build-image main v1.0.0", "It needs one branch"),
        ("/build-image a..b", "is no branch"),
    ],
)
def test_a_wrong_build_image_says_what_is_right(office, line, said):
    assert said in office.type(line)
    assert office.woken == 0


def test_build_image_without_a_machine_says_whom_to_ask(office):
    assert "Ask #ml-platform" in office.type("/build-image main", "UEVE")


# /locations


def test_locations_say_whose_they_are_their_state_and_who_has_them(office):
    office.start()
    run, lease = office.store.claim()
    office.store.reserve(run, lease)
    office.store.machines.saw("rack-1", "running")
    office.clock.advance(40)
    office.type("/train main v1.0.1")
    office.accept()
    text = office.type("/locations")
    assert "*rack-1* · yours · on for 40 s, seen 40 s ago · $0.53 an hour" in text
    assert "you have it for 40 s now, with run 1 (`v1.0.0`); waiting: alice (run 2)" in text
    assert "*bob* · of `bob@example.com` · state unknown\nfree" in text
    assert "*pool* · shared · state unknown" in text


def test_a_person_without_a_machine_is_told_whom_to_ask(office):
    assert "None of them is yours. Ask #ml-platform" in office.type("/locations", "UEVE")


# /train-help


def test_help_shows_every_command_with_an_example(office):
    text = office.type("/train-help")
    for command in COMMANDS:
        assert f"`{command.example}`" in text
        assert command.example.startswith(command.name)
        assert command.description in text
