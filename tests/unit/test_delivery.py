"""What the ledger says arrives in Slack: in order, once, and no faster than Slack likes."""

from dataclasses import replace

import pytest

from bot.errors import DoorError, Unauthorised, Unavailable
from bot.ports import Person
from bot.runs.lines import Lines
from bot.runs.model import Note, Phase, Reason
from bot.runs.store import Store
from bot.slack.thread import Delivery
from tests.doubles.chat import FakeChat
from tests.doubles.clock import TestClock


class Desk:
    """A ledger with runs in it, and the deliverer between it and a Slack in memory."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = TestClock()
        self.chat = FakeChat()
        self.boot()

    def boot(self, *, lines=None, **more):
        """Start the bot: again, after a crash."""
        self.store = Store(self.folder / "ledger.sqlite", self.clock, lines=lines)
        self.store.requeue_all()
        self.delivery = Delivery(self.store, self.chat, self.clock, logs=self.folder, **more)

    def accept(self, tag="v1.0.0", *, channel="C1", location="rack-1", machine=None, user="UALICE"):
        self.store.requests.add(delivery=tag, user=user, channel=channel, branch="main", tag=tag)
        return self.store.requests.accept(
            self.store.requests.claim(),
            project="p",
            commit="c" * 40,
            email="alice@example.com",
            location=location,
            machine=machine,
        )

    def move(self, run_id=1, *notes, **changes):
        """What the engine does with a run: a change, and what is said of it, in one go."""
        while (claimed := self.store.claim()) is not None:
            run, lease = claimed
            if run.id == run_id:
                assert self.store.apply(run, lease, replace(run, **changes), due_in=0.0, notes=notes)
                return self.store.run(run_id)
            self.store.apply(run, lease, run, due_in=60.0)
        raise AssertionError(f"run {run_id} is not due")

    def say(self, *whats, run_id=1):
        return self.move(run_id, *(Note("milestone", data={"what": what}) for what in whats))

    def end(self, run_id=1):
        return self.move(run_id, Note("terminal"), phase=Phase.FAILED, reason=Reason.CODE, holds=False)

    def settle(self, seconds=120.0):
        """Let time pass as the deliverer asks for it."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.clock.advance(min(self.delivery.deliver(), end - self.clock.now() + 0.01))

    def thread(self, run_id=1):
        return [said.text for said in self.chat.thread(self.store.run(run_id).thread)]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


# the way it usually goes


def test_a_new_run_is_a_card_and_its_message_is_the_thread(desk):
    run = desk.accept()
    desk.delivery.deliver()
    (root,) = desk.chat.roots()
    assert "Run 1" in root.text
    assert desk.store.run(run.id).thread == root.ts
    assert desk.store.stale_cards() == []


def test_a_thread_has_its_milestones_in_order_and_one_last_message(desk):
    desk.accept()
    desk.say("machine-starting")
    desk.settle()
    desk.say("machine-ready", "unchanged")
    desk.end()
    desk.settle()
    text = "\n".join(desk.thread())
    assert text.index("Starting the machine") < text.index("The machine answers") < text.index("Nothing changed")
    assert [said.count("<@UALICE>") for said in desk.thread()] == [0, 0, 1]
    assert desk.store.outbox.next_due() is None


def test_the_card_follows_the_run_to_its_end(desk):
    desk.accept()
    desk.settle()
    desk.end()
    desk.settle()
    (root,) = desk.chat.roots()
    assert "Failed" in root.text
    assert desk.store.stale_cards() == []


def test_the_card_and_the_last_message_say_what_the_run_costs(desk):
    desk.accept()
    run, lease = desk.store.claim()
    desk.store.reserve(run, lease)
    for _ in range(7):
        desk.store.machines.saw("rack-1", "running", price=1.2)
        desk.clock.advance(300)
    desk.settle(1.0)
    (root,) = desk.chat.roots()
    assert "$0.70 so far, at $1.20 an hour" in str(root.message.blocks)
    desk.end()
    desk.settle()
    assert "It cost $0.70." in str(desk.chat.thread(root.ts)[-1].message.blocks)


