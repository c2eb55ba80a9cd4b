"""Ten trainings of 80 hours at once, with something new every few seconds: how much of it Slack and people notice.

The clock is the test's. Of most hours only one minute is played with events and the rest passes in one leap, which is
the harder case for the rates: after a leap every allowance is full. A simulated Slack answers at once.
"""

from bisect import bisect_left
from dataclasses import replace

import pytest

from bot.ports import Person
from bot.runs.model import Note, Phase, Reason
from bot.runs.preferences import Preference
from bot.runs.store import Store
from bot.slack.pace import POST_BURST, URGENT_OVERDRAFT
from bot.slack.thread import Delivery
from tests.doubles.chat import FakeChat
from tests.doubles.clock import TestClock

RUNS, HOURS = 10, 80
EVENT_SECONDS = 4.0
MINUTE, HOUR = 60.0, 3600.0
OPENING, CLOSING = 120.0, 120.0
PLAYED = MINUTE
"""Seconds of each hour in between that are played with events."""


class TimedChat(FakeChat):
    """A Slack in memory that notes when it was talked to. `pings`: who was mentioned, when."""

    def __init__(self, clock):
        super().__init__()
        self.time, self.posts, self.edits, self.pings = clock, [], [], []

    def post(self, channel, message, *, thread=None, in_channel=False):
        ts = super().post(channel, message, thread=thread, in_channel=in_channel)
        self.posts.append(self.time.now())
        if "<@" in message.text or "<@" in str(message.blocks):
            self.pings.append((self.time.now(), message))
        return ts

    def update(self, channel, ts, message):
        super().update(channel, ts, message)
        self.edits.append(self.time.now())


class Marathon:
    """Ten runs on ten machines, in one channel, and the deliverer of what the ledger says of them."""

    def __init__(self, folder):
        self.clock = TestClock()
        self.chat = TimedChat(self.clock)
        self.store = Store(folder / "ledger.sqlite", self.clock)
        self.delivery = Delivery(self.store, self.chat, self.clock, logs=folder)
        self.ended = {}
        self.step = 0
        self._deliver_at = self.clock.now()

    def accept(self):
        for number in range(RUNS):
            user = f"U{number}"
            self.store.people.remember(Person(user, f"person-{number}", f"{user}@example.com"))
            self.store.requests.add(delivery=user, user=user, channel="C1", branch="main", tag=f"v{number}")
            self.store.requests.accept(
                self.store.requests.claim(), project="p", commit="c" * 40, email="", location=f"gpu-{number}"
            )
        # Everybody waits for some minutes, and is then told of their turn.
        self.play(OPENING)
        for run, lease in self._claimed():
            self.store.reserve(run, lease, notes=[Note("milestone", data={"what": "your-turn", "waited": OPENING})])
        self._change(lambda run: replace(run, phase=Phase.TRAINING, holds=True), "prepared")

    def play(self, seconds):
        """Let time pass with events every few seconds, delivering whenever the deliverer asks for it."""
        end = self.clock.now() + seconds
        event_at = self.clock.now()
        while self.clock.now() < end:
            if self.clock.now() >= event_at:
                self._events()
                event_at += EVENT_SECONDS
            if self.clock.now() >= self._deliver_at:
                self._deliver_at = self.clock.now() + self.delivery.deliver()
            self.clock.advance(max(0.02, min(self._deliver_at, event_at, end) - self.clock.now()))

    def leap(self, seconds):
        self.clock.advance(seconds)

    def finish(self):
        """All of them at the same moment: the worst that can happen to one channel."""
        notes = (Note("terminal"), Note("log-file"))

        def ended(run):
            self.ended[run.id] = self.clock.now()
            return replace(run, phase=Phase.FAILED, reason=Reason.CODE, holds=False)

        for run, lease in self._claimed():
            assert self.store.apply(run, lease, ended(run), due_in=0.0, notes=notes)
        self._deliver_at = self.clock.now()  # the engine wakes the deliverer

    def _events(self):
        """An epoch's metrics for every run; now and then a stage, which is a line in its thread."""
        self.step += 1
        metric = {"step": self.step, "of": 100_000, "values": {"loss": 1 / self.step}}
        self._change(
            lambda run: replace(run, progress={**run.progress, "metric": metric}),
            "stages" if self.step % 20 == 0 else None,
        )

    def _change(self, change, what=None):
        stage = {"items": [{"name": "train", "state": "finished"}]}
        notes = [Note("milestone", data={"what": what, **stage})] if what else []
        for run, lease in self._claimed():
            assert self.store.apply(run, lease, change(run), due_in=0.0, notes=notes)

    def _claimed(self):
        """Every run, with a lease on it."""
        claimed = [self.store.claim() for _ in range(RUNS)]
        return [each for each in claimed if each is not None]


@pytest.fixture(scope="module")
def marathon(tmp_path_factory):
    marathon = Marathon(tmp_path_factory.mktemp("marathon"))
    marathon.store.preferences.choose("U0", Preference(also_channel=True))
    marathon.accept()
    marathon.play(OPENING)
    while marathon.clock.now() < 1_800_000_000.0 + HOURS * HOUR - CLOSING:
        marathon.leap(HOUR - PLAYED)
        marathon.play(PLAYED)
    marathon.play(CLOSING)
    marathon.finish()
    marathon.play(CLOSING)
    return marathon


def most_within(times, seconds):
    """The largest number of moments that lie within so many seconds."""
    return max(bisect_left(times, at + seconds) - index for index, at in enumerate(times))


def test_each_person_is_mentioned_at_most_three_times(marathon):
    for number in range(RUNS):
        pings = [at for at, message in marathon.chat.pings if f"<@U{number}>" in message.text]
        assert len(pings) == 2, "their turn, and the end"
    assert len(marathon.chat.pings) == 2 * RUNS


def test_the_channel_is_posted_to_once_a_second_beyond_a_short_burst(marathon):
    burst = POST_BURST + URGENT_OVERDRAFT
    assert len(marathon.chat.posts) > 100
    for seconds in (1, 10, 60, 600):
        assert most_within(marathon.chat.posts, seconds) <= burst + seconds


def test_cards_are_edited_at_most_fifty_times_in_any_minute(marathon):
    assert len(marathon.chat.edits) > 40 * HOURS
    assert most_within(marathon.chat.edits, MINUTE) <= 50


def test_every_run_has_exactly_one_last_notice_within_thirty_seconds_of_its_end(marathon):
    assert len(marathon.ended) == RUNS
    for run_id, ended in marathon.ended.items():
        run = marathon.store.run(run_id)
        told = [at for at, message in marathon.chat.pings if message.key == f"run-{run.uid}-terminal"]
        assert len(told) == 1
        assert told[0] - ended <= 30.0


def test_in_the_end_every_card_shows_how_its_run_ended_and_nothing_is_left_unsaid(marathon):
    assert marathon.store.stale_cards() == []
    assert marathon.store.outbox.next_due() is None
    assert all("Failed" in root.text for root in marathon.chat.roots())
