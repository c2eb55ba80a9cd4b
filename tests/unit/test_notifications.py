"""Who is told of a run's end, where and how often: as each person and each channel chose, and once whatever breaks."""

import itertools
from dataclasses import replace

import pytest

from bot.errors import NotFound, Unavailable
from bot.ports import Person
from bot.runs.model import Note, Phase, Reason, TrainOptions
from bot.runs.preferences import Preference
from bot.runs.store import Store
from bot.runs.subscriptions import Subscription, What
from bot.slack.thread import Delivery
from tests.doubles.chat import FakeChat
from tests.doubles.clock import TestClock

ENDS = {
    Phase.RELEASED: {"phase": Phase.RELEASED, "result": {"release_url": "https://gitlab.test/r/v1.0.0"}},
    Phase.FAILED: {"phase": Phase.FAILED, "reason": Reason.CODE, "detail": {"stage": "train"}},
    Phase.CANCELLED: {"phase": Phase.CANCELLED, "reason": Reason.CANCELLED},
}


class Channel:
    """A ledger, the deliverer, and a Slack in memory; a run is made and ended in one line each."""

    def __init__(self, folder):
        self.folder, self.clock, self.chat = folder, TestClock(), FakeChat()
        self.boot()
        self.store.people.remember(Person("UALICE", "alice", "alice@example.com"))

    def boot(self):
        self.store = Store(self.folder / "ledger.sqlite", self.clock)
        self.store.requeue_all()
        self.delivery = Delivery(self.store, self.chat, self.clock, logs=self.folder)

    def run(self, tag="v1.0.0", *, branch="main", channel="C1", notify=()):
        options = TrainOptions(notify=notify)
        self.store.requests.add(delivery=tag, user="UALICE", channel=channel, branch=branch, tag=tag, options=options)
        return self.store.requests.accept(
            self.store.requests.claim(), project="p", commit="c" * 40, email="alice@example.com", location="rack-1"
        )

    def end(self, run, phase=Phase.RELEASED):
        self.settle()
        claimed, lease = self.store.claim()
        assert claimed.id == run.id
        ended = replace(claimed, **ENDS[phase])
        assert self.store.apply(claimed, lease, ended, due_in=0.0, notes=(Note("terminal"),))
        self.settle()

    def settle(self, seconds=120.0):
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.clock.advance(min(self.delivery.deliver(), end - self.clock.now() + 0.01))

    def last_word(self, run):
        return self.chat.thread(self.store.run(run.id).thread)[-1]

    def said_in(self, channel):
        return [said for said in self.chat.roots() if said.channel == channel]

    def wants(self, what, branch="", *, channel="C2"):
        return self.store.subscriptions.add(channel, "p", Subscription(what, branch), user="UBOB")


@pytest.fixture
def channel(tmp_path):
    return Channel(tmp_path)


# as each person chose


def test_without_any_choice_the_thread_mentions_the_person_and_nothing_else_is_said(channel):
    run = channel.run()
    channel.end(run)
    assert "<@UALICE>" in channel.last_word(run).text
    assert not channel.last_word(run).in_channel
    assert [said.channel for said in channel.chat.roots()] == ["C1"]


def test_the_last_message_shows_in_the_channel_too_for_whoever_wants_that(channel):
    channel.store.preferences.choose("UALICE", Preference(also_channel=True))
    run = channel.run()
    channel.end(run)
    assert channel.last_word(run).in_channel
    assert [said.in_channel for said in channel.chat.said].count(True) == 1


def test_a_direct_message_tells_of_the_end_and_links_the_thread(channel):
    channel.store.preferences.choose("UALICE", Preference(direct_message=True))
    run = channel.run()
    channel.end(run)
    (said,) = channel.said_in("UALICE")
    assert "Run 1 · main → v1.0.0: Released." in said.text
    assert "https://team.slack.test/archives/C1/p" in str(said.message.blocks)
    assert "<@" not in str(said.message.blocks)


def test_whom_a_person_named_is_mentioned_at_the_end_too_and_told_as_they_chose(channel):
    channel.store.preferences.choose("UBOB", Preference(direct_message=True))
    run = channel.run(notify=("UBOB", "UALICE", "<!channel>"))
    channel.end(run)
    assert channel.last_word(run).text.startswith("<@UALICE> <@UBOB> Run 1")
    assert len(channel.said_in("UBOB")) == 1
    assert channel.said_in("UALICE") == []


def test_a_run_that_is_told_of_in_direct_messages_anyway_is_not_told_of_there_twice(channel):
    channel.store.preferences.choose("UALICE", Preference(direct_message=True))
    run = channel.run(channel="UALICE")
    channel.end(run)
    assert len(channel.said_in("UALICE")) == 1