def test_the_full_log_is_a_file_in_the_thread(desk):
    run = desk.accept()
    (desk.folder / f"run-{run.uid}.log").write_bytes(b"\xffline\n" * 10)
    desk.move(1, Note("terminal"), Note("log-file"), phase=Phase.FAILED, reason=Reason.CODE, log_read=60)
    desk.settle()
    assert desk.chat.thread(desk.store.run(1).thread)[-1].file == ("run-1.log", b"\xffline\n" * 10)


def test_a_log_that_is_not_there_holds_nothing_up(desk):
    desk.accept()
    desk.move(1, Note("log-file"), Note("terminal"), phase=Phase.FAILED, reason=Reason.CODE)
    desk.settle()
    assert len(desk.thread()) == 1


def test_a_refusal_is_whispered_to_the_one_who_asked(desk):
    desk.store.requests.add(delivery="1", user="UBOB", channel="C1", branch="x", tag="v1")
    desk.store.requests.refuse(desk.store.requests.claim(), "No branch `x`. Ask <@UALICE>. <!channel>")
    desk.settle()
    ((channel, user, message),) = desk.chat.whispers
    assert (channel, user) == ("C1", "UBOB")
    assert message.text == "No branch `x`. Ask <@UALICE>. &lt;!channel&gt;"


# once, whatever breaks


def notice(desk, run=None, key="reap-1"):
    desk.store.notices.tell(
        "Something of run 1 still ran on `rack-1` <!channel>.",
        key=key,
        deed="reap",
        location="rack-1",
        run=run,
        channel="COPS",
        data={},
    )


def test_what_the_upkeep_did_is_told_once_in_the_runs_thread(desk):
    desk.accept()
    desk.settle(5)
    for _ in range(2):
        notice(desk, desk.store.run(1))
    desk.settle(10)
    (text,) = desk.thread()
    assert "still ran on `rack-1`" in text
    assert "<!channel>" not in text


@pytest.mark.parametrize("after", [False, True])
def test_what_concerns_no_thread_is_told_once_in_the_channel_also_when_an_answer_is_lost(desk, after):
    desk.chat.fail("post", Unavailable("connection reset"), after=after)
    notice(desk)
    desk.settle(60)
    (said,) = desk.chat.roots()
    assert said.channel == "COPS"


@pytest.mark.parametrize("call", ["post", "update", "upload", "whisper", "find", "has_file"])
@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_makes_nothing_said_twice_nor_lost(desk, call, after):
    run = desk.accept()
    (desk.folder / f"run-{run.uid}.log").write_bytes(b"x")
    for index in range(4):
        desk.chat.fail(call, Unavailable("reset"), after=after)
        if index < 3:
            desk.say(["machine-starting", "machine-ready", "unchanged"][index])
        else:
            desk.move(1, Note("terminal"), Note("log-file"), phase=Phase.FAILED, reason=Reason.CODE)
        desk.settle()
    assert len(desk.chat.roots()) == 1
    text = "\n".join(desk.thread())
    said = ["Starting the machine", "The machine answers", "Nothing changed", "<@UALICE>", "Full log"]
    assert [text.count(each) for each in said] == [1, 1, 1, 1, 1]


def test_a_bot_that_dies_after_the_call_finds_what_it_said(desk):
    desk.accept()
    desk.chat.fail("post", KeyboardInterrupt(), after=True)
    with pytest.raises(KeyboardInterrupt):
        desk.delivery.deliver()
    desk.boot()
    desk.settle()
    assert len(desk.chat.roots()) == 1
    assert desk.store.run(1).thread == desk.chat.roots()[0].ts


