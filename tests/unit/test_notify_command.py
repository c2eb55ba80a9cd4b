"""`/notify`: what a channel hears of, in words."""

import pytest

from bot.ports import Person
from bot.runs.store import Store
from bot.runs.subscriptions import Subscription, What
from commands.desk import Call, Desk
from commands.notify import MOST, handle
from tests.doubles.clock import TestClock


class Channel:
    def __init__(self, folder):
        self.store = Store(folder / "ledger.sqlite", TestClock())
        self.store.people.remember(Person("UALICE", "alice", "alice@example.com", "Europe/Berlin"))
        self.desk = Desk(store=self.store, clock=TestClock(), project="p")

    def type(self, text, channel="C1"):
        return handle(Call("UALICE", channel, text, "t"), self.desk).text

    def wanted(self, channel="C1"):
        return self.store.subscriptions.of(channel, "p")


@pytest.fixture
def channel(tmp_path):
    return Channel(tmp_path)


def test_alone_it_says_what_the_channel_hears_of_and_how_to_change_that(channel):
    assert "nothing but of its own runs" in channel.type("")
    channel.type("failed main")
    channel.type("digest 9")
    said = channel.type("")
    assert "• when a run fails on `main`" in said
    assert "• a digest of the day at 09:00 (Europe/Berlin)" in said
    assert "`/notify stop`" in said


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("released", Subscription(What.RELEASED)),
        ("FAILED", Subscription(What.FAILED)),
        ("finished `feature/x`", Subscription(What.FINISHED, "feature/x")),
        ("released refs/heads/main", Subscription(What.RELEASED, "main")),
    ],
)
def test_a_channel_asks_for_ends_and_hears_that_it_will_be_told(channel, text, wanted):
    assert "From now on I tell this channel" in channel.type(text)
    assert channel.wanted() == [wanted]
    assert channel.wanted("C2") == []


def test_asking_twice_changes_nothing(channel):
    channel.type("released")
    assert "I tell this channel already when a release is made" in channel.type("released")
    assert len(channel.wanted()) == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("stop", []),
        ("stop failed", [Subscription(What.RELEASED)]),
        ("off failed main", [Subscription(What.RELEASED), Subscription(What.FAILED)]),
        ("stop released", [Subscription(What.FAILED), Subscription(What.FAILED, "main")]),
    ],
)
def test_what_was_asked_for_can_be_stopped_all_or_in_part(channel, text, left):
    for each in ("released", "failed", "failed main"):
        channel.type(each)
    assert "ended" in channel.type(text)
    assert channel.wanted() == left


def test_stopping_what_is_not_there_is_said(channel):
    assert "There was nothing like that" in channel.type("stop failed")


@pytest.mark.parametrize(
    "text", ["later", "released a b c", "digest", "digest 25", "digest soon", "failed ../x", "x " * 500]
)
def test_what_is_not_understood_changes_nothing_and_shows_what_would_be(channel, text):
    assert "/notify" in channel.type(text) or "Nothing was changed" in channel.type(text)
    assert channel.wanted() == []
    assert channel.store.digests.of("C1", "p") is None


@pytest.mark.parametrize(("text", "hour"), [("digest 9", 9), ("digest 09:00", 9), ("digest 23", 23), ("digest 0", 0)])
def test_the_digest_comes_at_an_hour_by_the_callers_clock(channel, text, hour):
    channel.type(text)
    digest = channel.store.digests.of("C1", "p")
    assert (digest.hour, digest.tz) == (hour, "Europe/Berlin")
    channel.type("digest off")
    assert channel.store.digests.of("C1", "p") is None


def test_a_channel_cannot_ask_for_more_than_it_could_read(channel):
    for number in range(MOST):
        channel.type(f"failed branch-{number}")
    assert f"hears of {MOST} things already" in channel.type("failed one-more")
    assert len(channel.wanted()) == MOST


def test_a_hostile_branch_is_only_text(channel):
    assert "<!channel>" not in channel.type("failed <!channel>")