def test_a_choice_is_taken_back_as_easily(channel):
    channel.store.preferences.choose("UALICE", Preference(also_channel=True, direct_message=True))
    channel.store.preferences.choose("UALICE", Preference())
    run = channel.run()
    channel.end(run)
    assert not channel.last_word(run).in_channel
    assert channel.said_in("UALICE") == []


# as each channel asked for


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (What.FINISHED, {Phase.RELEASED, Phase.FAILED, Phase.CANCELLED}),
        (What.FAILED, {Phase.FAILED}),
        (What.RELEASED, {Phase.RELEASED}),
    ],
)
def test_a_channel_hears_of_the_ends_that_it_asked_for(channel, what, told):
    channel.wants(what)
    for phase in ENDS:
        channel.end(channel.run(f"v-{phase}"), phase)
    assert {phase for phase in ENDS if any(f"v-{phase}" in said.text for said in channel.said_in("C2"))} == told
    assert len(channel.said_in("C2")) == len(told)


def test_a_channel_hears_only_of_the_branch_that_it_named(channel):
    channel.wants(What.FINISHED, "main")
    channel.end(channel.run("v1", branch="main"))
    channel.end(channel.run("v2", branch="feature/x"))
    assert [("v1" in said.text) for said in channel.said_in("C2")] == [True]


def test_a_channel_that_asked_twice_over_is_told_once(channel):
    assert channel.wants(What.FINISHED)
    assert channel.wants(What.RELEASED, "main")
    assert not channel.wants(What.FINISHED)
    channel.end(channel.run())
    assert len(channel.said_in("C2")) == 1


def test_the_channel_of_the_run_itself_sees_the_last_message_and_no_second_one(channel):
    channel.wants(What.RELEASED, channel="C1")
    run = channel.run()
    channel.end(run)
    assert channel.last_word(run).in_channel
    assert len(channel.said_in("C1")) == 1


def test_another_projects_channel_hears_nothing(channel):
    channel.store.subscriptions.add("C2", "other", Subscription(What.FINISHED), user="UBOB")
    channel.end(channel.run())
    assert channel.said_in("C2") == []


def test_nobody_is_told_of_what_ended_before_they_asked(channel):
    channel.end(channel.run())
    channel.wants(What.FINISHED)
    channel.settle()
    assert channel.said_in("C2") == []


def test_a_channel_that_the_app_is_not_in_holds_nothing_up(channel):
    channel.wants(What.FINISHED)
    channel.chat.closed.add("C2")
    run = channel.run()
    channel.end(run)
    assert "<@UALICE>" in channel.last_word(run).text
    assert channel.store.run(run.id).channel == "C1"
    assert channel.store.outbox.next_due() is None


# once, whatever breaks


@pytest.mark.parametrize("after", [False, True], ids=["refused", "answer lost"])
def test_a_message_whose_answer_is_lost_is_not_said_again(channel, after):
    channel.store.preferences.choose("UALICE", Preference(also_channel=True, direct_message=True))
    channel.wants(What.FINISHED)
    run = channel.run()
    channel.settle()
    channel.chat.fail("post", Unavailable("reset"), after=after, times=3)
    channel.end(run)
    assert len(channel.said_in("UALICE")) == len(channel.said_in("C2")) == 1
    assert sum("<@UALICE>" in said.text for said in channel.chat.thread(channel.store.run(1).thread)) == 1


class Killed(BaseException):
    """kill -9."""


def dies_after(chat, number):
    """The process ends when Slack has taken the message of that number, before anybody can note it."""
    post, posted = chat.post, itertools.count(1)

    def dying(*given, **more):
        ts = post(*given, **more)
        if next(posted) == number:
            raise Killed
        return ts

    chat.post = dying


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_bot_that_is_killed_right_after_a_message_says_none_twice(channel, number):
    channel.store.preferences.choose("UALICE", Preference(direct_message=True))
    channel.wants(What.FINISHED)
    run = channel.run()
    channel.settle()
    dies_after(channel.chat, number)
    with pytest.raises(Killed):
        channel.end(run)
    channel.boot()
    channel.settle()
    assert len(channel.said_in("UALICE")) == len(channel.said_in("C2")) == 1
    assert sum("<@UALICE>" in said.text for said in channel.chat.thread(channel.store.run(1).thread)) == 1


def test_a_person_who_left_holds_nothing_up(channel):
    channel.store.preferences.choose("UALICE", Preference(direct_message=True))
    run = channel.run()
    channel.settle()
    channel.chat.closed.add("UALICE")
    channel.end(run)
    assert channel.store.run(run.id).channel == "C1"
    assert channel.store.outbox.next_due() is None
    with pytest.raises(NotFound):
        channel.chat.post("UALICE", channel.last_word(run).message)
