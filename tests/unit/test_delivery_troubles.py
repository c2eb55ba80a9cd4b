"""What is said of a run while Slack, the network, the bot or a door is not well: once, in order, nothing lost."""

import pytest

from bot.errors import DoorError, Unauthorised, Unavailable
from bot.runs.model import Note, Phase, Reason
from tests.doubles.delivery_desk import Desk


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


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