def test_a_bot_that_dies_before_the_call_says_it_later(desk):
    desk.accept()
    desk.chat.fail("post", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        desk.delivery.deliver()
    desk.boot()
    desk.settle()
    assert len(desk.chat.roots()) == 1


def test_milestones_that_travelled_together_are_not_repeated_after_a_crash(desk):
    desk.accept()
    desk.settle()
    desk.say("machine-starting", "machine-ready", "unchanged")
    desk.chat.fail("post", KeyboardInterrupt(), after=True)
    with pytest.raises(KeyboardInterrupt):
        desk.delivery.deliver()
    desk.boot()
    desk.settle()
    assert len(desk.thread()) == 1
    assert desk.thread()[0].count("\n") == 2


def test_an_hour_without_slack_is_told_in_order_afterwards(desk):
    desk.accept()
    desk.settle()
    desk.chat.faults = [("*", Unavailable("503"), False)] * 10_000
    desk.say("machine-starting")
    desk.settle(1_800)
    desk.say("machine-ready")
    desk.end()
    calls = len(desk.chat.calls)
    desk.settle(1_800)
    assert len(desk.chat.calls) - calls < 80
    desk.chat.faults.clear()
    desk.settle(120)
    text = "\n".join(desk.thread())
    assert text.index("Starting the machine") < text.index("The machine answers") < text.index("<@UALICE>")
    assert "Failed" in desk.chat.roots()[0].text


def test_after_a_429_slack_is_left_alone_for_as_long_as_it_asked(desk):
    desk.accept()
    desk.settle()
    desk.chat.fail("post", Unavailable("slow down", retry_after=30))
    desk.say("machine-starting")
    desk.delivery.deliver()
    posts = desk.chat.calls.count("post")
    desk.settle(29)
    assert desk.chat.calls.count("post") == posts
    desk.settle(5)
    assert len(desk.thread()) == 1
    assert desk.chat.calls.count("find") == 0


def test_a_429_on_cards_holds_up_no_last_message(desk):
    desk.accept()
    desk.settle()
    desk.chat.fail("update", Unavailable("slow down", retry_after=600))
    desk.move(1, progress={"power_asked": True})
    desk.settle(5)
    desk.end()
    desk.settle(5)
    assert len(desk.thread()) == 1


def test_a_refused_login_is_waited_out_and_nothing_is_lost(desk):
    desk.chat.faults = [("post", Unauthorised("token_revoked"), False)] * 3
    desk.accept()
    desk.settle(30)
    assert len(desk.chat.roots()) == 1


def test_blocks_that_slack_refuses_go_as_plain_text(desk):
    desk.accept()
    desk.chat.fail("post", DoorError("invalid_blocks"))
    desk.settle()
    (root,) = desk.chat.roots()
    assert "Run 1" in root.text


def test_a_message_that_slack_never_takes_holds_up_its_thread_only_for_a_while(desk):
    desk.accept()
    desk.settle()
    desk.chat.faults = [("post", DoorError("no"), False)] * 10
    desk.say("machine-starting")
    desk.settle()
    desk.end()
    desk.settle()
    assert [said.count("<@UALICE>") for said in desk.thread()] == [1]


# closed doors


def test_a_run_whose_channel_is_closed_goes_on_in_direct_messages(desk):
    desk.accept()
    desk.settle()
    desk.say("machine-starting")
    desk.settle()
    desk.chat.closed.add("C1")
    desk.say("machine-ready")
    desk.end()
    desk.settle()
    roots = [said for said in desk.chat.roots() if said.channel == "UALICE"]
    assert len(roots) == 1
    assert [said.thread for said in desk.chat.said if said.channel == "UALICE"][1:] == [roots[0].ts] * 2
    assert "<@UALICE>" in desk.thread()[-1]


def test_without_direct_messages_the_fallback_channel_is_told(desk):
    desk.boot(fallback_channel="COPS")
    desk.chat.closed |= {"C1", "UALICE"}
    desk.accept()
    desk.end()
    desk.settle()
    assert [said.channel for said in desk.chat.said] == ["COPS", "COPS"]


def test_with_every_door_closed_the_ledger_keeps_it_and_comes_to_rest(desk):
    desk.chat.closed |= {"C1", "UALICE"}
    desk.accept()
    desk.end()
    desk.settle()
    assert desk.chat.said == []
    assert desk.store.outbox.next_due() is None


def test_a_card_that_was_deleted_is_not_edited_for_ever(desk):
    desk.accept()
    desk.settle()
    desk.chat.said.clear()
    desk.end()
    desk.settle()
    assert desk.store.stale_cards() == []


# how fast


def test_in_one_channel_posts_stay_near_one_a_second(desk):
    for number in range(30):
        desk.accept(f"v1.0.{number}", location=f"rack-{number}")
    desk.delivery.deliver()
    assert len(desk.chat.roots()) <= 8
    desk.settle(40)
    assert len(desk.chat.roots()) == 30


def test_the_edits_of_ten_runs_stay_under_slacks_fifty_a_minute(desk):
    for number in range(10):
        desk.accept(f"v1.0.{number}", location=f"rack-{number}")
    desk.settle(60)
    before = desk.chat.calls.count("update")
    for second in range(60):
        for run_id in range(1, 11):
            desk.move(run_id, progress={"metric": {"step": second}})
        desk.settle(1)
    assert 30 <= desk.chat.calls.count("update") - before <= 60


def test_the_last_message_does_not_wait_behind_a_busy_channel(desk):
    for number in range(12):
        desk.accept(f"v1.0.{number}", location=f"rack-{number}")
    desk.settle(60)
    for run_id in range(1, 13):
        desk.say("machine-starting", run_id=run_id)
    desk.end(12)
    desk.delivery.deliver()
    assert any("<@UALICE>" in text for text in desk.thread(12))


def test_a_waiting_card_learns_when_the_line_moves_on(desk):
    desk.accept("v1.0.0")
    desk.accept("v1.0.1")
    desk.accept("v1.0.2")
    run, lease = desk.store.claim()
    desk.store.reserve(run, lease)
    desk.settle(30)
    card = desk.chat.roots()[2]
    assert "Number 2 in line" in card.message.blocks[1]["text"]["text"]
    desk.end(2)
    desk.settle(30)
    assert "Next in line" in card.message.blocks[1]["text"]["text"]


def test_a_waiting_card_says_who_holds_the_machine_and_follows_the_end_of_it(desk):
    until = desk.clock.now() + 1_800
    desk.store.people.remember(Person("UBOB", "bob", "bob@example.com"))
    desk.store.holds.take("rack-1", user="UBOB", until=until, reason="debugging", channel="C1")
    desk.accept()
    desk.store.reserve(*desk.store.claim())
    desk.settle(30)
    (card,) = desk.chat.roots()
    assert "bob holds it for another 30 min: debugging. Your turn should come in" in headline(card)
    assert desk.store.holds.take("rack-1", user="UBOB", until=until + 1_800, reason="", channel="C1")
    desk.settle(30)
    assert "bob holds it for another 1 h" in headline(card)
    desk.store.holds.release("rack-1", by="UBOB")
    desk.settle(30)
    assert "bob" not in headline(card)


def test_a_card_of_a_pool_names_the_machine_that_should_be_free_first_and_then_its_own(desk):
    desk.boot(lines=Lines({"gpus": ("gpu-1", "gpu-2")}))
    for number in (1, 2, 3):
        desk.accept(f"v{number}", location="gpus")
        desk.store.reserve(*desk.store.claim())
    desk.settle(30)
    card = desk.chat.roots()[2]
    assert "*Next in line* for the pool `gpus` (2 of 2 machines in use)." in headline(card)
    assert "`gpu-1`: alice has it, with run 1 (`v1`)" in headline(card)
    desk.end(2)
    desk.store.reserve(*desk.store.claim())
    desk.settle(30)
    assert "Starting the machine" in headline(card)
    assert "on `gpu-2`" in str(card.message.blocks)


def test_a_card_that_is_for_one_machine_of_a_pool_tells_of_that_one(desk):
    desk.boot(lines=Lines({"gpus": ("gpu-1", "gpu-2")}))
    for number in (1, 2):
        desk.accept(f"v{number}", location="gpus", machine="gpu-1")
        desk.store.reserve(*desk.store.claim())
    desk.settle(30)
    card = desk.chat.roots()[1]
    assert "*Next in line* for `gpu-1`. alice has it, with run 1 (`v1`)" in headline(card)


def headline(card):
    return card.message.blocks[1]["text"]["text"]


def test_a_delivery_with_nothing_to_do_sleeps(desk):
    assert desk.delivery.deliver() == 15.0
    assert desk.chat.calls == []


def test_a_broken_ledger_is_logged_and_tried_again(desk, caplog):
    with desk.store._database.write() as connection:
        connection.execute("ALTER TABLE outbox RENAME TO lost")
    assert desk.delivery.deliver() == 5.0
    assert "delivery stumbled" in caplog.text
    with desk.store._database.write() as connection:
        connection.execute("ALTER TABLE lost RENAME TO outbox")
    assert desk.delivery.deliver() == 15.0
